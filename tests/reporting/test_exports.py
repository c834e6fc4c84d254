import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmm_core.errors import StorageError
from mmm_core.refresh.changes import TABLES as CHANGED
from mmm_core.reporting.change_tables import CHANGE_FILES
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.exports import (
    DECISION_FILES,
    DIAGNOSTICS_KEYS,
    EXPORT_COLUMNS,
    EXPORT_KEYS,
    diagnostics_json,
    write_exports,
)
from tests.reporting.frames import decided_inputs, made_up_inputs

# The published contract, written out by hand: other tools read these columns.
CONTRACT = {
    "contributions.csv": "geo,date,component,mean,q05,q50,q95",
    "channel_summary.csv": (
        "channel,spend,contribution_mean,contribution_q05,contribution_q95,share,"
        "roi_mean,roi_q05,roi_q50,roi_q95,mroi_mean,mroi_q05,mroi_q95"
    ),
    "fit.csv": "geo,date,actual,predicted_mean,q05,q95",
    "response_curves.csv": "geo,channel,spend,outcome_mean,q05,q95",
    "budget_plan.csv": "scenario,geo,channel,current_spend,optimal_spend,current_outcome,optimal_outcome",
}
# Files that are there when there is something to say.
FURTHER_CONTRACT = {
    "scenario_summary.csv": (
        "scenario,total_current,total_optimal,outcome_current,outcome_optimal,outcome_same_mix,lift_mean,lift_q05,"
        "lift_q95,probability_better,probability_better_than_same_mix,roi_current,roi_optimal,objective,"
        "objective_value,objective_gap"
    ),
    "shadow_prices.csv": "scenario,limit,low,high,spend,binding,shadow_price",
    "scenario_comparison.csv": "scenario,other,difference_mean,difference_q05,difference_q95,probability_better",
    "frontier.csv": "change,budget,outcome_mean,outcome_q05,outcome_q95,roi,shadow_price",
    "flighting.csv": "scenario,geo,channel,date,current_spend,optimal_spend",
    "forecast.csv": "scenario,geo,date,kpi_mean,q05,q50,q95,expected_mean,baseline_mean,media_mean,spend",
    "attribution_periods.csv": (
        "kind,period,start,end,geo,channel,spend,media_units,contribution_mean,contribution_q05,contribution_q50,"
        "contribution_q95,caused_mean,caused_q05,caused_q95,outcome_mean,outcome_q05,outcome_q95,roi_mean,roi_q05,"
        "roi_q50,roi_q95,mroi_mean,mroi_q05,mroi_q95,cpik_mean,cpik_q05,cpik_q50,cpik_q95,effectiveness_mean,"
        "effectiveness_q05,effectiveness_q95"
    ),
    "counterfactuals.csv": (
        "name,channels,geos,start,end,change,spend_change,kpi_change_mean,kpi_change_q05,kpi_change_q95,"
        "outcome_change_mean,outcome_change_q05,outcome_change_q95,kpi_share"
    ),
    "adstock.csv": "channel,lag,weight_mean,weight_q05,weight_q95,remaining_mean",
    "saturation.csv": (
        "channel,spend_per_week,saturation_mean,saturation_q05,saturation_q95,half_spend,saturation_spend"
    ),
    "frequency.csv": "channel,frequency,roi_mean,roi_q05,roi_q95,optimal",
    "experiment_plan.csv": (
        "channel,weeks,test_geos,share_of_spend,mde_outcome,mde_roas,mde_share_of_effect,detects,sd_now,sd_after,"
        "reduction,value_of_information,cost,rank,note,control_geos,start,end,spend_change,outcome_change_mean,"
        "outcome_change_q05,outcome_change_q95,expected_power,standard_error,error_source,error_model,"
        "error_placebo,sd_after_normal,effective_draws,net_value,value_per_spend"
    ),
    "experiment_geos.csv": "channel,geo,role,population,weight",
    "what_changed_returns.csv": (
        "channel,roi_before_mean,roi_before_q05,roi_before_q95,roi_now_mean,roi_now_q05,roi_now_q95,"
        "roi_change_mean,roi_change_q05,roi_change_q95,roi_probability_higher,roi_probability_real,"
        "roi_monte_carlo_error,from_window,from_revision,from_fit,contribution_before_mean,"
        "contribution_before_q05,contribution_before_q95,contribution_now_mean,contribution_now_q05,"
        "contribution_now_q95,contribution_change_mean,contribution_change_q05,contribution_change_q95,"
        "contribution_probability_higher,contribution_probability_real,contribution_monte_carlo_error,"
        "contribution_new_weeks,reason"
    ),
    "what_changed_budgets.csv": (
        "scenario,channel,current_spend_before,current_spend_now,optimal_spend_before,optimal_spend_now,"
        "share_before,share_now,recommended_change_before,recommended_change_now,share_change,reason"
    ),
    "what_changed_data.csv": "what,name,cells_changed,cells,total_before,total_now,change",
    "what_changed_values.csv": "what,name,geo,date,before,now,change_sd",
    "what_changed_scope.csv": "what,name,change",
    "what_changed_reasons.csv": "cause,about,detail",
}
CONTRACT_KEYS = (
    "backend,seconds,compile_seconds,chains,draws,max_rhat,min_ess_bulk,min_ess_tail,median_ess_bulk,divergences,"
    "min_ebfmi,r2,mape,coverage_90,durbin_watson"
)


def tables() -> dict[str, pd.DataFrame]:
    inputs = made_up_inputs(2, 12)
    curves = inputs.pooled_curves.assign(geo="Geo0")
    return {
        "contributions": inputs.contributions,
        "channel_summary": inputs.channel_summary,
        "fit": inputs.fit,
        "response_curves": curves,
        "budget_plan": inputs.budget_plan,
    }


def diagnostics() -> dict[str, object]:
    return dict(made_up_inputs(1, 12).diagnostics)


def test_columns_are_those_of_the_contract() -> None:
    written = {name: ",".join(columns) for name, columns in EXPORT_COLUMNS.items()}
    assert list(written) == [*CONTRACT, *FURTHER_CONTRACT]
    assert {name: written[name] for name in CONTRACT} == CONTRACT
    for name, columns in FURTHER_CONTRACT.items():
        assert written[name].startswith(columns)
        assert set(EXPORT_KEYS[name]) <= set(columns.split(","))
    assert {*DECISION_FILES.values(), *CHANGE_FILES.values(), "scenario_summary.csv"} == set(FURTHER_CONTRACT)
    assert set(CHANGE_FILES) == set(CHANGED)
    assert set(DECISION_FILES) == {field.name for field in dataclasses.fields(DecisionTables)}
    assert ",".join(DIAGNOSTICS_KEYS) == CONTRACT_KEYS


def test_files_begin_with_the_contract_columns_whatever_the_order_of_the_frames(tmp_path: Path) -> None:
    given = {name: table[table.columns[::-1]] for name, table in tables().items()}
    written = write_exports(tmp_path, **given, diagnostics=diagnostics())
    assert sorted(path.name for path in written) == sorted([*CONTRACT, "diagnostics.json"])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*CONTRACT, "diagnostics.json"])
    for name, columns in CONTRACT.items():
        header = (tmp_path / name).read_text(encoding="utf-8").splitlines()[0]
        assert header.startswith(columns)
    assert (
        (tmp_path / "contributions.csv")
        .read_text(encoding="utf-8")
        .startswith(CONTRACT["contributions.csv"] + ",kind\n")
    )


def test_numbers_survive_the_way_through_the_file_exactly(tmp_path: Path) -> None:
    given = tables()
    given["channel_summary"].loc[0, "roi_mean"] = 0.1 + 0.2
    given["channel_summary"].loc[1, "roi_mean"] = 1.0 / 3.0 * 1e-9
    write_exports(tmp_path, **given, diagnostics=diagnostics())
    for name, table in given.items():
        read = pd.read_csv(tmp_path / f"{name}.csv", float_precision="round_trip")
        numbers = table.select_dtypes("number").columns
        pd.testing.assert_frame_equal(read[numbers], table[numbers].reset_index(drop=True), check_exact=True)


def test_dates_are_iso_and_line_ends_are_lf_in_utf8(tmp_path: Path) -> None:
    given = tables()
    given["fit"]["geo"] = given["fit"]["geo"].replace("Geo0", "Île-de-France")
    write_exports(tmp_path, **given, diagnostics=diagnostics())
    raw = (tmp_path / "fit.csv").read_bytes()
    assert b"\r" not in raw
    assert raw.decode("utf-8").splitlines()[1].startswith("Île-de-France,2023-01-02,")


def test_a_missing_column_is_refused_by_name(tmp_path: Path) -> None:
    given = tables()
    given["fit"] = given["fit"].drop(columns=["q05", "q95"])
    with pytest.raises(StorageError, match=r"fit\.csv lacks q05, q95; it has geo, date"):
        write_exports(tmp_path, **given, diagnostics=diagnostics())
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    given = tables()
    given["budget_plan"] = pd.concat([given["budget_plan"], given["budget_plan"].head(1)])
    with pytest.raises(StorageError, match=r"one row per scenario, geo, channel.*geo=Geo0, channel=tv"):
        write_exports(tmp_path, **given, diagnostics=diagnostics())


def test_a_channel_without_spend_in_a_geo_may_have_equal_spend_along_its_curve(tmp_path: Path) -> None:
    given = tables()
    given["response_curves"]["spend"] = 0.0
    write_exports(tmp_path, **given, diagnostics=diagnostics())


def test_a_failure_midway_leaves_the_old_files_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_exports(tmp_path, **tables(), diagnostics=diagnostics())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_bytes = Path.write_bytes
    calls: list[Path] = []

    def full_disk(self: Path, data: bytes) -> int:
        calls.append(self)
        if len(calls) == 4:
            write_bytes(self, data[:10])
            raise OSError("No space left on device")
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    changed = {name: table.head(0) for name, table in tables().items()}
    with pytest.raises(OSError, match="No space left"):
        write_exports(tmp_path, **changed, diagnostics=diagnostics())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_diagnostics_have_a_fixed_key_order_and_no_nan() -> None:
    record = dict(reversed(diagnostics().items()))
    record |= {
        "compile_seconds": None,
        "min_ebfmi": float("nan"),
        "max_rhat": np.float64("inf"),
        "chains": np.int64(4),
        "zeta": {"b": np.nan, "a": (1, 2)},
    }
    text = diagnostics_json(record)
    read = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    further = sorted(set(record) - set(DIAGNOSTICS_KEYS))
    assert list(read) == [*CONTRACT_KEYS.split(","), *further, "model_version"]
    assert read["min_ebfmi"] is read["max_rhat"] is read["compile_seconds"] is None
    assert read["chains"] == 4
    assert read["zeta"] == {"a": [1, 2], "b": None}


def test_diagnostics_without_a_key_are_refused() -> None:
    record = diagnostics()
    del record["mape"]
    with pytest.raises(StorageError, match=r"diagnostics\.json lacks mape"):
        diagnostics_json(record)


def test_tables_about_decisions_are_written_with_the_others(tmp_path: Path) -> None:
    inputs = decided_inputs(2, 12)
    given = {"decisions": inputs.decisions, "scenarios": inputs.scenarios, "changes": inputs.changes}
    written = write_exports(tmp_path, **tables(), diagnostics=diagnostics(), **given)
    assert [path.name for path in written] == [*EXPORT_COLUMNS, "diagnostics.json"]
    for field, name in DECISION_FILES.items():
        table = getattr(inputs.decisions, field)
        read = pd.read_csv(tmp_path / name, float_precision="round_trip", keep_default_na=False, na_values=[""])
        assert tuple(read.columns[: len(EXPORT_COLUMNS[name])]) == EXPORT_COLUMNS[name]
        numbers = table.select_dtypes("number").columns
        pd.testing.assert_frame_equal(
            read[numbers], table[numbers].reset_index(drop=True), check_exact=True, check_dtype=False
        )
    summary = pd.read_csv(tmp_path / "scenario_summary.csv", float_precision="round_trip")
    for row, scenario in zip(summary.to_dict("records"), inputs.scenarios, strict=True):
        assert row["scenario"] == scenario.name
        for name, value in list(dataclasses.asdict(scenario).items())[1:]:
            assert pd.isna(row[name]) if value in (None, "") else row[name] == value


def test_tables_of_what_changed_are_those_of_the_comparison_and_go_with_a_first_fit(tmp_path: Path) -> None:
    changes = decided_inputs(2, 12).changes
    assert changes is not None
    write_exports(tmp_path, **tables(), diagnostics=diagnostics(), changes=changes)
    for name, file in CHANGE_FILES.items():
        read = pd.read_csv(tmp_path / file, float_precision="round_trip", keep_default_na=False, na_values=[""])
        table = changes.tables[name].mask(lambda shown: shown.isin([np.inf, -np.inf, ""]))
        pd.testing.assert_frame_equal(read, table, check_exact=True, check_dtype=False)
    first = dataclasses.replace(changes, tables={}, compared_with=None)
    written = write_exports(tmp_path, **tables(), diagnostics=diagnostics(), changes=first)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in written}
    assert not set(CHANGE_FILES.values()) & {path.name for path in written}


def test_tables_without_rows_are_not_written_and_their_old_files_go(tmp_path: Path) -> None:
    inputs = decided_inputs(2, 12)
    write_exports(
        tmp_path, **tables(), diagnostics=diagnostics(), decisions=inputs.decisions, scenarios=inputs.scenarios
    )
    (tmp_path / "report.html").write_text("the report")
    empty = dataclasses.replace(
        DecisionTables(frontier=inputs.decisions.frontier),
        flighting=inputs.decisions.flighting.head(0),
        frequency=pd.DataFrame(),
    )
    written = write_exports(tmp_path, **tables(), diagnostics=diagnostics(), decisions=empty)
    expected = {*CONTRACT, "frontier.csv", "diagnostics.json"}
    assert {path.name for path in written} == expected
    assert {path.name for path in tmp_path.iterdir()} == expected | {"report.html"}


def test_a_table_about_decisions_that_lacks_a_column_leaves_everything_as_it_was(tmp_path: Path) -> None:
    inputs = decided_inputs(2, 12)
    write_exports(tmp_path, **tables(), diagnostics=diagnostics(), decisions=inputs.decisions)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    wrong = DecisionTables(adstock=inputs.decisions.adstock.drop(columns="lag"))
    with pytest.raises(StorageError, match=r"adstock\.csv lacks lag; it has channel"):
        write_exports(tmp_path, **tables(), diagnostics=diagnostics(), decisions=wrong)
    twice = DecisionTables(saturation=pd.concat([inputs.decisions.saturation] * 2))
    with pytest.raises(StorageError, match=r"saturation\.csv must have one row per channel"):
        write_exports(tmp_path, **tables(), diagnostics=diagnostics(), decisions=twice)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_limit_that_does_not_limit_is_empty(tmp_path: Path) -> None:
    prices = decided_inputs(2, 12).decisions.shadow_prices.assign(high=np.inf, low=-np.inf)
    write_exports(tmp_path, **tables(), diagnostics=diagnostics(), decisions=DecisionTables(shadow_prices=prices))
    text = (tmp_path / "shadow_prices.csv").read_text(encoding="utf-8")
    assert "inf" not in text
    assert text.splitlines()[1].startswith("current_budget,total budget,,,")


def test_new_columns_stand_behind_those_of_the_contract(tmp_path: Path) -> None:
    inputs = decided_inputs(2, 12)
    given = tables() | {"budget_plan": inputs.budget_plan, "channel_summary": inputs.channel_summary}
    write_exports(tmp_path, **given, diagnostics=diagnostics())
    headers = {name: (tmp_path / name).read_text(encoding="utf-8").splitlines()[0] for name in CONTRACT}
    assert headers["budget_plan.csv"] == f"{CONTRACT['budget_plan.csv']},extrapolated"
    further = "cpik_mean,cpik_q05,cpik_q50,cpik_q95,effectiveness_mean,effectiveness_q05,effectiveness_q95"
    prior = "roi_prior_mean,roi_prior_q05,roi_prior_q95"
    assert headers["channel_summary.csv"] == f"{CONTRACT['channel_summary.csv']},{further},{prior}"


def test_the_page_lists_every_file_with_its_columns_in_order_and_its_key() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "exports.md").read_text(encoding="utf-8")
    sections = {part.split("`")[1]: part for part in page.split("\n### ")[1:]}
    for name, columns in EXPORT_COLUMNS.items():
        cells = [line.split(" | ")[0] for line in sections[name].splitlines() if line.startswith("| `")]
        listed = [column for cell in cells for column in re.findall(r"`(\w+)`", cell)]
        assert [column for column in listed if column in columns] == list(columns)
        assert len(set(listed)) == len(listed)
        key = next(line for line in sections[name].splitlines() if line.startswith("Key: "))
        if name in EXPORT_KEYS:
            assert tuple(re.findall(r"`(\w+)`", key)) == EXPORT_KEYS[name]
    for key in DIAGNOSTICS_KEYS:
        assert f"`{key}`" in sections["diagnostics.json"]
