import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.quality.check import CheckResult
from mmm_core.quality.score import check_validation_score, quality_score


def result(name: str, passed: bool, severity: str = "error") -> CheckResult:
    return CheckResult(name, passed, "error" if severity == "error" else "warn", "")


outcomes = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.booleans()).map(
        lambda drawn: result(drawn[0], drawn[1], "error" if drawn[0] < "d" else "warn")
    )
)


@given(outcomes)
def test_lost_points_explain_the_score(results: list[CheckResult]) -> None:
    quality = quality_score(results)
    assert 0 <= quality.score + 1e-12 <= 1 + 1e-9
    assert sum(quality.lost.values()) == pytest.approx(1 - quality.score)
    assert set(quality.lost) == {item.name for item in results if not item.passed}
    assert list(quality.lost.values()) == sorted(quality.lost.values(), reverse=True)


def test_nothing_checked_and_everything_passed_score_one() -> None:
    assert quality_score([]).score == 1
    assert quality_score([result("a", True), result("b", True, "warn")]).score == 1


def test_errors_weigh_three_times_and_geos_share_a_check() -> None:
    results = [result("a", False), result("a", True), result("b", False, "warn")]
    quality = quality_score(results)
    assert quality.lost == pytest.approx({"a": 0.375, "b": 0.25})


def test_score_below_the_limit_blocks_and_says_what_cost_most() -> None:
    config = Config.model_validate({"validation": {"quality_thresholds": {"min_validation_score": 0.5}}})
    low = check_validation_score([result("coverage", False), result("b", True, "warn")], config)
    assert low.name == "validation_score"
    assert low.blocks
    assert "coverage 0.75" in low.message
    assert check_validation_score([result("coverage", True), result("b", False, "warn")], config).passed


def test_weights_are_configured_per_check() -> None:
    results = [result("a", False), result("b", True), result("c", False, "warn")]
    quality = quality_score(results, {"a": 0.0, "c": 7.0})
    assert quality.lost == pytest.approx({"c": 0.7})
    assert quality.score == pytest.approx(0.3)
    thresholds = {"min_validation_score": 0.5, "weights": {"coverage": 1, "outliers": 1}}
    settings = Config.model_validate({"validation": {"quality_thresholds": thresholds}})
    judged = check_validation_score([result("coverage", False), result("outliers", True, "warn")], settings)
    assert judged.passed
    assert judged.value == pytest.approx(0.5)
    assert judged.table == ({"check": "coverage", "points_lost": 0.5},)


@pytest.mark.parametrize(
    ("severity", "passed", "blocks"), [("error", False, True), ("warn", False, False), ("off", True, False)]
)
def test_severity_of_the_score_is_configured(severity: str, passed: bool, blocks: bool) -> None:
    settings = Config.model_validate({"validation": {"severities": {"validation_score": severity}}})
    judged = check_validation_score([result("coverage", False)], settings)
    assert (judged.passed, judged.blocks) == (passed, blocks)
