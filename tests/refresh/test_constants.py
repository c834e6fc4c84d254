"""What a refit keeps of the last accepted fit, and when it must not."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.config.refresh import RefreshConfig
from mmm_core.features.held_out import truncate
from mmm_core.features.model_data import ModelData
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.model.scaling import fit_scaling
from mmm_core.refresh.constants import with_kept_constants
from mmm_core.refresh.kept_knots import kept_knots
from mmm_core.stability.placebo import with_placebo
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data

DATA = tiny_model_data(extras=EVERYTHING)
N_WEEKS = len(DATA.dates)
BEFORE = made_up_posterior(truncate(DATA, N_WEEKS - 2))
SPEC = made_up_posterior(DATA).spec
SETTINGS = RefreshConfig()


def kept(
    data: ModelData = DATA, spec: ModelSpec = SPEC, before: Posterior | None = BEFORE, **settings: Any
) -> Any:
    return with_kept_constants(spec, data, before, SETTINGS.model_copy(update=settings))


def test_constants_of_old_weeks_stay_when_weeks_are_added() -> None:
    own, found = fit_scaling(DATA, SPEC.media_scaling), kept(max_scale_change=1.0)
    assert found.kept
    assert "kept from the last accepted fit" in found.sentence
    old = truncate(DATA, N_WEEKS - 2)
    scaling = found.spec.scaling_for(DATA)
    assert own.kpi_mean != scaling.kpi_mean
    np.testing.assert_array_equal(scaling.scale_kpi(DATA.kpi)[:, : N_WEEKS - 2], BEFORE.scaling.scale_kpi(old.kpi))
    np.testing.assert_array_equal(
        scaling.scale_media(DATA.media)[:, : N_WEEKS - 2], BEFORE.scaling.scale_media(old.media)
    )


def test_without_an_accepted_fit_or_by_wish_constants_are_those_of_the_data() -> None:
    for found in (kept(before=None), kept(fixed_scaling=False)):
        assert not found.kept
        assert found.spec == SPEC
        assert found.spec.scaling_for(DATA).kpi_mean == fit_scaling(DATA, SPEC.media_scaling).kpi_mean


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (dataclasses.replace(DATA, media=DATA.media * 1.5), "media of channel_"),
        (dataclasses.replace(DATA, kpi=DATA.kpi * 1.5), "the KPI"),
        (dataclasses.replace(DATA, control_values=DATA.control_values * 1.5), "the control"),
        (dataclasses.replace(DATA, population=DATA.population * 1.01), "populations"),
        (dataclasses.replace(DATA, geos=("x", *DATA.geos[1:])), "other geos"),
    ],
)
def test_constants_far_from_the_data_are_renewed_and_it_is_said(data: ModelData, reason: str) -> None:
    found = kept(data)
    assert not found.kept
    assert "renewed" in found.sentence
    assert reason in found.sentence


def test_a_new_maximum_renews_the_scale_of_geo_max_only_beyond_the_limit() -> None:
    before = truncate(DATA, N_WEEKS - 2)
    spec = dataclasses.replace(SPEC, media_scaling="geo_max")
    fit = made_up_posterior(before, spec=dataclasses.replace(BEFORE.spec, media_scaling="geo_max"))
    peak = before.media.max(axis=1)
    for factor, is_kept in ((1.05, True), (2.0, False)):
        media = DATA.media.copy()
        media[:, -1] = np.where(peak > 0, peak * factor, media[:, -1])
        renewed = with_kept_constants(
            spec, dataclasses.replace(DATA, media=media, kpi=DATA.kpi), fit, RefreshConfig(max_scale_change=0.6)
        )
        assert renewed.kept == is_kept, renewed.sentence


def test_a_refit_of_the_same_data_keeps_what_it_has() -> None:
    again = kept(BEFORE.data, BEFORE.spec)
    assert again.spec.knots == BEFORE.spec.knots
    np.testing.assert_array_equal(again.spec.scaling.media_scale, BEFORE.scaling.media_scale)


def test_a_number_of_knots_keeps_their_dates_as_long_as_that_many_stay() -> None:
    spaced = dataclasses.replace(BEFORE.spec, knots=(0, 9, 18, N_WEEKS - 3))
    before = dataclasses.replace(BEFORE, spec=spaced)
    for n_knots, weeks in ((4, (0, 9, 18, N_WEEKS - 1)), (5, SPEC.knots)):
        found = with_kept_constants(SPEC, DATA, before, SETTINGS, n_knots=n_knots)
        assert found.kept
        assert found.spec.knots == weeks
        assert ("knots stay" in found.sentence) == (n_knots == 4)
    assert "placed anew: model.knots is 5, and 4 would stay at their dates" in found.sentence


def test_a_reason_for_other_knots_leaves_them_to_the_specification_and_is_named() -> None:
    found = with_kept_constants(SPEC, DATA, BEFORE, SETTINGS, new_knots="model.knots was 8 and is 12")
    assert found.kept
    assert found.spec.knots == SPEC.knots
    assert found.sentence.endswith("; knots are placed anew: model.knots was 8 and is 12.")


def test_the_same_weeks_keep_whatever_knots_there_were() -> None:
    for knots in ((5,), (5, 20), (0, 3, 4)):
        before = dataclasses.replace(BEFORE, spec=dataclasses.replace(BEFORE.spec, knots=knots))
        assert kept(BEFORE.data, BEFORE.spec, before).spec.knots == knots


def test_the_file_of_a_posterior_knows_that_constants_were_kept(tmp_path: Path) -> None:
    spec = dataclasses.replace(BEFORE.spec, scaling=BEFORE.scaling)
    for posterior, is_kept in ((dataclasses.replace(BEFORE, spec=spec), True), (BEFORE, False)):
        posterior.save(tmp_path / "fit.nc")
        loaded = Posterior.load(tmp_path / "fit.nc")
        assert (loaded.spec.scaling is not None) == is_kept
        assert loaded.spec == posterior.spec


def test_a_placebo_has_constants_of_its_own() -> None:
    spec = dataclasses.replace(BEFORE.spec, scaling=BEFORE.scaling)
    case = with_placebo(BEFORE.data, spec, np.ones(BEFORE.data.kpi.shape), BEFORE.data.channels[0])
    assert case.spec.scaling_for(case.data).media_scale.shape[1] == len(case.data.channels)


@given(n_knots=st.integers(2, 12), spacing=st.integers(3, 26), more=st.integers(0, 60), dropped=st.integers(0, 60))
def test_inner_knots_keep_their_weeks(n_knots: int, spacing: int, more: int, dropped: int) -> None:
    before = tuple(range(0, n_knots * spacing, spacing))
    n_weeks = before[-1] + 1 + more - dropped
    moved = tuple(knot - dropped for knot in before)
    if n_weeks < 2:
        return
    knots = kept_knots(moved, n_weeks)
    assert knots is not None
    assert (knots[0], knots[-1]) == (0, n_weeks - 1)
    assert list(knots) == sorted(set(knots))
    inside = {knot for knot in moved[1:-1] if 0.5 * spacing <= knot <= n_weeks - 1 - 0.5 * spacing}
    assert inside <= set(knots)
    assert max(np.diff(knots)) <= 2 * spacing
    assert kept_knots(knots, n_weeks) == knots


def test_weeks_that_come_one_by_one_get_a_knot_per_spacing() -> None:
    knots: tuple[int, ...] = (0, 13, 26, 38)
    for n_weeks in range(40, 118):
        found = kept_knots(knots, n_weeks)
        assert found is not None
        assert set(knots[:-1]) <= set(found)
        knots = found
    assert knots == (0, 13, 26, 39, 52, 65, 78, 91, 104, 116)


def test_a_single_knot_has_no_spacing_to_keep() -> None:
    assert kept_knots((0,), 30) is None
