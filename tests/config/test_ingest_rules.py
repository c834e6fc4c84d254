from typing import Any

import pytest

from mmm_core.config.ingest_rules import INGEST_RULES
from mmm_core.config.keys import dotted
from mmm_core.config.schema import Config

TABLE = {"path": "m.csv", "date_col": "day", "amounts": {"tv": "TV"}}
SQL = {"url": "duckdb:///x", "table": "t"}


def problems(external_data: dict[str, Any] | None = None, **ingest: Any) -> list[str]:
    config = Config.model_validate({"ingest": ingest, "external_data": external_data or {}})
    return [f"{dotted(problem.path)}: {problem.message}" for rule in INGEST_RULES for problem in rule(config)]


@pytest.mark.parametrize(
    "ingest",
    [
        {},
        {"path": "a.csv", "connector_priority": ["file", "sql", "figshare", "kaggle", "simulator"]},
        {"connector_priority": ["sql"], "sql": SQL},
        {"connector_priority": ["figshare"], "figshare": {"file_id": 3, "md5": "0" * 32}},
        {"connector_priority": ["figshare"], "figshare": {"article_id": 3, "version": 1, "file_name": "a.csv"}},
        {"connector_priority": ["kaggle"], "kaggle": {"dataset": "me/data", "file": "a.csv"}},
        {"tables": {"a": TABLE, "b": {"path": "x.csv", "levels": {"rate": "r"}}}},
        {"tables": {"a": {"path": "x.csv", "year_col": "y", "month_col": "m", "amounts": {"tv": "TV"}}}},
        {"kaggle": {"dataset": "me/data"}, "tables": {"a": TABLE | {"path": "kaggle:m.csv"}}},
        {"format": {"encoding": "latin-1"}},
    ],
)
def test_complete_descriptions_pass(ingest: dict[str, Any]) -> None:
    assert problems(**ingest) == []


@pytest.mark.parametrize(
    ("ingest", "expected"),
    [
        ({"sql": SQL | {"query": "select 1"}}, "ingest.sql.query: is given beside ingest.sql.table"),
        ({"sql": {"url": "duckdb:///x"}}, "ingest.sql.query: is missing"),
        ({"sql": {"table": "t"}}, "ingest.sql.url: is missing"),
        ({"tables": {"a": TABLE | {"carry_days": 3}}}, "ingest.tables.a.carry_days: has no effect without"),
        (
            {"tables": {"a": {"path": "x.csv", "levels": {"rate": "r"}, "carry_days": 3}}},
            "ingest.tables.a.carry_days: has no effect on levels without dates",
        ),
        ({"figshare": {"file_name": "a.csv"}}, "ingest.figshare.file_name: needs ingest.figshare.article_id"),
        ({"figshare": {"version": 2}}, "ingest.figshare.version: needs ingest.figshare.article_id"),
        ({"figshare": {"md5": "0" * 32}}, "ingest.figshare.md5: is of no file"),
        (
            {"figshare": {"article_id": 1, "file_id": 2, "file_name": "a"}},
            "ingest.figshare.file_name: is given beside",
        ),
        ({"kaggle": {"file": "a.csv"}}, "ingest.kaggle.file: needs ingest.kaggle.dataset"),
        ({"connector_priority": ["file", "local_csv"]}, "two names of one connector"),
        ({"format": {"encoding": "utf-9"}}, "ingest.format.encoding: received 'utf-9'"),
        (
            {"tables": {"a": TABLE | {"format": {"encoding": "x"}}}},
            "ingest.tables.a.format.encoding: received 'x'",
        ),
        ({"tables": {"a": TABLE | {"year_col": "y"}}}, "ingest.tables.a.year_col: is given beside"),
        (
            {"tables": {"a": {"path": "x", "year_col": "y", "levels": {"r": "r"}}}},
            "needs ingest.tables.a.month_col",
        ),
        ({"tables": {"a": {"path": "x", "amounts": {"tv": "TV"}}}}, "ingest.tables.a.amounts: needs"),
        ({"tables": {"a": {"path": "x", "date_col": "d"}}}, "ingest.tables.a: gives no column"),
        ({"tables": {"a": TABLE, "b": TABLE}}, "ingest.tables.b.amounts.tv: is also ingest.tables.a.amounts.tv"),
        ({"tables": {"a": TABLE | {"path": "kaggle:m.csv"}}}, "which needs ingest.kaggle.dataset"),
        ({"tables": {"a": TABLE | {"path": "figshare:m.csv"}}}, "which needs ingest.figshare.article_id"),
        ({"tables": {"a": TABLE | {"path": "figshare:"}}}, "allowed: figshare: and a file's name"),
    ],
)
def test_each_contradiction_is_named(ingest: dict[str, Any], expected: str) -> None:
    listed = [connector for connector in ("sql", "figshare", "kaggle") if connector in ingest]
    priority = ingest.get("connector_priority", ["file", *listed])
    found = problems(**{**ingest, "connector_priority": priority})
    assert len(found) == 1
    assert expected in found[0]


@pytest.mark.parametrize(
    "given", [{"sql": SQL}, {"figshare": {"article_id": 3}}, {"kaggle": {"dataset": "me/data"}}]
)
def test_described_connector_that_is_never_tried_is_a_slip(given: dict[str, Any]) -> None:
    assert "does not name" in problems(**given)[0]


def test_external_data_follow_the_rules_of_tables() -> None:
    found = problems({"rival": TABLE, "weather": {"path": "w.csv", "levels": {"tv": "x"}}})
    assert found == [
        "external_data.weather.levels.tv: is also external_data.rival.amounts.tv; rename one of them."
    ]
