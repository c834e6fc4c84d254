"""Oracle: the model's own response with every draw at the prior means."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.config.schema import Config
from mmm_core.exploration.previews import media_previews, prior_mean
from mmm_core.features.model_data import ModelData
from mmm_core.model.predictors import channel_response, channel_series
from mmm_core.model.priors import Prior
from mmm_core.model.specification import build_spec
from mmm_core.reporting.preview_figures import media_preview_grid
from tests.factories import EVERYTHING, Extras, made_up_posterior, tiny_model_data


def model_response(data: ModelData, config: Config, channel: int) -> np.ndarray:
    """(G, T) transformed media of the forward model."""
    spec = build_spec(config, data)
    posterior = made_up_posterior(data, n_chains=1, n_draws=1, spec=spec)
    priors = {"alpha_m": spec.alpha, "theta_m": spec.lag_shape, "ec_m": spec.ec, "slope_m": spec.slope}
    for name, by_channel in priors.items():
        posterior.samples[name][:] = prior_mean(by_channel[channel])
    response = channel_response(posterior, channel)
    return np.stack([response.weekly(one)[:, 0] for one in channel_series(posterior, channel, None)])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"model": {"media_scaling": "geo_max", "hill_before_adstock": True}},
        {"features": {"adstock": {"type": "binomial", "max_lag": 3}, "saturation": {"type": "none"}}},
        {"features": {"adstock": {"platform_overrides": {"channel_0": {"decay": 0.3, "type": "delayed"}}}}},
        {"features": {"saturation": {"slope": "free", "channel_overrides": {"channel_1": {"k": 2.0}}}}},
    ],
)
def test_previews_are_the_models_own_formulas(settings: dict[str, Any]) -> None:
    data, config = tiny_model_data(n_weeks=40, extras=EVERYTHING), Config.model_validate(settings)
    table = media_previews(data, config)
    assert list(table["channel"].unique()) == list(data.paid_channels)
    for m, channel in enumerate(data.paid_channels):
        expected = model_response(data, config, m)
        for g, geo in enumerate(data.geos):
            own = table[(table["channel"] == channel) & (table["geo"] == geo)]
            there = data.present[g]
            assert own["date"].tolist() == list(data.dates[there].astype("datetime64[ns]"))
            np.testing.assert_array_equal(own["media"], data.media[g, there, m])
            np.testing.assert_allclose(own["saturated"], expected[g, there], rtol=1e-9)


def test_carried_over_media_keep_their_sum_and_saturation_is_a_share() -> None:
    data = tiny_model_data(n_geos=1, n_weeks=60)
    media = data.media.copy()
    media[:, -9:] = 0
    table = media_previews(dataclasses.replace(data, media=media), Config())
    sums = table.groupby("channel")[["media", "adstocked"]].sum()
    np.testing.assert_allclose(sums["adstocked"], sums["media"])
    assert table["saturated"].between(0, 1).all()


def test_chosen_geos_only_and_channels_without_media_are_left_out() -> None:
    data = tiny_model_data(n_channels=2)
    media = data.media.copy()
    media[:, :, 1] = 0
    table = media_previews(dataclasses.replace(data, media=media), Config(), geos=["Geo1"])
    assert table[["channel", "geo"]].drop_duplicates().to_numpy().tolist() == [["channel_0", "Geo1"]]
    none = media_previews(dataclasses.replace(data, media=np.zeros_like(media)), Config())
    assert none.empty
    assert media_preview_grid(none).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("prior", "mean"),
    [
        (Prior("uniform", (0.0, 1.0)), 0.5),
        (Prior("deterministic", (0.7,)), 0.7),
        (Prior("beta", (2.0, 6.0)), 0.25),
        (Prior("log_normal", (0.0, 0.5)), np.exp(0.125)),
    ],
)
def test_mean_of_a_prior(prior: Prior, mean: float) -> None:
    assert prior_mean(prior) == pytest.approx(mean)


def test_picture_of_many_channels() -> None:
    data = tiny_model_data(n_channels=10, extras=Extras(ragged=True))
    assert media_preview_grid(media_previews(data, Config())).startswith(b"\x89PNG")
