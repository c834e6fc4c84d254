import math

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.features.build import build_features


def clean(n_weeks: int, start: str = "2023-01-02") -> pd.DataFrame:
    return pd.DataFrame({"geo": "a", "date": pd.date_range(start, periods=n_weeks, freq="7D"), "kpi": 1.0})


def seasonal(order: int) -> Config:
    return Config.model_validate({"features": {"seasonality": {"annual_fourier_order": order}}})


def test_no_terms_are_added_unless_asked_for() -> None:
    pd.testing.assert_frame_equal(build_features(clean(5), seasonal(0)), clean(5))


def test_terms_are_sines_and_cosines_of_the_day() -> None:
    features = build_features(clean(60), seasonal(3))
    assert list(features.columns[3:]) == [f"season__{f}_{k}" for k in (1, 2, 3) for f in ("sin", "cos")]
    for row in features.to_dict("records"):
        days = row["date"].toordinal() - pd.Timestamp("1970-01-01").toordinal()
        for k in (1, 2, 3):
            assert row[f"season__sin_{k}"] == pytest.approx(math.sin(2 * math.pi * k * days / 365.25))
            assert row[f"season__cos_{k}"] == pytest.approx(math.cos(2 * math.pi * k * days / 365.25))


def test_refresh_with_more_or_earlier_weeks_leaves_old_terms_alone() -> None:
    old = build_features(clean(50), seasonal(2)).set_index("date")
    new = build_features(clean(80, start="2022-11-28"), seasonal(2)).set_index("date")
    pd.testing.assert_frame_equal(new.loc[old.index], old)


def test_year_returns_after_four_years() -> None:
    terms = build_features(clean(211), seasonal(1)).set_index("date")[["season__sin_1", "season__cos_1"]]
    four_years = terms.loc["2027-01-04"] - terms.loc["2023-01-02"]
    two_days = 2 * math.pi * 2 / 365.25
    assert np.hypot(*four_years) == pytest.approx(two_days, rel=1e-3)


def test_every_kind_of_column_comes_after_the_panels_own() -> None:
    panel = clean(60).assign(extra__price=2.0, extra__rain=[float(n % 5) for n in range(60)])
    panel.attrs = {"provenance": {"origin": "orders.csv"}}
    settings = Config.model_validate(
        {
            "features": {
                "seasonality": {
                    "annual_fourier_order": 1,
                    "monthly_fourier_order": 1,
                    "calendar_effects": ["year_end"],
                },
                "holidays": {"country": "US"},
                "events": {"sale": {"dates": ["2023-03-01"]}},
                "custom_terms": {"late": "lag(rain, 1)"},
                "baseline": {"trend": "linear", "price_cols": ["price"]},
            }
        }
    )
    features = build_features(panel, settings)
    assert list(features.columns) == [
        *panel.columns,
        "holiday__public",
        "season__sin_1",
        "season__cos_1",
        "season__month_sin_1",
        "season__month_cos_1",
        "calendar__year_end",
        "event__sale",
        "term__late",
        "baseline__trend",
        "baseline__price",
    ]
    assert features.attrs == panel.attrs
    pd.testing.assert_frame_equal(features[panel.columns], panel)
    assert np.isfinite(features.drop(columns=["geo", "date"]).to_numpy()).all()


def test_one_week_is_enough() -> None:
    settings = Config.model_validate(
        {"features": {"baseline": {"trend": "quadratic", "macro_cols": ["gdp"]}, "holidays": {"country": "US"}}}
    )
    features = build_features(clean(1).assign(extra__gdp=5.0), settings)
    assert features.filter(like="baseline__").to_numpy().tolist() == [[0.0, 0.0, 0.0]]
