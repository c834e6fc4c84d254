"""What Meridian cannot fit, told before anything heavy is imported."""

from collections.abc import Iterator

from mmm_core.features.model_data import ModelData
from mmm_core.model.backends.meridian.groups import ChannelGroup, channel_groups
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.priors import Prior

_REMEDY = "set model.backend to pymc"
_ADSTOCK = ("geometric", "binomial")
_SATURATION = ("hill", "michaelis_menten", "none")


def unsupported_by_meridian(data: ModelData, spec: ModelSpec) -> tuple[str, ...]:
    """Why Meridian cannot fit this, one sentence per reason; empty if it can."""
    if spec.family == "robust_log":
        return (f"model.family is robust_log, which Meridian does not have; {_REMEDY}.",)
    reasons = [*_families(data, spec), *_channels(data), *_lift_tests(spec)]
    for group in channel_groups(data):
        reasons += [*_prior_types(data, spec, group), *_fixed_and_free(data, spec, group)]
    return tuple(reasons)


def _families(data: ModelData, spec: ModelSpec) -> Iterator[str]:
    adstock = [m for m, family in enumerate(spec.adstock) if family not in _ADSTOCK]
    if adstock:
        yield (
            f"features.adstock.type (or platform_overrides) is {spec.adstock[adstock[0]]} for "
            f"{_names(data, adstock)}, but Meridian only has geometric and binomial; {_REMEDY}."
        )
    saturation = [m for m, family in enumerate(spec.saturation) if family not in _SATURATION]
    if saturation:
        yield (
            f"features.saturation.type (or channel_overrides) is {spec.saturation[saturation[0]]} for "
            f"{_names(data, saturation)}, but Meridian only has hill, michaelis_menten (hill with slope 1) and "
            f"none; {_REMEDY}."
        )


def _channels(data: ModelData) -> Iterator[str]:
    if not data.paid_channels:
        yield f"data.channel_map has no paid channel, without which Meridian cannot fit; {_REMEDY}."


def _lift_tests(spec: ModelSpec) -> Iterator[str]:
    if spec.lift_tests:
        yield (
            f"calibration.use is likelihood (tests {', '.join(test.name for test in spec.lift_tests)}), which "
            f"Meridian does not have; set calibration.use to prior, or {_REMEDY}."
        )


def _prior_types(data: ModelData, spec: ModelSpec, group: ChannelGroup) -> Iterator[str]:
    """Several types of prior in a group, of which Meridian takes one."""
    types = group.prior_types(spec)
    if len(set(types)) > 1:
        named = ", ".join(f"{data.channels[m]}: {kind}" for m, kind in zip(group.channels, types, strict=True))
        yield (
            f"model.priors.channels.<channel>.type differs between {group.kind} channels ({named}), but Meridian "
            f"takes one type for all of them (mroi counts as roi where saturation is none); use one type, or "
            f"{_REMEDY}."
        )


def _fixed_and_free(data: ModelData, spec: ModelSpec, group: ChannelGroup) -> Iterator[str]:
    """A parameter that is fixed for some channels of a group and free for others."""
    parameters = (
        ("alpha", group.take(spec.alpha), "features.adstock.platform_overrides.<channel>.fixed"),
        ("ec", group.of_saturation(spec, spec.ec), "features.saturation.channel_overrides.<channel>.fixed"),
        ("slope", group.of_saturation(spec, spec.slope), "features.saturation.channel_overrides.<channel>.slope"),
        ("effect", group.take(spec.effect), "model.priors.channels.<channel>.effect"),
    )
    for name, priors, key in parameters:
        fixed = [m for m, prior in zip(group.channels, priors, strict=True) if _is_fixed(prior)]
        if 0 < len(fixed) < len(priors):
            yield (
                f"{key}: {name} is fixed for {_names(data, fixed)} and free for other {group.kind} channels, "
                f"which Meridian cannot fit; fix all or none of them, or {_REMEDY}."
            )


def _is_fixed(prior: Prior) -> bool:
    return prior.family == "deterministic"


def _names(data: ModelData, channels: list[int]) -> str:
    return ", ".join(data.channels[m] for m in channels)
