"""The page about checks says what the code does."""

import re
from pathlib import Path

import pytest

from mmm_core.cleaning.clean import clean_panel
from mmm_core.config.data_checks import DATA_CHECKS, PROTECTED_CHECKS
from mmm_core.config.keys import options_at
from mmm_core.config.schema import Config
from mmm_core.data.mapping import raw_panel, resolve_mapping
from mmm_core.data.sources.simulated import read_simulated
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.features.checks import MODEL_DATA_CHECKS, check_model_data
from mmm_core.quality.check import CheckResult
from mmm_core.quality.clean_checks import CLEAN_PANEL_CHECKS, check_clean_panel
from mmm_core.quality.feature_checks import FEATURE_CHECKS, check_features
from mmm_core.quality.raw_checks import RAW_PANEL_CHECKS, check_raw_panel
from mmm_core.quality.score import SCORE_CHECKS, check_validation_score
from mmm_core.quality.source_checks import SOURCE_CHECKS, check_source

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
TABLES = {
    "source_snapshot": SOURCE_CHECKS,
    "raw_panel": {**RAW_PANEL_CHECKS, **SCORE_CHECKS},
    "clean_panel": CLEAN_PANEL_CHECKS,
    "features": FEATURE_CHECKS,
    "model_data": MODEL_DATA_CHECKS,
}
TOP = ("features", "enhanced_cleaning", "ingest", "data", "model", "validation")


def rows_of(asset: str) -> list[list[str]]:
    """Cells of the table of one asset, header left out."""
    section = PAGE.split(f"\n## `{asset}`")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def without_keys(text: str) -> str:
    """The code's description less a key in brackets, which has a column of its own."""
    return re.sub(r" \([a-z_]+\.[^)]*\)", "", text)


@pytest.fixture(scope="module")
def results() -> dict[str, list[CheckResult]]:
    config = Config.model_validate(
        {"ingest": {"connector_priority": ["simulator"]}, "features": {"seasonality": {"annual_fourier_order": 1}}}
    )
    source = read_simulated(config.ingest.simulator.model_copy(update={"n_geos": 3, "n_weeks": 104}))
    mapping = resolve_mapping(config, list(source.frame.columns), source.origin)
    raws = {geo: raw_panel(source, mapping, geo) for geo in dict.fromkeys(source.frame["geo"])}
    cleans = {geo: clean_panel(raw, mapping, config).panel for geo, raw in raws.items()}
    features = {geo: build_features(panel, config) for geo, panel in cleans.items()}
    first = next(iter(raws))
    raw = check_raw_panel(raws[first], mapping, config, source.origin)
    return {
        "source_snapshot": check_source(source, mapping, config),
        "raw_panel": [*raw, check_validation_score(raw, config)],
        "clean_panel": check_clean_panel(cleans[first], config),
        "features": check_features(features[first], config),
        "model_data": check_model_data(assemble_model_data(features, mapping, config, "version"), config),
    }


@pytest.mark.parametrize("asset", TABLES)
def test_every_check_is_on_the_page_in_its_order_and_words(asset: str) -> None:
    written = [(row[0].strip("`"), row[1]) for row in rows_of(asset)]
    assert written == [(name, without_keys(text)) for name, text in TABLES[asset].items()]


@pytest.mark.parametrize("asset", TABLES)
def test_default_severities_on_the_page_are_those_of_the_code(
    asset: str, results: dict[str, list[CheckResult]]
) -> None:
    written = {row[0].strip("`"): row[2] for row in rows_of(asset)}
    words = {"error": "blocks", "warn": "informs"}
    assert {name: text.split(",")[0] for name, text in written.items()} == {
        result.name: words[result.severity] for result in results[asset]
    }
    assert {name for name, text in written.items() if text.endswith("always")} == PROTECTED_CHECKS & set(written)


def test_the_page_has_every_name_that_severities_may_use() -> None:
    names = {row[0].strip("`") for asset in TABLES for row in rows_of(asset)}
    last = PAGE.split("## In the validation report only")[1]
    assert names | set(re.findall(r"^`(\w+)`", last.strip(), re.MULTILINE)) == DATA_CHECKS


def test_every_limit_on_the_page_is_a_key() -> None:
    keys = {key for asset in TABLES for row in rows_of(asset) for key in re.findall(r"`([^`]+)`", row[3])}
    paths = {key: tuple((key if key.split(".")[0] in TOP else f"validation.{key}").split(".")) for key in keys}
    assert len(paths) > 15
    assert [key for key, path in paths.items() if not options_at(path)] == []


@pytest.mark.parametrize("asset", TABLES)
def test_keys_that_the_code_names_are_in_the_column_of_limits(asset: str) -> None:
    limits = {row[0].strip("`"): row[3] for row in rows_of(asset)}
    for name, text in TABLES[asset].items():
        for key in re.findall(r" \(([a-z_]+\.[a-z_.]+)", text):
            assert key.rsplit(".", 1)[-1] in limits[name]
