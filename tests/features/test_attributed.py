import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.features.attributed import attribution_comparison

FRAME = pd.DataFrame(
    {
        "date": pd.date_range("2023-01-02", periods=2, freq="7D"),
        "spend__tv": [10.0, 20.0],
        "attributed__tv": [3.0, 4.0],
        "attributed__news": [1.0, 2.0],
    }
)


def config(enabled: bool) -> Config:
    conversions = {"tv": "tv_conversions", "news": "news_conversions"}
    section = {"enabled": enabled, "conversions": conversions, "window_days": 28}
    return Config.model_validate({"features": {"attribution": section}})


def test_conversions_stand_beside_spend_by_geo_week_and_channel() -> None:
    table = attribution_comparison({"a": FRAME, "b": FRAME}, config(True))
    assert len(table) == 8
    row = table[(table["geo"] == "b") & (table["channel"] == "tv")].iloc[1]
    assert (row["attributed"], row["spend"], row["window_days"]) == (4.0, 20.0, 28)
    assert row["date"] == pd.Timestamp("2023-01-09")
    assert np.isnan(table.loc[table["channel"] == "news", "spend"]).all()


def test_table_is_empty_unless_enabled() -> None:
    table = attribution_comparison({"a": FRAME}, config(False))
    assert table.empty
    assert list(table.columns) == ["geo", "date", "channel", "attributed", "spend", "window_days"]
