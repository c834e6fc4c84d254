from typing import Any

import numpy as np
import pandas as pd
import pytest

from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, raw_panel, resolve_mapping
from mmm_core.errors import ConfigError, DataError, InputError
from tests.panels import MAPPING, SECTION, WIDE_MAPPING, WIDE_SECTION, config, source_rows, source_table, wide_rows

COLUMNS = list(source_rows(1).columns)


def resolve(columns: list[str] = COLUMNS, **changes: Any) -> Any:
    return resolve_mapping(Config.model_validate({"data": SECTION | changes}), columns, "orders.csv")


def test_configured_columns_become_the_mapping() -> None:
    assert resolve() == MAPPING


def test_panel_columns_name_their_source() -> None:
    assert MAPPING.numeric_columns == {
        "kpi": "orders",
        "revenue_per_kpi": "price",
        "population": "people",
        "spend__tv": "tv_cost",
        "media__tv": "tv_views",
        "spend__search": "search_cost",
        "control__weather": "weather",
    }
    assert MAPPING.source_column("geo") == "region"


def test_missing_column_is_named_with_its_key_and_the_nearest() -> None:
    with pytest.raises(
        DataError, match=r"orders\.csv has no column 'tv_kost', which data\.channel_map\.tv.*tv_cost"
    ):
        resolve(channel_map={"tv": "tv_kost"})
    with pytest.raises(DataError, match=r"no column 'TIME'.*data\.date_col.*columns: region, day"):
        resolve(date_col="TIME")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"channel_map": {"tv": "tv_cost", "tele": "tv_cost"}},
            DataError,
            "'tv_cost' of orders.csv is mapped twice",
        ),
        ({"controls": ["tv_cost"]}, DataError, "mapped twice"),
        ({"population_col": "orders"}, DataError, "mapped twice"),
        ({"date_col": None}, ConfigError, "data.date_col is not set"),
        ({"kpi_col": None}, ConfigError, "neither is set"),
        ({"revenue_col": "price"}, ConfigError, "both are set"),
        ({"kpi_col": None, "revenue_col": "orders"}, ConfigError, "revenue_per_kpi_col"),
        ({"channel_map": {"weather": "tv_cost"}}, ConfigError, "both a channel and a control"),
        ({"channel_map": {"baseline": "tv_cost"}}, ConfigError, "component of every model"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], error: type[InputError], message: str) -> None:
    with pytest.raises(error, match=message):
        resolve(**changes)


WIDE = list(wide_rows(1).columns)


def test_every_kind_of_column_becomes_part_of_the_mapping() -> None:
    mapping = resolve_mapping(Config.model_validate({"data": WIDE_SECTION}), WIDE, "orders.csv")
    assert mapping == WIDE_MAPPING
    added = {panel: source for panel, source in mapping.numeric_columns.items() if source not in COLUMNS}
    assert added == {
        "spend__video": "video_cost",
        "reach__video": "video_reach",
        "frequency__video": "video_frequency",
        "media__newsletter": "newsletter_opens",
        "treatment__promo": "promo",
    }
    assert mapping.media_columns == ("media__tv", "spend__search", "reach__video", "media__newsletter")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"channel_map": {"v": {"spend": "video_cost", "reach": "video_reach"}}}, ConfigError, "no frequency"),
        ({"channel_map": {"v": {"spend": "video_cost", "frequency": "video_frequency"}}}, ConfigError, "no reach"),
        (
            {
                "channel_map": {
                    "v": {
                        "spend": "video_cost",
                        "media": "tv_views",
                        "reach": "video_reach",
                        "frequency": "video_frequency",
                    }
                }
            },
            ConfigError,
            "has media and reach",
        ),
        (
            {"organic_media": {"tv": "newsletter_opens"}},
            ConfigError,
            "tv is both a channel and an organic channel",
        ),
        ({"organic_media": {"mail": "opens"}}, DataError, "no column 'opens', which data.organic_media.mail"),
        ({"organic_media": {"mail": "tv_views"}}, DataError, r"twice, as data.channel_map.tv \(media\)"),
        ({"non_media_treatments": ["weather"]}, DataError, "as data.controls and as data.non_media_treatments"),
        ({"non_media_treatments": ["promos"]}, DataError, "data.non_media_treatments names; nearest: promo"),
        ({"controls_per_capita": ["people"]}, ConfigError, "names people, which is neither in data.controls"),
        ({"population_col": None}, ConfigError, "data.population_col is not set"),
        ({"channel_columns": ["x*"]}, DataError, r"data.channel_columns: .* matches 'x\*'.*Columns: region, day"),
        ({"channel_columns": ["price"]}, DataError, "as data.revenue_per_kpi_col and as data.channel_columns"),
        ({"channel_map": {}, "channel_columns": ["tv_cost", "!tv_cost"]}, ConfigError, "excludes every column"),
        ({"controls": ["!wether"]}, DataError, "has no column 'wether' that '!wether' could exclude"),
        ({"controls": ["weather", "weather"]}, ConfigError, "data.controls names weather more than once"),
        ({"controls": ["w*", "d*"]}, DataError, "'day' of orders.csv is mapped twice.*`!day`"),
        ({"channel_map": {"holiday__tv": "tv_cost"}}, ConfigError, "component of every model"),
    ],
)
def test_contradictions_of_the_wider_mapping_are_refused(
    changes: dict[str, Any], error: type[InputError], message: str
) -> None:
    with pytest.raises(error, match=message):
        resolve_mapping(Config.model_validate({"data": WIDE_SECTION | changes}), WIDE, "orders.csv")


def test_pattern_leaves_columns_of_mapped_channels_alone() -> None:
    section = Config.model_validate({"data": WIDE_SECTION | {"channel_columns": ["tv_*", "video*"]}})
    assert resolve_mapping(section, WIDE, "orders.csv") == WIDE_MAPPING


def test_columns_by_pattern_are_channels_and_controls_under_their_own_names() -> None:
    columns = ["geo", "date", "x2_b", "x1_a", "c1", "c1_effect", "c2", "x9", "y"]
    section = {
        "date_col": "date",
        "keys": ["geo"],
        "revenue_col": "y",
        "channel_map": {"first": "x1_a"},
        "channel_columns": ["x*", "!x9"],
        "controls": ["c*", "!*_effect"],
    }
    mapping = entity_mapping(columns, **section)
    assert mapping.channels == ("first", "x2_b")
    assert mapping.controls == ("c1", "c2")
    assert mapping.media_columns == ("spend__first", "spend__x2_b")


def test_spend_that_is_also_media_counts_once() -> None:
    mapping = resolve(channel_map={"tv": {"spend": "tv_cost", "media": "tv_cost"}})
    assert "media__tv" not in mapping.numeric_columns


def test_override_for_an_unknown_channel_is_refused() -> None:
    with pytest.raises(ConfigError, match="radio"):
        resolve_mapping(config(model={"priors": {"roi_bounds": {"radio": [1, 2]}}}), COLUMNS, "orders.csv")


def test_without_mapping_or_known_layout_the_columns_are_listed() -> None:
    with pytest.raises(ConfigError, match=r"channel_map is empty.*region, day, orders"):
        resolve(channel_map={})


ENTITY = ["entity_id", "period_start", "sales", "act_tv", "spend_tv", "spend_search", "ctrl_price_index"]


def entity_mapping(columns: list[str], **data: Any) -> Any:
    return resolve_mapping(Config.model_validate({"data": data}), columns, "sales.csv")


def test_entity_layout_needs_no_mapping() -> None:
    mapping = entity_mapping(ENTITY)
    assert mapping.keys == ("entity_id",)
    assert (mapping.date, mapping.kpi, mapping.kpi_type) == ("period_start", "sales", "revenue")
    assert mapping.channels == ("tv", "search")
    assert [(source.spend, source.media) for source in mapping.channel_columns] == [
        ("spend_tv", "act_tv"),
        ("spend_search", None),
    ]
    assert mapping.controls == ("ctrl_price_index",)


def test_entity_layout_takes_activity_without_spend_as_organic_media_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("INFO"):
        mapping = entity_mapping([*ENTITY, "act_radio", "act_post"], organic_media={"mail": "act_post"})
    assert dict(zip(mapping.organic, mapping.organic_columns, strict=True)) == {
        "radio": "act_radio",
        "mail": "act_post",
    }
    assert "act_radio has no spend column and is taken as organic media" in caplog.text


@pytest.mark.parametrize(
    ("section", "controls", "treatments"),
    [
        ({"controls": ["act_radio"]}, ("act_radio",), ()),
        ({"controls": ["ctrl_*", "act_r*"]}, ("ctrl_price_index", "act_radio"), ()),
        ({"non_media_treatments": ["act_radio"]}, ("ctrl_price_index",), ("act_radio",)),
        ({"non_media_treatments": ["ctrl_price_index", "act_radio"]}, (), ("ctrl_price_index", "act_radio")),
    ],
)
def test_entity_layout_leaves_listed_activity_where_it_is_listed(
    section: dict[str, Any], controls: tuple[str, ...], treatments: tuple[str, ...]
) -> None:
    mapping = entity_mapping([*ENTITY, "act_radio"], **section)
    assert (mapping.organic, mapping.controls, mapping.treatments) == ((), controls, treatments)


def test_what_the_configuration_says_replaces_the_layout() -> None:
    mapping = entity_mapping([*ENTITY, "orders"], kpi_col="orders", controls=[])
    assert (mapping.kpi, mapping.kpi_type) == ("orders", "non_revenue")


def test_geos_come_in_natural_order_and_nameless_rows_are_refused() -> None:
    frame = pd.concat([source_rows(2, geo) for geo in ("Geo10", "Geo2", "Süd/Ost %20")], ignore_index=True)
    assert geo_names(source_table(frame), MAPPING) == ("Geo2", "Geo10", "Süd/Ost %20")
    frame.loc[[1, 3], "region"] = [None, "  "]
    with pytest.raises(DataError, match=r"region is empty: row 3, 5 \(2 in all\)"):
        geo_names(source_table(frame), MAPPING)


def test_raw_panel_has_the_rows_of_its_geo_in_file_order() -> None:
    north, south = source_rows(3, "North"), source_rows(3, "South", seed=4)
    mixed = pd.concat([north, south]).sort_values("day", kind="stable", ignore_index=True)
    panel = raw_panel(source_table(mixed), MAPPING, "South")
    assert panel["source_row"].tolist() == [3, 5, 7]
    assert panel["geo"].unique().tolist() == ["South"]
    assert panel["date"].dtype == "datetime64[ns]"
    np.testing.assert_array_equal(panel["spend__tv"], south["tv_cost"])
    assert (panel.drop(columns=["geo", "date", "source_row"]).dtypes == "float64").all()


def test_text_in_one_geo_leaves_the_other_geos_numeric() -> None:
    frame = pd.concat([source_rows(3, "North"), source_rows(3, "South")], ignore_index=True).astype(
        {"tv_cost": str}
    )
    frame.loc[4, "tv_cost"] = "n.v."
    source = source_table(frame)
    assert raw_panel(source, MAPPING, "North")["spend__tv"].dtype == "float64"
    assert raw_panel(source, MAPPING, "South")["spend__tv"].tolist()[1] == "n.v."


def test_unknown_geo_is_refused() -> None:
    with pytest.raises(DataError, match="no geo 'West'; there are North"):
        raw_panel(source_table(source_rows(2)), MAPPING, "West")
