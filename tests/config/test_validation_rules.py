"""Rules about the section `validation`."""

from pathlib import Path

import pytest

from mmm_core.errors import ConfigError
from tests.config_files import load_text

TOLERANCE = "validation: {value_sanity: {metric_tolerance: "
CHANNELS = "data: {date_col: d, revenue_col: r, channel_map: {tv: tv_cost}}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("validation: {severities: {coverge: warn}}", "Did you mean coverage"),
        ("validation: {severities: {schema: warn}}", "always blocks"),
        ("validation: {severities: {currency: 'off'}}", "always blocks"),
        ("validation: {severities: {coverage: fatal}}", "received 'fatal'"),
        ("validation: {quality_thresholds: {weights: {convergence: 2}}}", "no check of data is named"),
        ("validation: {quality_thresholds: {weights: {coverage: -2}}}", "0 or more"),
        ("validation: {quality_thresholds: {weights: {validation_score: 2}}}", "is what the weights make"),
        (CHANNELS + TOLERANCE + "{cpm: {tv: [5, 2]}}}}", "0 <= low < high"),
        (CHANNELS + TOLERANCE + "{cpc: {tv: [-1, 2]}}}}", "0 <= low < high"),
        (CHANNELS + TOLERANCE + "{cpm: {tv: [1, 2]}, cpc: {tv: [1, 2]}}}}", "one media unit"),
        (CHANNELS + TOLERANCE + "{cpm: {radio: [1, 2]}}}}", "no channel is named 'radio'"),
    ],
)
def test_slip_is_refused_with_its_key_and_what_is_allowed(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load_text(tmp_path, text)
    assert "validation." in str(refusal.value)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "validation: {severities: {coverage: warn, outliers: error, geo_ranges: 'off', schema: error}}",
        "validation: {quality_thresholds: {weights: {coverage: 0, schema: 2.5}}}",
        CHANNELS.replace("tv_cost", "{spend: tv_cost, media: views}") + TOLERANCE + "{cpm: {tv: [0, 2]}}}}",
    ],
)
def test_what_is_meant_is_accepted(tmp_path: Path, text: str) -> None:
    load_text(tmp_path, text)
