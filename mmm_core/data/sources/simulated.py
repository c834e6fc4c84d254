"""The simulator as a source."""

import hashlib

from mmm_core.config.ingest import SimulatorConfig
from mmm_core.data.panel import SOURCE_ROW
from mmm_core.data.simulator import Simulation, simulate
from mmm_core.data.sources.table import SourceTable


def read_simulated(settings: SimulatorConfig) -> SourceTable:
    """Simulate a panel; its columns are a layout that needs no mapping.

    Raises:
        ConfigError: `start_date` is no Monday in ISO form.
    """
    return simulated_source(settings, simulate(settings))


def simulated_source(settings: SimulatorConfig, simulation: Simulation) -> SourceTable:
    """A panel that is simulated already.

    Args:
        settings: what it was made with.
        simulation: the panel and its truth.
    """
    content = settings.model_dump_json() + "\n" + simulation.frame.to_csv(index=False, lineterminator="\n")
    rows = range(2, len(simulation.frame) + 2)
    return SourceTable(
        frame=simulation.frame.assign(**{SOURCE_ROW: rows}),
        origin=f"simulator ({settings.preset + ', ' if settings.preset else ''}seed {settings.seed})",
        content_hash=hashlib.sha256(content.encode()).hexdigest(),
        truth=simulation.truth,
    )
