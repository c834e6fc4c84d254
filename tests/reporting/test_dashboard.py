import dataclasses
import io
import json
import re
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.counterfactuals import counterfactual_table
from mmm_core.attribution.curves import pooled_response_curves, response_curves
from mmm_core.attribution.dynamics import adstock_table, saturation_table
from mmm_core.attribution.fitted import fit_table
from mmm_core.attribution.frequency import frequency_table
from mmm_core.attribution.periods import period_table
from mmm_core.attribution.returns import channel_summary
from mmm_core.config.optimization import OptimizationConfig
from mmm_core.config.outputs import AttributionConfig, CounterfactualConfig
from mmm_core.errors import StorageError
from mmm_core.features.model_data import ModelData
from mmm_core.optimization.plan import plan_budgets
from mmm_core.planning.forecast import forecast_table
from mmm_core.planning.frame import fit_window
from mmm_core.reporting.dashboard.dashboard import arrow_table, typed_frame, write_dashboard
from mmm_core.reporting.dashboard.description import Column, Table, unit_words
from mmm_core.reporting.dashboard.dictionary import TABLES
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.exports import EXPORT_COLUMNS, EXPORT_KEYS, csv_text, write_exports
from mmm_core.reporting.inputs import ReportInputs
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.reporting.decision_frames import geo_curve_frame
from tests.reporting.frames import decided_inputs, made_up_inputs

ARROW = {"text": "string", "date": "date32[day]", "number": "double", "integer": "int64", "boolean": "bool"}
SMALL = made_up_inputs(1, 10)
ONLY_DASHBOARD = {
    *("response_curves_pooled", "calendar", "geo", "channel", "component", "scenario", "run"),
    *("weekly_channels", "channel_metrics", "budget_long", "checks"),
}


def fitted_data(inputs: ReportInputs) -> ModelData:
    """Data of the weeks, geos and channels of made-up inputs."""
    n_weeks = inputs.fit["date"].nunique()
    data = tiny_model_data(len(inputs.geos), n_weeks, len(inputs.channels))
    return dataclasses.replace(data, geos=inputs.geos, channels=inputs.channels)


def write_all(folder: Path, inputs: ReportInputs) -> tuple[Path, ...]:
    return write_dashboard(folder, inputs, geo_curve_frame(inputs), fitted_data(inputs))


@pytest.fixture(scope="module")
def decided() -> ReportInputs:
    return decided_inputs(3, 60)


@pytest.fixture(scope="module")
def made_up_folder(decided: ReportInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made_up")
    write_all(folder, decided)
    return folder


@pytest.fixture(scope="module")
def fitted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of a posterior with reach and frequency, organic channels, gaps and ragged geos."""
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING), n_draws=20)
    attribution = AttributionConfig(counterfactuals={"without any": CounterfactualConfig()})
    presets = {"current_budget": 0.0, "less": -0.2, "careful": "conservative"}
    plan = plan_budgets(posterior, OptimizationConfig(scenario_presets=presets, frontier=(-0.2, 0.0)))
    inputs = made_up_inputs(
        3,
        30,
        channels=posterior.data.paid_channels,
        contributions=contribution_table(posterior),
        channel_summary=channel_summary(posterior),
        fit=fit_table(posterior),
        pooled_curves=pooled_response_curves(posterior),
        budget_plan=plan.table,
        scenarios=plan.scenarios,
        decisions=DecisionTables(
            periods=period_table(posterior, attribution),
            counterfactuals=counterfactual_table(posterior, attribution),
            adstock=adstock_table(posterior),
            saturation=saturation_table(posterior),
            frequency=frequency_table(posterior),
            shadow_prices=plan.shadow_prices,
            comparison=plan.comparison,
            frontier=plan.frontier,
            forecast=forecast_table(fit_window(posterior), {"more": posterior.data.media * 1.1}),
        ),
    )
    folder = tmp_path_factory.mktemp("fitted")
    write_dashboard(folder, inputs, response_curves(posterior), posterior.data)
    return folder


@pytest.fixture(params=["made_up_folder", "fitted_folder"])
def folder(request: pytest.FixtureRequest) -> Path:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Path)
    return found


def dictionary(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "data_dictionary.csv", keep_default_na=False, na_values=[])


def names_of(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.parquet"))


def read_csv(folder: Path, name: str, described: pd.DataFrame) -> pd.DataFrame:
    """The CSV with the types that the dictionary names."""
    rows = described[described["table"] == name]
    kinds = dict(zip(rows["column"], rows["type"], strict=True))
    plain = {"text": str, "date": str, "number": float, "integer": "int64", "boolean": bool}
    frame = pd.read_csv(
        folder / f"{name}.csv",
        dtype={column: plain[kind] for column, kind in kinds.items()},
        keep_default_na=False,
        na_values={column: [""] for column in kinds},
        float_precision="round_trip",
    )
    for column, kind in kinds.items():
        if kind == "date":
            frame[column] = pd.to_datetime(frame[column])
    return frame


def read_parquet(folder: Path, name: str) -> pd.DataFrame:
    table = parquet.read_table(folder / f"{name}.parquet")
    frame = table.to_pandas()
    for field in table.schema:
        if pa.types.is_date(field.type):
            frame[field.name] = pd.to_datetime(frame[field.name])
    return frame


def test_every_table_is_there_in_both_forms_and_nothing_else(made_up_folder: Path) -> None:
    files = {path.name for path in made_up_folder.iterdir()}
    expected = {f"{name}.{suffix}" for name in TABLES for suffix in ("csv", "parquet")}
    assert files == expected | {"data_dictionary.csv", "data_dictionary.json"}


def test_tables_are_those_of_the_exports_and_those_of_a_dashboard() -> None:
    exported = {name.removesuffix(".csv") for name in EXPORT_COLUMNS}
    assert set(TABLES) == exported | ONLY_DASHBOARD
    for name, columns in EXPORT_COLUMNS.items():
        described = [column.name for column in TABLES[name.removesuffix(".csv")].columns]
        assert [column for column in described if column in columns] == list(columns)
        if name in EXPORT_KEYS:
            assert TABLES[name.removesuffix(".csv")].key == EXPORT_KEYS[name]


def test_every_column_of_every_file_is_described_once_in_its_place(folder: Path) -> None:
    described = dictionary(folder)
    assert set(described["table"]) == set(names_of(folder))
    assert not described.duplicated(["table", "column"]).any()
    assert (described["description"].str.len() > 5).all()
    assert not described["description"].str.startswith("Not described").any()
    for name in names_of(folder):
        rows = described[described["table"] == name].sort_values("position")
        header = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
        assert rows["column"].tolist() == header
        schema = parquet.read_schema(folder / f"{name}.parquet")
        assert schema.names == header
        assert [str(field.type) for field in schema] == [ARROW[kind] for kind in rows["type"]]
        for field, (description, unit) in zip(
            schema, rows[["description", "unit"]].itertuples(index=False), strict=True
        ):
            assert field.metadata == {b"description": description.encode(), b"unit": unit.encode()}


def test_csv_and_parquet_hold_the_same_values(folder: Path) -> None:
    described = dictionary(folder)
    for name in names_of(folder):
        pd.testing.assert_frame_equal(
            read_csv(folder, name, described), read_parquet(folder, name), check_exact=True, check_dtype=False
        )


def test_tables_hold_the_same_values_as_the_exports(
    decided: ReportInputs, made_up_folder: Path, tmp_path: Path
) -> None:
    write_exports(
        tmp_path,
        contributions=decided.contributions,
        channel_summary=decided.channel_summary,
        fit=decided.fit,
        response_curves=geo_curve_frame(decided),
        budget_plan=decided.budget_plan,
        diagnostics=decided.diagnostics,
        decisions=decided.decisions,
        scenarios=decided.scenarios,
        changes=decided.changes,
    )
    exports = sorted(tmp_path.glob("*.csv"))
    assert len(exports) == len(EXPORT_COLUMNS)
    for path in exports:
        assert (made_up_folder / path.name).read_bytes() == path.read_bytes()


def test_every_key_identifies_its_rows(folder: Path) -> None:
    described = dictionary(folder)
    for name in names_of(folder):
        key = described.loc[(described["table"] == name) & (described["key"].astype(str) == "True"), "column"]
        assert len(key) > 0
        assert not read_parquet(folder, name).duplicated(key.tolist()).any()


def test_every_reference_is_found(folder: Path) -> None:
    described = dictionary(folder)
    references = described[described["references"] != ""]
    assert {"calendar.date", "geo.geo", "channel.channel", "component.component", "scenario.scenario"} == set(
        references["references"]
    )
    for name, column, reference in references[["table", "column", "references"]].itertuples(index=False):
        other, key = reference.split(".")
        assert read_parquet(folder, name)[column].isin(read_parquet(folder, other)[key]).all(), (name, column)
        assert read_parquet(folder, other)[key].is_unique


def test_values_are_in_the_described_ranges(folder: Path) -> None:
    for row in dictionary(folder).to_dict("records"):
        values = read_parquet(folder, row["table"])[row["column"]]
        where = (row["table"], row["column"])
        if str(row["nullable"]) == "False":
            assert values.notna().all(), where
        if row["minimum"] != "":
            assert (values.dropna() >= float(row["minimum"])).all(), where
        if row["maximum"] != "":
            assert (values.dropna() <= float(row["maximum"]) + 1e-12).all(), where
        if row["allowed"]:
            assert set(values.dropna()) <= {*row["allowed"].split("|"), ""}, where


def test_units_are_in_the_words_of_the_project(made_up_folder: Path, tmp_path: Path) -> None:
    units = dictionary(made_up_folder).set_index(["table", "column"])["unit"]
    assert units["channel_summary", "spend"] == "USD"
    assert units["channel_summary", "contribution_mean"] == "conversions"
    assert units["channel_summary", "roi_mean"] == "USD per USD"
    assert units["channel_summary", "cpik_mean"] == "USD per unit of conversions"
    write_all(tmp_path, decided_inputs(2, 12, has_revenue=False, kpi_name="sign-ups"))
    assert (
        dictionary(tmp_path).set_index(["table", "column"])["unit"]["budget_plan", "optimal_outcome"] == "sign-ups"
    )
    metrics = read_parquet(tmp_path, "channel_metrics")
    assert set(metrics.loc[metrics["metric"] == "roi", "unit"]) == {"sign-ups per USD"}


def test_the_dictionary_as_json_says_the_same(folder: Path) -> None:
    record = json.loads(
        (folder / "data_dictionary.json").read_text(encoding="utf-8"),
        parse_constant=lambda name: pytest.fail(f"{name} is not JSON"),
    )
    rows = [
        {"table": table["table"], "position": position, **column, "allowed": "|".join(column["allowed"])}
        for table in record["tables"]
        for position, column in enumerate(table["columns"], start=1)
    ]
    from_csv = dictionary(folder)
    expected = [
        {
            **{column: "" if value is None else str(value) for column, value in row.items()},
            **{name: "" if row[name] is None else float(row[name]) for name in ("minimum", "maximum")},
        }
        for row in rows
    ]
    found = [
        {
            **{column: str(value) for column, value in row.items()},
            **{name: "" if row[name] == "" else float(row[name]) for name in ("minimum", "maximum")},
        }
        for row in from_csv.to_dict("records")
    ]
    assert found == expected
    for table in record["tables"]:
        assert table["rows"] == len(read_parquet(folder, table["table"]))
        assert all((folder / name).is_file() for name in table["files"])


def test_the_star_schema_answers_a_question_in_sql(decided: ReportInputs, made_up_folder: Path) -> None:
    database = duckdb.connect()
    for name in ("weekly_channels", "calendar", "channel", "geo"):
        database.read_parquet(str(made_up_folder / f"{name}.parquet")).create_view(name)
    found = database.sql("""
        select c.channel, d.year, sum(w.spend), sum(w.contribution_mean)
        from weekly_channels w join calendar d using (date) join channel c using (channel) join geo g using (geo)
        where c.is_paid and not g.is_total group by c.channel, c.position, d.year order by c.position, d.year
    """).fetchall()
    data, table = fitted_data(decided), decided.contributions
    years = data.dates.astype("datetime64[Y]").astype(int) + 1970
    expected = [
        (
            channel,
            year,
            data.spend[:, years == year, m].sum(),
            table.loc[(table["component"] == channel) & (table["date"].dt.year == year), "mean"].sum(),
        )
        for m, channel in enumerate(data.channels)
        for year in np.unique(years)
    ]
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    np.testing.assert_allclose([row[2:] for row in found], [row[2:] for row in expected], rtol=1e-12)


def test_weeks_of_plans_are_in_the_calendar_beside_those_of_the_fit(made_up_folder: Path) -> None:
    calendar = read_parquet(made_up_folder, "calendar").set_index("date")
    assert not calendar.loc["2025-01-06", "in_fit"]
    first = calendar.loc[pd.Timestamp("2023-01-02")]
    assert (first["year_quarter"], first["year_month"], first["iso_week"], first["in_fit"]) == (
        *("2023-Q1", "2023-01", 1),
        True,
    )


def test_what_is_gone_takes_its_files_along_and_foreign_files_stay(tmp_path: Path) -> None:
    inputs = decided_inputs(2, 12)
    write_all(tmp_path, inputs)
    (tmp_path / "notes.txt").write_text("mine")
    write_all(tmp_path, dataclasses.replace(inputs, decisions=DecisionTables(), scenarios=(), changes=None))
    left = {path.name for path in tmp_path.iterdir()}
    assert not left & {"forecast.csv", "forecast.parquet", "scenario_summary.csv", "adstock.parquet"}
    assert {"notes.txt", "budget_plan.parquet", "data_dictionary.json"} <= left
    assert "forecast" not in set(dictionary(tmp_path)["table"])


def test_names_in_any_letters_and_numbers_as_names_stay_text(tmp_path: Path) -> None:
    inputs = made_up_inputs(2, 12, channels=('東京, "TV"', "007"), geos=("Île", "12"))
    write_all(tmp_path, inputs)
    assert read_parquet(tmp_path, "channel")["channel"].tolist() == ['東京, "TV"', "007"]
    described = dictionary(tmp_path)
    assert read_csv(tmp_path, "geo", described)["geo"].tolist() == ["Île", "12", "all"]
    assert set(read_csv(tmp_path, "weekly_channels", described)["channel"]) == {'東京, "TV"', "007"}


def test_a_column_that_nobody_described_says_so(tmp_path: Path) -> None:
    inputs = made_up_inputs(2, 12)
    write_all(tmp_path, dataclasses.replace(inputs, fit=inputs.fit.assign(weight=3, note="x")))
    rows = dictionary(tmp_path).set_index(["table", "column"]).loc["fit"]
    assert rows.loc["weight", "type"] == "integer"
    assert rows.loc["note", "type"] == "text"
    assert rows.loc["note", "description"].startswith("Not described")


def test_values_of_another_type_are_refused_by_column(tmp_path: Path) -> None:
    inputs = made_up_inputs(2, 12)
    wrong = dataclasses.replace(inputs, budget_plan=inputs.budget_plan.assign(extrapolated="maybe"))
    with pytest.raises(StorageError, match=r"Table budget_plan, column extrapolated: .*boolean"):
        write_all(tmp_path, wrong)
    wrong = dataclasses.replace(inputs, fit=inputs.fit.assign(q05="low"))
    with pytest.raises(StorageError, match=r"Table fit, column q05: .*number"):
        write_all(tmp_path, wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_midway_leaves_the_old_files_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = decided_inputs(2, 12)
    write_all(tmp_path, inputs)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_table, calls = parquet.write_table, []

    def full_disk(table: pa.Table, path: Path) -> None:
        calls.append(path)
        if len(calls) == 5:
            raise OSError("No space left on device")
        write_table(table, path)

    monkeypatch.setattr(parquet, "write_table", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_all(tmp_path, decided_inputs(2, 12, currency="EUR", decisions=DecisionTables()))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", TABLES)
def test_the_page_has_the_columns_types_units_and_key_of_every_table(name: str) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
    parts = [part for part in re.split(r"\n##+ ", page) if part.startswith("`")]
    sections = {part.split("`")[1].removesuffix(".csv"): part for part in parts}
    lines = sections[name].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    listed = [(column, kind, unit) for names, kind, unit, _ in rows for column in re.findall(r"`(\w+)`", names)]
    table = TABLES[name]
    expected = [
        (column.name, column.type, unit_words(column.unit, "KPI", "money", "outcome")) for column in table.columns
    ]
    assert listed == expected
    assert f"Key: {', '.join(f'`{column}`' for column in table.key)}" in lines
    assert table.description in lines
    for column in table.columns:
        assert all(value in sections[name] for value in column.allowed)


def test_contributions_of_other_data_are_refused(tmp_path: Path) -> None:
    inputs = made_up_inputs(2, 12)
    data = dataclasses.replace(fitted_data(inputs), geos=("Geo0", "Paris"))
    with pytest.raises(StorageError, match=r"has Geo1 in its column geo.*materialize contributions"):
        write_dashboard(tmp_path, inputs, geo_curve_frame(inputs), data)
    assert list(tmp_path.iterdir()) == []


def test_without_any_plan_there_are_no_tables_of_plans(tmp_path: Path) -> None:
    inputs = made_up_inputs(2, 12)
    write_all(tmp_path, dataclasses.replace(inputs, budget_plan=inputs.budget_plan.head(0)))
    assert not {"budget_plan", "budget_long", "scenario"} & set(names_of(tmp_path))
    assert "scenario.scenario" not in set(dictionary(tmp_path)["references"])


@given(st.lists(st.tuples(st.floats(), st.text(st.characters(codec="utf-8", exclude_characters="\r\0")))))
def test_any_numbers_and_words_are_the_same_in_both_forms(rows: list[tuple[float, str]]) -> None:
    table = Table("any", "Any values.", (Column("x", "number", "x"), Column("y", "text", "y")))
    frame = typed_frame(table, pd.DataFrame(rows, columns=["x", "y"]))
    read = pd.read_csv(
        io.StringIO(csv_text(frame)),
        dtype={"x": float, "y": str},
        keep_default_na=False,
        na_values={"x": [""], "y": [""]},
        float_precision="round_trip",
        skip_blank_lines=False,
    )
    stored = arrow_table(table, frame, SMALL).to_pandas()
    pd.testing.assert_frame_equal(read, stored, check_exact=True, check_dtype=False)
