"""Rules about several keys of the data section that came with further tables and national amounts."""

from pathlib import Path

import pytest

from mmm_core.errors import ConfigError
from tests.config_files import load_text

DATA = "date_col: d, kpi_col: k, channel_map: {tv: s}"
CASES = {
    "national without geos": (
        f"data: {{{DATA}, national_columns: {{columns: [s], by: equal}}}}",
        "data.national_columns.columns: needs geos over which the amounts are spread, but data.keys is empty",
    ),
    "national by an unknown population": (
        f"data: {{{DATA}, keys: [g], national_columns: {{columns: [s]}}}}",
        "data.national_columns.by: is population, but data.population_col is not set",
    ),
    "national geo alone": (
        f"data: {{{DATA}, keys: [g], national_columns: {{geo: All}}}}",
        "data.national_columns.geo: has no effect without",
    ),
    "national columns that only exclude": (
        f"data: {{{DATA}, keys: [g], national_columns: {{columns: ['!s'], by: equal}}}}",
        "data.national_columns.columns: received !s, which only excludes",
    ),
    "date without day": (
        f"data: {{{DATA}, date_format: '%m/%Y'}}",
        "data.date_format: received '%m/%Y'; allowed:",
    ),
    "date without codes": (
        f"data: {{{DATA}, date_format: DD.MM.YYYY}}",
        "data.date_format: received 'DD.MM.YYYY'",
    ),
    "date of a table": (
        "ingest: {tables: {m: {path: m.csv, date_col: d, date_format: '%d.%m', levels: {a: b}}}}",
        "ingest.tables.m.date_format: received '%d.%m'",
    ),
    "two columns of one name": (
        f"data: {{{DATA}, derived_columns: {{a: s + 1}}}}\n"
        "ingest: {tables: {m: {path: m.csv, levels: {a: b}}}}",
        "data.derived_columns.a: a is also ingest.tables.m.levels.a; choose another name.",
    ),
    "no value": (f"data: {{{DATA}, rows: {{where: {{b: []}}}}}}", "data.rows.where.b: names no value"),
    "value twice": (
        f"data: {{{DATA}, rows: {{exclude: {{b: [x, x]}}}}}}",
        "data.rows.exclude.b: 'x' is listed 2 times",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_contradiction_is_refused(case: str, tmp_path: Path) -> None:
    text, message = CASES[case]
    with pytest.raises(ConfigError) as refusal:
        load_text(tmp_path, text)
    assert message in str(refusal.value)


@pytest.mark.parametrize("written", ["%d/%m/%Y", "%Y%j", "%d %b %y", "%m/%d/%Y %H:%M", "%B %d, %Y"])
def test_formats_that_say_the_day_are_fine(written: str, tmp_path: Path) -> None:
    load_text(tmp_path, f"data: {{date_format: '{written}'}}")


def test_yearly_table_needs_no_month(tmp_path: Path) -> None:
    load_text(tmp_path, "external_data: {gdp: {path: gdp.csv, year_col: year, grain: year, levels: {gdp: value}}}")
