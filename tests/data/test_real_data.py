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
    path = shared_data(data)
    return cube(load_config(EXAMPLES / f"{name}.yaml", overrides=[f"ingest.path={path}"], environ={}).config)


@pytest.mark.parametrize(
    ("name", "data", "shape", "n_organic", "n_controls"),
    [
        ("meridian_geo_media", "geo_media.csv", (20, 156, 4), 0, 2 + 4),
        ("meridian_geo_media_rf", "geo_media_rf.csv", (20, 156, 4), 0, 2 + 4),
        ("meridian_geo_all_channels", "geo_all_channels.csv", (40, 156, 6), 1, 3 + 4),
        ("meridian_national", "national_all_channels.csv", (1, 156, 6), 1, 3 + 4),
    ],
)
def test_meridians_panels_pass_every_gate(
    name: str, data: str, shape: tuple[int, int, int], n_organic: int, n_controls: int
) -> None:
    result = example(name, f"meridian/{data}")
    assert result.media.shape == result.spend.shape == shape
    assert result.control_values.shape == (*shape[:2], n_controls)
    assert result.has_revenue
    assert result.present.all()
    assert result.observed.all()
    assert result.geos[:3] == (("national",) if shape[0] == 1 else ("Geo0", "Geo1", "Geo2"))
    frame = pd.read_csv(shared_data(f"meridian/{data}"))
    assert len(result.paid_channels) == shape[2] - n_organic
    for m, channel in enumerate(result.channels):
        reached = result.channel_kinds[m] == "reach_frequency"
        media = frame[f"{channel}_reach" if reached else f"{channel}_impression"]
        assert result.media[:, :, m].sum() == pytest.approx(media.sum())
        spend = frame[f"{channel}_spend"].sum() if channel in result.paid_channels else 0
        assert result.spend[:, :, m].sum() == pytest.approx(spend)
    assert (result.kpi * result.outcome_per_kpi).sum() == pytest.approx(
        (frame["conversions"] * frame["revenue_per_conversion"]).sum()
    )


def test_reach_keeps_its_frequency() -> None:
    result = example("meridian_geo_media_rf", "meridian/geo_media_rf.csv")
    frame = pd.read_csv(shared_data("meridian/geo_media_rf.csv"))
    assert result.channel_kinds == ("media", "media", "media", "reach_frequency")
    assert result.frequency is not None
    mine = frame[frame["geo"] == "Geo7"].sort_values("time")
    np.testing.assert_array_equal(result.frequency[result.geos.index("Geo7"), :, 3], mine["Channel3_frequency"])
    assert (result.frequency[:, :, :3] == 1).all()


def test_promotion_is_a_treatment_and_organic_media_has_carryover() -> None:
    for name, data in (("geo_all_channels", "geo_all_channels"), ("national", "national_all_channels")):
        result = example(f"meridian_{name}", f"meridian/{data}.csv")
        assert (result.channels[-1], result.channel_kinds[-1]) == ("Organic_channel0", "organic_media")
        assert dict(zip(result.controls, result.control_roles, strict=True))["Promo"] == "non_media_treatment"


@pytest.mark.parametrize(("preset", "shape"), [("small", (1, 104, 4)), ("growing", (2, 131, 6))])
def test_files_of_the_recovery_benchmark_need_no_channel_by_name(preset: str, shape: tuple[int, int, int]) -> None:
    name = f"param_recovery/{preset}_business_data.csv"
    result = example("param_recovery", name)
    frame = pd.read_csv(shared_data(name))
    assert result.media.shape == shape
    assert result.channels == tuple(column for column in frame if column.startswith("x"))
    assert result.controls[:2] == ("c1", "c2")
    assert set(result.control_roles[2:]) == {"seasonality"}
    assert result.geos == (("Local",) if shape[0] == 1 else ("geo_a", "geo_b"))
    assert result.population.tolist() == [1.0] * shape[0]
    assert result.kpi.sum() == pytest.approx(frame["y"].sum())
    np.testing.assert_array_equal(result.media, result.spend)


def test_pymc_marketings_example_fits() -> None:
    result = example("pymc_marketing_example", "pymc_marketing/mmm_example.csv")
    assert result.channels == ("x1", "x2")
    assert result.controls[:2] == ("event_1", "event_2")
    assert result.control_roles == ("control",) * 2 + ("seasonality",) * 4
    assert result.media.shape == (1, 179, 2)


def test_geos_keep_their_own_rows() -> None:
    result = example("meridian_geo_media", "meridian/geo_media.csv")
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
        kept = raw["kpi"].sum() - cleaned.dropped_rows["kpi"].sum()
        assert cleaned.panel["kpi"].sum() == pytest.approx(kept)  # no day is missing in these series
        assert cleaned.panel["spend__facebook"].sum() == pytest.approx(
            raw["spend__facebook"].sum() - cleaned.dropped_rows["spend__facebook"].sum()
        )


def conjura_like(ranges: dict[str, tuple[str, int]], gaps: dict[str, list[int]]) -> pd.DataFrame:
    """Daily brands that start and end on days of their own, without the days in `gaps`."""
    rng = np.random.default_rng(5)
    series = []
    for name, (start, n_days) in ranges.items():
        frame = pd.DataFrame(
            {
                "MMM_TIMESERIES_ID": name,
                "DATE_DAY": pd.date_range(start, periods=n_days).strftime("%Y-%m-%d"),
                "ALL_PURCHASES": rng.poisson(100, n_days).astype(float),
                "META_SPEND": rng.gamma(2.0, 50.0, n_days),
                "GOOGLE_SPEND": rng.gamma(2.0, 80.0, n_days),
                "EMAIL_CLICKS": rng.poisson(50, n_days).astype(float),
            }
        )
        series.append(frame.drop(index=gaps.get(name, [])))
    return pd.concat(series, ignore_index=True)


def test_series_that_start_and_end_on_different_days_with_gaps_are_masked(tmp_path: Path) -> None:
    ranges = {"a": ("2021-03-03", 500), "b": ("2021-09-18", 600), "c": ("2022-01-01", 450)}
    frame = conjura_like(ranges, {"b": [100, 101, 300], "c": list(range(200, 207))})
    frame.loc[frame.index[(frame["MMM_TIMESERIES_ID"] == "a")][50], "ALL_PURCHASES"] = np.nan
    path = tmp_path / "brands.csv"
    frame.to_csv(path, index=False)
    section: dict[str, Any] = {
        "date_col": "DATE_DAY",
        "keys": ["MMM_TIMESERIES_ID"],
        "kpi_col": "ALL_PURCHASES",
        "channel_columns": ["*_SPEND"],
        "organic_media": {"email": "EMAIL_CLICKS"},
    }
    settings = {"ingest": {"path": str(path)}, "data": section}
    result = cube(Config.model_validate(settings))
    days = frame.assign(day=pd.to_datetime(frame["DATE_DAY"])).groupby("MMM_TIMESERIES_ID")
    for g, geo in enumerate(result.geos):
        mine = days.get_group(geo).set_index("day")
        for t, monday in enumerate(result.dates):
            week = pd.date_range(pd.Timestamp(monday), periods=7)
            inside = mine.index.min() <= week[0] and week[-1] <= mine.index.max()
            there = mine.reindex(week)
            assert result.present[g, t] == inside
            if inside and there["ALL_PURCHASES"].notna().all():
                assert result.kpi[g, t] == there["ALL_PURCHASES"].sum()
            else:
                assert np.isnan(result.kpi[g, t])
            expected = there[["META_SPEND", "GOOGLE_SPEND", "EMAIL_CLICKS"]].sum() if inside else [0.0] * 3
            np.testing.assert_allclose(result.media[g, t], expected)
    assert result.channels == ("META_SPEND", "GOOGLE_SPEND", "email")
    assert (~result.observed & result.present).sum() >= 4
