"""Running a pandera schema and telling what broke it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from mmm_core.data.patterns import shortened

if TYPE_CHECKING:
    import pandera.pandas as pa

MAX_TABLE_ROWS = 50
"""Rows of failure cases that a check carries along."""
_MAX_GROUPS = 3


@dataclass(frozen=True)
class Violations:
    """What broke a schema."""

    cases: pd.DataFrame
    """column (panel name), rule, value (text), position (row of the frame, -1 for a whole column),
    sorted by position."""

    def describe(self, rows: pd.Series, row_word: str, names: Mapping[str, str]) -> str:
        """The first violated rules in words: column, value and rows of each.

        Args:
            rows: what to call each row of the frame: source rows or dates, by position.
            row_word: `row` or `week`.
            names: panel column -> name that the reader knows.
        """
        groups = list(self.cases.groupby(["column", "rule"], sort=False))
        parts = []
        for (column, rule), cases in groups[:_MAX_GROUPS]:
            where = [str(rows.iloc[position]) for position in cases["position"] if position >= 0]
            value = cases["value"].iloc[0]
            found = (
                f", found {repr(shortened(value)) if value else 'nothing'} in {row_word} {where[0]}"
                if where
                else ""
            )
            listed = f"{', '.join(where[:5])}{', …' if len(where) > 5 else ''}"
            count = f" ({len(where)} in all: {listed})" if len(where) > 1 else ""
            parts.append(f"column {names.get(str(column), str(column))!r} {rule}{found}{count}")
        more = f"; and {len(groups) - _MAX_GROUPS} more broken rule(s)" if len(groups) > _MAX_GROUPS else ""
        return "; ".join(parts) + more

    def table(self, rows: pd.Series, row_word: str, names: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
        """The first cases as records `column, <row_word>, value, rule`."""
        return tuple(
            {
                "column": names.get(case["column"], case["column"]),
                row_word: str(rows.iloc[case["position"]]) if case["position"] >= 0 else "",
                "value": shortened(case["value"]),
                "rule": case["rule"],
            }
            for case in self.cases.head(MAX_TABLE_ROWS).to_dict("records")
        )


def violations(schema: pa.DataFrameSchema, panel: pd.DataFrame) -> Violations | None:
    """All that breaks the schema, or None.

    Args:
        schema: from `mmm_core.data.contracts`.
        panel: one geo's frame; its index is not used.
    """
    import pandera.errors

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # pandera's own use of pandas
            schema.validate(panel.reset_index(drop=True), lazy=True)
    except pandera.errors.SchemaErrors as error:
        return Violations(_tidy(error.failure_cases))
    return None


def _tidy(found: pd.DataFrame) -> pd.DataFrame:
    whole = found["schema_context"] == "DataFrameSchema"
    value = found["failure_case"].map(lambda case: "" if pd.isna(case) else str(case))
    rule = found["check"].astype(str)
    rule = rule.mask(rule == "column_in_dataframe", "must be there")
    rule = rule.where(~rule.str.startswith("dtype("), "must have the type " + rule.str.extract(r"'(.*)'")[0])
    cases = pd.DataFrame(
        {
            "column": found["column"].where(~whole, found["failure_case"]).astype(str),
            "rule": rule,
            "value": value.where(~whole, ""),
            "position": pd.to_numeric(found["index"], errors="coerce").fillna(-1).astype(int),
        }
    )
    return cases.sort_values("position", kind="stable", ignore_index=True)
