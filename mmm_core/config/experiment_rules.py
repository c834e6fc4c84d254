"""Rules about the use of experiments."""

from collections.abc import Callable, Iterator

from mmm_core.config.keys import KeyPath
from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

_USE: KeyPath = ("calibration", "use")
_FAMILY: KeyPath = ("model", "family")


def _family_has_returns(config: Config) -> Iterator[Problem]:
    calibration = config.calibration
    if calibration.experiments is None or calibration.use == "off" or config.model.family != "robust_log":
        return
    message = (
        f"received {calibration.use!r}, but media effects of the family robust_log have no prior of their own and "
        "no size in KPI units; set it to off, or model.family to gaussian."
    )
    yield Problem(_USE, message, (_FAMILY,))


def _likelihood_needs_pymc(config: Config) -> Iterator[Problem]:
    calibration, model = config.calibration, config.model
    if calibration.experiments is None or calibration.use != "likelihood" or model.backend != "meridian":
        return
    if model.fallback == "none":
        message = (
            "received 'likelihood', which only the pymc backend has; set model.backend to pymc, or use `prior`."
        )
        yield Problem(_USE, message, (("model", "backend"),))


EXPERIMENT_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (
    _family_has_returns,
    _likelihood_needs_pymc,
)
