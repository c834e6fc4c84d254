"""An example's data from its source to the features of every geo, without Dagster."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmm_core.config.loading import load_config
from mmm_core.config.schema import Config
from mmm_core.data.mapping import ColumnMapping, geo_names, resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.data.sources.table import SourceTable
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.checks import check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.intake.geo import GeoIntake, prepare_geo
from mmm_core.quality.check import CheckResult
from mmm_core.quality.source_checks import check_source

EXAMPLES = Path(__file__).resolve().parents[2] / "config" / "examples"


@dataclass(frozen=True)
class Prepared:
    """Everything that becomes of a source before a fit."""

    config: Config
    source: SourceTable
    mapping: ColumnMapping
    source_checks: Mapping[str, CheckResult]
    geos: Mapping[str, GeoIntake]

    def cube(self) -> ModelData:
        """All geos together."""
        frames = {geo: intake.features for geo, intake in self.geos.items() if intake.features is not None}
        return assemble_model_data(frames, self.mapping, self.config, self.source.content_hash)

    def failed(self) -> dict[str, str]:
        """Check -> first message, of every check of the data that failed."""
        results = [*self.source_checks.values()]
        results += [r for intake in self.geos.values() for found in intake.verdicts.values() for r in found]
        results += check_model_data(self.cube(), self.config)
        return {result.name: result.message for result in reversed(results) if not result.passed}


def example(name: str, *overrides: str) -> Config:
    """The configuration of an example, whatever the environment says."""
    return load_config(EXAMPLES / f"{name}.yaml", None, overrides, environ={}).config


def changed(config: Config, **sections: Any) -> Config:
    """The configuration with other values of some sections' keys."""
    values = config.model_dump(mode="json", exclude_unset=True)
    return Config.model_validate(values | {name: values.get(name, {}) | new for name, new in sections.items()})


def prepared(config: Config) -> Prepared:
    """Take the source to the features of every geo."""
    source = prepared_source(config)
    mapping = resolve_mapping(config, [str(column) for column in source.frame.columns], source.origin)
    checks = {result.name: result for result in check_source(source, mapping, config)}
    geos = {geo: prepare_geo(source, mapping, config, geo) for geo in geo_names(source, mapping)}
    return Prepared(config, source, mapping, checks, geos)
