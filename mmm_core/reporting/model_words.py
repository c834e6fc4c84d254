"""The fitted model in plain sentences."""

from collections.abc import Iterator, Sequence

from mmm_core.features.model_data import ModelData
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import Posterior
from mmm_core.reporting.formats import counted, fixed, listed

_ADSTOCK = {
    "geometric": "fades by the same share every week",
    "binomial": "fades along a binomial curve, to nothing after the last week",
    "delayed": "peaks some weeks later and then fades",
    "weibull": "fades along a Weibull curve, first fast or first slowly",
}
_SATURATION = {
    "hill": "along a Hill curve",
    "logistic": "along a logistic curve",
    "michaelis_menten": "along a Michaelis–Menten curve",
    "none": "not at all: twice the media brings twice the effect",
}
_PRIORS = {
    "roi": "its return on investment (ROI)",
    "mroi": "the return of its next 1% of spend (marginal ROI)",
    "contribution": "the share of the total outcome that it brings",
    "coefficient": "its effect at full saturation, in standard deviations of the KPI",
}


def model_in_words(posterior: Posterior) -> tuple[str, ...]:
    """What was assumed, one sentence per choice: family, effects, priors, carry-over, saturation, gaps."""
    spec, data = posterior.spec, posterior.data
    return (*_family(spec), *_effects(spec, data), *_priors(spec), *_media(spec, data), *_gaps(data))


def _family(spec: ModelSpec) -> Iterator[str]:
    if spec.family == "robust_log":
        yield (
            "The model explains the logarithm of KPI + 1, with Student-T noise, so that single extreme weeks move "
            "it little. Effects multiply each other; contributions share out what they bring together, so that "
            "they add up to the fitted KPI."
        )
        yield (
            "Response curves and budgets change one channel at a time at the observed level of everything else, "
            "so they leave out that channels strengthen each other."
        )
        return
    yield (
        "Each week's KPI is a baseline plus the effects of media and controls plus normal noise, "
        + ("of a size of its own in each geo." if spec.unique_sigma_for_each_geo else "of one size per capita.")
    )


def _effects(spec: ModelSpec, data: ModelData) -> Iterator[str]:
    if spec.family == "robust_log":
        yield "Media effects are not negative and the same in all geos."
    elif data.is_national:
        yield "There is one geo, so effects do not differ by geo."
    elif spec.media_effects == "log_normal":
        yield "Media effects are positive and differ by geo around a common value."
    else:
        yield "Media effects differ by geo around a common value and may be negative."


def _priors(spec: ModelSpec) -> Iterator[str]:
    if spec.family == "robust_log":
        yield "Media effects share one scale, which the data set, so weak channels are drawn towards zero."
        return
    for kind, words in _PRIORS.items():
        channels = [name for name, found in zip(spec.channels, spec.prior_types, strict=True) if found == kind]
        if channels:
            yield f"What is believed beforehand about {listed(channels)} is {words}."


def _media(spec: ModelSpec, data: ModelData) -> Iterator[str]:
    for family, channels in _groups(spec.channels, spec.adstock):
        span = counted(spec.max_lag_weeks, "week")
        yield f"The effect of {listed(channels)} {_ADSTOCK[family]}, over {span} at most."
    for family, channels in _groups(spec.channels, spec.saturation):
        yield f"The effect of {listed(channels)} saturates {_SATURATION[family]}."
    if spec.hill_before_adstock:
        yield "Each week's media saturates on its own, before it carries over."
    if reach := _of_kind(data, "reach_frequency"):
        yield (
            f"For {listed(reach)}, frequency saturates and reach does not, so more spend is taken as more reach "
            "at the same frequency."
        )
    if organic := _of_kind(data, "organic_media"):
        yield f"{listed(organic)} cost nothing: contributions are known, returns and budgets do not apply."
    treatments = [
        name for name, role in zip(data.controls, data.control_roles, strict=True) if role == "non_media_treatment"
    ]
    if treatments:
        yield f"The contribution of {listed(treatments)} counts from the smallest value observed."


def _gaps(data: ModelData) -> Iterator[str]:
    if data.lead_media.shape[1]:
        lead = counted(data.lead_media.shape[1], "week")
        yield f"Media of the {lead} before the window carries over into it; its spend does not count."
    if unknown := int((data.present & ~data.observed).sum()):
        every = fixed(float(data.present.sum()), 0)
        yield f"{fixed(unknown, 0)} of {every} weekly KPI values are not known; none was made up."
    partial = [geo for geo, present in zip(data.geos, data.present, strict=True) if not present.all()]
    if partial:
        yield f"{listed(partial)} {'covers' if len(partial) == 1 else 'cover'} only a part of the window."


def _groups(channels: Sequence[str], families: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each family with its channels, in order of appearance."""
    for family in dict.fromkeys(families):
        yield family, [name for name, found in zip(channels, families, strict=True) if found == family]


def _of_kind(data: ModelData, kind: str) -> list[str]:
    return [name for name, found in zip(data.channels, data.channel_kinds, strict=True) if found == kind]
