"""Terms of the calendar in coming weeks are those that the features would have there."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.data.panel import BASELINE, EVENT
from mmm_core.errors import ConfigError
from mmm_core.features.build import build_features
from mmm_core.features.model_data import ControlRole, ModelData
from mmm_core.planning.terms import coming_controls
from tests.factories import tiny_model_data

_CONFIG = Config.model_validate(
    {
        "features": {
            "seasonality": {
                "annual_fourier_order": 2,
                "monthly_fourier_order": 1,
                "calendar_effects": ["month_end", "year_end"],
            },
            "holidays": {
                "country": "US",
                "territories": {"Geo1": "DE-BY"},
                "names": ["Christmas"],
                "lead_weeks": 1,
            },
            "events": {"sale": {"dates": ["2024-03-01/2024-03-09", "2024-12-01"], "geos": ["Geo0", "Geo2"]}},
            "baseline": {"trend": "quadratic"},
        }
    }
)
_N_HISTORY, _N_WEEKS = 60, 30


def _terms() -> tuple[tuple[str, ...], np.ndarray]:
    """Names in the model and (G, T + new, K) values from the features of all weeks in one panel."""
    weeks = pd.date_range("2023-01-02", periods=_N_HISTORY + _N_WEEKS, freq="7D")
    frames = [
        build_features(pd.DataFrame({"geo": geo, "date": weeks}), _CONFIG) for geo in ("Geo0", "Geo1", "Geo2")
    ]
    columns = [column for column in frames[0] if column not in ("geo", "date")]
    names = tuple(str(column).removeprefix(EVENT).removeprefix(BASELINE) for column in columns)
    return names, np.stack([frame[columns].to_numpy(dtype=np.float64) for frame in frames])


def _data(names: tuple[str, ...], values: np.ndarray) -> ModelData:
    data = tiny_model_data(n_weeks=_N_HISTORY, n_controls=0)
    roles: tuple[ControlRole, ...] = ("control",) * len(names)
    return dataclasses.replace(
        data, controls=names, control_roles=roles, control_values=values, control_per_capita=(False,) * len(names)
    )


def test_what_depends_on_dates_is_computed_for_the_new_ones() -> None:
    names, values = _terms()
    data = _data(names, values[:, :_N_HISTORY])
    dates = data.dates[-1] + 7 * np.arange(1, _N_WEEKS + 1)
    found, notes = coming_controls(data, _CONFIG, dates, {})
    np.testing.assert_allclose(found, values[:, _N_HISTORY:], rtol=1e-9, atol=1e-12)
    assert notes == ()


def test_terms_that_the_fit_left_out_stay_out() -> None:
    names, values = _terms()
    kept = [k for k, name in enumerate(names) if name != "sale"]
    data = _data(tuple(names[k] for k in kept), values[:, :_N_HISTORY, kept])
    found, _ = coming_controls(data, _CONFIG, data.dates[-1] + 7 * np.arange(1, 4), {})
    np.testing.assert_allclose(found, values[:, _N_HISTORY : _N_HISTORY + 3, kept], atol=1e-12)


def test_a_term_that_is_no_longer_configured_is_refused() -> None:
    names, values = _terms()
    data = _data(names, values[:, :_N_HISTORY])
    with pytest.raises(ConfigError, match=r"The fit has the terms .*season__month_sin_1.* no longer give"):
        coming_controls(data, Config(), data.dates[-1:] + 7, {})
