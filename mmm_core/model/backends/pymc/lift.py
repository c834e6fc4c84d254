"""Lift tests as terms of the likelihood: the model's own counterfactual of each test, in JAX.

    measured_e ~ Normal(sum over its cells of worth * beta_gm * (saturated with - saturated without), sd_e)

Only the weeks that a test counts are computed, with their own adstock windows, always in double precision: an
effect is a small difference of two large numbers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backends.pymc.curves import Array, adstock_weights, saturate
from mmm_core.model.backends.pymc.media import MediaBlock, MediaParameters, MediaTransform
from mmm_core.model.lift_test import LiftTest
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import AdstockFamily, ModelSpec, SaturationFamily


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["media", "frequency", "worth"],
    meta_fields=["channels", "geos", "tests", "saturation", "free_slope", "saturates_first"],
)
@dataclass(frozen=True)
class LiftBlock:
    """Pairs of a test's channel and geo that are transformed alike.  B pairs, N weeks, W weeks of adstock."""

    media: FloatArray
    """(2, B, N, W) scaled media (reach) of each counted week and the weeks before it, the latest first: as in
    the data, and without the change."""
    frequency: FloatArray | None
    """(B, N, W) for `reach_frequency`."""
    worth: FloatArray
    """(B, N) outcome that an effect of 1 on the model's scale means; 0 for weeks that fill up."""
    channels: tuple[int, ...]
    geos: tuple[int, ...]
    tests: tuple[int, ...]
    """(B,) positions."""
    saturation: SaturationFamily
    free_slope: bool
    saturates_first: bool

    def effects(self, parameters: MediaParameters, weights: Array, beta_gm: Array) -> Array:
        """(B,) outcome that the change of media brought.

        Args:
            parameters: of the media part.
            weights: (M, W) adstock weights.
            beta_gm: (G, M) effect of fully saturated media.
        """
        at = np.array(self.channels)
        own, ec = weights[at], parameters.ec[at][:, None]
        slope = parameters.slope[at][:, None] if self.free_slope else None
        if self.frequency is not None:
            reached = saturate(self.saturation, self.frequency, _lifted(ec), _lifted(slope))
            weekly = jnp.einsum("bw,cbnw,bnw->cbn", own, self.media, reached)
        elif self.saturates_first:
            saturated = saturate(self.saturation, self.media, _lifted(ec), _lifted(slope))
            weekly = jnp.einsum("bw,cbnw->cbn", own, saturated)
        else:
            stock = jnp.einsum("bw,cbnw->cbn", own, self.media)
            weekly = saturate(self.saturation, stock, ec, slope)
        return beta_gm[np.array(self.geos), at] * ((weekly[0] - weekly[1]) * self.worth).sum(axis=1)


def _lifted(values: Array | None) -> Array | None:
    """One more dimension at the end."""
    return None if values is None else values[..., None]


@partial(jax.tree_util.register_dataclass, data_fields=["blocks", "measured", "sd"], meta_fields=["adstock"])
@dataclass(frozen=True)
class LiftPart:
    """Constants of the terms of E lift tests."""

    blocks: tuple[LiftBlock, ...]
    measured: FloatArray
    """(E,)"""
    sd: FloatArray
    """(E,) standard errors."""
    adstock: tuple[AdstockFamily, ...]

    def effects(self, parameters: MediaParameters, beta_gm: Array) -> Array:
        """(E,) what the model says of each test."""
        window = self.blocks[0].media.shape[3]
        weights = adstock_weights(self.adstock, parameters.alpha, parameters.theta, window)
        parts = [block.effects(parameters, weights, beta_gm) for block in self.blocks]
        tests = np.concatenate([block.tests for block in self.blocks])
        belongs = (tests == np.arange(len(self.measured))[:, None]).astype(np.float64)
        return belongs @ jnp.concatenate(parts)

    def log_density(self, parameters: MediaParameters, beta_gm: Array) -> Array:
        """Scalar log density of what was measured."""
        score = (self.measured - self.effects(parameters, beta_gm)) / self.sd
        return -0.5 * (score**2).sum() - jnp.log(self.sd).sum() - 0.5 * score.size * np.log(2 * np.pi)


class _Pair(NamedTuple):
    """One channel in one geo in one test."""

    test: int
    channel: int
    geo: int
    media: FloatArray
    """(2, N, W)"""
    frequency: FloatArray
    """(N, W)"""
    worth: FloatArray
    """(N,)"""


def lift_part(data: ModelData, spec: ModelSpec, scaling: Scaling, media: MediaTransform) -> LiftPart | None:
    """Precompute the constants; None without lift tests.

    Args:
        data: the panel.
        spec: its `lift_tests` are taken.
        scaling: of the panel.
        media: the media part, whose blocks say how each channel is transformed.

    Raises:
        SpecificationError: a test has cells that the panel lacks.
    """
    if not spec.lift_tests:
        return None
    longest = max(test.n_weeks + test.post_weeks for test in spec.lift_tests)
    of_block = defaultdict(list)
    for e, test in enumerate(spec.lift_tests):
        for pair in _pairs(e, test, data, scaling, (longest, media.window)):
            block = next(i for i, block in enumerate(media.blocks) if pair.channel in block.channels)
            of_block[block].append(pair)
    return LiftPart(
        blocks=tuple(_block(pairs, media.blocks[i]) for i, pairs in of_block.items()),
        measured=np.array([test.measured for test in spec.lift_tests]),
        sd=np.array([test.sd for test in spec.lift_tests]),
        adstock=tuple(spec.adstock),
    )


def _block(pairs: Sequence[_Pair], like: MediaBlock) -> LiftBlock:
    is_reach = like.reach is not None
    return LiftBlock(
        media=np.stack([pair.media for pair in pairs], axis=1),
        frequency=np.stack([pair.frequency for pair in pairs]) if is_reach else None,
        worth=np.stack([pair.worth for pair in pairs]),
        channels=tuple(pair.channel for pair in pairs),
        geos=tuple(pair.geo for pair in pairs),
        tests=tuple(pair.test for pair in pairs),
        saturation=like.saturation,
        free_slope=like.free_slope,
        saturates_first=like.saturates_first,
    )


def _pairs(e: int, test: LiftTest, data: ModelData, scaling: Scaling, shape: tuple[int, int]) -> list[_Pair]:
    """One per channel and geo of the test.

    Args:
        e: its position.
        test: the test.
        data: the panel.
        scaling: of the panel.
        shape: N, W.
    """
    weeks = test.counted(data)
    both = np.stack([data.media, test.media_without(data)])
    lead = np.broadcast_to(data.lead_media, (2, *data.lead_media.shape))
    series = np.concatenate([lead, both], axis=2) / scaling.media_scale[:, None, :]
    frequency = _frequency(data)
    worth = test.worth(data) * (scaling.kpi_sd * scaling.population[:, None])
    start = weeks.start + data.lead_media.shape[1]
    windows = partial(_windows, start=start, count=weeks.stop - weeks.start, shape=shape)
    missing = shape[0] - (weeks.stop - weeks.start)
    return [
        _Pair(
            e,
            m,
            g,
            windows(series[:, g, :, m], fill=0.0),
            windows(frequency[None, g, :, m], fill=1.0)[0],
            np.pad(worth[g, weeks], (0, missing)),
        )
        for m in test.channel_positions(data)
        for g in test.geo_positions(data)
    ]


def _frequency(data: ModelData) -> FloatArray:
    """(G, P + T, M), 1 where there is none."""
    inside = np.ones_like(data.media) if data.frequency is None else data.frequency
    lead = np.ones_like(data.lead_media) if data.lead_frequency is None else data.lead_frequency
    return np.concatenate([lead, inside], axis=1)


def _windows(series: FloatArray, start: int, count: int, shape: tuple[int, int], fill: float) -> FloatArray:
    """(c, weeks) -> (c, N, W) windows that end at the `count` weeks from `start` on, latest week first."""
    n_weeks, width = shape
    padded = np.pad(series, ((0, 0), (width - 1, 0)), constant_values=fill)
    found = np.full((len(series), n_weeks, width), fill)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)[:, start : start + count, ::-1]
    found[:, :count] = windows
    return found
