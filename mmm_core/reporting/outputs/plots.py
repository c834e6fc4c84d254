"""Which plots are worth a file, under the names of the convention."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.evaluation.convergence import Diagnostics
from mmm_core.model.forward import Units, channel_contribution, effect_units
from mmm_core.model.posterior import Posterior
from mmm_core.reporting import figures
from mmm_core.reporting.dashboard.description import unit_words
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.outputs import channel_figures, diagnostic_figures
from mmm_core.reporting.outputs.naming import unique_slugs
from mmm_core.reporting.palette import channel_colors
from mmm_core.reporting.sampling import worst_draws

Plot = tuple[PurePosixPath, Callable[[], bytes]]
"""Path below the folder of outputs, and what draws it."""
_ALL = "all_channels"
_DIAGNOSTICS = PurePosixPath("plots/diagnostics")
_CONTRIBUTIONS = PurePosixPath("plots/contributions")
_MAX_PARAMETERS = 12


def all_plots(posterior: Posterior, inputs: ReportInputs, diagnostics: Diagnostics) -> Iterator[Plot]:
    """Every plot, one after the other; a plot whose table was not made is left out."""
    yield from _sampling_plots(posterior, inputs, diagnostics)
    yield from _result_plots(inputs)
    yield from _channel_plots(posterior, inputs)


def weekly_contribution(posterior: Posterior, channel: int, units: Units) -> pd.DataFrame:
    """date, mean, q05, q50, q95 (KPI units), spend (money) of one channel by week, all geos together."""
    data = posterior.data
    total = np.zeros((posterior.n_draws, len(data.dates)))
    for of_geo in channel_contribution(posterior, channel, units=units):
        total += of_geo
    found = interval(total)
    return pd.DataFrame(
        {
            "date": data.dates.astype("datetime64[ns]"),
            **{name: getattr(found, name) for name in ("mean", "q05", "q50", "q95")},
            "spend": data.spend[:, :, channel].sum(axis=0),
        }
    )


def _sampling_plots(posterior: Posterior, inputs: ReportInputs, diagnostics: Diagnostics) -> Iterator[Plot]:
    draws = worst_draws(posterior, diagnostics, _MAX_PARAMETERS)
    if draws:
        limits = {check.name: check.threshold for asset, check in inputs.checks if asset == "posterior"}
        yield _DIAGNOSTICS / "train_rank.png", partial(diagnostic_figures.rank_grid, draws)
        yield _DIAGNOSTICS / "train_trace.png", partial(diagnostic_figures.trace_grid, draws)
        yield (
            _DIAGNOSTICS / "train_convergence.png",
            partial(
                diagnostic_figures.convergence_bars,
                diagnostics.interpreted,
                limits.get("rhat"),
                limits.get("ess"),
            ),
        )


def _result_plots(inputs: ReportInputs) -> Iterator[Plot]:
    kpi, currency = inputs.kpi_name, inputs.currency
    per_money = unit_words("return", kpi, currency, inputs.outcome_unit)
    summary = inputs.channel_summary
    yield _DIAGNOSTICS / "train_prior_posterior_roi.png", partial(figures.roi_prior_posterior, summary, per_money)
    if (total := inputs.totals.fit) is not None:
        yield _DIAGNOSTICS / "evaluate_predictive_fit.png", partial(diagnostic_figures.predictive_fit, total, kpi)
        yield _DIAGNOSTICS / "evaluate_residuals.png", partial(diagnostic_figures.residuals, total, kpi)
    if len(inputs.budget_plan):
        plan = inputs.budget_plan
        yield _DIAGNOSTICS / "optimize_budgets.png", partial(figures.budget_bars, plan, currency, large=True)
    if (frontier := inputs.decisions.present().get("frontier")) is not None:
        draw = partial(figures.frontier_line, frontier, currency, inputs.outcome_unit)
        yield _DIAGNOSTICS / "optimize_frontier.png", draw
    table = inputs.contributions
    yield (
        _CONTRIBUTIONS / f"{_ALL}_contribution.png",
        partial(figures.contribution_area, table, kpi, large=True),
    )


def _channel_plots(posterior: Posterior, inputs: ReportInputs) -> Iterator[Plot]:
    """Contribution, response curve and carryover of every channel."""
    names, colors = unique_slugs(posterior.data.channels, {_ALL}), channel_colors(posterior.data.channels)
    units, adstock = effect_units(posterior), inputs.decisions.present().get("adstock")
    for m, channel in enumerate(posterior.data.channels):
        place, color = _CONTRIBUTIONS / names[channel], colors[channel]
        weeks = weekly_contribution(posterior, m, units)
        draw = partial(channel_figures.contribution_weeks, weeks, channel, color, inputs.kpi_name, inputs.currency)
        yield _named(place, "contribution"), draw
        curve = inputs.pooled_curves[inputs.pooled_curves["channel"] == channel]
        if len(curve):
            units_of = (inputs.currency, inputs.outcome_unit)
            yield (
                _named(place, "response_curve"),
                partial(channel_figures.response_curve, curve, color, *units_of),
            )
        if adstock is not None and len(own := adstock[adstock["channel"] == channel]):
            yield _named(place, "adstock"), partial(channel_figures.adstock_decay, own, color)


def _named(place: PurePosixPath, plot: str) -> PurePosixPath:
    return place.with_name(f"{place.name}_{plot}.png")
