"""Amounts of all geos together, against a loop over dates; and what the mapping says about further columns."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, raw_panel, resolve_mapping
from mmm_core.data.national import shares_by_date
from mmm_core.data.preparation.prepare import prepare
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import ConfigError, DataError
from tests.panels import SECTION, source_rows, source_table


def resolve(frame: pd.DataFrame, changes: dict[str, Any], **sections: Any) -> Any:
    config = Config.model_validate({"data": SECTION | changes} | sections)
    return resolve_mapping(config, list(frame.columns), "orders.csv")


def geos(*names: str, n_rows: int = 4) -> pd.DataFrame:
    rows = [source_rows(n_rows, name, seed=n).assign(people=100.0 * (n + 1)) for n, name in enumerate(names)]
    return pd.concat(rows, ignore_index=True)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 4), st.sampled_from([0.0, 1.0, 2.5, 7.0, -1.0, np.nan, np.inf])
        ),
        min_size=1,
        max_size=30,
    )
)
def test_shares_equal_a_loop_over_dates(rows: list[tuple[int, int, float]]) -> None:
    geo, day, weight = (np.array(part) for part in zip(*rows, strict=True))
    days = (np.datetime64("2023-01-02", "D") + day).astype("datetime64[ns]")
    shares = shares_by_date(geo, days, weight.astype(float))
    for position, (own, on, _) in enumerate(rows):
        weights = {other: [w for g, d, w in rows if (g, d) == (other, on)] for other, d, _ in rows if d == on}
        means = {other: float(np.mean(values)) for other, values in weights.items()}
        bad = any(not 0 <= w < np.inf for values in weights.values() for w in values) or sum(means.values()) == 0
        expected = np.nan if bad else means[own] / sum(means.values())
        np.testing.assert_allclose(shares[position], expected)


@pytest.mark.parametrize("by", ["population", "equal", "weather"])
def test_shares_of_a_date_sum_to_one_over_the_geos_that_have_a_row(by: str) -> None:
    frame = geos("A", "B", "C").drop(index=[2, 5]).reset_index(drop=True)
    frame["weather"] = frame["weather"].abs()
    by_day = frame.groupby("day")[["tv_cost", "tv_views"]].transform("first")
    frame[["tv_cost", "tv_views"]] = by_day
    mapping = resolve(frame, {"national_columns": {"columns": ["tv_*"], "by": by}, "controls": ["weather"]})
    assert mapping.national == ("tv_cost", "tv_views")
    assert mapping.repeated == {"tv_cost", "tv_views"}
    source = source_table(frame)
    panels = pd.concat([raw_panel(source, mapping, geo) for geo in geo_names(source, mapping)])
    np.testing.assert_allclose(panels.groupby("date")["national_share"].sum(), 1.0)
    if by == "population":
        last = panels[panels["date"] == panels["date"].max()].set_index("geo")["national_share"]
        np.testing.assert_allclose(last[["A", "B", "C"]], [1 / 6, 2 / 6, 3 / 6])


def with_national_geo() -> pd.DataFrame:
    frame = geos("A", "B", "All")
    national = frame["region"] == "All"
    frame.loc[~national, ["tv_cost", "tv_views"]] = np.nan
    return frame


def test_national_geo_lends_its_amounts_and_is_no_geo() -> None:
    frame = with_national_geo().drop(index=[9]).sample(frac=1, random_state=1).reset_index(drop=True)
    mapping = resolve(frame, {"national_columns": {"columns": ["tv_cost", "tv_views"], "geo": "All"}})
    source = source_table(frame)
    assert geo_names(source, mapping) == ("A", "B")
    national = frame[frame["region"] == "All"].set_index("day")["tv_cost"]
    for geo, share in (("A", 1 / 3), ("B", 2 / 3)):
        panel = raw_panel(source, mapping, geo)
        expected = [national.get(day.strftime("%Y-%m-%d"), np.nan) for day in panel["date"]]
        np.testing.assert_array_equal(panel["spend__tv"], expected)
        np.testing.assert_allclose(panel["national_share"], share)
        own = frame[frame["region"] == geo]["search_cost"].tolist()
        assert panel["spend__search"].tolist() == own
    with pytest.raises(DataError, match="no geo 'All'; there are A, B"):
        raw_panel(source, mapping, "All")


def test_amounts_that_would_be_lost_are_refused() -> None:
    frame = with_national_geo()
    frame.loc[5, "tv_cost"] = 3.0
    mapping = resolve(frame, {"national_columns": {"columns": ["tv_cost"], "geo": "All"}})
    with pytest.raises(DataError, match=r"'tv_cost' from All, but other geos have .* \(row 7 \(1 in all\)\)"):
        geo_names(source_table(frame), mapping)
    frame = pd.concat([with_national_geo(), source_rows(1, "All")], ignore_index=True)
    with pytest.raises(DataError, match="several rows of one date: row 14"):
        geo_names(source_table(frame), mapping)
    with pytest.raises(DataError, match=r"no geo 'All', which data\.national_columns\.geo names; there are A, B"):
        geo_names(source_table(geos("A", "B")), mapping)


def test_amounts_that_differ_between_geos_are_not_national() -> None:
    frame = geos("A", "B").assign(tv_cost=5.0)
    mapping = resolve(frame, {"national_columns": {"columns": ["tv_cost"]}})
    assert geo_names(source_table(frame), mapping) == ("A", "B")
    for wrong in (6.0, np.nan):
        other = frame.copy()
        other.loc[6, "tv_cost"] = wrong
        with pytest.raises(DataError, match=r"another amount in row 8 \(1 in all\) than in row 4 "):
            geo_names(source_table(other), mapping)


def test_notes_say_how_national_amounts_are_spread_and_what_is_lost() -> None:
    frame = with_national_geo().drop(index=[2, 6]).reset_index(drop=True)
    frame["tv_cost"] = frame["tv_cost"].where(frame["region"] != "All", 10.0)
    data = SECTION | {"national_columns": {"columns": ["tv_cost"], "geo": "All"}}
    result = prepare(source_table(frame), {}, Config.model_validate({"data": data}))
    assert result.notes == (
        "tv_cost: amounts of all geos together, spread over the geos by people; they stand in the rows of "
        "All, which is no geo of its own.",
        "10 of 40 of tv_cost are on dates on which no geo has a row (row 10 (1 in all)), so they are in no geo.",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": ["weather"]}, "names 'weather', which is no amount"),
        ({"columns": ["region"]}, "names 'region', which is not mapped to anything"),
        ({"columns": ["orders"]}, "names the KPI, 'orders'"),
        ({"columns": ["tv_cost"], "by": "poplation"}, "no column 'poplation', which data.national_columns.by"),
    ],
)
def test_only_amounts_can_be_national(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        resolve(geos("A"), {"national_columns": changes})


def test_population_is_needed_where_it_is_the_key() -> None:
    with pytest.raises(ConfigError, match=r"by is population, but data\.population_col is not set"):
        resolve(geos("A"), {"national_columns": {"columns": ["tv_cost"]}, "population_col": None})
    with pytest.raises(ConfigError, match="there are no geos to spread amounts over"):
        resolve(geos("A"), {"national_columns": {"columns": ["tv_cost"]}, "keys": []})


def test_every_further_column_has_its_place_in_the_panel() -> None:
    frame = source_rows(3).assign(
        cur=[" EUR", "USD", ""], fx=[1.0, 0.9, 1.1], cpi=1.0, temp=2.0, seen=[0, 1, 2], claimed=3.0, sale=[0, 1, 0]
    )
    mapping = resolve(
        frame,
        {"currency_col": "cur"},
        enhanced_cleaning={"currency": {"policy": "convert", "rate_col": "fx"}},
        features={
            "event_cols": ["sale"],
            "baseline": {"macro_cols": ["cp*"]},
            "custom_terms": {"heat": "temp ** 2 + weather"},
            "creative_fatigue": {"enabled": True, "age_cols": {"tv": "seen", "search": "seen"}},
            "attribution": {"enabled": True, "conversions": {"search": "claimed"}},
        },
    )
    panel = raw_panel(source_table(frame), mapping, "North")
    assert list(panel.columns) == [
        "geo",
        "date",
        "currency",
        "kpi",
        "revenue_per_kpi",
        "population",
        "spend__tv",
        "media__tv",
        "spend__search",
        "control__weather",
        "extra__cpi",
        "extra__temp",
        "extra__weather",
        "age__tv",
        "age__search",
        "attributed__search",
        "event__sale",
        "currency_rate",
        "source_row",
    ]
    assert panel["currency"].tolist() == ["EUR", "USD", None]
    assert "currency_rate" not in mapping.clean_columns
    assert mapping.source_column("currency") == "cur"
    assert mapping.source_column("extra__cpi") == "cpi"


@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        (
            {"custom_terms": {"x": "orders * 2"}},
            ConfigError,
            "features.custom_terms.x uses 'orders', which is an outcome",
        ),
        ({"custom_terms": {"x": "wether"}}, ConfigError, "'wether' at position 1.*nearest: weather"),
        ({"baseline": {"price_cols": ["pric"]}}, DataError, "no column 'pric', which features.baseline"),
        ({"event_cols": ["weather"]}, DataError, "mapped twice, as data.controls and as features.event_cols"),
        (
            {"attribution": {"enabled": True, "conversions": {"tv": "orders"}}},
            DataError,
            "mapped twice, .*as features.attribution.conversions.tv",
        ),
        (
            {"creative_fatigue": {"enabled": True, "age_cols": {"radio": "price"}}},
            ConfigError,
            "age_cols names radio, which is no channel; there are tv, search",
        ),
    ],
)
def test_contradictions_of_feature_columns_are_refused(
    features: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        resolve(source_rows(3), {}, features=features)


def test_a_term_of_a_column_that_is_derived_from_the_kpi_is_refused() -> None:
    derived = {"rounded": "orders / 10", "twice": "2 * rounded"}
    frame = source_rows(3).assign(rounded=1.0, twice=2.0)
    with pytest.raises(ConfigError, match=r"features\.custom_terms\.x uses 'twice', which is an outcome"):
        resolve(frame, {"derived_columns": derived}, features={"custom_terms": {"x": "twice + 1"}})


def test_columns_of_features_that_are_switched_off_need_not_exist() -> None:
    features = {
        "creative_fatigue": {"age_cols": {"tv": "nowhere"}},
        "attribution": {"conversions": {"tv": "nowhere"}},
    }
    mapping = resolve(source_rows(3), {}, features=features)
    assert (mapping.ages, mapping.attributed) == ((), ())


def test_external_columns_are_controls_unless_they_have_another_role() -> None:
    frame = source_rows(3).assign(rival=1.0, cpi=2.0, rain=3.0, index=4.0, real=5.0, strike=0.0)
    levels = {"rival": "a", "cpi": "b", "rain": "c", "index": "d", "strike": "e"}
    mapping = resolve(
        frame,
        {"non_media_treatments": ["rain"], "derived_columns": {"real": "weather / index"}},
        external_data={"x": {"path": "x.csv", "levels": levels}},
        features={"baseline": {"macro_cols": ["cpi"]}, "event_cols": ["strike"]},
    )
    assert mapping.controls == ("weather", "rival")
    assert mapping.extras == ("cpi",)
    assert mapping.joined == set(levels)


def test_dates_are_read_for_all_geos_together() -> None:
    frame = geos("A", "B", n_rows=2)
    frame["day"] = ["05/01/2023", "12/01/2023", "05/01/2023", "19/01/2023"]
    mapping = resolve(frame, {})
    source = source_table(frame)
    assert raw_panel(source, mapping, "A")["date"].tolist() == [
        pd.Timestamp("2023-01-05"),
        pd.Timestamp("2023-01-12"),
    ]
    with pytest.raises(
        DataError, match=r"'day' can be read as day/month and .*'05/01/2023' in row 2.*data\.date_format"
    ):
        geo_names(source_table(frame[:2]), mapping)
    american = resolve(frame, {"date_format": "%m/%d/%Y"})
    panel = raw_panel(source_table(frame), american, "B")
    assert panel["date"].tolist() == ["2023-05-01", "19/01/2023"]
    with pytest.raises(DataError, match=r"no date in column 'day' is written as data\.date_format says, '%Y'"):
        geo_names(source_table(frame), resolve(frame, {"date_format": "%Y"}))


def test_names_are_in_composed_form_and_stripped() -> None:
    frame = geos("Su\u0308d", " Süd ", "A/B %20", n_rows=1)
    mapping = resolve(frame, {})
    assert geo_names(source_table(frame), mapping) == ("A/B %20", "Süd")
    assert len(raw_panel(source_table(frame), mapping, "Süd")) == 2


def test_cost_of_a_geo_does_not_grow_with_their_number() -> None:
    frame = pd.concat([geos(f"g{n}", n_rows=1) for n in range(3)], ignore_index=True)
    frame = frame.loc[np.repeat(np.arange(3), 100)].reset_index(drop=True)
    source = source_table(frame)
    mapping = resolve(frame, {})
    raw_panel(source, mapping, "g0")
    kept = dict(source.found)
    raw_panel(source, mapping, "g1")
    assert {key: id(value) for key, value in source.found.items()} == {
        key: id(value) for key, value in kept.items()
    }


def test_another_frame_is_looked_at_anew() -> None:
    frame = geos("A", "B", n_rows=2)
    mapping = resolve(frame, {})
    source = source_table(frame)
    assert geo_names(source, mapping) == ("A", "B")
    assert geo_names(SourceTable(frame[:2], source.origin, "other"), mapping) == ("A",)


@pytest.mark.parametrize("holder", [None, "Country"])
def test_rows_of_one_week_share_its_amount_whatever_their_weekday(holder: str | None) -> None:
    """Weekly dates that cleaning will move to Mondays: nothing is counted twice, and nothing is lost."""
    amounts = np.arange(1.0, 11.0)
    rows = [
        source_rows(10, name, start=start).assign(search_cost=amounts)
        for name, start in (("North", "2023-01-02"), ("South", "2023-01-04"), ("Country", "2023-01-06"))
    ]
    if holder is None:
        rows = rows[:2]
    else:
        rows[:2] = [frame.assign(search_cost=np.nan) for frame in rows[:2]]
    source = source_table(pd.concat(rows, ignore_index=True))
    national = {"columns": ["search_cost"], "by": "equal", "geo": holder}
    aligned = {"enhanced_cleaning": {"week_alignment": "align"}}
    mapping = resolve(source.frame, {"national_columns": national}, **aligned)
    assert geo_names(source, mapping) == ("North", "South")
    panels = [raw_panel(source, mapping, geo) for geo in ("North", "South")]
    split = [panel["spend__search"] * panel["national_share"] for panel in panels]
    np.testing.assert_allclose(split, [amounts / 2, amounts / 2])
