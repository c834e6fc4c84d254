"""How likely a panel's weeks are under a fit, seen or not."""

import dataclasses
from collections.abc import Iterator

from mmm_core.errors import InputError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.noise import log_densities
from mmm_core.model.posterior import Posterior


def log_predictive_density(posterior: Posterior, data: ModelData | None = None) -> Iterator[FloatArray]:
    """One (S, T) array per geo: log density of each week's KPI given each draw.

    In KPI units (per KPI unit), so that fits with other scalings and families are comparable: a model's log
    score of a week is the log of the mean over draws of the density.  NaN where the KPI is not known.

    Args:
        posterior: the fit.
        data: a panel of the fit's geos, channels and controls that starts in the same week, for example
            the fitted one with further weeks (the trend stays flat after the last knot); None for the
            fitted one.

    Raises:
        InputError: the panel is not one that this fit can predict.
    """
    return log_densities(posterior if data is None else on_panel(posterior, data))


def on_panel(posterior: Posterior, data: ModelData) -> Posterior:
    """The same draws with other data, for the functions of `model.forward`.

    Raises:
        InputError: other geos, channels or controls, or another first week.
    """
    fitted = posterior.data
    for name in ("geos", "channels", "channel_kinds", "controls"):
        if getattr(data, name) != getattr(fitted, name):
            raise InputError(
                f"The fit has {name} {', '.join(getattr(fitted, name))}, the panel to predict has "
                f"{', '.join(getattr(data, name))}; they must be the same."
            )
    if data.dates[0] != fitted.dates[0]:
        raise InputError(
            f"The fit starts on {fitted.dates[0]}, the panel to predict on {data.dates[0]}; knots are counted "
            "from the first week, so both must start in the same one."
        )
    return dataclasses.replace(posterior, data=data)
