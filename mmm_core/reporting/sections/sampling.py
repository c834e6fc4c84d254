"""Pictures of the sampling: whether chains agree, draws are enough, and data were learned from."""

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.ranks import rank_chart
from mmm_core.reporting.charts.strips import Strip, strip_chart
from mmm_core.reporting.formats import fixed, whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sampling import Sampling
from mmm_core.reporting.sections.dynamics import SmallChart

_FAMILIES: Mapping[str, str] = {
    "roi_m": "ROI",
    "contribution_m": "contribution",
    "beta_m": "effect",
    "sigma_beta": "size of effects",
    "eta_m": "spread over geos",
    "alpha_m": "carryover",
    "theta_m": "shape of lags",
    "ec_m": "half-saturation",
    "slope_m": "slope",
    "sigma": "noise",
    "nu": "tails of noise",
    "beta_gm": "effects by geo",
    "knot_values": "trend",
    "tau_g": "levels of geos",
    "gamma_c": "controls",
    "xi_c": "spread of controls",
    "gamma_gc": "controls by geo",
}
"""Parameter -> its name in pictures, what is interpreted first."""


def sampling_charts(inputs: ReportInputs) -> tuple[SmallChart, ...]:
    """Strips of R-hat, effective sample sizes and distances to priors, and ranks; empty where not known."""
    found = inputs.sampling
    if found is None or found.parameters.empty:
        return ()
    limits = {check.name: check.threshold for _, check in inputs.checks}
    return (*_strips(found, limits), *_ranks(found))


def _strips(found: Sampling, limits: Mapping[str, float | None]) -> tuple[SmallChart, ...]:
    table = found.parameters.assign(
        family=found.parameters["parameter"].astype(str).str.partition("[")[0],
        ess=found.parameters[["ess_bulk", "ess_tail"]].min(axis=1),
    )
    rhat = strip_chart(
        _rows(table, "rhat", ("rhat", "nuisance_rhat"), limits),
        "R-hat",
        "R-hat by kind of parameter",
        _three,
        True,
        1.0,
    )
    ess = strip_chart(
        _rows(table, "ess", ("ess", "nuisance_ess"), limits),
        *("draws", "Effective sample size by kind of parameter", whole, False, 0.0),
    )
    charts = [
        SmallChart("Do the chains agree?", "", rhat, Markup("R-hat, 1: they do; upright strokes: limits")),
        SmallChart(
            "Are there enough draws?", "", ess, Markup("effective sample size, the smaller of bulk and tail")
        ),
    ]
    limit = limits.get("learned_from_data")
    distances = [
        Strip(_FAMILIES.get(name, name), tuple((name, value) for value in sorted(values)), limit)
        for name, values in found.distances.items()
        if values
    ]
    if distances:
        learned = strip_chart(distances, "distance", "Distance of parameters to their priors", _two, False, 0.0)
        note = Markup(
            "distance to the prior, 0: the same, 1: nothing in common; the limit is for the median of all"
        )
        charts.append(SmallChart("Was anything learned?", "", learned, note))
    return tuple(charts)


def _rows(
    table: pd.DataFrame, column: str, checks: tuple[str, str], limits: Mapping[str, float | None]
) -> list[Strip]:
    """A strip per kind of parameter; the first check is about interpreted ones."""
    rows = []
    known = [*_FAMILIES, *(name for name in dict.fromkeys(table["family"]) if name not in _FAMILIES)]
    for family in known:
        part = table[table["family"] == family].sort_values(column, ascending=column != "rhat", kind="stable")
        if len(part):
            pairs = zip(part["parameter"].astype(str), part[column].astype(float), strict=True)
            limit = limits.get(checks[0] if bool(part["interpreted"].iloc[0]) else checks[1])
            rows.append(Strip(_FAMILIES.get(family, family), tuple(pairs), limit))
    return rows


def _ranks(found: Sampling) -> tuple[SmallChart, ...]:
    return tuple(
        SmallChart(
            name, "", rank_chart(shares.tolist(), name), Markup("a line per chain; dashed: where all agree")
        )
        for name, shares in found.ranks.items()
    )


def _three(value: float | None) -> str:
    return fixed(value, 3)


def _two(value: float | None) -> str:
    return fixed(value, 2)
