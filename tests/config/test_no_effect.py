"""A setting that would have no effect is refused, by its key."""

from pathlib import Path

import pytest

from mmm_core.config.keys import all_keys, dotted
from mmm_core.config.loading import load_config
from mmm_core.config.switches import SWITCHES, without_effect
from mmm_core.errors import ConfigError
from tests.config_files import load_text

DATA = (
    "data: {date_col: d, keys: [g], kpi_col: k, channel_map: {tv: tv_cost}, controls: [promo], "
    "currency_col: cur}\n"
)
CASES = {
    "enhanced_cleaning: {outliers: {promo_columns: [promo]}}": "promo_columns: has no effect while",
    "enhanced_cleaning: {outliers: {policy: flag, exempt_promo_periods: false, promo_columns: [promo]}}": (
        "outliers.promo_columns: has no effect while exempt_promo_periods is false"
    ),
    "enhanced_cleaning: {duplicates: {policy: drop_identical, identical_rows: keep}}": (
        "duplicates.identical_rows: has no effect while the policy is drop_identical"
    ),
    "enhanced_cleaning: {duplicates: {rules: {k: max}}}": "rules: has no effect while the policy is refuse",
    "enhanced_cleaning: {currency: {rates: {EUR: 1.1}}}": "rates: has no effect while the policy is refuse",
    "enhanced_cleaning: {currency: {rate_col: fx}}": "currency.rate_col: has no effect while the policy is refuse",
    "features: {holidays: {names: [Easter]}}": "features.holidays.names: has no effect without holidays",
    "features: {creative_fatigue: {enabled: true, age_cols: {tv: k}}}": "age_cols.tv: k is the KPI",
    "features: {event_cols: [g]}": "features.event_cols[0]: g says whose row it is",
    "validation: {value_sanity: {metric_tolerance: {cpc: {tv: [1, 2]}}}}": "cpc.tv: has no effect",
    "ingest: {format: {encoding: base64}}": "ingest.format.encoding: received 'base64'",
}


@pytest.mark.parametrize("text", CASES)
def test_what_has_no_effect_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_text(tmp_path, DATA + text)
    assert CASES[text] in str(refused.value)


def test_what_is_set_beside_a_switch_that_is_off_is_found(tmp_path: Path) -> None:
    text = (
        "promotion: {enabled: false, draws: 500}\n"
        "model: {selection: {enabled: false, draws: 100}}\n"
        "training: {rolling_splits: {splits: 3}, draws: 500}\n"
        "calibration: {use: likelihood, planner: {weeks: 6}}\n"
        "data: {kpi_col: k, channel_map: {tv: s}, max_excluded_share: 0.2}\n"
        "alerts: {kinds: [drift]}\n"
    )
    path = tmp_path / "project.yaml"
    path.write_text(text, encoding="utf-8")
    assert without_effect(load_config(path, environ={})) == {
        "promotion.draws": "promotion.enabled: true",
        "model.selection.draws": "model.selection.enabled: true",
        "calibration.planner.weeks": "calibration.planner.enabled: true",
        "calibration.use": "calibration.experiments",
        "training.rolling_splits.splits": "evaluation.validation_strategies.temporal: true",
        "data.max_excluded_share": "data.on_bad_geo: exclude",
        "alerts.kinds": "alerts.webhook or alerts.email",
    }
    on = (
        "promotion.enabled=true",
        "model.selection.enabled=true",
        "calibration.planner.enabled=true",
        "calibration.experiments=lift.csv",
        "evaluation.validation_strategies.temporal=true",
        "data.on_bad_geo=exclude",
        "alerts.webhook.url=${HOOK}",
    )
    assert without_effect(load_config(path, None, on, {"HOOK": "https://hook.example.com"})) == {}


def test_every_switch_is_about_keys_that_there_are() -> None:
    known = {dotted(path) for path in all_keys()}
    for switch in SWITCHES:
        for part in switch.keys:
            assert part.rstrip(".") in known, part
