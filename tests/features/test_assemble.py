from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.cleaning.clean import clean_panel
from mmm_core.data.mapping import resolve_mapping
from mmm_core.errors import DataError
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from tests.panels import MAPPING, SECTION, config, panel, source_rows

CONFIG = config(project={"currency": "EUR"}, features={"seasonality": {"annual_fourier_order": 1}})


def features(geo: str, n_weeks: int = 20, start: str = "2023-01-02", seed: int = 3) -> pd.DataFrame:
    raw = panel(source_rows(n_weeks, geo, start=start, seed=seed), geo)
    return build_features(clean_panel(raw, MAPPING, CONFIG).panel, CONFIG)


def assemble(*frames: pd.DataFrame) -> Any:
    return assemble_model_data({frame["geo"].iloc[0]: frame for frame in frames}, MAPPING, CONFIG, "v1")


def test_each_number_is_where_its_geo_week_and_channel_say() -> None:
    frames = {geo: features(geo, seed=seed) for seed, geo in enumerate(["Geo10", "Geo2", "Geo1"])}
    data = assemble(*frames.values())
    assert data.geos == ("Geo1", "Geo2", "Geo10")
    assert data.channels == ("tv", "search")
    assert data.controls == ("weather", "season__sin_1", "season__cos_1")
    assert data.control_roles == ("control", "seasonality", "seasonality")
    assert (data.currency, data.data_version, data.kpi_type) == ("EUR", "v1", "non_revenue")
    for g, geo in enumerate(data.geos):
        for t, row in enumerate(frames[geo].to_dict("records")):
            assert data.dates[t] == np.datetime64(row["date"], "D")
            assert data.kpi[g, t] == row["kpi"]
            assert data.revenue_per_kpi[g, t] == row["revenue_per_kpi"]
            assert data.spend[g, t].tolist() == [row["spend__tv"], row["spend__search"]]
            assert data.media[g, t].tolist() == [row["media__tv"], row["spend__search"]]
            assert data.control_values[g, t].tolist() == [
                row["control__weather"],
                row["season__sin_1"],
                row["season__cos_1"],
            ]
        assert data.population[g] == pytest.approx(frames[geo]["population"].mean())


def test_order_of_rows_does_not_matter() -> None:
    frame = features("a")
    np.testing.assert_array_equal(assemble(frame).kpi, assemble(frame.iloc[::-1]).kpi)


def test_optional_columns_may_be_absent() -> None:
    section = {key: SECTION[key] for key in ("date_col", "keys", "kpi_col", "channel_map")}
    plain = config(data=section)
    mapping = resolve_mapping(plain, list(source_rows(1).columns), "orders.csv")
    data = assemble_model_data({"a": features("a")}, mapping, plain, "v1")
    assert data.revenue_per_kpi is None
    assert data.population.tolist() == [1.0]
    assert data.controls == ("season__sin_1", "season__cos_1")
    no_controls = assemble_model_data({"a": features("a").iloc[:, :-2]}, mapping, plain, "v1")
    assert no_controls.control_values.shape == (1, 20, 0)


def test_geo_with_other_weeks_is_refused_by_name_with_the_weeks() -> None:
    frames = [features(geo) for geo in ("a", "b")]
    with pytest.raises(
        DataError, match=r"geo c lacks 2023-01-02, 2023-01-09 \(2 in all\).*shared by all: 2023-01-16"
    ):
        assemble(*frames, features("c", 18, start="2023-01-16"))
    with pytest.raises(DataError, match=r"geo c has 2023-05-22 \(1 in all\) besides"):
        assemble(*frames, features("c", 21))
    with pytest.raises(DataError, match="2 geos differ: c, d"):
        assemble(*frames, features("c", 18), features("d", 18), features("e"))


def test_geo_without_a_column_or_no_geo_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="Features of geo b lack spend__tv"):
        assemble(features("a"), features("b").drop(columns="spend__tv"))
    with pytest.raises(DataError, match="no geo to model"):
        assemble()
