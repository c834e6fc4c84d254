"""The comparison with the last accepted fit, from what is kept beside it."""

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mmm_assets.accepted import keep_accepted
from mmm_assets.accepted_settings import keep_setting, kept_setting
from mmm_assets.io_managers import StoredFit
from mmm_assets.provenance import mark_fit
from mmm_assets.resources.project import Project
from mmm_assets.specification import refit
from mmm_assets.stages.what_changed import changes_of, what_changed
from mmm_core.errors import StorageError
from mmm_core.evaluation.convergence import diagnose
from mmm_core.evaluation.verdict import verdict
from mmm_core.features.held_out import truncate
from mmm_core.model.specification import build_spec
from mmm_core.refresh.budgets import plan_by_channel
from mmm_core.selection.candidates import chosen_model
from mmm_core.selection.choice import CandidateScore, ModelChoice
from tests.assets import projects
from tests.factories import made_up_posterior, tiny_model_data

DATA = tiny_model_data()
N_WEEKS = len(DATA.dates)


def project(folder: Path, *overrides: str) -> Project:
    model = {"backend": "pymc", "fallback": "none"}
    return projects.load(projects.write_config(folder, projects.settings(folder, None, model=model)), *overrides)


def fit_of(version: str, weeks: int = N_WEEKS) -> StoredFit:
    posterior = made_up_posterior(truncate(DATA, weeks))
    return StoredFit(posterior, diagnose(posterior), version, "run")


def plan(version: str, optimal: float) -> pd.DataFrame:
    channels = list(DATA.paid_channels)
    table = pd.DataFrame(
        {
            "scenario": "same",
            "geo": DATA.geos[0],
            "channel": channels,
            "current_spend": 10.0,
            "optimal_spend": 10.0,
        }
    )
    table.loc[0, "optimal_spend"] = optimal
    mark_fit(table, version)
    return table


def compared(place: Project, fit: StoredFit, table: pd.DataFrame) -> dict[str, Any]:
    found = what_changed(fit, verdict(fit.version, {}).to_record(), table, place)
    assert found.value is not None
    return found.value


def accept(place: Project, fit: StoredFit, table: pd.DataFrame) -> None:
    keep_accepted(place, fit)
    keep_setting(place, fit.version)
    keep_setting(place, fit.version, plan_by_channel(table))


def test_a_refresh_is_compared_with_the_last_accepted_fit(tmp_path: Path) -> None:
    first, second = fit_of("first", N_WEEKS - 2), fit_of("second")
    place = project(tmp_path)
    accept(place, first, plan("first", 30.0))
    assert changes_of("first", compared(place, first, plan("first", 30.0))).compared_with is None
    changed = project(tmp_path, "optimization.objective=profit", "training.seed=5")
    accept(changed, second, plan("second", 10.0))
    found = changes_of("second", compared(changed, second, plan("second", 10.0)))
    assert found.compared_with == "first"
    assert found.tables["scope"]["change"].tolist() == ["new", "new"]
    assert found.tables["budget_changes"]["share_change"].iloc[0] < 0
    assert {"training.seed changed", "optimization.objective changed"} <= set(found.tables["reasons"]["detail"])
    with pytest.raises(StorageError, match="another fit"):
        changes_of("third", found.to_record())


def test_settings_that_cannot_be_read_are_kept_anew(tmp_path: Path) -> None:
    place = project(tmp_path)
    keep_setting(place, "first")
    (place.storage / "accepted" / "settings.json").write_text("{half")
    assert kept_setting(place, "first") is None
    for version in "abcdef":
        keep_setting(place, version)
    assert [version for version in "abcdef" if kept_setting(place, version)] == ["c", "d", "e", "f"]


def test_the_next_fit_keeps_constants_of_the_accepted_one_and_its_open_knots(tmp_path: Path) -> None:
    place = project(tmp_path)
    config = place.config
    assert "there is no accepted fit" in refit(place, config, DATA).constants
    first = fit_of("first", N_WEEKS - 1)
    accept(place, first, plan("first", 10.0))
    found = refit(place, config, DATA)
    assert found.calibration.spec.scaling is not None
    assert found.calibration.spec.scaling.kpi_mean == first.posterior.scaling.kpi_mean
    assert "knots stay" in found.constants
    assert set(first.posterior.spec.knots[:-1]) <= set(found.calibration.spec.knots)
    renewed = refit(place, config, dataclasses.replace(DATA, kpi=DATA.kpi * 2))
    assert renewed.calibration.spec.scaling is None
    assert "renewed" in renewed.constants


def test_a_number_of_knots_stays_at_its_dates_until_it_is_changed(tmp_path: Path) -> None:
    four = project(tmp_path, "model.knots=4")
    knots = (0, 10, 20, N_WEEKS - 2)
    accept(four, with_knots(fit_of("first", N_WEEKS - 1), knots), plan("first", 10.0))
    found = refit(four, four.config, DATA)
    assert "knots stay" in found.constants
    assert found.calibration.spec.knots == (0, 10, 20, N_WEEKS - 1)
    for setting, said in (("5", "model.knots was 4 and is 5"), ("null", "was 4 and is null"), ("auto", "is auto")):
        other = project(tmp_path, f"model.knots={setting}")
        found = refit(other, other.config, DATA)
        assert said in found.constants
        assert found.calibration.spec.knots == build_spec(other.config, DATA).knots
    dated = project(tmp_path, f"model.knots=['{DATA.dates[3]}']")
    assert "lists their dates" in refit(dated, dated.config, DATA).constants


def test_knots_that_model_selection_chose_stay_while_it_chooses_the_same(tmp_path: Path) -> None:
    asked = ("model.selection.enabled=true", "model.selection.candidates.few.knots=3",
             "model.selection.candidates.more.knots=4")  # fmt: skip
    place = project(tmp_path, *asked)
    fit = with_knots(fit_of("first", N_WEEKS - 1), (0, 10, 20, N_WEEKS - 2))
    accept(place, dataclasses.replace(fit, model_choice=chosen(knots=4).to_record()), plan("first", 10.0))
    for knots, stay in ((4, True), (3, False)):
        config, data = chosen_model(place.config, DATA, chosen(knots=knots).changes)
        found = refit(place, config, data)
        assert ("knots stay" in found.constants) == stay
        assert len(found.calibration.spec.knots) == knots
    assert "model.knots was 4 and is 3" in found.constants


def test_the_quarterly_knots_of_default_candidates_are_open(tmp_path: Path) -> None:
    place = project(tmp_path, "model.selection.enabled=true")
    fit = with_knots(fit_of("first", N_WEEKS - 1), (0, 10, 20, N_WEEKS - 2))
    accept(place, dataclasses.replace(fit, model_choice=chosen(knots=4).to_record()), plan("first", 10.0))
    config, data = chosen_model(place.config, DATA, chosen(knots=3).changes)
    found = refit(place, config, data)
    assert "knots stay" in found.constants
    assert found.calibration.spec.knots == (0, 10, 20, N_WEEKS - 1)


def with_knots(fit: StoredFit, knots: tuple[int, ...]) -> StoredFit:
    posterior = made_up_posterior(fit.posterior.data, spec=dataclasses.replace(fit.posterior.spec, knots=knots))
    return dataclasses.replace(fit, posterior=posterior)


def chosen(**changes: Any) -> ModelChoice:
    row = CandidateScore("winner", changes, -1.0, 0.0, 0.0, -1.0, (-1.0,), 1.0, 1.0, 0, 1.0)
    return ModelChoice((row,), "winner", (("2023-01-02", "2023-01-30"),), 8)
