"""Whether the model may be believed: verdict, priors, backtests, stability, experiments, claims of platforms."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from mmm_core.reporting.charts.bands import fit_chart
from mmm_core.reporting.formats import whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.palette import ACCENT, INK
from mmm_core.reporting.sections.backtest import BacktestView, backtest_view
from mmm_core.reporting.sections.claims import ClaimsView, claims_view
from mmm_core.reporting.sections.experiments import ExperimentsView, experiments_view
from mmm_core.reporting.sections.next_experiments import NextExperimentsView, next_experiments_view
from mmm_core.reporting.sections.panels import LegendItem, Panels, tooltip_data
from mmm_core.reporting.sections.stability import stability_view
from mmm_core.reporting.sections.stability_part import StabilityPart
from mmm_core.reporting.sections.verdict import Failed, VerdictView, failures, verdict_view
from mmm_core.reporting.tables import quantity

_BAND = "#bcd9ea"
_PRIOR_CHECKS = ("prior_kpi", "prior_baseline", "prior_media_share")


@dataclass(frozen=True)
class PriorView:
    """The KPI as the priors alone expect it."""

    sentence: Markup
    panels: Panels
    failed: tuple[Failed, ...]


@dataclass(frozen=True)
class TrustView:
    """What there is; empty parts are left out."""

    verdict: VerdictView | None
    prior: PriorView | None
    backtest: BacktestView | None
    stability: tuple[StabilityPart, ...]
    experiments: ExperimentsView | None
    next_experiments: NextExperimentsView | None
    claims: ClaimsView | None


def trust_view(inputs: ReportInputs) -> TrustView | None:
    """Everything that was found beside the fit; None where nothing was."""
    proposed = next_experiments_view(inputs)
    if inputs.trust.empty and proposed is None:
        return None
    return TrustView(
        verdict=verdict_view(inputs),
        prior=_prior(inputs),
        backtest=backtest_view(inputs),
        stability=stability_view(inputs),
        experiments=experiments_view(inputs),
        next_experiments=proposed,
        claims=claims_view(inputs),
    )


def _prior(inputs: ReportInputs) -> PriorView | None:
    """The band of the priors beside what was observed."""
    table = inputs.trust.table("prior_weeks")
    if table is None:
        return None
    table = table.sort_values("date", kind="stable")
    dates = pd.DatetimeIndex(pd.to_datetime(table["date"]))
    values = table[["actual", "q50", "q05", "q95"]].to_numpy(dtype=np.float64).T
    actual, median, low, high = values.tolist()
    drawn = fit_chart(
        dates, actual, median, (low, high), f"{inputs.kpi_name} per week", "KPI before the fit and actual", 0
    )
    panels = Panels(
        name="prior",
        options=("All geos",),
        charts=(drawn,),
        legend=(
            LegendItem("actual", INK, "dot"),
            LegendItem("median before the fit", ACCENT, "line"),
            LegendItem("90% interval before the fit", _BAND),
        ),
        data=tooltip_data(dates, ("Actual", "Median", "5%", "95%"), (INK, ACCENT, _BAND, _BAND), [values]),
    )
    return PriorView(_prior_sentence(values), panels, failures(inputs, *_PRIOR_CHECKS))


def _prior_sentence(values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> Markup:
    """How many observed weeks the priors hold for possible."""
    known = np.isfinite(values[0])
    inside = int(((values[0] >= values[2]) & (values[0] <= values[3]))[known].sum())
    weeks = int(known.sum())
    return Markup(
        "Before it saw the KPI, the model held {} of {} observed weeks for likely (inside its 90% interval). A "
        "band much wider than what happened says little; one that misses it says something wrong."
    ).format(quantity(whole(inside), inside), quantity(whole(weeks), weeks))
