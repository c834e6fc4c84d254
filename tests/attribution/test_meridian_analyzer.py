"""On the same draws, Meridian's own analysis and ours give the same tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest

from mmm_core.attribution.caused import part_sums
from mmm_core.attribution.curves import pooled_response_curves
from mmm_core.attribution.dynamics import lag_weight_draws
from mmm_core.attribution.frequency import frequency_table
from mmm_core.attribution.periods import period_table
from mmm_core.attribution.returns import channel_summary, cpik_draws, effectiveness_draws, mroi_draws, roi_draws
from mmm_core.config.outputs import AttributionConfig
from mmm_core.config.schema import Config
from mmm_core.model.backends.meridian.groups import channel_groups
from mmm_core.model.backends.meridian.inputs import build_model
from mmm_core.model.backends.meridian.quiet import expected_warnings_ignored
from mmm_core.model.forward import effect_units
from mmm_core.model.posterior import Posterior
from mmm_core.model.saturation import Saturation
from mmm_core.model.specification import build_spec
from tests.factories import made_up_posterior, tiny_model_data
from tests.model.backends.meridian.panels import as_meridian_gives_it, everything, trend

pytestmark = pytest.mark.slow

CLOSE = 1e-6
"""Relative; 1e-4 is asked for."""
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "paid media": (
        tiny_model_data(3, 40),
        {"features": {"adstock": {"type": "binomial", "max_lag": 4}, "saturation": {"slope": "free"}}},
    ),
    "reach, organic media, weeks before, gaps": (everything(), {"features": {"adstock": {"max_lag": 4}}}),
}


@dataclass(frozen=True)
class Case:
    """Canonical draws and Meridian's analyzer of the same draws."""

    posterior: Posterior
    analyzer: Any
    order: list[int]
    """Indices of the channels as Meridian orders them."""

    @property
    def paid(self) -> list[int]:
        """Those that cost money, as Meridian orders them."""
        return [m for m in self.order if self.posterior.data.channel_kinds[m] != "organic_media"]

    @property
    def names(self) -> list[str]:
        """Of the paid ones."""
        return [self.posterior.data.channels[m] for m in self.paid]

    def weeks(self, first: int, stop: int) -> list[str]:
        """As Meridian names them."""
        return [str(day) for day in self.posterior.data.dates[first:stop]]


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    data, settings = CASES[request.param]
    settings = {**settings, "model": {"knots": 3, **settings.get("model", {})}}
    spec = build_spec(Config.model_validate(settings), data)
    posterior = made_up_posterior(data, n_draws=10, spec=spec)
    meridian = build_model(data, spec, posterior.scaling)
    from meridian.analysis.analyzer import Analyzer

    theirs = as_meridian_gives_it(posterior)
    theirs["mu_t"] = trend(posterior, np.asarray(meridian.knot_info.weights))
    with expected_warnings_ignored():
        analyzer = Analyzer(
            model_context=meridian.model_context, inference_data=az.InferenceData(posterior=theirs, prior=theirs)
        )
    return Case(posterior, analyzer, [m for group in channel_groups(data) for m in group.channels])


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with expected_warnings_ignored():
        yield


def stacked(values: Any) -> np.ndarray:
    """(chain, draw, ...) -> (S, ...)."""
    array = np.asarray(values)
    return array.reshape(-1, *array.shape[2:])


def test_returns_by_draw(case: Case) -> None:
    analyzer, paid = case.analyzer, case.paid
    np.testing.assert_allclose(roi_draws(case.posterior)[:, paid], stacked(analyzer.roi()), rtol=CLOSE)
    marginal = analyzer.marginal_roi(incremental_increase=0.01, by_reach=True)
    np.testing.assert_allclose(mroi_draws(case.posterior)[:, paid], stacked(marginal), rtol=CLOSE)


def test_cost_by_draw(case: Case) -> None:
    """Meridian counts carryover into weeks in which a geo is not there any more; without them it is the same."""
    data, ours = case.posterior.data, cpik_draws(case.posterior)[:, case.paid]
    weekly = stacked(case.analyzer.incremental_outcome(use_kpi=True, aggregate_geos=False, aggregate_times=False))
    added = np.einsum("sgtm,gt->sm", weekly[..., : len(case.paid)], data.present)
    np.testing.assert_allclose(ours, data.spend.sum(axis=(0, 1))[case.paid] / added, rtol=CLOSE)
    if data.present.all():
        np.testing.assert_allclose(ours, stacked(case.analyzer.cpik()), rtol=CLOSE)


def test_effectiveness_by_draw(case: Case) -> None:
    outcome = stacked(case.analyzer.incremental_outcome(aggregate_geos=True, aggregate_times=True))
    delivered = np.asarray(case.analyzer.get_aggregated_impressions())[: len(case.order)]
    ours = effectiveness_draws(case.posterior)[:, case.order]
    np.testing.assert_allclose(ours, outcome[:, : len(case.order)] / delivered, rtol=CLOSE)


def test_contributions_by_period(case: Case) -> None:
    posterior, units = case.posterior, effect_units(case.posterior)
    window = AttributionConfig.model_validate({"windows": {"mid": {"start": "2023-03-06", "end": "2023-05-07"}}})
    table = period_table(posterior, window).query("kind == 'window' and geo == 'all'").set_index("channel")
    for use_kpi, name in ((True, "contribution"), (False, "contribution_outcome")):
        theirs = stacked(
            case.analyzer.incremental_outcome(
                selected_times=case.weeks(9, 18), aggregate_geos=True, aggregate_times=True, use_kpi=use_kpi
            )
        )
        for at, m in enumerate(case.order):
            sums = part_sums(posterior, m, [0, 9, 18], units)
            ours = sum(getattr(of_geo, name)[2] for of_geo in sums)
            np.testing.assert_allclose(ours, theirs[:, at], rtol=CLOSE)
            column = "contribution" if use_kpi else "outcome"
            row = table.loc[posterior.data.channels[m]]
            assert row[f"{column}_mean"] == pytest.approx(theirs[:, at].mean(), rel=CLOSE)
            assert row[f"{column}_q95"] == pytest.approx(np.quantile(theirs[:, at], 0.95), rel=CLOSE)


def test_response_curves(case: Case) -> None:
    multipliers = (0.5, 1.0, 1.7)
    theirs = case.analyzer.response_curves(
        spend_multipliers=list(multipliers), by_reach=True, confidence_level=0.9
    )
    theirs = theirs.sel(channel=case.names)
    curves = pooled_response_curves(case.posterior, multipliers).set_index(["multiplier", "channel"])
    for column, metric in (("outcome_mean", "mean"), ("q05", "ci_lo"), ("q95", "ci_hi")):
        ours = curves[column].unstack()[case.names]
        np.testing.assert_allclose(ours, theirs["incremental_outcome"].sel(metric=metric), rtol=CLOSE)
    np.testing.assert_allclose(curves["spend"].unstack()[case.names], theirs["spend"], rtol=CLOSE)


def test_summary(case: Case) -> None:
    theirs = case.analyzer.summary_metrics(confidence_level=0.9, marginal_roi_by_reach=True)
    theirs = theirs.sel(channel=case.names, distribution="posterior")
    ours = channel_summary(case.posterior).set_index("channel").loc[case.names]
    for name in ("roi", "mroi", "effectiveness"):
        for column, metric in (("mean", "mean"), ("q05", "ci_lo"), ("q95", "ci_hi")):
            np.testing.assert_allclose(ours[f"{name}_{column}"], theirs[name].sel(metric=metric), rtol=CLOSE)
    if not case.posterior.data.present.all():
        return
    for column, metric in (("q05", "ci_lo"), ("q50", "median"), ("q95", "ci_hi")):
        np.testing.assert_allclose(ours[f"cpik_{column}"], theirs["cpik"].sel(metric=metric), rtol=CLOSE)


def test_adstock_decay(case: Case) -> None:
    theirs = case.analyzer.adstock_decay(confidence_level=0.9)
    theirs = theirs[(theirs["distribution"] == "posterior") & theirs["is_int_time_unit"]]
    for m in case.order:
        rows = theirs[theirs["channel"] == case.posterior.data.channels[m]].sort_values("time_units")
        weights = lag_weight_draws(case.posterior, m)[:, : len(rows)]
        relative = weights / weights[:, :1]
        np.testing.assert_allclose(relative.mean(axis=0), rows["mean"], rtol=CLOSE)
        np.testing.assert_allclose(np.quantile(relative, 0.05, axis=0), rows["ci_lo"], rtol=CLOSE)


def test_hill_curves(case: Case) -> None:
    posterior, data = case.posterior, case.posterior.data
    theirs = pd.DataFrame(case.analyzer.hill_curves(confidence_level=0.9))
    theirs = theirs[theirs["distribution"] == "posterior"]
    for m in case.order:
        rows = theirs[theirs["channel"] == data.channels[m]].sort_values("media_units")
        units = rows["media_units"].to_numpy()
        if data.channel_kinds[m] != "reach_frequency":
            largest = np.concatenate([data.lead_media, data.media], axis=1)[:, :, m].max(axis=1)
            units = units / units.max() * (largest / posterior.scaling.media_scale[:, m]).max()
        half, slope = (posterior.stacked(name)[:, m] for name in ("ec_m", "slope_m"))
        reached = Saturation.of(posterior.spec.saturation[m], half, slope)(units[:, None] / half)
        np.testing.assert_allclose(reached.mean(axis=1), rows["mean"], rtol=CLOSE)
        np.testing.assert_allclose(np.quantile(reached, 0.95, axis=1), rows["ci_hi"], rtol=CLOSE)


def test_optimal_frequency(case: Case) -> None:
    table = frequency_table(case.posterior)
    if "reach_frequency" not in case.posterior.data.channel_kinds:
        assert table.empty
        return
    some = table.iloc[::4]
    theirs = case.analyzer.optimal_freq(freq_grid=some["frequency"].tolist(), confidence_level=0.9)
    roi = theirs["roi"].sel(rf_channel="reach_0")
    for column, metric in (("roi_mean", "mean"), ("roi_q05", "ci_lo"), ("roi_q95", "ci_hi")):
        np.testing.assert_allclose(some[column], roi.sel(metric=metric), rtol=CLOSE)
    best = some.loc[some["roi_mean"].idxmax(), "frequency"]
    assert float(theirs["optimal_frequency"].item()) == pytest.approx(best)
