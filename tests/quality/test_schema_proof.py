"""The quick proof and pandera agree on every panel."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.data.contracts import raw_panel_schema, weekly_schema
from mmm_core.data.panel import (
    BASELINE,
    CALENDAR,
    CONTROL,
    DATE,
    EVENT,
    EXTRA,
    FREQUENCY,
    GEO,
    HOLIDAY,
    KPI,
    MEDIA,
    POPULATION,
    REACH,
    REVENUE_PER_KPI,
    SEASON,
    SOURCE_ROW,
    SPEND,
    TERM,
    TREATMENT,
)
from mmm_core.quality.schema_proof import is_sound_raw, is_sound_weekly
from mmm_core.quality.violations import violations
from tests.panels import WIDE_MAPPING, panel, wide_rows

PREFIXES = (
    SPEND,
    MEDIA,
    REACH,
    FREQUENCY,
    CONTROL,
    TREATMENT,
    EXTRA,
    HOLIDAY,
    SEASON,
    CALENDAR,
    EVENT,
    TERM,
    BASELINE,
)
COLUMNS = (KPI, REVENUE_PER_KPI, POPULATION, *(f"{prefix}x" for prefix in PREFIXES))
MAPPING = replace(WIDE_MAPPING, extras=("weather",), rate="price")
RAW = panel(wide_rows(6), mapping=MAPPING)
VALUES = st.sampled_from([np.nan, np.inf, -np.inf, -1.0, -1e-9, 0.0, 0.5, 1.0, 2.0, 7.0, 8.0, 1e300])
cells = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(COLUMNS), VALUES), max_size=2)


def weekly() -> pd.DataFrame:
    values = np.full((6, len(COLUMNS)), 0.5)
    return pd.DataFrame(values, columns=list(COLUMNS)).assign(
        **{GEO: "A", DATE: pd.date_range("2023-01-02", periods=6, freq="7D")}
    )


@given(cells=cells, masked=st.booleans(), repeated=st.booleans())
@settings(max_examples=40, deadline=None)
def test_proof_of_weekly_panels_is_panderas_verdict(
    cells: list[tuple[int, str, float]], masked: bool, repeated: bool
) -> None:
    frame = weekly()
    for row, column, value in cells:
        frame.loc[row, column] = value
    if repeated:
        frame.loc[3, DATE] = frame.loc[2, DATE]
    judged = violations(weekly_schema(COLUMNS, masked), frame) is None
    assert is_sound_weekly(frame, COLUMNS, masked) == judged


raw_cells = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(list(MAPPING.numeric_columns)), VALUES), max_size=2
)


@given(cells=raw_cells, masked=st.booleans())
@settings(max_examples=40, deadline=None)
def test_proof_of_raw_panels_is_panderas_verdict(cells: list[tuple[int, str, float]], masked: bool) -> None:
    frame = RAW.copy()
    for row, column, value in cells:
        frame.loc[row, column] = value
    judged = violations(raw_panel_schema(MAPPING, masked), frame) is None
    assert is_sound_raw(frame, list(MAPPING.numeric_columns), masked) == judged


@pytest.mark.parametrize("column", [GEO, DATE, KPI])
@pytest.mark.parametrize("value", [None, "", " ", "soon", "2023-01-02", "1", np.nan])
def test_text_and_missing_keys_are_left_to_pandera(column: str, value: object) -> None:
    frame = RAW.astype({column: object})
    frame.loc[2, column] = value
    if is_sound_raw(frame, list(MAPPING.numeric_columns), masked=True):
        assert violations(raw_panel_schema(MAPPING, masked=True), frame) is None


def test_what_is_no_plain_table_of_numbers_is_not_proven() -> None:
    frame, columns = weekly(), list(COLUMNS)
    assert is_sound_weekly(frame, columns, masked=False)
    assert not is_sound_weekly(frame.drop(columns=KPI), columns, masked=False)
    assert not is_sound_weekly(frame.drop(columns=DATE), columns, masked=False)
    assert not is_sound_weekly(frame.iloc[:0], columns, masked=False)
    assert not is_sound_weekly(frame.astype({KPI: "int64"}), columns, masked=False)
    assert not is_sound_weekly(pd.concat([frame, frame[[KPI]]], axis=1), columns, masked=False)
    assert SOURCE_ROW not in columns
