"""Reading the source with the first connector that is configured."""

from mmm_core.config.schema import Config
from mmm_core.data.sources.file import read_file
from mmm_core.data.sources.simulated import read_simulated
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError

__all__ = ["SourceTable", "read_source"]


def read_source(config: Config) -> SourceTable:
    """Read the source data.

    Connectors are tried in the order of `ingest.connector_priority`.  One that is not configured is passed
    over (`file` without `ingest.path`); one that is configured and fails is an error: no other data is
    taken silently in its place.

    Raises:
        ConfigError: no connector is configured.
        DataError: the source is missing, unreachable, empty or not a table.
    """
    ingest = config.ingest
    for connector in ingest.connector_priority:
        if connector == "file" and ingest.path is not None:
            return read_file(ingest.path, config.data)
        if connector == "simulator":
            return read_simulated(ingest.simulator)
    raise ConfigError(
        "No data source is configured: set ingest.path to a CSV or Parquet file, or add simulator to "
        "ingest.connector_priority."
    )
