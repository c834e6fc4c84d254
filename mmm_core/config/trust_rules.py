"""Rules about the checks of a fit."""

from collections.abc import Callable, Iterator

from mmm_core.config.keys import KeyPath, nearest
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config
from mmm_core.config.trust_checks import PROTECTED_TRUST_CHECKS, TRUST_CHECKS

_SEVERITIES: KeyPath = ("evaluation", "severities")
_CLAIMS: KeyPath = ("evaluation", "digital_checks")


def _severities(config: Config) -> Iterator[Problem]:
    """A misspelled check would be judged by its default, without a word."""
    for name, severity in config.evaluation.severities.items():
        if name not in TRUST_CHECKS:
            close = nearest(name, sorted(TRUST_CHECKS))
            hint = f" Did you mean {close}?" if close else ""
            message = f"no check of a fit is named {name!r}; allowed: {', '.join(sorted(TRUST_CHECKS))}.{hint}"
            yield Problem((*_SEVERITIES, name), message)
        elif name in PROTECTED_TRUST_CHECKS and severity != "error":
            message = (
                f"received {severity!r}; where {name} fails the numbers mean nothing, so it always rejects; "
                "remove the key and mend the fit."
            )
            yield Problem((*_SEVERITIES, name), message)


def _must_pass(config: Config) -> Iterator[Problem]:
    """A misspelled check would never fail."""
    for name in config.promotion.must_pass:
        if name not in TRUST_CHECKS:
            close = nearest(name, sorted(TRUST_CHECKS))
            hint = f" Did you mean {close}?" if close else ""
            message = f"no check of a fit is named {name!r}; allowed: {', '.join(sorted(TRUST_CHECKS))}.{hint}"
            yield Problem(("promotion", "must_pass"), message)


def _claims(config: Config) -> Iterator[Problem]:
    """Limits of a channel that claims nothing, or that nothing can keep."""
    found, claimed = config.evaluation.digital_checks, config.features.attribution.conversions
    for channel in found.channels:
        if channel not in claimed:
            close = nearest(channel, sorted(claimed))
            hint = f" Did you mean {close}?" if close else ""
            known = ", ".join(sorted(claimed)) or "none"
            message = (
                f"no claims of {channel!r} are in features.attribution.conversions; there are: {known}.{hint}"
            )
            yield Problem((*_CLAIMS, "channels", channel), message)
    pairs: list[tuple[KeyPath, float, float]] = [(_CLAIMS, found.min_ratio, found.max_ratio)]
    for channel, own in found.channels.items():
        low = found.min_ratio if own.min_ratio is None else own.min_ratio
        high = found.max_ratio if own.max_ratio is None else own.max_ratio
        pairs.append(((*_CLAIMS, "channels", channel), low, high))
    for path, low, high in pairs:
        if low >= high:
            yield Problem(path, f"min_ratio {low:g} is not below max_ratio {high:g}; lower it or raise max_ratio.")


TRUST_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (_severities, _claims, _must_pass)
