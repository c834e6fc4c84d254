"""Outcomes of the core as Dagster shows them."""

import dagster as dg
import numpy as np
import pytest
from dagster._serdes import serialize_value

from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_core.errors import DataError, GateError, StorageError
from mmm_core.quality.check import CheckResult

NAMES = {"schema": "error", "history": "warn"}


def test_an_outcome_keeps_verdict_severity_message_numbers_and_cases() -> None:
    failed = CheckResult("schema", False, "error", "row 5 is negative", 2.0, 0.0, ({"row": 5, "value": -1.5},))
    warned = CheckResult("history", False, "warn", "short")
    schema, history = check_results("raw_panel", NAMES, [failed, warned])
    assert (schema.passed, schema.severity, schema.description) == (
        False,
        dg.AssetCheckSeverity.ERROR,
        failed.message,
    )
    assert schema.metadata["value"].value == 2.0
    assert schema.metadata["threshold"].value == 0.0
    (record,) = schema.metadata["cases"].records
    assert record.data == {"row": 5, "value": -1.5}
    assert history.severity is dg.AssetCheckSeverity.WARN


def test_a_failed_check_has_its_picture_and_what_is_shared_is_drawn_once() -> None:
    drawn: list[str] = []

    def shared() -> bytes:
        drawn.append("shared")
        return b"png"

    names = dict.fromkeys(("first", "second", "third", "fourth"), "warn")
    results = [CheckResult(name, name == "first", "warn", "message") for name in names]
    pictures = {"first": shared, "second": shared, "third": shared, "fourth": "beside the asset"}
    first, second, third, fourth = check_results("fit", names, results, pictures)
    assert drawn == ["shared"]
    assert "picture" not in first.metadata
    assert "data:image/png;base64," in second.metadata["picture"].value
    assert third.metadata["picture"].value == "beside the check second"
    assert fourth.metadata["picture"].value == "beside the asset"


def test_a_check_without_an_outcome_passes_as_not_applicable() -> None:
    results = list(check_results("raw_panel", NAMES, []))
    assert [result.passed for result in results] == [True, True]
    assert "not apply" in (results[0].description or "")


def test_an_outcome_that_nobody_declared_is_refused() -> None:
    with pytest.raises(KeyError, match="raw_panel has no check named"):
        list(check_results("raw_panel", NAMES, [CheckResult("new", True, "warn", "fine")]))


def test_every_check_may_block_and_carries_its_partitions() -> None:
    geos = dg.DynamicPartitionsDefinition(name="geos")
    specs = check_specs("raw_panel", NAMES, geos)
    assert [(spec.name, spec.blocking, spec.partitions_def) for spec in specs] == [
        ("schema", True, geos),
        ("history", True, geos),
    ]


def test_cells_of_any_type_can_be_shown() -> None:
    import numpy as np
    import pandas as pd

    rows = [{"a": np.float64(1.5), "b": pd.Timestamp("2024-01-01"), "c": None, 1: True}]
    (record,) = cases_table(rows).records
    assert record.data == {"a": 1.5, "b": "2024-01-01 00:00:00", "c": "None", "1": True}


@pytest.mark.parametrize("kind", [DataError, GateError, StorageError])
def test_what_the_core_refuses_fails_clearly_and_is_not_retried(kind: type[Exception]) -> None:
    with pytest.raises(dg.Failure) as caught, refusals():
        raise kind("file x, row 5")
    assert caught.value.description == "file x, row 5"
    assert not caught.value.allow_retries
    assert caught.value.metadata["kind"].value == kind.__name__
    assert isinstance(caught.value.__cause__, kind)


def test_surprises_are_not_disguised() -> None:
    with pytest.raises(ZeroDivisionError), refusals():
        raise ZeroDivisionError


def test_numbers_of_numpy_and_infinite_ones_can_be_stored() -> None:
    cells = {"a": np.float64(1.5), "b": np.int64(2), "c": np.bool_(True), "d": np.nan, "e": np.float64("inf")}
    table = cases_table([cells])
    assert [type(value) for value in table.records[0].data.values()] == [float, int, bool, str, str]
    assert serialize_value(table)
