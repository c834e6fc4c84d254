"""Public data through every stage up to the model's cube."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.cleaning.clean import clean_panel
from mmm_core.config.loading import load_config
from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, raw_panel, resolve_mapping
from mmm_core.data.sources.source import read_source
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.features.checks import check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import require
from mmm_core.quality.clean_checks import check_clean_panel
from mmm_core.quality.feature_checks import check_features
from mmm_core.quality.raw_checks import check_raw_panel
from tests.shared_data import shared_data

EXAMPLES = Path(__file__).resolve().parents[2] / "config" / "examples"


def cube(config: Config) -> ModelData:
    source = read_source(config)
    mapping = resolve_mapping(config, source.frame.columns.tolist(), source.origin)
    frames = {}
    for geo in geo_names(source, mapping):
        raw = raw_panel(source, mapping, geo)
        require(check_raw_panel(raw, mapping, config, source.origin), geo)
        cleaned = clean_panel(raw, mapping, config).panel
        require(check_clean_panel(cleaned, config), geo)
        frames[geo] = build_features(cleaned, config)
        require(check_features(frames[geo], config), geo)
    data = assemble_model_data(frames, mapping, config, source.content_hash)
    require(check_model_data(data, config), "model_data")
    return data


def example(name: str, data: str) -> ModelData:
    path = shared_data(f"meridian/{data}")
    return cube(load_config(EXAMPLES / f"{name}.yaml", overrides=[f"ingest.path={path}"], environ={}).config)


@pytest.mark.parametrize(
    ("name", "data", "shape", "n_controls"),
    [
        ("meridian_geo_media", "geo_media.csv", (20, 156, 4), 2),
        ("meridian_geo_all_channels", "geo_all_channels.csv", (40, 156, 5), 4),
        ("meridian_national", "national_all_channels.csv", (1, 156, 5), 4),
    ],
)
def test_meridians_panels_pass_every_gate(
    name: str, data: str, shape: tuple[int, int, int], n_controls: int
) -> None:
    result = example(name, data)
    assert result.media.shape == result.spend.shape == shape
    assert result.control_values.shape == (*shape[:2], n_controls)
    assert result.has_revenue
    assert result.geos[:3] == (("national",) if shape[0] == 1 else ("Geo0", "Geo1", "Geo2"))
    frame = pd.read_csv(shared_data(f"meridian/{data}"))
    for m, channel in enumerate(result.channels):
        assert result.spend[:, :, m].sum() == pytest.approx(frame[f"{channel}_spend"].sum())
        assert result.media[:, :, m].sum() == pytest.approx(frame[f"{channel}_impression"].sum())
    assert (result.kpi * result.outcome_per_kpi).sum() == pytest.approx(
        (frame["conversions"] * frame["revenue_per_conversion"]).sum()
    )


def test_geos_keep_their_own_rows() -> None:
    result = example("meridian_geo_media", "geo_media.csv")
    frame = pd.read_csv(shared_data("meridian/geo_media.csv"))
    for geo in ("Geo2", "Geo10"):
        mine = frame[frame["geo"] == geo].sort_values("time")
        np.testing.assert_array_equal(result.kpi[result.geos.index(geo)], mine["conversions"])


def test_demo_runs_without_any_data() -> None:
    result = cube(load_config(EXAMPLES / "demo.yaml", environ={}).config)
    assert result.media.shape == (8, 104, 5)
    assert result.control_roles == ("control",) * 2 + ("seasonality",) * 4


def test_entity_layout_example_needs_only_a_path(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weeks = pd.date_range("2022-01-03", periods=60, freq="7D").strftime("%Y-%m-%d")
    stores = [
        pd.DataFrame(
            {
                "entity_id": store,
                "period_start": weeks,
                "sales": rng.gamma(50, 30, 60),
                "act_tv": rng.gamma(2, 1e5, 60),
                "spend_tv": rng.gamma(2, 100, 60),
                "ctrl_price_index": rng.normal(100, 1, 60),
            }
        )
        for store in ("001", "002")
    ]
    path = tmp_path / "sales.csv"
    pd.concat(stores).to_csv(path, index=False)
    config = load_config(EXAMPLES / "seed4_layout.yaml", overrides=[f"ingest.path={path}"], environ={}).config
    result = cube(config)
    assert result.geos == ("001", "002")
    assert result.channels == ("tv",)
    assert result.kpi_type == "revenue"


def test_real_daily_data_becomes_weeks_with_every_change_logged() -> None:
    """Conjura: daily, with gaps and channels that were not recorded."""
    path = shared_data("conjura/raw_partial/conjura_mmm_data_first4999rows.csv")
    section: dict[str, Any] = {
        "date_col": "DATE_DAY",
        "keys": ["MMM_TIMESERIES_ID"],
        "revenue_col": "ALL_PURCHASES_ORIGINAL_PRICE",
        "channel_map": {
            "pmax": {"spend": "GOOGLE_PMAX_SPEND", "media": "GOOGLE_PMAX_IMPRESSIONS"},
            "facebook": {"spend": "META_FACEBOOK_SPEND", "media": "META_FACEBOOK_IMPRESSIONS"},
        },
    }
    config = Config.model_validate({"ingest": {"path": str(path)}, "data": section})
    source = read_source(config)
    mapping = resolve_mapping(config, source.frame.columns.tolist(), source.origin)
    geos = geo_names(source, mapping)
    assert len(geos) == 8
    for geo in geos:
        raw = raw_panel(source, mapping, geo)
        cleaned = clean_panel(raw, mapping, config)
        require(check_clean_panel(cleaned.panel, config), geo)
        filled = cleaned.changes.loc[cleaned.changes["column"] == "kpi", "after"].sum()
        kept = raw["kpi"].sum() - cleaned.dropped_rows["kpi"].sum()
        assert cleaned.panel["kpi"].sum() == pytest.approx(kept + filled)
        assert cleaned.panel["spend__facebook"].sum() == pytest.approx(
            raw["spend__facebook"].sum() - cleaned.dropped_rows["spend__facebook"].sum()
        )
