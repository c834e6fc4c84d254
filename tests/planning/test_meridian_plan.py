"""Meridian's hypothetical plan for its simulated panel: real files, no sampling."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.loading import load_config
from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.intake.geos import prepare_geos
from mmm_core.planning.forecast import forecast_table
from mmm_core.planning.future import planning_frame
from tests.factories import made_up_posterior
from tests.shared_data import shared_data

_EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "meridian_geo_all_channels.yaml"


@pytest.fixture(scope="module")
def config() -> Config:
    history = shared_data("meridian/geo_all_channels.csv")
    plan = shared_data("meridian/hypothetical_geo_all_channels.csv")
    overrides = [f"ingest.path={history}", f"optimization.future={{path: {plan}}}"]
    return load_config(_EXAMPLE, overrides=[*overrides, "features.seasonality.annual_fourier_order=1"]).config


@pytest.fixture(scope="module")
def data(config: Config) -> ModelData:
    source = prepared_source(config)
    mapping = resolve_mapping(config, [str(column) for column in source.frame.columns], source.origin)
    geos = prepare_geos(source, mapping, config, geo_names(source, mapping), workers=1)
    frames = {geo: one.features for geo, one in geos.items() if one.features is not None}
    return assemble_model_data(frames, mapping, config, "meridian")


def test_the_coming_weeks_of_the_hypothetical_file_are_planned(config: Config, data: ModelData) -> None:
    frame = planning_frame(made_up_posterior(data, 1, 20), config)
    planned, rows = frame.posterior.data, pd.read_csv(shared_data("meridian/hypothetical_geo_all_channels.csv"))
    assert (frame.n_weeks, str(planned.dates[0]), str(planned.dates[28])) == (29, "2024-01-22", "2024-08-05")
    one = rows[(rows["geo"] == "Geo3") & (rows["time"] >= "2024-01-19")].sort_values("time")
    g = data.geos.index("Geo3")
    for m, channel in enumerate(data.channels):
        np.testing.assert_allclose(planned.media[g, :29, m], one[f"{channel}_impression"])
    np.testing.assert_allclose(planned.spend[g, :29, 0], one["Channel0_spend"])
    np.testing.assert_allclose(planned.control_values[g, :29, data.controls.index("Promo")], one["Promo"])
    assert planned.revenue_per_kpi is not None
    np.testing.assert_allclose(planned.revenue_per_kpi[g, :29], one["revenue_per_conversion"])
    k = data.controls.index("competitor_sales_control")
    np.testing.assert_array_equal(planned.control_values[:, :29, k], data.control_values[:, 104:133, k])
    said = " ".join(frame.notes)
    for words in ("was moved by +3 days", "9 weeks of", "competitor_sales_control", "extrapolated"):
        assert words in said


def test_its_forecast_has_every_geo_and_week(config: Config, data: ModelData) -> None:
    table = forecast_table(planning_frame(made_up_posterior(data, 1, 20), config))
    assert len(table) == 41 * 29
    assert table.notna().all().all()
    assert (table["q05"] < table["q95"]).all()
