"""What the calibration of the benchmark simulates from: a small panel, and priors that it can tell from others."""

import dataclasses

from mmm_core.benchmark.datasets import for_any_data, model_data_of
from mmm_core.config.ingest import IngestConfig, SimulatorConfig
from mmm_core.config.mapping import DataConfig
from mmm_core.config.schema import Config
from mmm_core.config.validation import CoverageConfig, ValidationConfig
from mmm_core.errors import SpecificationError
from mmm_core.features.model_data import ModelData
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import Scaling, fit_scaling
from mmm_core.model.specification import build_spec

_WEEKS = 26
_SIZE = {"n_geos": 3, "n_weeks": _WEEKS, "n_channels": 2, "n_controls": 1}


def calibration_case(config: Config) -> tuple[ModelData, ModelSpec, Scaling]:
    """A simulated panel of 3 geos, 26 weeks, 2 channels and a control, and the configured model for it.

    Args:
        config: `features` and `model` without what is said of single channels, geos, seasons and knots; the
            priors of baseline, controls, spreads and noise are those of `narrow`.

    Raises:
        SpecificationError: the family is not `gaussian`, or the configured model is impossible.
    """
    if config.model.family != "gaussian":
        raise SpecificationError(
            f"model.family is {config.model.family}, but only gaussian can be calibrated by simulation; add "
            "--set model.family=gaussian."
        )
    simulator = SimulatorConfig.model_validate({**_SIZE, "seed": config.benchmark.seed})
    ingest = IngestConfig(connector_priority=("simulator",), simulator=simulator)
    general = for_any_data(config, ingest, DataConfig())
    coverage = CoverageConfig(min_weeks_required=_WEEKS, preferred_weeks=_WEEKS)
    seasons = type(config.features.seasonality)(annual_fourier_order=0)
    made = general.model_copy(
        update={
            "validation": ValidationConfig(coverage_frequency=coverage),
            "features": general.features.model_copy(update={"seasonality": seasons}),
            "model": general.model.model_copy(update={"knots": None}),
        }
    )
    data = with_plain_money(model_data_of(made)[0])
    spec = narrow(build_spec(made, data), len(data.dates))
    return data, spec, fit_scaling(data, spec.media_scaling)


def with_plain_money(data: ModelData) -> ModelData:
    """The panel in a currency in which a return of 1 is an effect of 1 sd of the KPI per head and week."""
    kpi_sd = (data.kpi / data.population[:, None])[data.observed].std()
    worth = kpi_sd * (data.population[:, None] * data.outcome_per_kpi).sum()
    spend = data.spend / data.spend.sum(axis=(0, 1)).clip(1e-9) * worth
    return dataclasses.replace(data, spend=spend)


def narrow(spec: ModelSpec, n_weeks: int) -> ModelSpec:
    """The model with priors that data of half a year tell something about.

    Args:
        spec: the model; its priors of carry-over, saturation and effects stay.
        n_weeks: of the panel; a knot at each end.
    """
    return dataclasses.replace(
        spec,
        knots=(0, n_weeks - 1),
        knot_values=Prior("normal", (0.0, 1.0)),
        tau=Prior("normal", (0.0, 1.0)),
        gamma=Prior("normal", (0.0, 0.5)),
        xi=Prior("half_normal", (0.3,)),
        sigma=Prior("half_normal", (0.5,)),
        eta=Prior("half_normal", (0.5,)),
    )
