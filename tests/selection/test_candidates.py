"""What candidates change, and which ones are refused before anything is fitted."""

import pytest

from mmm_core.config.modeling import CandidateConfig
from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError
from mmm_core.model.specification import build_spec
from mmm_core.selection.candidates import (
    Candidate,
    candidate_spec,
    candidates_of,
    changed_config,
    chosen_model,
)
from tests.factories import tiny_model_data

EVERYTHING = {
    "slope": "free",
    "media_scaling": "geo_max",
    "saturation": "logistic",
    "adstock": "delayed",
    "knots": 4,
    "annual_fourier_order": 3,
    "hill_before_adstock": True,
}


def config(**model: object) -> Config:
    return Config.model_validate({"model": {"backend": "pymc", **model}})


def test_every_change_is_made_and_nothing_else() -> None:
    base = config()
    changed = changed_config(base, CandidateConfig.model_validate(EVERYTHING))
    expected = base.model_dump()
    expected["features"]["saturation"] |= {"slope": "free", "type": "logistic"}
    expected["features"]["adstock"]["type"] = "delayed"
    expected["features"]["seasonality"]["annual_fourier_order"] = 3
    expected["model"] |= {"media_scaling": "geo_max", "knots": 4, "hill_before_adstock": True}
    assert changed.model_dump() == expected


def test_every_key_of_a_candidate_has_an_effect() -> None:
    assert set(EVERYTHING) == set(CandidateConfig.model_fields)
    assert changed_config(config(), CandidateConfig()) == config()


def test_false_and_zero_are_changes_too() -> None:
    base = Config.model_validate(
        {"model": {"hill_before_adstock": True}, "features": {"seasonality": {"annual_fourier_order": 2}}}
    )
    changed = changed_config(base, CandidateConfig(hill_before_adstock=False, annual_fourier_order=0))
    assert changed.model.hill_before_adstock is False
    assert changed.features.seasonality.annual_fourier_order == 0


def test_configured_candidates_keep_their_order() -> None:
    base = config(selection={"candidates": {"b": {"slope": "free"}, "a": {}}})
    assert [candidate.name for candidate in candidates_of(base, 104)] == ["b", "a"]


def test_one_candidate_is_no_choice() -> None:
    with pytest.raises(SpecificationError, match="only b; give at least two"):
        candidates_of(config(selection={"candidates": {"b": {}}}), 104)


def test_default_candidates_are_distinct_and_begin_with_the_most_general() -> None:
    found = candidates_of(config(), 104)
    assert len({candidate.name for candidate in found}) == len(found) >= 4
    assert (found[0].changes.slope, found[0].changes.media_scaling) == ("free", "geo_max")
    assert {candidate.changes.knots for candidate in found} == {8}
    assert {(c.changes.slope, c.changes.media_scaling) for c in found} == {
        (slope, scaling) for slope in ("fixed", "free") for scaling in ("pooled_median", "geo_max")
    }


def test_configured_knots_stay() -> None:
    assert {candidate.changes.knots for candidate in candidates_of(config(knots=5), 104)} == {None}


def test_a_number_of_knots_shrinks_with_the_weeks() -> None:
    data = tiny_model_data(n_weeks=80)
    candidate = Candidate("dense", CandidateConfig(knots=8))
    assert len(candidate_spec(candidate, config(), data, 80).knots) == 8
    assert len(candidate_spec(candidate, config(), data, 40).knots) == 4


def test_knots_after_the_fitted_weeks_are_left_out() -> None:
    data = tiny_model_data(n_weeks=40)
    dates = [str(data.dates[week]) for week in (0, 10, 30)]
    spec = candidate_spec(Candidate("as is", CandidateConfig()), config(knots=dates), data, 20)
    assert spec.knots == (0, 10)


def test_a_candidate_that_no_configured_backend_can_fit_is_refused_by_name() -> None:
    base = Config.model_validate({"model": {"backend": "meridian", "fallback": "none"}})
    late = Candidate("late peak", CandidateConfig(adstock="delayed"))
    with pytest.raises(SpecificationError, match=r"late peak: .*meridian"):
        candidate_spec(late, base, tiny_model_data(), 30)
    base = Config.model_validate({"model": {"backend": "meridian", "fallback": "pymc"}})
    candidate_spec(late, base, tiny_model_data(), 30)


def test_impossible_knots_name_the_candidate() -> None:
    with pytest.raises(SpecificationError, match=r"too many: .*knots"):
        candidate_spec(Candidate("too many", CandidateConfig(knots=500)), config(), tiny_model_data(), 30)


def test_the_chosen_model_has_its_own_seasonality() -> None:
    base, data = config(), tiny_model_data()
    chosen, seasonal = chosen_model(base, data, CandidateConfig(annual_fourier_order=1, slope="free"))
    assert seasonal.control_roles == ("control", "seasonality", "seasonality")
    assert build_spec(chosen, seasonal).slope[0].family == "log_normal"
