"""One verdict from all checks of a fit."""

import json

import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import GateError, StorageError
from mmm_core.evaluation.verdict import Verdict, require_accepted, verdict
from mmm_core.quality.check import CheckResult, with_trust_severities

FINE = CheckResult("rhat", True, "error", "All fine.")
BLOCKING = CheckResult("ess", False, "error", "Too few draws; raise training.draws.")
WARNING = CheckResult("mape", False, "warn", "Far off; add controls.")


def test_a_fit_that_passes_everything_is_accepted() -> None:
    assert verdict("v1", {"convergence": [FINE], "fit": []}).level == "accepted"


def test_a_warning_is_told_but_does_not_reject() -> None:
    found = verdict("v1", {"convergence": [FINE], "fit": [WARNING]})
    assert found.level == "accepted_with_warnings"
    require_accepted(found, "v1")
    assert "add controls" in found.sentence


def test_a_blocking_check_rejects_and_says_why() -> None:
    found = verdict("v1", {"fit": [WARNING], "convergence": [BLOCKING]})
    assert found.level == "rejected"
    assert [reason.check for reason in found.reasons] == ["ess", "mape"]
    with pytest.raises(GateError, match=r"(?s)rejected after 2 checks.*raise training\.draws"):
        require_accepted(found, "v1")


def test_a_verdict_on_another_fit_is_refused() -> None:
    with pytest.raises(StorageError, match="another fit"):
        require_accepted(verdict("v1", {}), "v2")


def test_a_verdict_survives_json() -> None:
    found = verdict("v1", {"convergence": [BLOCKING], "fit": [WARNING]})
    assert Verdict.from_record(json.loads(json.dumps(found.to_record()))) == found


def test_configured_severities_decide_but_not_over_protected_checks() -> None:
    wanted = {"mape": "error", "coverage": "off"}
    config = Config.model_validate({"evaluation": {"severities": wanted}})
    hidden = CheckResult("coverage", False, "warn", "Too narrow.")
    found = with_trust_severities([WARNING, hidden, BLOCKING], config)
    assert [(result.name, result.severity) for result in found] == [("mape", "error"), ("ess", "error")]
