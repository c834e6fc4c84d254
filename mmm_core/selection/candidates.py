"""The models that are compared: the configuration, each with a few changes."""

import itertools
from dataclasses import dataclass
from typing import Any, Literal

from mmm_core.config.modeling import CandidateConfig
from mmm_core.config.schema import Config
from mmm_core.data.annual_terms import annual_pairs
from mmm_core.errors import SpecificationError
from mmm_core.features.held_out import truncate
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import get_backend
from mmm_core.model.specification import ModelSpec, build_spec
from mmm_core.selection.slices import with_seasonality

COMPARED_BY = "pymc"
"""The backend of the fits that are compared, whatever `model.backend` is: both fit the same specification, and
this one is much faster."""
_WEEKS_PER_KNOT = 13


@dataclass(frozen=True)
class Candidate:
    """A model in the choice."""

    name: str
    changes: CandidateConfig
    """What differs from the configuration."""

    def config(self, base: Config) -> Config:
        """The configuration with the changes."""
        return changed_config(base, self.changes)

    def data(self, base: Config, data: ModelData) -> ModelData:
        """The data with the seasonality of this candidate."""
        return seasonal_data(self.config(base), data)


def changed_config(base: Config, changes: CandidateConfig) -> Config:
    """The configuration with what a candidate changes; what it leaves out stays.

    Settings of single channels (`platform_overrides`, `channel_overrides`, `model.priors`) stay as well.
    """
    features = base.features
    saturation = features.saturation.model_copy(update=_given(slope=changes.slope, type=changes.saturation))
    adstock = features.adstock.model_copy(update=_given(type=changes.adstock))
    seasonality = features.seasonality.model_copy(update=_given(annual_fourier_order=changes.annual_fourier_order))
    parts = {"saturation": saturation, "adstock": adstock, "seasonality": seasonality}
    model = base.model.model_copy(
        update=_given(
            media_scaling=changes.media_scaling,
            knots=changes.knots,
            hill_before_adstock=changes.hill_before_adstock,
        )
    )
    return base.model_copy(update={"features": features.model_copy(update=parts), "model": model})


def seasonal_data(config: Config, data: ModelData) -> ModelData:
    """The data with the seasonal terms that the configuration asks for."""
    return with_seasonality(data, annual_pairs(config, len(data.dates)))


def candidates_of(config: Config, n_weeks: int) -> tuple[Candidate, ...]:
    """The configured candidates in their order, or the default ones.

    By default: slope free or fixed x both media scalings, with a knot per quarter unless knots are configured.
    All have the same baseline, because a baseline that predicts better need not attribute better.

    Args:
        config: `model.selection.candidates`, `model.knots`.
        n_weeks: weeks of the data.

    Raises:
        SpecificationError: only one candidate, which is no choice.
    """
    configured = config.model.selection.candidates
    if not configured:
        return _default_candidates(config, n_weeks)
    if len(configured) == 1:
        raise SpecificationError(
            f"model.selection.candidates has only {next(iter(configured))}; give at least two, each with at least "
            "one key, or none for the default ones."
        )
    return tuple(Candidate(name, changes) for name, changes in configured.items())


def _default_candidates(base: Config, n_weeks: int) -> tuple[Candidate, ...]:
    """The most general first: of models that predict alike, that one promises the least."""
    knots = max(2, round(n_weeks / _WEEKS_PER_KNOT)) if base.model.knots is None else None
    slopes: tuple[Literal["free", "fixed"], ...] = ("free", "fixed")
    scalings: tuple[Literal["geo_max", "pooled_median"], ...] = ("geo_max", "pooled_median")
    return tuple(
        Candidate(f"{slope} slope, {scaling}", CandidateConfig(slope=slope, media_scaling=scaling, knots=knots))
        for slope, scaling in itertools.product(slopes, scalings)
    )


def candidate_spec(candidate: Candidate, base: Config, data: ModelData, weeks: int) -> ModelSpec:
    """The specification of a candidate on the first weeks of the data.

    A number of knots counts for all weeks of the data and shrinks with them; dates of knots after the first
    weeks are left out.

    Args:
        candidate: which model.
        base: the configuration without its changes.
        data: all weeks, with this candidate's seasonality.
        weeks: how many of them are fitted.

    Raises:
        SpecificationError: impossible priors or knots, or a model that the comparison cannot fit; names the
            candidate.
    """
    config = candidate.config(base)
    before = truncate(data, weeks)
    knots = _knots_within(config.model.knots, data, weeks)
    config = config.model_copy(update={"model": config.model.model_copy(update={"knots": knots})})
    try:
        spec = build_spec(config, before)
    except SpecificationError as error:
        raise SpecificationError(f"model.selection.candidates, {candidate.name}: {error}") from error
    _refuse_unsupported(candidate, base, before, spec)
    return spec


def _refuse_unsupported(candidate: Candidate, base: Config, data: ModelData, spec: ModelSpec) -> None:
    """The comparison must be able to fit it, and afterwards one of the configured backends.

    Raises:
        SpecificationError: one of them is not; names the candidate and the reasons.
    """
    where = f"model.selection.candidates, {candidate.name}"
    reasons = get_backend(COMPARED_BY).unsupported(data, spec)
    if reasons:
        raise SpecificationError(
            f"{where}: candidates are compared with the {COMPARED_BY} backend, which cannot fit this one. "
            f"{' '.join(reasons)}"
        )
    final = [base.model.backend, *([] if base.model.fallback == "none" else [base.model.fallback])]
    refusals = [get_backend(name).unsupported(data, spec) for name in final]
    if all(refusals):
        raise SpecificationError(
            f"{where}: it could not be fitted after the choice by {' or '.join(final)} (model.backend, "
            f"model.fallback). {' '.join(refusals[0])}"
        )


def _knots_within(knots: Any, data: ModelData, weeks: int) -> Any:
    if isinstance(knots, int):
        return max(min(knots, 2), round(knots * weeks / len(data.dates)))
    if isinstance(knots, tuple) and weeks < len(data.dates):
        end = str(data.dates[weeks].astype("datetime64[D]"))
        return tuple(day for day in knots if day < end) or None
    return knots


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def chosen_model(base: Config, data: ModelData, changes: CandidateConfig) -> tuple[Config, ModelData]:
    """Configuration and data of the model that was chosen.

    Args:
        base: the configuration as given.
        data: the assembled data; its seasonality is replaced by the chosen one.
        changes: what the winner changes (`ModelChoice.changes`).
    """
    config = changed_config(base, changes)
    return config, seasonal_data(config, data)
