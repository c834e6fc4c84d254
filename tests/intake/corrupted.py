"""From a file of bytes to what is explored: every stage that has no model in it, as the command line runs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.fingerprints import geo_fingerprints
from mmm_core.data.mapping import resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.errors import MMMError
from mmm_core.exploration.explore import explore
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.checks import check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.intake.geo import GeoIntake, prepare_geo
from mmm_core.quality.check import CheckResult
from mmm_core.quality.source_checks import check_source


@dataclass(frozen=True)
class Outcome:
    """What became of a file."""

    refused: str = ""
    """The sentence it was refused with."""
    blocking: tuple[CheckResult, ...] = ()
    """Checks that block."""
    data: ModelData | None = None
    """What would be fitted, if nothing blocks."""
    intakes: Mapping[str, GeoIntake] = field(default_factory=dict)
    """geo -> its stages, unless the file was refused before."""

    @property
    def says_why(self) -> bool:
        """Whether it passed, or a person is told in a sentence why not."""
        texts = [self.refused] if self.refused else [result.message for result in self.blocking]
        return self.data is not None or (bool(texts) and all(len(text) > 25 for text in texts))


def config_for(path: Path, **sections: Any) -> Config:
    """A configuration that reads this file."""
    ingest = {"path": str(path)} | sections.pop("ingest", {})
    return Config.model_validate({"ingest": ingest} | sections)


def outcome_of(config: Config) -> Outcome:
    """Run everything up to the exploration; errors that are not meant are not caught."""
    try:
        return _outcome(config)
    except MMMError as error:
        return Outcome(refused=str(error))


def _outcome(config: Config) -> Outcome:
    source = prepared_source(config)
    mapping = resolve_mapping(config, list(source.frame.columns), source.origin)
    geos = geo_fingerprints(source, mapping)
    found = check_source(source, mapping, config)
    intakes = {geo: prepare_geo(source, mapping, config, geo) for geo in geos}
    found += [result for intake in intakes.values() for results in intake.verdicts.values() for result in results]
    blocking = tuple(result for result in found if result.blocks)
    if blocking:
        return Outcome(blocking=blocking, intakes=intakes)
    frames = {geo: intake.features for geo, intake in intakes.items() if intake.features is not None}
    data = assemble_model_data(frames, mapping, config, source.content_hash)
    blocking = tuple(result for result in check_model_data(data, config) if result.blocks)
    if blocking:
        return Outcome(blocking=blocking, intakes=intakes)
    logs = [intake.cleaned.changes for intake in intakes.values() if intake.cleaned is not None]
    explore(data, pd.concat(logs), config).to_record()
    for values in (data.media, data.spend, data.control_values, data.population):
        assert np.isfinite(values).all()
    return Outcome(data=data, intakes=intakes)
