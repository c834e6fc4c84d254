"""Fingerprints of geos follow their own rows only."""

import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.data.fingerprints import geo_fingerprints
from mmm_core.data.mapping import resolve_mapping
from mmm_core.data.sources.table import SourceTable

CONFIG = Config.model_validate(
    {"data": {"date_col": "date", "keys": ["geo"], "kpi_col": "kpi", "channel_map": {"tv": "tv"}}}
)


def _fingerprints(frame: pd.DataFrame) -> dict[str, str]:
    source = SourceTable(frame, "panel.csv", "hash")
    return geo_fingerprints(source, resolve_mapping(CONFIG, list(frame.columns), source.origin))


def test_fingerprints_follow_a_geos_own_rows_wherever_they_stand() -> None:
    frame = pd.DataFrame(
        {
            "date": ["2024-01-01", "2024-01-01", "2024-01-08", "2024-01-08"],
            "geo": ["a", "b", "a", "b"],
            "kpi": [1.0, 2.0, 3.0, 4.0],
            "tv": 0.0,
            "source_row": [2, 3, 4, 5],
        }
    )
    base = _fingerprints(frame)
    moved = frame.sort_values("geo", kind="stable").reset_index(drop=True).assign(source_row=[2, 3, 4, 5])
    assert _fingerprints(moved) == base
    changed = _fingerprints(frame.assign(kpi=[1.0, 2.0, 3.0, 5.0]))
    assert changed["a"] == base["a"]
    assert changed["b"] != base["b"]
    assert _fingerprints(frame.astype({"kpi": "float32"})) != base
