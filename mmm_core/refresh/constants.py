"""Constants that a refit keeps, so that old weeks mean on the model's scale what they meant before.

Media, KPI and controls are divided by constants that come from the data (`model.scaling`), priors of carryover,
saturation and baseline are in their units, and the knots are spread over the window.  With a few more weeks all of
these move a little, and numbers of old weeks with them, though nothing was learned.  So they are kept from the
last accepted fit for as long as today's data are near them.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from mmm_core.config.refresh import RefreshConfig
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.model.scaling import Scaling, fit_scaling
from mmm_core.refresh.kept_knots import kept_knots

_WEEK = np.timedelta64(7, "D")
_SAME = 1e-9
"""Relative difference up to which populations count as equal."""


@dataclass(frozen=True)
class Kept:
    """A specification for a refit, and what became of the constants."""

    spec: ModelSpec
    sentence: str
    """Whether constants are kept, or why they are those of the data."""

    @property
    def kept(self) -> bool:
        """Whether the constants are those of the earlier fit."""
        return self.spec.scaling is not None


def with_kept_constants(
    spec: ModelSpec,
    data: ModelData,
    before: Posterior | None,
    settings: RefreshConfig,
    new_knots: str | None = None,
    n_knots: int | None = None,
) -> Kept:
    """The specification with the constants of the last accepted fit, if they may be kept.

    Args:
        spec: of configuration and data.
        data: what is fitted.
        before: the last accepted fit; None: there is none.
        settings: `refresh`.
        new_knots: why the knots must be those of `spec`; None: they may stay where they were.
        n_knots: how many are asked for; they are placed anew where fewer or more would stay.  None: any number.

    Raises:
        SpecificationError: the data cannot be scaled at all.
    """
    if not settings.fixed_scaling:
        return Kept(spec, "Scaling constants are those of the data (refresh.fixed_scaling is false).")
    if before is None:
        return Kept(spec, "Scaling constants are those of the data: there is no accepted fit to keep them from.")
    reason = _difference(spec, data, before)
    if reason is None:
        today = fit_scaling(data, spec.media_scaling, spec.family)
        reason = _too_far(before.scaling, today, data, settings.max_scale_change)
    if reason is not None:
        return Kept(spec, f"Scaling constants and knots are renewed: {reason}.")
    stay = None if new_knots else knots_at_their_dates(before, data)
    if stay is not None and n_knots not in (None, len(stay)):
        new_knots = f"model.knots is {n_knots}, and {len(stay)} would stay at their dates"
        stay = None
    kept = dataclasses.replace(spec, scaling=before.scaling, knots=spec.knots if stay is None else stay)
    also = ", and knots stay at their dates" if stay else ""
    also = f"; knots are placed anew: {new_knots}" if new_knots else also
    return Kept(kept, f"Scaling constants are kept from the last accepted fit{also}.")


def _difference(spec: ModelSpec, data: ModelData, before: Posterior) -> str | None:
    """Why constants of that fit have no meaning for this one."""
    old, model = before.data, before.spec
    for what, was, now in (
        ("geos", old.geos, data.geos),
        ("channels", old.channels, data.channels),
        ("kinds of channels", old.channel_kinds, data.channel_kinds),
        ("controls", old.controls, data.controls),
        ("controls per capita", old.control_per_capita, data.control_per_capita),
        ("model.family", model.family, spec.family),
        ("media scaling", model.media_scaling, spec.media_scaling),
        ("kind of KPI", old.kpi_type, data.kpi_type),
    ):
        if was != now:
            return f"the last accepted fit has other {what}"
    if not np.allclose(old.population, data.population, rtol=_SAME, atol=0):
        return "populations have changed"
    return None


def _too_far(kept: Scaling, today: Scaling, data: ModelData, limit: float) -> str | None:
    """Which constant of today's data lies too far from the kept one."""
    media = _relative(kept.media_scale, today.media_scale)
    if media.size and media.max() > limit:
        g, m = np.unravel_index(int(media.argmax()), media.shape)
        where = f"the media of {data.channels[m]} in {data.geos[g]}"
        return _words(where, float(media[g, m]), limit)
    spread = float(_relative(np.array([kept.kpi_sd]), np.array([today.kpi_sd])).max())
    level = abs(today.kpi_mean - kept.kpi_mean) / kept.kpi_sd
    if max(spread, level) > limit:
        return _words("the KPI", max(spread, level), limit)
    controls = np.maximum(
        _relative(kept.control_sd, today.control_sd),
        np.abs(today.control_mean - kept.control_mean) / kept.control_sd,
    )
    if controls.size and controls.max() > limit:
        k = int(controls.argmax())
        return _words(f"the control {data.controls[k]}", float(controls[k]), limit)
    return None


def _relative(kept: FloatArray, today: FloatArray) -> FloatArray:
    """The larger of the two over the smaller, less 1."""
    ratio = today / kept
    return np.asarray(np.maximum(ratio, 1 / ratio) - 1, dtype=np.float64)


def _words(what: str, found: float, limit: float) -> str:
    return f"the scale of {what} has changed by {found:.0%} (refresh.max_scale_change: {limit:.0%})"


def knots_at_their_dates(before: Posterior, data: ModelData) -> tuple[int, ...] | None:
    """The knots of an earlier fit as weeks of these data (`kept_knots`), all of them where the window is the same.

    Returns:
        None where there is no spacing to keep.
    """
    moved = int((before.data.dates[0] - data.dates[0]) // _WEEK)
    if not moved and len(before.data.dates) == len(data.dates):
        return before.spec.knots
    return kept_knots([knot + moved for knot in before.spec.knots], len(data.dates))
