"""Meridian's view of the channels: three groups, each with its own parameters and one type of effect prior."""

from dataclasses import dataclass

from mmm_core.features.model_data import ChannelKind, ModelData
from mmm_core.model.model_spec import ModelSpec, PriorType
from mmm_core.model.priors import Prior

_ONE = Prior("deterministic", (1.0,))


@dataclass(frozen=True)
class ChannelGroup:
    """The channels of one kind, in the order of the data."""

    kind: ChannelKind
    suffix: str
    """Of Meridian's parameter names: `m`, `rf` or `om`."""
    dimension: str
    """Meridian's dimension of these channels."""
    channels: tuple[int, ...]
    """Their indices in `ModelData.channels`."""

    def prior_types(self, spec: ModelSpec) -> tuple[PriorType, ...]:
        """Type of each channel's effect prior as Meridian is told it.

        Where 1 % more media has 1 % more effect, mROI is ROI and is called that: reach and frequency
        (Meridian multiplies reach), and channels without saturation (for which Meridian 2.1 would compute
        mROI with a saturation nonetheless).
        """
        return tuple(
            "roi"
            if spec.prior_types[m] == "mroi" and (self.kind == "reach_frequency" or spec.saturation[m] == "none")
            else spec.prior_types[m]
            for m in self.channels
        )

    def take(self, priors: tuple[Prior, ...]) -> tuple[Prior, ...]:
        """The group's part of something that is per channel."""
        return tuple(priors[m] for m in self.channels)

    def of_saturation(self, spec: ModelSpec, priors: tuple[Prior, ...]) -> tuple[Prior, ...]:
        """The group's priors of a saturation parameter.

        A channel without saturation takes that of another channel, as Meridian has the parameter for every
        channel, and either all of them free or all fixed; nothing depends on it.
        """
        saturating = [priors[m] for m in self.channels if spec.saturation[m] != "none"]
        idle = saturating[0] if saturating else _ONE
        return tuple(idle if spec.saturation[m] == "none" else priors[m] for m in self.channels)


_GROUPS: tuple[tuple[ChannelKind, str, str], ...] = (
    ("media", "m", "media_channel"),
    ("reach_frequency", "rf", "rf_channel"),
    ("organic_media", "om", "organic_media_channel"),
)


def channel_groups(data: ModelData) -> tuple[ChannelGroup, ...]:
    """The groups that have channels."""
    every = (
        ChannelGroup(kind, suffix, dimension, tuple(m for m, of in enumerate(data.channel_kinds) if of == kind))
        for kind, suffix, dimension in _GROUPS
    )
    return tuple(group for group in every if group.channels)
