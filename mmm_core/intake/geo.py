"""One geo from the rows of the source to its features, with every verdict on the way."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from mmm_core.cleaning.clean import CleanedPanel
from mmm_core.config.schema import Config
from mmm_core.data.mapping import ColumnMapping, raw_panel
from mmm_core.data.panel import GEO
from mmm_core.data.sources.table import SourceTable
from mmm_core.features.build import build_features
from mmm_core.intake.report import CLEAN, RAW, Begins, GeoReport, judge, report_of
from mmm_core.quality.check import CheckResult
from mmm_core.quality.feature_checks import check_features

FEATURES = "features"


@dataclass(frozen=True)
class GeoIntake:
    """What became of one geo's rows."""

    raw: pd.DataFrame
    """Its rows under the panel's names."""
    verdicts: Mapping[str, tuple[CheckResult, ...]]
    """`raw_panel` (quality score included), then `clean_panel` and `features` as far as it came."""
    report: GeoReport
    """The verdicts with the score."""
    cleaned: CleanedPanel | None
    """None if the rows block, or cleaning refuses them."""
    features: pd.DataFrame | None
    """None if the clean panel blocks."""

    @property
    def blocked(self) -> bool:
        """Whether the geo must not reach the model."""
        return any(result.blocks for results in self.verdicts.values() for result in results)


def prepare_geo(source: SourceTable, mapping: ColumnMapping, config: Config, geo: str) -> GeoIntake:
    """Take one geo from its rows to its features; stops where a check blocks, and says so in the verdicts.

    Args:
        source: the prepared source.
        mapping: resolved for it.
        config: the project's.
        geo: one of `mapping.geo_names`.

    Raises:
        DataError: there is no such geo, or a feature's column is impossible.
        ConfigError: a setting of cleaning or features is wrong.
    """
    return prepare_rows(raw_panel(source, mapping, geo), mapping, config, source.origin)


def prepare_rows(
    raw: pd.DataFrame,
    mapping: ColumnMapping,
    config: Config,
    origin: str,
    begins: Begins = lambda stage: None,
) -> GeoIntake:
    """Take one geo's rows, already under the panel's names, to its features; see `prepare_geo`.

    Args:
        raw: of one geo (`mapping.raw_panel`), at least one row.
        mapping: which columns there are.
        config: the project's.
        origin: name of the source.
        begins: told of `RAW`, `CLEAN` and `FEATURES`, as far as it comes.

    Raises:
        DataError: a feature's column is impossible.
        ConfigError: a setting of cleaning or features is wrong.
    """
    rows, cleaned, clean = judge(raw, mapping, config, origin, begins)
    verdicts = {RAW: tuple(rows)} | ({CLEAN: tuple(clean)} if clean else {})
    features = None
    if cleaned is not None and not any(result.blocks for result in clean):
        begins(FEATURES)
        features = build_features(cleaned.panel, config)
        verdicts[FEATURES] = tuple(check_features(features, config))
    return GeoIntake(raw, verdicts, report_of(str(raw[GEO].iloc[0]), origin, verdicts, config), cleaned, features)
