"""What the PyMC backend cannot fit, found without a heavy import."""

from mmm_core.features.model_data import ModelData
from mmm_core.model.specification import ModelSpec


def unsupported_reasons(data: ModelData, spec: ModelSpec) -> tuple[str, ...]:
    """One sentence per reason; empty if it can (see `Backend.unsupported`)."""
    used = {
        "knot_values": True,
        "tau": not data.is_national,
        "gamma": bool(data.controls),
    }
    refused = tuple(
        f"The prior of {name} (model.priors.{name}) is {getattr(spec, name).family}; the pymc backend integrates "
        f"linear coefficients out, which needs a normal prior. Make it normal or use model.backend: meridian."
        for name, is_used in used.items()
        if is_used and getattr(spec, name).family != "normal"
    )
    if spec.family != "robust_log" or not spec.lift_tests:
        return refused
    return (
        *refused,
        "calibration.use is likelihood, but in the family robust_log a change of media has no size in KPI units "
        "of its own; set calibration.use to off, or model.family to gaussian.",
    )
