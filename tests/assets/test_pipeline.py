"""The whole graph on a tiny project: what is stored, what is shown, what is left alone."""

from pathlib import Path

import pandas as pd

from mmm_assets.assembly import build_definitions
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from tests.assets import projects

EXPORTS = {
    "contributions.csv",
    "channel_summary.csv",
    "fit.csv",
    "diagnostics.json",
    "response_curves.csv",
    "budget_plan.csv",
    "report.html",
    "scenario_summary.csv",
    "shadow_prices.csv",
    "attribution_periods.csv",
    "adstock.csv",
    "saturation.csv",
}


def test_every_export_and_the_report_are_written(finished: Project) -> None:
    assert set(projects.exported(finished)) == EXPORTS


def test_contributions_sum_to_the_fitted_kpi(finished: Project) -> None:
    contributions = pd.read_csv(finished.exports / "contributions.csv")
    fit = pd.read_csv(finished.exports / "fit.csv")
    total = contributions.groupby(["geo", "date"])["mean"].sum()
    predicted = fit.set_index(["geo", "date"])["predicted_mean"]
    pd.testing.assert_series_equal(total, predicted, check_names=False, check_like=True, rtol=1e-9)


def test_tables_by_geo_lie_in_hive_folders(finished: Project) -> None:
    for asset in ("raw_panel", "clean_panel", "change_log", "features"):
        folders = sorted(path.name for path in (finished.assets / asset).iterdir())
        assert folders == [f"geo={geo}" for geo in projects.GEOS]
    assert not list(finished.assets.rglob("*.pkl"))


def test_every_asset_and_check_is_recorded_in_the_instance(finished: Project) -> None:
    definitions = build_definitions(finished)
    graph = definitions.resolve_asset_graph()
    with open_instance(finished) as instance:
        for key in graph.materializable_asset_keys:
            geos = projects.GEOS if graph.get(key).is_partitioned else (None,)
            stored = instance.get_materialized_partitions(key) if geos != (None,) else None
            assert stored == set(geos) if stored is not None else instance.get_latest_materialization_event(key)
        latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
    assert set(latest) == set(graph.asset_check_keys)


def test_a_second_run_fits_nothing_again_and_writes_the_same_tables(finished: Project, tmp_path: Path) -> None:
    before = projects.exported(finished)
    project = projects.copied(finished, tmp_path)
    outcome = projects.run(project)
    assert {asset for asset, _ in outcome.made} == {"source_snapshot", "report", "exports"}
    assert ("posterior", None) in outcome.kept
    after = projects.exported(project)
    tables = EXPORTS - {"report.html"}
    assert {name: before[name] for name in tables} == {name: after[name] for name in tables}


def test_new_rows_of_one_geo_remake_that_geo_and_what_pools_it(finished: Project, tmp_path: Path) -> None:
    panel = projects.edit(projects.panel_of(finished), tmp_path / "panel.csv", _one_more_conversion_in_geo1)
    project = projects.copied(finished, tmp_path, f"ingest.path={panel}")
    outcome = projects.run(project, ("features",))
    remade = {geo for asset, geo in outcome.made if asset == "features"}
    assert remade == {"Geo1"}
    assert ("model_data", None) in outcome.made


def _one_more_conversion_in_geo1(frame: pd.DataFrame) -> None:
    row = frame.index[frame["geo"] == "Geo1"][5]
    frame.loc[row, "conversions"] = str(float(frame.loc[row, "conversions"]) + 1)


def test_making_one_geo_again_touches_only_that_geos_files(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in project.assets.rglob("*") if path.is_file()}
    by_geo = ("raw_panel", "validation_report", "clean_panel", "change_log", "features")
    with open_instance(project) as instance:
        assert projects.quiet_run(build_definitions(project), instance, *by_geo, geo="Geo1").success
    after = {path: path.stat().st_mtime_ns for path in project.assets.rglob("*") if path.is_file()}
    touched = {str(path.relative_to(project.assets)) for path in after if after[path] != before.get(path)}
    suffix = {"validation_report": "json"}
    assert touched == {f"{asset}/geo=Geo1/part.{suffix.get(asset, 'parquet')}" for asset in by_geo}
