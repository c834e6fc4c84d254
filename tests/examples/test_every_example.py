"""Every example loads, and clean public data raise no alarm."""

import pytest
from typer.testing import CliRunner

from mmm_assets.cli import app
from tests.examples.prepared import EXAMPLES, example, prepared
from tests.shared_data import shared_data


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_the_example_is_valid_and_says_how_it_is_run(name: str) -> None:
    path = EXAMPLES / f"{name}.yaml"
    result = CliRunner().invoke(app, ["config", "check", "--config", str(path)])
    assert result.exit_code == 0, result.stderr
    assert "is valid; every key of the schema is read by code" in " ".join(result.stderr.split())
    assert f"mmm run --config config/examples/{name}.yaml" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("meridian_geo_media", "meridian/geo_media.csv"),
        ("meridian_geo_media_rf", "meridian/geo_media_rf.csv"),
        ("meridian_geo_all_channels", "meridian/geo_all_channels.csv"),
        ("meridian_national", "meridian/national_all_channels.csv"),
        ("param_recovery", "param_recovery/small_business_data.csv"),
        ("param_recovery", "param_recovery/growing_business_data.csv"),
        ("pymc_marketing_example", "pymc_marketing/mmm_example.csv"),
    ],
)
def test_no_check_raises_a_false_alarm(name: str, file: str) -> None:
    assert prepared(example(name, f"ingest.path={shared_data(file)}")).failed() == {}


def test_holidays_seasons_and_a_trend_raise_none_either() -> None:
    config = example(
        "meridian_geo_all_channels",
        f"ingest.path={shared_data('meridian/geo_all_channels.csv')}",
        "features.holidays={country: US, names: [Christmas Day, Thanksgiving]}",
        "features.seasonality.annual_fourier_order=2",
        "features.baseline.trend=linear",
    )
    assert prepared(config).failed() == {}
