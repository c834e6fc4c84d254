"""How often intervals hold the truth, and how far the means are from it: statistics of the coverage study."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmm_core.benchmark.coverage_fit import ALL_MEDIA, QUANTILES, PanelResult

LEVELS = (0.5, 0.8, 0.9)
"""Probabilities of the central intervals."""
POOLED = "every channel"
"""All channels of all panels together."""
_CHANCE = 0.95
_COLUMNS = (
    "backend",
    "scenario",
    "quantity",
    "channel",
    "level",
    "panels",
    "n",
    "coverage",
    "low",
    "high",
    "bias",
    "median_error",
    "width",
)


def long_table(results: Sequence[PanelResult]) -> pd.DataFrame:
    """One row per panel, quantity and channel: backend, scenario, number, accepted, channel, quantity, truth,
    mean, one column per quantile (`q05` and so on)."""
    rows = []
    for result in results:
        about = {name: getattr(result, name) for name in ("backend", "scenario", "number", "accepted")}
        for row in result.rows:
            quantiles = dict(zip(map(quantile_name, QUANTILES), row["quantiles"], strict=True))
            values = {name: row[name] for name in ("channel", "quantity", "truth", "mean")}
            rows.append({**about, **values, **quantiles})
    names = ["backend", "scenario", "number", "accepted", "channel", "quantity", "truth", "mean"]
    return pd.DataFrame(rows, columns=[*names, *map(quantile_name, QUANTILES)])


def quantile_name(share: float) -> str:
    """`q05` for 0.05."""
    return f"q{round(100 * share):02d}"


def coverage_table(results: Sequence[PanelResult]) -> pd.DataFrame:
    """Coverage, bias and width, of fits that passed the convergence gate (others are blocked in the product).

    Returns:
        One row per backend, scenario, quantity (`contribution`, `roi`: of the whole window), channel (each,
        `every channel` pooled, `all media`: their sum) and level: panels, n (intervals), coverage (share that
        holds the truth, ends included), low and high (95 % interval of it, see `binomial_interval`), bias (mean of
        (posterior mean - truth) / truth), median_error (median of (posterior median - truth) / truth), width (mean
        of interval width / truth).
    """
    table = long_table([result for result in results if result.accepted])
    rows = []
    for (backend, scenario, quantity), group in table.groupby(["backend", "scenario", "quantity"], sort=False):
        single = group[group["channel"] != ALL_MEDIA]
        parts = {name: single[single["channel"] == name] for name in dict.fromkeys(single["channel"])}
        parts |= {POOLED: single, ALL_MEDIA: group[group["channel"] == ALL_MEDIA]}
        for channel, part in parts.items():
            rows += [
                {"backend": backend, "scenario": scenario, "quantity": quantity, "channel": channel}
                | _statistics(part, level)
                for level in LEVELS
            ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _statistics(part: pd.DataFrame, level: float) -> dict[str, float]:
    """Of the intervals of one probability."""
    truth = part["truth"].to_numpy(dtype=np.float64)
    below, above = (part[quantile_name(0.5 + side * level / 2)].to_numpy() for side in (-1, 1))
    inside = (below <= truth) & (truth <= above)
    low, high = binomial_interval(inside, part["number"].to_numpy())
    return {
        "level": level,
        "panels": part["number"].nunique(),
        "n": len(part),
        "coverage": float(inside.mean()),
        "low": low,
        "high": high,
        "bias": float((part["mean"] / truth - 1).mean()),
        "median_error": float((part["q50"] / truth - 1).median()),
        "width": float(((above - below) / truth).mean()),
    }


def binomial_interval(inside: np.ndarray, panels: np.ndarray) -> tuple[float, float]:
    """95 % interval (Clopper and Pearson, 1934) of the probability that an interval holds the truth.

    Intervals of one panel are not independent of each other.  Their number is divided by the design effect: the
    variance of the share over panels, relative to that of independent intervals (Rao and Scott, 1992), at least 1.

    Args:
        inside: (n,) whether each interval holds the truth.
        panels: (n,) which panel each belongs to; as many of each panel.
    """
    from scipy.stats import beta

    n, share = float(len(inside)), float(inside.mean())
    by_panel = pd.Series(inside.astype(float)).groupby(panels).mean().to_numpy()
    if len(by_panel) > 1 and 0 < share < 1:
        independent = share * (1 - share) / n
        n /= max(1.0, float(by_panel.var()) / len(by_panel) / independent)
    hits, tail = share * n, (1 - _CHANCE) / 2
    low = beta.ppf(tail, hits, n - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def fit_table(results: Sequence[PanelResult]) -> pd.DataFrame:
    """How the fits went.

    Returns:
        One row per backend and scenario: panels, accepted (passed the gate), retried (more than one try),
        without_draws, divergent (fits with divergences), seconds (mean per panel), coverage_90_of_all (90 %
        intervals of the contributions of single channels, fits that failed the gate included).
    """
    rows = []
    frame = pd.DataFrame([{"backend": r.backend, "scenario": r.scenario, "result": r} for r in results])
    for (backend, scenario), group in frame.groupby(["backend", "scenario"], sort=False) if len(frame) else ():
        found: list[PanelResult] = list(group["result"])
        rows.append(
            {
                "backend": backend,
                "scenario": scenario,
                "panels": len(found),
                "accepted": sum(result.accepted for result in found),
                "retried": sum(result.tries > 1 for result in found),
                "without_draws": sum(bool(result.reason) for result in found),
                "divergent": sum(result.divergences > 0 for result in found),
                "seconds": float(np.mean([result.seconds for result in found])),
                "coverage_90_of_all": _coverage_of_all(found),
            }
        )
    names = ["backend", "scenario", "panels", "accepted", "retried", "without_draws", "divergent", "seconds"]
    return pd.DataFrame(rows, columns=[*names, "coverage_90_of_all"])


def _coverage_of_all(results: Sequence[PanelResult]) -> float:
    table = long_table(results)
    table = table[(table["quantity"] == "contribution") & (table["channel"] != ALL_MEDIA)]
    return float(table["truth"].between(table["q05"], table["q95"]).mean())
