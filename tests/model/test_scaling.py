"""Constants between data and the model's scale."""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.scaling import Scaling, fit_scaling
from tests.factories import EVERYTHING, Extras, made_up_posterior, tiny_model_data

DATA = tiny_model_data(n_geos=4, n_weeks=40, extras=EVERYTHING)
SEEN = DATA.observed & DATA.present


def test_scaled_kpi_and_controls_are_standardised_over_what_is_known() -> None:
    scaling = fit_scaling(DATA, "pooled_median")
    kpi = scaling.scale_kpi(DATA.kpi)
    assert kpi[SEEN].mean() == pytest.approx(0, abs=1e-12)
    assert kpi[SEEN].std() == pytest.approx(1)
    assert np.isnan(kpi[~DATA.observed]).all()
    controls = scaling.scale_controls(DATA.control_values)[DATA.present]
    assert controls.mean(axis=0) == pytest.approx(np.zeros(len(DATA.controls)), abs=1e-10)
    assert controls.std(axis=0) == pytest.approx(np.ones(len(DATA.controls)))


@pytest.mark.parametrize("media_scaling", ["pooled_median", "geo_max"])
def test_what_is_not_known_changes_no_constant(media_scaling: Literal["pooled_median", "geo_max"]) -> None:
    """Cells outside a geo's range and lead weeks may hold anything."""
    absent = ~DATA.present
    assert absent.any()
    changed = dataclasses.replace(
        DATA,
        media=DATA.media + 1e9 * absent[:, :, None],
        control_values=DATA.control_values + 1e9 * absent[:, :, None],
        lead_media=DATA.lead_media * 1e9,
    )
    one, other = (fit_scaling(data, media_scaling) for data in (DATA, changed))
    for field in dataclasses.fields(Scaling):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_pooled_median_is_of_nonzero_per_capita_media() -> None:
    scaling = fit_scaling(DATA, "pooled_median")
    for m in range(len(DATA.channels)):
        values = [
            DATA.media[g, t, m] / DATA.population[g]
            for g, t in np.argwhere(DATA.present)
            if DATA.media[g, t, m] > 0
        ]
        assert scaling.media_scale[:, m] == pytest.approx(DATA.population * np.median(values))


def test_geo_max_scales_each_geo_to_one_and_borrows_where_there_is_no_media() -> None:
    data = tiny_model_data(n_geos=3, n_weeks=20)
    media = data.media.copy()
    media[1, :, 0] = 0
    data = dataclasses.replace(data, media=media)
    scaling = fit_scaling(data, "geo_max")
    largest = scaling.scale_media(media).max(axis=1)
    assert largest[[0, 2]] == pytest.approx(np.ones((2, 2)))
    per_capita = media.max(axis=1)[:, 0] / data.population
    assert scaling.media_scale[1, 0] == pytest.approx(data.population[1] * per_capita.max())


def test_per_capita_controls_are_divided_by_population() -> None:
    scaling = fit_scaling(DATA, "pooled_median")
    assert DATA.control_per_capita[:2] == (True, False)
    np.testing.assert_array_equal(scaling.control_divisor[:, 0], DATA.population)
    np.testing.assert_array_equal(scaling.control_divisor[:, 1], np.ones(4))
    by_hand = (DATA.control_values[:, :, 0] / DATA.population[:, None])[DATA.present]
    assert scaling.control_mean[0] == pytest.approx(by_hand.mean())


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_unscaling_is_the_inverse(family: Literal["gaussian", "robust_log"]) -> None:
    scaling = fit_scaling(DATA, "pooled_median", family=family)
    back = scaling.unscale_kpi(scaling.scale_kpi(DATA.kpi))
    assert back[SEEN] == pytest.approx(DATA.kpi[SEEN])


def test_robust_family_centres_the_logarithm() -> None:
    scaling = fit_scaling(DATA, "pooled_median", family="robust_log")
    assert scaling.kpi_transform == "log1p"
    assert scaling.kpi_sd == 1
    assert scaling.scale_kpi(DATA.kpi)[SEEN] == pytest.approx(
        np.log(DATA.kpi[SEEN] + 1) - np.log(DATA.kpi[SEEN] + 1).mean()
    )
    with pytest.raises(SpecificationError, match="logarithms"):
        scaling.unscale_effect(DATA.kpi)


def test_effects_are_scaled_without_the_mean() -> None:
    scaling = fit_scaling(DATA, "pooled_median")
    zero = np.zeros(DATA.kpi.shape)
    difference = scaling.unscale_kpi(zero + 0.5) - scaling.unscale_kpi(zero)
    assert scaling.unscale_effect(zero + 0.5) == pytest.approx(difference)


def changed(data: ModelData, name: str, column: int, value: float) -> ModelData:
    values = getattr(data, name).copy()
    values[:, :, column] = value
    return dataclasses.replace(data, **{name: values})


def test_constant_control_is_named() -> None:
    with pytest.raises(SpecificationError, match=r"treatment_0 never vary.*data.non_media_treatments"):
        fit_scaling(changed(DATA, "control_values", 1, 0.1), "pooled_median")


def test_control_proportional_to_population_is_constant_per_capita() -> None:
    data = tiny_model_data(n_geos=3, n_weeks=20)
    proportional = np.broadcast_to(0.3 * data.population[:, None, None], (3, 20, 1))
    data = dataclasses.replace(data, control_values=proportional)
    fit_scaling(data, "pooled_median")
    with pytest.raises(SpecificationError, match="control_0 never vary"):
        fit_scaling(dataclasses.replace(data, control_per_capita=(True,)), "pooled_median")


def test_channel_without_media_is_named() -> None:
    with pytest.raises(SpecificationError, match=r"No media in channel\(s\) channel_1; remove"):
        fit_scaling(changed(DATA, "media", 1, 0.0), "pooled_median")


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
def test_constant_or_unknown_kpi_is_refused(family: Literal["gaussian", "robust_log"]) -> None:
    data = tiny_model_data(n_geos=1, n_weeks=20)
    for kpi, words in (
        (np.full((1, 20), 3.0), "does not vary over the 20 geo-weeks"),
        (np.nan, "known in no week"),
    ):
        with pytest.raises(SpecificationError, match=words):
            fit_scaling(
                dataclasses.replace(data, kpi=np.broadcast_to(kpi, (1, 20))),
                "geo_max",
                family=family,
            )


@pytest.mark.parametrize("extras", [EVERYTHING, Extras()])
def test_constants_survive_the_posteriors_file(tmp_path: Path, extras: Extras) -> None:
    data = tiny_model_data(n_geos=3, n_weeks=40, extras=extras)
    posterior = made_up_posterior(data)
    robust = dataclasses.replace(posterior, scaling=fit_scaling(data, "geo_max", family="robust_log"))
    for saved in (posterior, robust):
        saved.save(tmp_path / "posterior.nc")
        loaded = Posterior.load(tmp_path / "posterior.nc").scaling
        for field in dataclasses.fields(Scaling):
            np.testing.assert_array_equal(getattr(loaded, field.name), getattr(saved.scaling, field.name))
