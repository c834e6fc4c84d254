import pytest

from mmm_core.config.data_checks import DATA_CHECKS, PROTECTED_CHECKS
from mmm_core.config.schema import Config
from mmm_core.features.checks import MODEL_DATA_CHECKS
from mmm_core.quality.check import CheckResult, require, with_severities
from mmm_core.quality.clean_checks import CLEAN_PANEL_CHECKS
from mmm_core.quality.feature_checks import FEATURE_CHECKS
from mmm_core.quality.raw_checks import RAW_PANEL_CHECKS
from mmm_core.quality.score import SCORE_CHECKS
from mmm_core.quality.source_checks import SOURCE_CHECKS

TABLES = (SOURCE_CHECKS, RAW_PANEL_CHECKS, SCORE_CHECKS, CLEAN_PANEL_CHECKS, FEATURE_CHECKS, MODEL_DATA_CHECKS)
FAILED = CheckResult("coverage", False, "error", "too short")


def config(**severities: str) -> Config:
    return Config.model_validate({"validation": {"severities": severities}})


def test_severity_of_a_check_is_configured() -> None:
    assert with_severities([FAILED], config()) == [FAILED]
    (lowered,) = with_severities([FAILED], config(coverage="warn"))
    assert (lowered.passed, lowered.blocks, lowered.message) == (False, False, "too short")
    warned = CheckResult("outliers", False, "warn", "")
    assert with_severities([warned], config(outliers="error"))[0].blocks
    assert with_severities([FAILED, warned], config(coverage="off")) == [warned]


@pytest.mark.parametrize("severity", ["warn", "off"])
def test_what_would_make_numbers_wrong_cannot_be_lowered(severity: str) -> None:
    broken = CheckResult("schema", False, "error", "")
    assert with_severities([broken], config(schema=severity)) == [broken]


def test_configuration_knows_the_name_of_every_check() -> None:
    made = {name for table in TABLES for name in table} | {"cleaning"}
    assert made == DATA_CHECKS
    assert made > PROTECTED_CHECKS


def test_every_blocking_check_is_named_at_once() -> None:
    with pytest.raises(Exception, match="2 blocking check") as refusal:
        require([FAILED, CheckResult("schema", False, "error", "text")], "raw_panel of geo A")
    assert "- coverage: too short" in str(refusal.value)
