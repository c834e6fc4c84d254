"""Data whose truth is S-shaped: little effect up to a threshold, then nearly all of it."""

import numpy as np

from mmm_core.features.model_data import ModelData


def s_shaped_data(n_weeks: int = 80, seed: int = 4) -> ModelData:
    """One geo, one channel, one idle control; Hill with slope 4 and half point 1, no carry-over, little noise."""
    rng = np.random.default_rng(seed)
    media = rng.uniform(0.1, 2.5, (1, n_weeks, 1))
    kpi = 100 + 40 * media[:, :, 0] ** 4 / (1 + media[:, :, 0] ** 4) + rng.normal(0, 2, (1, n_weeks))
    return ModelData(
        geos=("national",),
        dates=np.datetime64("2023-01-02") + 7 * np.arange(n_weeks),
        channels=("tv",),
        controls=("weather",),
        control_roles=("control",),
        kpi=kpi,
        kpi_type="revenue",
        revenue_per_kpi=None,
        population=np.ones(1),
        media=media,
        spend=10 * media,
        control_values=rng.normal(size=(1, n_weeks, 1)),
        currency="USD",
        data_version="s-shaped",
    )
