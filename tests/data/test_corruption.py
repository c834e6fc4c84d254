"""Whatever is in the cells, the preparation and the raw panels keep every value, or refuse in one sentence."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, raw_panel, resolve_mapping
from mmm_core.data.numbers import numbers_or_text
from mmm_core.data.preparation.prepare import prepare
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import InputError
from tests.panels import SECTION, source_rows

CELLS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "NA", "abc", "1e400", "-inf", "-5", "1,5", "North ", "NORTH", "A/B %2F", "x" * 10_000]
    ),
    st.sampled_from(
        ["2023-01-02", "05/01/2023", "13/01/2023", "01/13/2023", "5 Jan 2023", "2023-02-30", "20230102"]
    ),
    st.sampled_from(["2023-01-02T23:00:00+14:00", "2023-01-02T01:00:00-11:00", "0", "1", "\u0000", "a\nb", "🙂"]),
    st.floats(),
    st.integers(-(2**63), 2**63 - 1),
)
CONFIG = Config.model_validate(
    {
        "data": SECTION
        | {
            "derived_columns": {"cost": "fill(tv_cost, 0) / search_cost", "first": "month() == 1"},
            "rows": {"exclude": {"price": ["5"]}},
            "national_columns": {"columns": ["tv_views"], "by": "price"},
        },
        "ingest": {
            "tables": {"m": {"path": "m.csv", "date_col": "on", "grain": "month", "levels": {"cpi": "cpi"}}}
        },
        "features": {"event_cols": ["note"], "baseline": {"macro_cols": ["cpi"]}},
    }
)
MONTHS = SourceTable(pd.DataFrame({"on": ["2023-01", "2023-02"], "cpi": [1.0, 2.0]}), "m.csv", "m")


def frame_with(changes: list[tuple[int, int, Any]], order: list[int]) -> pd.DataFrame:
    both = [source_rows(8, name) for name in ("North", "Süd")]
    frame = pd.concat(both, ignore_index=True).assign(note=[None, "Sale"] * 8)
    cells = frame.astype(object)
    for row, column, value in changes:
        cells.iloc[row, column] = value
    cells = cells.iloc[order].reset_index(drop=True)
    typed = {name: numbers_or_text(cells[name]) for name in cells.columns if name not in ("region", "day")}
    return cells.assign(**typed, source_row=range(2, len(cells) + 2))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 15), st.integers(0, 9), CELLS), max_size=6),
    st.lists(st.integers(0, 15), min_size=1, max_size=20),
)
def test_values_are_kept_or_refused(changes: list[tuple[int, int, Any]], order: list[int]) -> None:
    frame = frame_with(changes, order)
    try:
        source = prepare(SourceTable(frame, "orders.csv", "h"), {"ingest.tables.m": MONTHS}, CONFIG)
        mapping = resolve_mapping(CONFIG, list(source.frame.columns), source.origin)
        panels = [raw_panel(source, mapping, geo) for geo in geo_names(source, mapping)]
    except InputError:
        return
    rows = source.frame.set_index("source_row")
    seen = [number for panel in panels for number in panel["source_row"]]
    assert sorted(seen) == sorted(rows.index)
    for panel in panels:
        for name, column in mapping.numeric_columns.items():
            held = rows.loc[panel["source_row"], column]
            if pd.api.types.is_numeric_dtype(panel[name]):
                np.testing.assert_array_equal(panel[name], numbers_or_text(held).to_numpy(dtype=float))
            else:
                assert panel[name].isna().tolist() == held.isna().tolist()
