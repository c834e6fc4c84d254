"""Money in several currencies."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmm_core.cleaning.change_log import BoolArray, Changes, FloatArray, IntArray, ObjectArray, cell_changes
from mmm_core.cleaning.roles import Roles, positions
from mmm_core.cleaning.rows import Rows
from mmm_core.config.cleaning import CurrencyConfig
from mmm_core.data.mapping import ColumnMapping
from mmm_core.errors import ConfigError, DataError

_KEY = "enhanced_cleaning.currency"


def one_currency(
    rows: Rows, roles: Roles, mapping: ColumnMapping, settings: CurrencyConfig, own: str
) -> tuple[Rows, list[Changes]]:
    """Convert money to the project's currency, or see to it that a geo has one currency only.

    Money is spend, revenue per KPI, and the KPI if it is revenue.  Attributed conversions and controls may be
    money or not, so they stay as they are; national amounts are in the project's currency, whatever the row's.
    Rows without any money need no currency.

    Args:
        rows: as they came, before rows of one date are combined: their currencies may differ.
        roles: of the columns.
        mapping: says whether the KPI is money.
        settings: policy and rates.
        own: `project.currency`.

    Raises:
        DataError: no currency, no rate, or several currencies where the policy cannot deal with them.
        ConfigError: there is nothing to convert by.
    """
    if rows.currency is None:
        if settings.policy == "convert":
            raise ConfigError(
                f"{_KEY}.policy is convert, but no column says which currency a row has; give data.currency_col."
            )
        return rows, []
    money = _money(roles, mapping)
    amounts = rows.values[:, money]
    has_money = np.nansum(np.abs(amounts), axis=1) > 0
    codes = np.where(has_money, rows.currency, own.upper())
    _refuse_unnamed(rows, codes)
    if settings.policy != "convert":
        _refuse_mixture(rows, codes[has_money], settings.policy, own)
        return rows, []
    rates = _rates(rows, codes, has_money, settings, own)
    values = rows.values.copy()
    values[:, money] = amounts * rates[:, None]
    after = values[:, money]
    changed = ~np.isnan(amounts) & (after != amounts)
    rules = np.array([f"converted from {code} to {own}" for code in codes], dtype=object)
    lines = cell_changes(rows.dates, _names(roles, money), amounts, after, changed, rules[np.nonzero(changed)[0]])
    return replace(rows, values=values), [lines]


def scaled_to_geo(
    rows: Rows, roles: Roles, mapping: ColumnMapping, settings: CurrencyConfig
) -> tuple[Rows, list[Changes], tuple[str, ...]]:
    """Divide a geo's money by its mean revenue per date, under the policy `scale_per_geo`.

    Revenue is the KPI, or the KPI times the revenue per KPI.  Both sides of every return on spend are divided
    by the same number, so returns stay right; totals are in average dates' revenue of the geo.

    Args:
        rows: no date twice.

    Raises:
        ConfigError: revenue is not known, or there is national money, which has no geo's currency.
        DataError: there is no revenue above 0.
    """
    if settings.policy != "scale_per_geo":
        return rows, [], ()
    _refuse_national_money(roles, mapping)
    kpi, money = rows.values[:, roles.kpi], _money(roles, mapping)
    if mapping.kpi_type == "revenue":
        revenue = kpi
    elif roles.revenue_per_kpi is not None:
        revenue = kpi * rows.values[:, roles.revenue_per_kpi]
    else:
        raise ConfigError(
            f"{_KEY}.policy is scale_per_geo, which divides money by revenue, but there is neither "
            "data.revenue_col nor data.revenue_per_kpi_col; give one of them, or use the policy convert."
        )
    known = revenue[~np.isnan(revenue)]
    mean = float(known.mean()) if len(known) else 0.0
    if mean <= 0:
        raise DataError(
            f"Geo {rows.geo} has no revenue above 0, so its money cannot be divided by it ({_KEY}.policy is "
            "scale_per_geo); complete the revenue or leave the geo out of the source."
        )
    values = rows.values.copy()
    values[:, money] /= mean
    before, after = rows.values[:, money], values[:, money]
    changed = ~np.isnan(before) & (after != before)
    rule = "divided by the geo's mean revenue per date"
    lines = cell_changes(rows.dates, _names(roles, money), before, after, changed, rule)
    note = f"Money was divided by the geo's mean revenue per date, {mean:.6g} in its own currency."
    return replace(rows, values=values), [lines], (note,)


def _money(roles: Roles, mapping: ColumnMapping) -> IntArray:
    """Columns of money in the currency of the row."""
    own = [column for column in _all_money(roles, mapping) if not _is_national(int(column), roles, mapping)]
    return np.array(own, dtype=np.intp)


def _all_money(roles: Roles, mapping: ColumnMapping) -> IntArray:
    found = [channel.spend for channel in roles.channels if channel.spend is not None]
    found += [roles.kpi] if mapping.kpi_type == "revenue" else []
    found += [] if roles.revenue_per_kpi is None else [roles.revenue_per_kpi]
    return np.sort(positions(found))


def _is_national(column: int, roles: Roles, mapping: ColumnMapping) -> bool:
    return mapping.source_column(roles.columns[column]) in mapping.national


def _refuse_national_money(roles: Roles, mapping: ColumnMapping) -> None:
    national = [column for column in _all_money(roles, mapping) if _is_national(int(column), roles, mapping)]
    if national:
        names = ", ".join(mapping.source_column(roles.columns[column]) for column in national)
        raise ConfigError(
            f"{_KEY}.policy is scale_per_geo, but data.national_columns names {names}, which is money of all geos "
            "together and in no geo's own currency; use the policy convert."
        )


def _names(roles: Roles, chosen: IntArray) -> Sequence[str]:
    return [roles.columns[position] for position in chosen]


def _refuse_unnamed(rows: Rows, codes: ObjectArray) -> None:
    unnamed = np.flatnonzero(codes == "")
    if len(unnamed):
        raise DataError(
            f"Geo {rows.geo}: data.currency_col is empty beside money in {rows.numbered(unnamed)}; name the "
            "currency there, or remove the rows."
        )


def _refuse_mixture(rows: Rows, codes: ObjectArray, policy: str, own: str) -> None:
    found = sorted(set(codes.tolist()))
    if len(found) <= 1 and (policy == "scale_per_geo" or found in ([], [own.upper()])):
        return
    counts = ", ".join(f"{code} in {int((codes == code).sum())} rows" for code in found)
    convert = f"set {_KEY}.policy to convert and give rates"
    remedy = convert if len(found) > 1 else f"{convert}, or set project.currency to {found[0]}"
    raise DataError(
        f"Geo {rows.geo} has money in another currency than project.currency {own} ({counts}), and {_KEY}.policy "
        f"is {policy}; {remedy}."
        if policy == "refuse"
        else f"Geo {rows.geo} has money in several currencies ({counts}), which {_KEY}.policy {policy} cannot "
        f"put together; {remedy}."
    )


def _rates(rows: Rows, codes: ObjectArray, has_money: BoolArray, settings: CurrencyConfig, own: str) -> FloatArray:
    """(N,) worth of one unit of each row's currency.

    Raises:
        DataError: a currency without a rate, a rate that is not above 0, or another one than 1 of the project's
            own currency beside money.
    """
    is_own: BoolArray = codes == own.upper()
    if settings.rate_col is not None and rows.rate is not None:
        rates = np.where(is_own & np.isnan(rows.rate), 1.0, rows.rate)
        odd = np.flatnonzero(has_money & is_own & ~np.isclose(rates, 1.0))
        if len(odd):
            raise DataError(
                f"Geo {rows.geo}: {_KEY}.rate_col {settings.rate_col!r} says that one {own} is worth "
                f"{rates[odd[0]]:g} {own} in {rows.numbered(odd)}; leave it empty or 1 there."
            )
        wrong = np.flatnonzero(~(np.isfinite(rates) & (rates > 0)))
        if len(wrong):
            raise DataError(
                f"Geo {rows.geo}: {_KEY}.rate_col {settings.rate_col!r} is no number above 0 in "
                f"{rows.numbered(wrong)}; complete the rates."
            )
        return rates
    known = {own.upper(): 1.0} | {code.upper(): rate for code, rate in settings.rates.items()}
    missing = sorted(set(codes.tolist()) - set(known))
    if missing:
        raise DataError(
            f"Geo {rows.geo} has money in {', '.join(missing)}, for which {_KEY}.rates has no rate (there are "
            f"{', '.join(sorted(known))}); add what one unit is worth in {own}."
        )
    return np.array([known[code] for code in codes])
