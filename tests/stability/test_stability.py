"""Real short fits: what should not matter does not, and a planted false channel is found."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.config.stability import InputNoiseConfig, LeaveOneGeoOutConfig, PlaceboConfig
from mmm_core.config.trust_checks import TRUST_CHECKS
from mmm_core.errors import DataError, StorageError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import get_backend
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.model.prior_draws import prior_draws
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import build_spec
from mmm_core.stability.checks import STABILITY_CHECKS, check_geos, check_input_noise, check_placebo
from mmm_core.stability.digital import DIGITAL_CHECKS
from mmm_core.stability.perturbed import left_out_geos, noisy
from mmm_core.stability.placebo import judged_placebo, placebo_case, shuffled_weeks, with_placebo
from mmm_core.stability.refit import refit, roi_changes
from mmm_core.stability.stability import StabilityReport, stability_checks
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data

WEEKS = 60


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Everything asked for; one compiled program serves all fits of one model."""
    return Config.model_validate(
        {
            "paths": {"storage": str(tmp_path_factory.mktemp("storage"))},
            "model": {"backend": "pymc"},
            "training": {"tune": 200},
            "evaluation": {
                "stability": {"draws": 200, "input_noise": {}, "placebo": {}, "leave_one_geo_out": {"geos": 1}}
            },
        }
    )


def small_spec(data: ModelData) -> ModelSpec:
    return dataclasses.replace(
        build_spec(Config(), data),
        knots=(0, WEEKS - 1),
        knot_values=Prior("normal", (0.0, 1.0)),
        tau=Prior("normal", (0.0, 1.0)),
        sigma=Prior("half_normal", (0.5,)),
        gamma=Prior("normal", (0.0, 0.5)),
    )


@pytest.fixture(scope="module")
def data() -> ModelData:
    """A KPI that the model itself made."""
    template = tiny_model_data(n_geos=3, n_weeks=WEEKS)
    worth = (template.kpi * template.outcome_per_kpi).sum()
    spend = template.spend / template.spend.sum(axis=(0, 1)) * worth / 10
    template = dataclasses.replace(template, spend=spend)
    spec = small_spec(template)
    truth = prior_draws(template, spec, fit_scaling(template, spec.media_scaling), 5, 3)
    kpi = np.stack([drawn[2] for _, drawn in predictive_draws(truth)])
    return dataclasses.replace(template, kpi=np.maximum(kpi, 0.0))


@pytest.fixture(scope="module")
def posterior(data: ModelData, config: Config) -> Posterior:
    return refit(data, small_spec(data), config)


@pytest.fixture(scope="module")
def told() -> list[tuple[str, int]]:
    """What the refits said of their progress: what, and how many steps in all."""
    return []


@pytest.fixture(scope="module")
def report(posterior: Posterior, data: ModelData, config: Config, told: list[tuple[str, int]]) -> StabilityReport:
    def progress(what: str, done: int, total: int) -> None:
        told.append((what, total))

    return stability_checks(posterior, data, config, posterior, progress)


def test_a_clean_fit_is_stable(report: StabilityReport) -> None:
    assert [result.name for result in report.results] == list(STABILITY_CHECKS)
    unstable = {result.name: result.message for result in report.results if not result.passed}
    assert set(unstable) <= {"prior_dominates"}, unstable
    assert all(result.severity == "warn" for result in report.results)


def test_tables_say_what_was_compared(report: StabilityReport, data: ModelData) -> None:
    noise, geos = report.tables["input_noise"], report.tables["leave_one_geo_out"]
    assert noise["channel"].tolist() == list(data.channels)
    assert set(geos["left_out"]) == {data.geos[int(np.argmax(data.population))]}
    assert (noise["sure_change"] <= noise["change"].abs()).all()
    assert (noise["monte_carlo_error"] > 0).all()
    placebo = report.tables["placebo"].iloc[0]
    assert placebo["spend"] == pytest.approx(data.spend.sum() / len(data.channels))
    assert placebo["odds"] < 10


def test_only_what_is_asked_for_is_fitted(posterior: Posterior, data: ModelData) -> None:
    found = stability_checks(posterior, data, Config())
    assert [result.name for result in found.results] == ["prior_data_conflict", "prior_dominates", "loo_reliable"]


def test_a_report_survives_json(report: StabilityReport) -> None:
    again = StabilityReport.from_record(json.loads(json.dumps(report.to_record(), allow_nan=False)))
    assert [r.message for r in again.results] == [r.message for r in report.results]
    for name, table in report.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table)
    with pytest.raises(StorageError, match="materialize it again"):
        StabilityReport.from_record({"tables": {}})


def test_a_placebo_that_follows_demand_is_found_out(data: ModelData, config: Config) -> None:
    """Spend that moves with what moves the KPI looks effective, though it caused nothing."""
    spec = small_spec(data)
    rng = np.random.default_rng(3)
    demand = np.maximum(0.05, 1 + 0.7 * rng.standard_normal(data.kpi.shape))
    kpi = data.kpi * (1 + 0.15 * (demand - 1))
    spend = demand * data.kpi.mean(axis=1, keepdims=True)
    spend *= data.spend.sum() / len(data.channels) / spend.sum()
    case = with_placebo(dataclasses.replace(data, kpi=kpi), spec, spend, "channel_0")
    fit = refit(case.data, case.spec, config)
    result = check_placebo(judged_placebo(case, fit, 1), PlaceboConfig())
    assert not result.passed, result.message
    assert "did nothing" in result.message


def test_refits_of_the_same_model_start_from_the_accepted_one(
    report: StabilityReport, told: list[tuple[str, int]]
) -> None:
    assert report.results
    steps = {
        what: min(total for name, total in told if name.startswith(what)) for what in ("input noise", "placebo")
    }
    assert steps == {"input noise": 2 * (50 + 200), "placebo": 2 * (200 + 200)}
    assert {name.split(":")[0] for name, _ in told} == {"input noise", "placebo", "without a geo"}


def test_a_large_change_is_told_from_chance(posterior: Posterior) -> None:
    samples = posterior.samples.copy(deep=True)
    samples["beta_gm"].values[..., 1] *= 1.5
    table = roi_changes(posterior, dataclasses.replace(posterior, samples=samples))
    np.testing.assert_allclose(table["change"], [0.0, 0.5], atol=1e-9)
    assert 0.2 < table["sure_change"].iloc[1] < 0.5
    assert not check_input_noise(table, InputNoiseConfig()).passed
    assert check_input_noise(table.iloc[:1], InputNoiseConfig()).passed
    table.insert(0, "left_out", "Geo1")
    failed = check_geos(table, LeaveOneGeoOutConfig(max_change=0.1))
    assert not failed.passed
    assert "Without Geo1, the ROI of channel_1" in failed.message


def test_noise_is_seeded_and_keeps_the_cost_of_media() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    one, two, other = noisy(data, 0.02, 1), noisy(data, 0.02, 1), noisy(data, 0.02, 2)
    np.testing.assert_array_equal(one.media, two.media)
    assert (one.media != other.media).any()
    there = data.media > 0
    factor = one.media[there] / data.media[there]
    assert np.std(np.log(factor)) == pytest.approx(0.02, rel=0.2)
    np.testing.assert_allclose(one.spend[there], data.spend[there] * factor)
    np.testing.assert_array_equal(one.media == 0, data.media == 0)


@pytest.mark.parametrize("kind", ["permuted", "simulated"])
def test_a_placebo_is_the_last_paid_channel(kind: str) -> None:
    data = tiny_model_data(extras=EVERYTHING)
    spec = made_up_posterior(data).spec
    wanted = PlaceboConfig.model_validate({"kind": kind})
    case = placebo_case(data, spec, wanted, 1)
    assert case.data.paid_channels == (*data.paid_channels, "placebo")
    assert case.data.channels[-1] == data.channels[-1]  # organic ones come after
    assert case.spec.channels == case.data.channels
    source = spec.channels.index(case.like)
    assert case.spec.effect[case.position] == spec.effect[source]
    assert case.data.spend[:, :, case.position].sum() == pytest.approx(data.spend.sum() / len(data.paid_channels))
    assert (case.data.media[:, :, case.position][~data.present] == 0).all()
    others = [m for m in range(len(case.data.channels)) if m != case.position]
    np.testing.assert_array_equal(case.data.media[:, :, others], data.media)
    np.testing.assert_array_equal(case.data.lead_media[:, :, others], data.lead_media)
    again = placebo_case(data, spec, wanted, 1)
    np.testing.assert_array_equal(again.data.spend, case.data.spend)
    assert get_backend("pymc").unsupported(case.data, case.spec) == ()
    assert judged_placebo(case, made_up_posterior(case.data, spec=case.spec), 1)["odds"].iloc[0] > 0


def test_shuffled_weeks_keep_each_geos_weeks_and_its_flights() -> None:
    data = tiny_model_data(n_weeks=32, extras=dataclasses.replace(EVERYTHING, n_missing=1))
    values = data.spend[:, :, 0]
    shuffled = shuffled_weeks(values, data.present, np.random.default_rng(1))
    np.testing.assert_allclose(np.sort(shuffled, axis=1), np.sort(values * data.present, axis=1))
    followed = {tuple(pair) for pair in zip(values[0, :-1], values[0, 1:], strict=True)}
    kept = sum(pair in followed for pair in zip(shuffled[0, :-1], shuffled[0, 1:], strict=True))
    assert kept >= 24  # three of four neighbours in each block of four
    assert (shuffled != values).any()


def test_a_refit_that_the_data_do_not_allow_is_refused() -> None:
    with pytest.raises(DataError, match="needs at least 3 geos, the data have 2"):
        left_out_geos(tiny_model_data(n_geos=2), 1)
    data = tiny_model_data()
    named = dataclasses.replace(data, channels=("placebo", "channel_1"))
    with pytest.raises(DataError, match="A channel is named 'placebo'"):
        with_placebo(named, made_up_posterior(data).spec, data.spend[:, :, 0], "channel_1")


def test_the_largest_geos_are_left_out_first() -> None:
    data = tiny_model_data(n_geos=4)
    assert left_out_geos(data, 2) == list(np.argsort(-data.population)[:2])
    same = dataclasses.replace(data, population=np.ones(4))
    assert left_out_geos(same, 9) == list(np.argsort(-data.kpi.sum(axis=1)))


def test_every_check_can_be_given_a_severity() -> None:
    assert {*STABILITY_CHECKS, *DIGITAL_CHECKS} <= TRUST_CHECKS
