"""A further paid channel that did nothing: what does the model say it brought?

Every effect has a positive prior, so its posterior is never zero.  What can be asked is whether the data spoke
against a small effect.  Small is the lowest tenth of the prior of the placebo's ROI, and the odds against it are

    (1/10) / (posterior probability of that tenth),

the Bayes factor of any effect against a small one: about 1 where the data say nothing, below 1 where they speak
for a small effect.  A placebo that is given a share of the KPI that matters, at odds above the limit, is a false
discovery, and so may be other channels' effects.
"""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.config.schema import Config
from mmm_core.config.stability import PlaceboConfig
from mmm_core.errors import DataError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import incremental_kpi
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.model.prior_draws import prior_draws
from mmm_core.progress import Progress, silent
from mmm_core.stability.refit import refit

PLACEBO = "placebo"
PLACEBO_COLUMNS = [
    "channel",
    "like",
    "spend",
    "share",
    "roi_mean",
    "roi_q05",
    "roi_q95",
    "small_roi",
    "small_probability",
    "odds",
]
_SMALL = 0.1
"""Prior probability of an effect that counts as small."""
_BLOCK_WEEKS = 4
_PRIOR_DRAWS = 2000
_ACTIVE = 0.85
"""Share of weeks in which a simulated placebo spends."""


@dataclasses.dataclass(frozen=True)
class PlaceboCase:
    """Data and model with the placebo, the last of the paid channels."""

    data: ModelData
    spec: ModelSpec
    like: str
    """Channel whose priors it has."""

    @property
    def position(self) -> int:
        """Of the placebo among the channels."""
        return self.data.channels.index(PLACEBO)


def placebo_check(
    posterior: Posterior, data: ModelData, config: Config, progress: Progress = silent
) -> pd.DataFrame:
    """Fit once with a placebo and see what it is given.

    Args:
        posterior: the accepted fit.
        data: what it was fitted to.
        config: `evaluation.stability.placebo`; nothing is fitted where it is null.
        progress: told how far the fit is.

    Returns:
        One row of `judged_placebo`, or none.

    Raises:
        DataError: there is no channel that a placebo can be made like.
        SamplingError: the fit gave no draws.
    """
    settings = config.evaluation.stability
    if settings.placebo is None:
        return pd.DataFrame(columns=PLACEBO_COLUMNS)
    case = placebo_case(data, posterior.spec, settings.placebo, settings.seed)
    return judged_placebo(case, refit(case.data, case.spec, config, None, progress), settings.seed)


def placebo_case(data: ModelData, spec: ModelSpec, wanted: PlaceboConfig, seed: int) -> PlaceboCase:
    """A placebo of the paid channels' average spend, made like the one whose spend is nearest to that.

    Raises:
        DataError: no paid channel without frequency, or a channel is named as the placebo is.
    """
    spend = data.spend.sum(axis=(0, 1))
    paid = len(data.paid_channels)
    candidates = [m for m in range(paid) if data.channel_kinds[m] == "media" and spend[m] > 0]
    if not candidates:
        raise DataError(
            "evaluation.stability.placebo needs a paid channel that is not given as reach and frequency; set it "
            "to null."
        )
    average = float(spend[:paid].mean())
    like = min(candidates, key=lambda m: abs(spend[m] - average))
    rng = np.random.default_rng([seed, 2])
    pattern = (
        shuffled_weeks(data.spend[:, :, like], data.present, rng)
        if wanted.kind == "permuted"
        else _simulated(data.spend[:, :, like], data.present, rng)
    )
    return with_placebo(data, spec, pattern * (average / pattern.sum()), data.channels[like])


def with_placebo(data: ModelData, spec: ModelSpec, spend: FloatArray, like: str) -> PlaceboCase:
    """Data and model with one more paid channel.

    Args:
        data: of the fit.
        spec: its model.
        spend: (G, T) money per week, which is its media as well; 0 in weeks that are not present.
        like: paid channel of kind `media` whose adstock, saturation and priors it gets.

    Raises:
        DataError: a channel is named as the placebo is.
    """
    if PLACEBO in data.channels:
        raise DataError(f"A channel is named {PLACEBO!r}, as that of evaluation.stability.placebo; rename it.")
    at, source = len(data.paid_channels), data.channels.index(like)
    lead = data.lead_media.shape[1]
    before = np.tile(spend, (1, -(-max(lead, 1) // spend.shape[1])))[:, :lead]

    def inserted(values: FloatArray | None, new: FloatArray | float) -> FloatArray | None:
        return None if values is None else np.insert(values, at, new, axis=2)

    widened = dataclasses.replace(
        data,
        channels=_with(data.channels, at, PLACEBO),
        channel_kinds=_with(data.channel_kinds, at, "media"),
        media=np.insert(data.media, at, spend, axis=2),
        spend=np.insert(data.spend, at, spend, axis=2),
        lead_media=np.insert(data.lead_media, at, before, axis=2),
        frequency=inserted(data.frequency, 1.0),
        lead_frequency=inserted(data.lead_frequency, 1.0),
    )
    model = dataclasses.replace(
        spec,
        channels=widened.channels,
        adstock=_with(spec.adstock, at, spec.adstock[source]),
        saturation=_with(spec.saturation, at, spec.saturation[source]),
        alpha=_with(spec.alpha, at, spec.alpha[source]),
        ec=_with(spec.ec, at, spec.ec[source]),
        slope=_with(spec.slope, at, spec.slope[source]),
        prior_types=_with(spec.prior_types, at, spec.prior_types[source]),
        effect=_with(spec.effect, at, spec.effect[source]),
        lag_shape=_with(spec.lag_shape, at, spec.lag_shape[source]),
        scaling=None,  # kept constants know nothing of the placebo
    )
    return PlaceboCase(widened, model, like)


def judged_placebo(case: PlaceboCase, fit: Posterior, seed: int) -> pd.DataFrame:
    """What a fit says of the placebo.

    Args:
        case: what was fitted.
        fit: its posterior.
        seed: of the prior draws.

    Returns:
        One row of `PLACEBO_COLUMNS`: channel, like (whose priors it has), spend (money), share (of the known KPI,
        posterior mean), roi_mean, roi_q05, roi_q95, small_roi (the prior's lower decile), small_probability
        (posterior), odds (against a small effect; at most what the number of draws can show).
    """
    data, m = case.data, case.position
    prior = prior_draws(data, case.spec, fit.scaling, _PRIOR_DRAWS, seed)
    small = float(np.quantile(prior.stacked("roi_m")[:, m], _SMALL))
    roi = fit.stacked("roi_m")[:, m]
    probability = float((roi <= small).mean())
    low, high = np.quantile(roi, (0.05, 0.95))
    known = float(np.nansum(np.where(data.present, data.kpi, np.nan)))
    row = {
        "channel": PLACEBO,
        "like": case.like,
        "spend": float(data.spend[:, :, m].sum()),
        "share": float(incremental_kpi(fit)[:, :, m].sum(axis=1).mean() / known),
        "roi_mean": float(roi.mean()),
        "roi_q05": float(low),
        "roi_q95": float(high),
        "small_roi": small,
        "small_probability": probability,
        "odds": _SMALL / max(probability, 1 / len(roi)),
    }
    return pd.DataFrame([row], columns=PLACEBO_COLUMNS)


def shuffled_weeks(values: FloatArray, present: NDArray[np.bool_], rng: np.random.Generator) -> FloatArray:
    """(G, T) values with blocks of four weeks in random order, another one in each geo; absent weeks stay 0."""
    shuffled = np.zeros_like(values)
    for g, there in enumerate(present):
        weeks = np.flatnonzero(there)
        blocks = [weeks[i : i + _BLOCK_WEEKS] for i in range(0, len(weeks), _BLOCK_WEEKS)]
        taken = [week for b in rng.permutation(len(blocks)) for week in blocks[b]]
        shuffled[g, weeks] = values[g, taken]
    return shuffled


def _simulated(values: FloatArray, present: NDArray[np.bool_], rng: np.random.Generator) -> FloatArray:
    """(G, T) random weekly spend of the geos' sizes."""
    active = rng.random(values.shape) < _ACTIVE
    return np.asarray(values.sum(axis=1)[:, None] * rng.gamma(2.0, 1.0, values.shape) * active * present)


def _with(values: tuple[Any, ...], at: int, new: Any) -> tuple[Any, ...]:
    return (*values[:at], new, *values[at:])
