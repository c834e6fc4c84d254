"""Checks of raw rows: currencies, and columns that belong together."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from mmm_core.data.panel import (
    CURRENCY,
    CURRENCY_RATE,
    FREQUENCY,
    KPI,
    REACH,
    REVENUE_PER_KPI,
    SOURCE_ROW,
    SPEND,
)
from mmm_core.quality.check import CheckResult
from mmm_core.quality.raw_rows import BoolArray, RawRows, result
from mmm_core.quality.violations import MAX_TABLE_ROWS

_REMEDIES = {
    "refuse": "keep the rows of one currency and name it in project.currency, or set "
    "enhanced_cleaning.currency.policy to convert",
    "scale_per_geo": "enhanced_cleaning.currency.policy scale_per_geo needs one currency in each geo; convert "
    "them, or add the currency to data.keys",
}


def check_currency(raw: RawRows) -> CheckResult:
    """The rows' money is in the project's currency, or there is a way to it; rows without money do not count."""
    own = raw.config.project.currency.upper()
    if CURRENCY not in raw.panel:
        return result("currency", None, f"Taken as {own} (project.currency); data.currency_col is not set.")
    codes = raw.panel[CURRENCY].astype("object").fillna("").astype(str).str.strip().str.upper()
    paid = codes[_has_money(raw)]
    counts = {str(code) or "(empty)": int(count) for code, count in paid.value_counts().items()}
    problem = _currency_problem(raw, paid, own)
    table = tuple({"currency": code, "rows": count} for code, count in counts.items())
    fine = f"Money is in {', '.join(counts) or own}."
    return result("currency", problem, fine, len(counts), 1, table)


def _has_money(raw: RawRows) -> BoolArray:
    """(N,) rows with spend, or with a KPI that is revenue; national amounts are in the project's currency."""
    money = [name for name in raw.columns if name.startswith(SPEND) or name == REVENUE_PER_KPI]
    money += [KPI] if raw.mapping.kpi_type == "revenue" else []
    money = [name for name in money if raw.mapping.source_column(name) not in raw.mapping.national]
    if not money:
        return np.zeros(len(raw.panel), dtype=bool)
    amounts = np.stack([raw.of(name) for name in money], axis=1)
    there: BoolArray = np.nansum(np.abs(amounts), axis=1) > 0
    return there


def _currency_problem(raw: RawRows, paid: pd.Series, own: str) -> str | None:
    """What cleaning could not put into one currency.

    Args:
        raw: the rows.
        paid: currency of each row with money.
        own: the project's currency.
    """
    policy, codes = raw.config.enhanced_cleaning.currency.policy, list(paid.unique())
    if "" in codes:
        empty = raw.rows(paid.index[paid == ""].to_numpy())
        return f"{raw.where}: the currency is empty beside money in {empty}; name it, or remove the rows."
    if policy == "convert":
        return _unconverted(raw, paid, own)
    if len(codes) <= 1 and (policy == "scale_per_geo" or codes in ([], [own])):
        return None
    listed = ", ".join(f"{code} in {count} rows" for code, count in paid.value_counts().items())
    return f"{raw.where}: money is in {listed}, project.currency is {own}; {_REMEDIES[policy]}."


def _unconverted(raw: RawRows, paid: pd.Series, own: str) -> str | None:
    """Rows without a rate to the project's currency, in words."""
    settings = raw.config.enhanced_cleaning.currency
    if CURRENCY_RATE in raw.columns:
        rates = raw.of(CURRENCY_RATE)[paid.index]
        is_own = (paid == own).to_numpy(dtype=bool)
        odd = is_own & np.isfinite(rates) & ~np.isclose(rates, 1.0)
        if odd.any():
            return (
                f"{raw.where}: the column {settings.rate_col!r} says that one {own} is worth {rates[odd][0]:g} "
                f"{own} in {raw.rows(paid.index[odd].to_numpy())}; leave it empty or 1 there, that would change "
                "money that needs no conversion (a further table of rates needs the currency in its keys)."
            )
        without = ~(np.isfinite(rates) & (rates > 0)) & ~(is_own & np.isnan(rates))
        remedy = f"complete the column {settings.rate_col!r}"
    else:
        without = ~paid.isin([own, *(code.upper() for code in settings.rates)]).to_numpy(dtype=bool)
        remedy = "give what one unit is worth in enhanced_cleaning.currency.rates"
    if not without.any():
        return None
    names = ", ".join(str(code) for code in paid[without].unique())
    rows = raw.rows(paid.index[without].to_numpy())
    return f"{raw.where}: no rate above 0 from {names} to {own} in {rows}; {remedy}."


def check_pairs(raw: RawRows) -> Iterator[CheckResult]:
    """Spend without media units and the reverse, reach without frequency."""
    mapping = raw.mapping
    paid = zip(mapping.channels, mapping.media_columns, strict=False)
    exposed = [(name, f"{SPEND}{name}", media) for name, media in paid if not media.startswith(SPEND)]
    reached = [
        (channel, f"{REACH}{channel}", f"{FREQUENCY}{channel}")
        for channel, columns in zip(mapping.channels, mapping.channel_columns, strict=True)
        if columns.reach is not None
    ]
    free = [(channel, media, spend) for channel, spend, media in exposed]
    yield _unpaired(raw, "spend_without_media", exposed, "check the media feed")
    yield _unpaired(raw, "media_without_spend", free, "it counts as free; check the spend feed")
    yield _unpaired(
        raw, "reach_without_frequency", reached, "nobody counts as reached then; correct reach or frequency"
    )


def _unpaired(raw: RawRows, name: str, pairs: Sequence[tuple[str, str, str]], remedy: str) -> CheckResult:
    """Rows where the first column of a pair is above 0 and the second is 0 or missing.

    Args:
        raw: the rows.
        name: of the check; says in words what is found.
        pairs: channel and its two columns.
        remedy: what to do.
    """
    what = name.replace("_", " ")
    found: list[Mapping[str, object]] = []
    channels, count = [], 0
    for channel, present, absent in pairs:
        values, other = raw.of(present), raw.of(absent)
        alone: BoolArray = (values > 0) & ((other == 0) | np.isnan(other))
        if alone.any():
            channels.append(f"{channel} in {raw.rows(alone)}")
            count += int(alone.sum())
            found += _cases(raw, channel, alone, values)
    problem = f"{raw.where}: {what} for channel {'; '.join(channels[:3])}; {remedy}." if found else None
    return result(name, problem, f"No {what}.", float(count), 0.0, tuple(found))


def _cases(raw: RawRows, channel: str, rows: BoolArray, values: np.ndarray) -> list[Mapping[str, object]]:
    """The first rows, as many as a table shows."""
    at = np.flatnonzero(rows)[:MAX_TABLE_ROWS]
    numbers = raw.panel[SOURCE_ROW].to_numpy()[at]
    return [
        {"channel": channel, "row": int(row), "value": float(value)}
        for row, value in zip(numbers, values[at], strict=True)
    ]
