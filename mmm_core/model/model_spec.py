"""What is fitted, whoever fits it (the formulas are in docs/statistics.md)."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mmm_core.features.model_data import ModelData
from mmm_core.model.lift_test import LiftTest
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling, fit_scaling

AdstockFamily = Literal["geometric", "binomial", "delayed", "weibull"]
SaturationFamily = Literal["hill", "logistic", "michaelis_menten", "none"]
PriorType = Literal["roi", "mroi", "contribution", "coefficient"]


@dataclass(frozen=True)
class ModelSpec:
    """A hierarchical media mix model.  M channels (paid first, then organic), K controls.

    What is per channel comes in tuples of M.  `knot_values`, `tau` (geo intercepts) and `gamma` (control
    effects) have normal priors, so they can be integrated out; `xi` is the spread of control effects over
    geos.  In a national model `media_effects` is `normal`, `eta` and `xi` are 0 and there is no `tau`.
    """

    channels: tuple[str, ...]
    controls: tuple[str, ...]
    adstock: tuple[AdstockFamily, ...]
    saturation: tuple[SaturationFamily, ...]
    max_lag_weeks: int
    media_scaling: Literal["pooled_median", "geo_max"]
    knots: tuple[int, ...]
    """Week indices (0-based, ascending) of the baseline's knots."""
    unique_sigma_for_each_geo: bool
    alpha: tuple[Prior, ...]
    """Decay, in [0, 1]."""
    ec: tuple[Prior, ...]
    """Half-saturation in units of scaled media (of frequency for `reach_frequency`); `deterministic` 1 and
    without meaning where saturation is `none`."""
    slope: tuple[Prior, ...]
    """Exponent of the Hill curve; `deterministic` 1 for every other saturation."""
    prior_types: tuple[PriorType, ...]
    """What `effect` is a prior of."""
    effect: tuple[Prior, ...]
    """ROI, mROI, share of the total outcome, or `beta_m`, as `prior_types` says; without meaning for the
    family `robust_log`, whose effects share `sigma_beta`."""
    lag_shape: tuple[Prior, ...] = ()
    """Second adstock parameter, `theta_m`: the peak in weeks (`delayed`), the shape (`weibull`);
    `deterministic` 0 for the others.  Left out: that."""
    hill_before_adstock: bool = False
    """For all channels; `reach_frequency` saturates frequency before adstock in any case."""
    media_effects: Literal["log_normal", "normal"] = "log_normal"
    """Distribution of effects over geos: `beta_gm = exp(beta_m + eta_m z_gm)` or `beta_m + eta_m z_gm`."""
    family: Literal["gaussian", "robust_log"] = "gaussian"
    """`robust_log`: Student-T noise on log(KPI + 1); see `docs/statistics.md`."""
    eta: Prior = Prior("half_normal", (1.0,))
    knot_values: Prior = Prior("normal", (0.0, 5.0))
    tau: Prior = Prior("normal", (0.0, 5.0))
    gamma: Prior = Prior("normal", (0.0, 5.0))
    xi: Prior = Prior("half_normal", (5.0,))
    sigma: Prior = Prior("half_normal", (5.0,))
    nu: Prior = Prior("exponential", (0.1,))
    """Degrees of freedom of the noise; only for `robust_log`."""
    sigma_beta: Prior = Prior("half_normal", (0.5,))
    """Common scale of the half-normal media effects; only for `robust_log`."""
    lift_tests: tuple[LiftTest, ...] = ()
    """Experiments that the model's counterfactual has to agree with (pymc only)."""
    scaling: Scaling | None = dataclasses.field(default=None, compare=False)
    """Constants kept from an earlier fit of the same geos, channels and controls; None: those of the data.  Not
    part of the text, as a posterior has its constants anyway."""

    def __post_init__(self) -> None:
        """Fill what was left out."""
        if not self.lag_shape:
            object.__setattr__(self, "lag_shape", (Prior("deterministic", (0.0,)),) * len(self.channels))

    def scaling_for(self, data: ModelData) -> Scaling:
        """The constants that a fit to these data uses.

        Raises:
            SpecificationError: the data have none of their own (`fit_scaling`).
        """
        return fit_scaling(data, self.media_scaling, self.family) if self.scaling is None else self.scaling

    def to_json(self) -> str:
        """The specification as JSON text, without `scaling`."""
        names = [field.name for field in dataclasses.fields(self) if field.name != "scaling"]
        return json.dumps({name: _plain(getattr(self, name)) for name in names})

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Inverse of `to_json`."""
        return cls(**{name: _restored(value) for name, value in json.loads(text).items()})


def _plain(value: Any) -> Any:
    if isinstance(value, Prior | LiftTest):
        return value.to_json()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _restored(value: Any) -> Any:
    if isinstance(value, Mapping):
        return LiftTest.from_json(value) if "measured" in value else Prior.from_json(value)
    return tuple(_restored(item) for item in value) if isinstance(value, list) else value
