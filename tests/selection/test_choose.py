"""The comparison with real fits on data whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec
from mmm_core.selection.choice import ModelChoice
from mmm_core.selection.choose import choose_model, comparison_settings
from mmm_core.selection.stacked import Member, stack_candidates, stacked_contributions, stacked_totals
from tests.factories import made_up_posterior
from tests.selection.planted import s_shaped_data


def config(**selection: object) -> Config:
    values = {
        "enabled": True,
        "splits": 2,
        "horizon_weeks": 10,
        "draws": 100,
        "candidates": {"concave": {"slope": "fixed"}, "s_shaped": {"slope": "free"}},
    }
    return Config.model_validate(
        {
            "model": {"backend": "pymc", "knots": 2, "selection": values | selection},
            "features": {"adstock": {"max_lag": 2}},
            "runtime": {"compile_cache": False},
        }
    )


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def choice(heard: list[str]) -> ModelChoice:
    return choose_model(s_shaped_data(), config(), on_fit=heard.append)


@pytest.fixture(scope="module")
def members(choice: ModelChoice) -> tuple[Member, ...]:
    return stack_candidates(choice, s_shaped_data(), config())


def test_the_model_with_the_true_shape_wins_clearly(choice: ModelChoice) -> None:
    assert choice.winner == "s_shaped"
    loser = choice.candidates[0]
    assert loser.difference < -2 * loser.difference_se
    assert choice.changes.slope == "free"


def test_its_stacking_weight_is_nearly_one(choice: ModelChoice) -> None:
    weights = {row.name: row.weight for row in choice.candidates}
    assert weights["s_shaped"] > 0.8
    assert sum(weights.values()) == pytest.approx(1)


def test_every_scored_week_and_fit_is_accounted_for(choice: ModelChoice, heard: list[str]) -> None:
    assert choice.n_scored == 2 * (10 - 1)
    assert len(heard) == 4
    assert "s_shaped, slice 2 of 2" in heard[-1]
    assert choice.slices[1][1] == str(s_shaped_data().dates[-1] + 6)
    for row in choice.candidates:
        assert len(row.slice_scores) == 2
        assert np.mean(row.slice_scores) == pytest.approx(row.score)


def test_the_stack_takes_draws_by_weight(choice: ModelChoice, members: tuple[Member, ...]) -> None:
    total = sum(len(one.taken) for one in members)
    assert total == 200
    for one in members:
        weight = next(row.weight for row in choice.candidates if row.name == one.name)
        assert len(one.taken) / total == pytest.approx(weight, abs=1 / total)
        assert len(one.fit.data.dates) == 80


def test_stacked_totals_are_sums_of_stacked_weeks(members: tuple[Member, ...]) -> None:
    totals, weeks = stacked_totals(members), stacked_contributions(members)
    assert totals["contribution_mean"].iloc[0] == pytest.approx(weeks["mean"].sum())
    assert totals["roi_mean"].iloc[0] == pytest.approx(weeks["mean"].sum() / s_shaped_data().spend.sum())
    assert (weeks["q05"] <= weeks["q95"]).all()
    assert weeks["date"].is_monotonic_increasing
    assert isinstance(weeks["date"].dtype, np.dtype)


def test_stacked_contributions_find_the_truth(members: tuple[Member, ...]) -> None:
    data, weeks = s_shaped_data(), stacked_contributions(members)
    media = data.media[0, :, 0]
    truth = 40 * media**4 / (1 + media**4)
    inside = (weeks["q05"].to_numpy() <= truth) & (truth <= weeks["q95"].to_numpy())
    assert inside.mean() > 0.7
    assert pd.Series(weeks["mean"]).corr(pd.Series(truth)) > 0.98


def test_a_candidate_that_cannot_be_fitted_stops_before_any_fit() -> None:
    heard: list[str] = []
    bad = config(candidates={"good": {}, "bad": {"knots": 500}})
    with pytest.raises(SpecificationError, match="bad"):
        choose_model(s_shaped_data(60), bad, on_fit=heard.append)
    assert not heard


def test_compared_fits_are_short_whatever_the_training_is() -> None:
    settings = comparison_settings(config(draws=70))
    assert (settings.chains, settings.tune, settings.draws) == (2, 70, 70)


class StuckOnce:
    """A backend whose first fit has a chain elsewhere."""

    name = "stuck"

    def __init__(self) -> None:
        self.asked: list[SamplerSettings] = []

    can_start_warm = False

    def unsupported(self, data: ModelData, spec: ModelSpec) -> tuple[str, ...]:
        return ()

    def sample(
        self, data: ModelData, spec: ModelSpec, settings: SamplerSettings, *_: object, **__: object
    ) -> Posterior:
        self.asked.append(settings)
        fit = made_up_posterior(data, spec=spec)
        if len(self.asked) == 1:
            fit.samples["alpha_m"].values[0] += 5
        return fit


def test_a_stuck_fit_is_made_once_more_and_longer() -> None:
    backend = StuckOnce()
    once = config(splits=1, candidates={"a": {"slope": "fixed"}, "b": {"media_scaling": "geo_max"}})
    found = choose_model(s_shaped_data(), once, backend=backend)
    assert [settings.draws for settings in backend.asked] == [100, 200, 100]
    assert all(row.max_rhat < 1.3 for row in found.candidates)
