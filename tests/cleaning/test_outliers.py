"""Winsorization, with promotions left out; the oracle is NumPy's percentile on hand-picked weeks."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.cleaning.clean import CleanedPanel, clean_panel
from mmm_core.errors import ConfigError
from tests.panels import WIDE_MAPPING, config, panel, wide_rows

ROWS = wide_rows(40)
RAW = panel(ROWS, mapping=WIDE_MAPPING)
CAP = {"policy": "contextual_winsorization", "winsorize_percentile": 80.0}


def clean(raw: pd.DataFrame = RAW, features: dict[str, Any] | None = None, **outliers: Any) -> CleanedPanel:
    sections = {"enhanced_cleaning": {"outliers": CAP | outliers}, "features": features or {}}
    return clean_panel(raw, WIDE_MAPPING, config(**sections))


def expected(column: str, exempt: np.ndarray) -> np.ndarray:
    values = RAW[column].to_numpy()
    high = np.percentile(values[~exempt & (values > 0)], 80.0)
    return np.where(exempt, values, np.minimum(values, high))


def test_weeks_of_events_are_neither_capped_nor_counted() -> None:
    events = {
        "sale": {"dates": ["2023-01-11", "2023-03-05/2023-03-14"]},
        "abroad": {"dates": ["2023-05-01"], "geos": ["South"]},
    }
    exempt = np.isin(np.arange(40), [1, 8, 9, 10])
    cleaned = clean(features={"events": events})
    for column in ("spend__tv", "media__tv", "reach__video", "media__newsletter"):
        np.testing.assert_allclose(cleaned.panel[column], expected(column, exempt))
    assert cleaned.changes["rule"].unique().tolist() == [
        "capped at the 80th percentile of active weeks outside promotions"
    ]
    all_weeks = clean(features={"events": events}, exempt_promo_periods=False)
    np.testing.assert_allclose(all_weeks.panel["spend__tv"], expected("spend__tv", np.zeros(40, dtype=bool)))


def test_weeks_of_promotions_above_their_median_are_exempt() -> None:
    cleaned = clean(promo_columns=["promo", "weather"])
    weather = RAW["control__weather"].to_numpy()
    exempt = (RAW["treatment__promo"].to_numpy() > 0) | (weather > np.median(weather))
    np.testing.assert_allclose(cleaned.panel["spend__tv"], expected("spend__tv", exempt))


def test_events_of_the_source_are_exempt() -> None:
    from dataclasses import replace

    mapping = replace(WIDE_MAPPING, events=("sale",))
    raw = RAW.assign(event__sale=(np.arange(40) % 5 == 0).astype(float))
    cleaned = clean_panel(raw, mapping, config(enhanced_cleaning={"outliers": CAP}))
    np.testing.assert_allclose(cleaned.panel["spend__tv"], expected("spend__tv", np.arange(40) % 5 == 0))


@pytest.mark.parametrize(
    ("chosen", "touched"),
    [
        (["spend"], {"spend__tv", "spend__search", "spend__video"}),
        (["media"], {"media__tv", "reach__video", "media__newsletter"}),
        (["kpi"], {"kpi"}),
        (["controls"], {"control__weather"}),
    ],
)
def test_only_the_chosen_columns_are_capped(chosen: list[str], touched: set[str]) -> None:
    assert set(clean(columns=chosen).changes["column"]) == touched


def test_controls_are_capped_on_both_sides() -> None:
    weather = RAW["control__weather"].to_numpy()
    low, high = np.percentile(weather, [20, 80])
    np.testing.assert_allclose(clean(columns=["controls"]).panel["control__weather"], np.clip(weather, low, high))


def test_flagging_says_what_would_be_capped_and_changes_nothing() -> None:
    flagged, capped = clean(policy="flag", columns=["spend"]), clean(columns=["spend"])
    assert flagged.changes.empty
    pd.testing.assert_frame_equal(flagged.panel, RAW.drop(columns="source_row"))
    counts = capped.changes["column"].value_counts()
    assert flagged.notes[0].startswith("Beyond the 80th percentile of their active weeks, and left as they are: ")
    for column, number in counts.items():
        assert f"{column} in {number} weeks" in flagged.notes[0]
    assert not clean(policy="none").notes


def test_a_masked_kpi_stays_masked() -> None:
    raw = RAW.copy()
    raw.loc[5, "kpi"] = np.nan
    cleaned = clean(raw, columns=["kpi"])
    assert cleaned.panel["kpi"].isna().tolist() == [week == 5 for week in range(40)]


def test_unknown_promotions_and_dates_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"promo_columns\[0\]: received 'promos'.*Did you mean promo\?"):
        clean(promo_columns=["promos"])
    with pytest.raises(ConfigError, match=r"features\.events\.sale\.dates: received 'soon'"):
        clean(features={"events": {"sale": {"dates": ["soon"]}}})
