"""Whatever the bytes of a file are: it passes, a check blocks it, or one sentence refuses it."""

import csv
import io
import random
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intake.corrupted import Outcome, config_for, outcome_of
from tests.intake.file_damage import CHANGES, Rows, broken_bytes
from tests.panels import WIDE_SECTION, wide_rows


def as_text(rows: Rows, separator: str = ",", line: str = "\n", quoting: Any = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=line, quoting=quoting).writerows(rows)
    return out.getvalue()


ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "cp1252", "utf-32")
CLEANING: tuple[dict[str, Any], ...] = (
    {},
    {"missing_data": {"strategy": "refuse"}},
    {"missing_data": {"strategy": "simple"}, "duplicates": {"policy": "drop_identical"}},
    {
        "missing_data": {"strategy": "campaign_aware", "outage_detection": True, "outage_action": "impute"},
        "duplicates": {"policy": "aggregate"},
    },
    {
        "week_alignment": "align",
        "duplicates": {"policy": "aggregate", "identical_rows": "keep"},
        "outliers": {"policy": "contextual_winsorization", "columns": ["spend", "media", "kpi", "controls"]},
    },
)
FEATURES: tuple[dict[str, Any], ...] = (
    {},
    {
        "seasonality": {"annual_fourier_order": 1, "calendar_effects": ["month_end"]},
        "holidays": {"country": "US", "territories": {"South": "DE"}},
        "events": {"sale": {"dates": ["2023-03-01/2023-03-09"]}},
        "baseline": {"price_cols": ["price"], "macro_cols": ["weather"], "trend": "linear"},
        "custom_terms": {"lagged": "lag(weather, 1)"},
    },
)
LENIENT = dict.fromkeys(
    ("coverage", "missing_weeks", "missing_values", "validation_score", "outliers", "naive_roi"), "warn"
)


def base_rows(step: int, weeks: int = 56) -> Rows:
    frames = [
        wide_rows(weeks * 7 // step, geo, step_days=step, seed=n) for n, geo in enumerate(("North", "South"))
    ]
    frame = pd.concat(frames, ignore_index=True)
    return [list(map(str, frame.columns)), *([str(value) for value in row] for row in frame.to_numpy())]


BASE = {1: base_rows(1, 14), 7: base_rows(7)}


def settings_for(rng: random.Random, **more: Any) -> dict[str, Any]:
    severities = LENIENT if rng.random() < 0.5 else {}
    limits = {"coverage_frequency": {"max_missing_weeks_pct": 60 if severities else 2, "min_weeks_required": 8}}
    sections: dict[str, Any] = {
        "data": WIDE_SECTION,
        "enhanced_cleaning": rng.choice(CLEANING),
        "features": rng.choice(FEATURES),
        "validation": limits | {"severities": severities, "quality_thresholds": {"min_validation_score": 0.0}},
    }
    return sections | more


def text_case(seed: int, folder: Path) -> Outcome:
    rng = random.Random(seed)
    rows = [list(row) for row in BASE[rng.choice([1, 7, 7])]]
    for _ in range(rng.randint(0, 3)):
        if len(rows) and rows[0]:
            rows = rng.choice(CHANGES)(rows, rng)
    separator = rng.choice([",", ",", ";", "\t", "|"])
    text = as_text(rows, separator, rng.choice(["\n", "\r\n"]), rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    encoding = rng.choice(ENCODINGS) if rng.random() < 0.15 else "utf-8"
    content = text.encode(encoding, errors="replace")
    if rng.random() < 0.15:
        content = broken_bytes(content, rng)
    path = folder / f"case.{rng.choice(['csv', 'tsv', 'txt', 'xlsx', 'parquet'])}"
    path.write_bytes(content)
    told: dict[str, str] = {"encoding": encoding} if rng.random() < 0.7 else {}
    if rng.random() < 0.05:
        told = {"encoding": rng.choice(ENCODINGS), "separator": rng.choice([",", ";"])}
    return outcome_of(config_for(path, **settings_for(rng, ingest={"format": told})))


CELLS: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -3,
        7.5,
        1e308,
        -1e308,
        10**25,
        float("inf"),
        float("nan"),
        "",
        " ",
        "n/a",
        "abc",
        "5%",
    ),
    *("1,5", "#DIV/0!", "2023-01-02", pd.Timestamp("2023-01-02"), pd.Timestamp("2023-01-09 13:45"), "x" * 3000),
)
TYPES: tuple[Callable[[pd.Series], pd.Series], ...] = (
    lambda values: values.astype("category"),
    lambda values: values.astype("string"),
    lambda values: values.map(lambda value: str(value).encode()),
    lambda values: pd.to_datetime(values).dt.tz_localize("Europe/Berlin"),
    lambda values: pd.to_datetime(values).dt.tz_localize("America/New_York").dt.tz_convert("UTC"),
    lambda values: pd.to_datetime(values).dt.date,
    lambda values: pd.to_datetime(values).astype("datetime64[ns]"),
    lambda values: pd.to_datetime(values).dt.to_period("W").dt.start_time + pd.Timedelta(hours=23),
    lambda values: values.astype(float).astype("float32"),
    lambda values: values.astype(float).astype("float16"),
    lambda values: values.astype(float).round().astype("Int64"),
    lambda values: (values.astype(float) > 5).astype(bool),
    lambda values: pd.to_timedelta(values.astype(float), unit="s"),
    lambda values: values.map(lambda value: [value]),
    lambda values: values.map(lambda value: None),
)


def typed_case(seed: int, folder: Path, ending: str) -> Outcome:
    """A workbook or a Parquet file with wrong cells, wrong types, or damaged bytes."""
    rng = random.Random(seed)
    step = rng.choice([1, 7, 7])
    frames = [wide_rows(56 * 7 // step, geo, step_days=step, seed=n) for n, geo in enumerate(("North", "South"))]
    frame = pd.concat(frames, ignore_index=True).astype({"day": object})
    if rng.random() < 0.5:
        frame["day"] = pd.to_datetime(frame["day"])
    for _ in range(rng.randint(0, 2)):
        name = rng.choice(list(frame.columns))
        if rng.random() < 0.5:
            with suppress(TypeError, ValueError, AttributeError, OverflowError), warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("ignore", RuntimeWarning)
                frame[name] = rng.choice(TYPES)(frame[name])
        else:
            cells = frame[name].astype(object)
            cells.iloc[rng.sample(range(len(cells)), rng.randint(1, 3))] = rng.choice(CELLS)
            frame[name] = cells if ending == "xlsx" or rng.random() < 0.5 else cells.map(str)
    if rng.random() < 0.2:
        frame = frame.sample(frac=rng.choice([0.0, 0.01, 1.0]), random_state=seed)
    path = folder / f"case.{ending}"
    try:
        frame.to_excel(path, index=False) if ending == "xlsx" else frame.to_parquet(path)
    except (TypeError, ValueError, OverflowError, NotImplementedError, pyarrow.ArrowException):
        return Outcome(refused="such a file cannot even be written by the programs we have")
    if rng.random() < 0.2:
        path.write_bytes(broken_bytes(path.read_bytes(), rng))
    return outcome_of(config_for(path, **settings_for(rng)))


SEEDS = st.integers(0, 10**9)
SOME = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FEW = settings(SOME, max_examples=20)
MANY = settings(SOME, max_examples=2000)


@given(seed=SEEDS)
@SOME
def test_text_files_pass_or_a_sentence_says_why_not(seed: int, tmp_path: Path) -> None:
    assert text_case(seed, tmp_path).says_why


@given(seed=SEEDS)
@SOME
def test_parquet_files_pass_or_a_sentence_says_why_not(seed: int, tmp_path: Path) -> None:
    assert typed_case(seed, tmp_path, "parquet").says_why


@given(seed=SEEDS)
@FEW
def test_workbooks_pass_or_a_sentence_says_why_not(seed: int, tmp_path: Path) -> None:
    assert typed_case(seed, tmp_path, "xlsx").says_why


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
@given(seed=SEEDS)
@MANY
def test_many_more_files_pass_or_a_sentence_says_why_not(seed: int, tmp_path: Path, ending: str) -> None:
    outcome = text_case(seed, tmp_path) if ending == "csv" else typed_case(seed, tmp_path, ending)
    assert outcome.says_why


def frame() -> pd.DataFrame:
    return pd.concat([wide_rows(60, geo, seed=n) for n, geo in enumerate(("North", "South"))], ignore_index=True)


def outcome_of_text(tmp_path: Path, table: pd.DataFrame, written: str = "utf-8", told: str = "utf-8") -> Outcome:
    path = tmp_path / "orders.csv"
    path.write_bytes(table.to_csv(index=False).encode(written))
    limits = {"coverage_frequency": {"min_weeks_required": 8}}
    ingest = {"format": {"encoding": told}}
    return outcome_of(config_for(path, data=WIDE_SECTION, validation=limits, ingest=ingest))


@pytest.mark.parametrize("told", ["base64", "rot13", "undefined", "no such thing"])
def test_what_is_no_encoding_of_text_is_refused(tmp_path: Path, told: str) -> None:
    assert "which is no encoding" in outcome_of_text(tmp_path, frame(), told=told).refused


def test_text_that_is_no_utf_16_is_refused(tmp_path: Path) -> None:
    assert "is not UTF-16 text" in outcome_of_text(tmp_path, frame(), told="utf-16").refused


def test_absurd_numbers_are_blocked_before_anything_overflows(tmp_path: Path) -> None:
    for column, value in (("orders", 1e308), ("tv_cost", 1e200), ("people", 1e-300), ("weather", -1e60)):
        found = outcome_of_text(tmp_path, frame().assign(**{column: value})).blocking
        schema = next(result for result in found if result.name == "schema")
        assert f"column {column!r} must not be" in schema.message
        assert "row 2" in schema.message


def test_a_million_characters_are_not_repeated_in_the_message(tmp_path: Path) -> None:
    table = frame().astype({"orders": object, "region": object})
    table.loc[0, "orders"] = "x" * 1_000_000
    found = outcome_of_text(tmp_path, table)
    assert found.blocking
    assert all(len(str(result)) < 10_000 for result in found.blocking)
    table.loc[0, "region"] = "9" * 1_000_000
    assert "has 1,000,000 characters" in outcome_of_text(tmp_path, table).refused
    assert len(outcome_of_text(tmp_path, table).refused) < 1000


def test_two_geos_of_one_name_are_refused(tmp_path: Path) -> None:
    table = frame().assign(city=["c"] * 60 + ["b / c"] * 60, region=["a / b"] * 60 + ["a"] * 60)
    path = tmp_path / "orders.csv"
    table.to_csv(path, index=False)
    refused = outcome_of(config_for(path, data=WIDE_SECTION | {"keys": ["region", "city"]})).refused
    assert "both give the geo 'a / b / c'" in refused


def test_geos_with_many_digits_are_sorted(tmp_path: Path) -> None:
    names = {"North": "9" * 150, "South": "8" * 149}
    data = outcome_of_text(tmp_path, frame().replace(names)).data
    assert data is not None
    assert data.geos == (names["South"], names["North"])


def test_text_stored_as_bytes_is_text(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    limits = {"coverage_frequency": {"min_weeks_required": 8}}
    for written, geos in (("utf-8", ("Nörd", "South")), ("latin-1", None)):
        table = frame().replace({"North": "Nörd"})
        table.assign(region=[name.encode(written) for name in table["region"]]).to_parquet(path)
        found = outcome_of(config_for(path, data=WIDE_SECTION, validation=limits))
        assert found.data is None if geos is None else found.data is not None and found.data.geos == geos
        assert ("no UTF-8 text" in found.refused) == (geos is None)
