"""What the coverage study simulates from: panels of one size whose truth the default priors hold for plausible.

Per channel, drawn anew for each panel: ROI with a uniform logarithm between 0.4 and 4 (the central 80 % of the
default prior LogNormal(0.2, 0.9)), carry-over uniform in [0.1, 0.7], half saturation uniform in [0.5, 1.6] of the
channel's median week, Hill slope 1, and a spread of 0.3 over geos of the logarithm of its effect.  Baseline:
geo intercepts, a trend linear between quarterly knots, two annual harmonics, controls, normal noise worth 10 % of
the variance.  Media cause 35 % of the KPI.  Nothing is shared with the model's code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mmm_core.benchmark.datasets import for_any_data, model_data_of_source, simulated_contributions
from mmm_core.config.ingest import IngestConfig, SimulatorConfig
from mmm_core.config.mapping import DataConfig
from mmm_core.config.schema import Config
from mmm_core.config.validation import CoverageConfig, ValidationConfig
from mmm_core.data.presets import Preset
from mmm_core.data.simulator import simulate
from mmm_core.data.sources.simulated import simulated_source
from mmm_core.errors import ConfigError
from mmm_core.features.model_data import FloatArray, ModelData

_PLANNED = Preset(0, 0, 0, 0, geo_spread=0.3, flights=True, slopes=(1.0, 1.0), returns=(0.4, 4.0))
"""Sizes are those of the configuration."""
SCENARIOS: Mapping[str, Preset] = {
    "planned": _PLANNED,
    "unseen_demand": replace(_PLANNED, demand_share=0.12),
    "confounded": replace(_PLANNED, demand_share=0.12, demand_coupling=0.5),
    "s_shaped": replace(_PLANNED, slopes=(0.8, 1.8)),
}
"""Panels of the same number have the same geos, plans, baseline and noise draws in every scenario."""


@dataclass(frozen=True)
class CoveragePanel:
    """A simulated panel, as the model gets it, with its truth.  M channels."""

    data: ModelData
    config: Config
    """From which the model is built."""
    totals: FloatArray
    """(M,) true KPI units over all geos and weeks."""
    roi: FloatArray
    """(M,) true outcome per unit of spend."""


def coverage_panel(config: Config, scenario: str, number: int) -> CoveragePanel:
    """Simulate a panel.

    Args:
        config: its model and features, without what is said of single channels, geos and columns.
        scenario: one of `SCENARIOS`.
        number: from 0 on; with `benchmark.seed` the seed of the panel.

    Raises:
        ConfigError: no such scenario.
    """
    if scenario not in SCENARIOS:
        raise ConfigError(f"No coverage scenario is named {scenario!r}; choose from {', '.join(SCENARIOS)}.")
    settings = config.benchmark.coverage
    preset = replace(
        SCENARIOS[scenario],
        n_geos=settings.geos,
        n_weeks=settings.weeks,
        n_channels=settings.channels,
        n_controls=settings.controls,
    )
    simulator = SimulatorConfig.model_validate({**preset.sizes, "seed": config.benchmark.seed + number})
    made = for_any_data(config, IngestConfig(connector_priority=("simulator",), simulator=simulator), DataConfig())
    weeks = CoverageConfig(min_weeks_required=settings.weeks, preferred_weeks=settings.weeks)
    made = made.model_copy(update={"validation": ValidationConfig(coverage_frequency=weeks)})
    simulation = simulate(simulator, preset)
    data, _ = model_data_of_source(simulated_source(simulator, simulation), made)
    weekly = simulated_contributions(data, simulation.truth)
    outcome = np.einsum("gtm,gt->m", weekly, data.outcome_per_kpi)
    roi = np.asarray(outcome / data.spend.sum(axis=(0, 1)), dtype=np.float64)
    return CoveragePanel(data, made, weekly.sum(axis=(0, 1)), roi)
