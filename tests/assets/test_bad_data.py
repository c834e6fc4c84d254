"""Bad data stops at its check, in this run and in later ones, and leaves earlier results alone."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from tests.assets import projects

Change = Callable[[pd.DataFrame], pd.DataFrame | None]


def _negative_spend(frame: pd.DataFrame) -> None:
    frame.loc[3, "tv_spend"] = "-5"


def _project(finished: Project, folder: Path, change: Change) -> Project:
    panel = projects.edit(projects.panel_of(finished), folder / "panel.csv", change)
    return projects.copied(finished, folder, f"ingest.path={panel}")


def test_a_bad_geo_stops_at_its_check_others_go_on_and_a_second_attempt_says_the_same(
    finished: Project, tmp_path: Path
) -> None:
    before = projects.exported(finished)
    project = _project(finished, tmp_path, _negative_spend)
    first, second = projects.run(project), projects.run(project)
    assert ("raw_panel", "Geo1") in first.made
    for outcome in (first, second):
        assert [(stop.geo, stop.kind) for stop in outcome.stops] == [("Geo0", "gate")]
        for text in ("schema", "tv_spend", "row 5", "panel.csv", "Geo0"):
            assert text in outcome.stops[0].message
        assert not {("clean_panel", "Geo0"), ("model_data", None)} & set(outcome.made)
    assert projects.exported(project) == before


def test_consumers_of_bad_data_refuse_in_later_runs(finished: Project, tmp_path: Path) -> None:
    project = _project(finished, tmp_path, _negative_spend)
    projects.run(project, ("validate",))
    definitions = build_definitions(project)
    with open_instance(project) as instance:
        clean = projects.quiet_run(definitions, instance, "clean_panel", "change_log", geo="Geo0")
        cube = projects.quiet_run(definitions, instance, "model_data")
    assert not clean.success
    assert "tv_spend" in projects.reason(clean)
    assert not cube.success
    for text in ("Geo0", "tv_spend", "data.on_bad_geo"):
        assert text in projects.reason(cube)


def test_a_source_that_blocks_is_not_pooled_in_later_runs(finished: Project, tmp_path: Path) -> None:
    def with_a_total(frame: pd.DataFrame) -> pd.DataFrame:
        numbers = frame.drop(columns="geo").set_index("time").astype(float)
        total = numbers.groupby("time").sum().reset_index().assign(geo="All regions")
        return pd.concat([frame, total])

    project = _project(finished, tmp_path, with_a_total)
    blocked = projects.run(project)
    assert "rollup_geos" in blocked.stops[0].message
    definitions = build_definitions(project)
    with open_instance(project) as instance:
        for geo in (*projects.GEOS, "All regions"):
            assets = ("raw_panel", "validation_report", "clean_panel", "change_log", "features")
            assert projects.quiet_run(definitions, instance, *assets, geo=geo).success
        cube = projects.quiet_run(definitions, instance, "model_data")
    assert not cube.success
    assert "rollup_geos" in projects.reason(cube)


def test_totals_of_changes_are_not_of_a_part_of_the_geos(project_without_geos: Project) -> None:
    with open_instance(project_without_geos) as instance:
        result = projects.quiet_run(build_definitions(project_without_geos), instance, "change_totals")
    assert not result.success
    assert "2 geo(s) have no change log: Geo0, Geo1" in projects.reason(result)


@pytest.fixture
def project_without_geos(tmp_path: Path) -> Project:
    project = projects.load(
        projects.write_config(tmp_path, projects.settings(tmp_path, projects.write_panel(tmp_path)))
    )
    with open_instance(project) as instance:
        assert projects.quiet_run(build_definitions(project), instance, "source_snapshot").success
    return project


def test_a_geo_that_left_the_source_is_left_out(finished: Project, tmp_path: Path) -> None:
    project = _project(finished, tmp_path, lambda frame: frame[frame["geo"] != "Geo0"])
    outcome = projects.run(project, ("features",))
    assert not outcome.stops
    with open_instance(project) as instance:
        assert instance.get_dynamic_partitions("tiny_geos") == ["Geo1"]
    assert (project.assets / "features" / "geo=Geo0" / "part.parquet").exists()


def test_pooling_refuses_while_a_geo_has_no_features(finished: Project, tmp_path: Path) -> None:
    def new_geo(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([frame, frame[frame["geo"] == "Geo0"].assign(geo="Geo2")])

    project = _project(finished, tmp_path, new_geo)
    projects.run(project, ("ingest",))
    with open_instance(project) as instance:
        cube = projects.quiet_run(build_definitions(project), instance, "model_data")
    assert not cube.success
    assert "1 geo(s) have no features: Geo2" in projects.reason(cube)


def test_a_missing_mapped_column_is_an_input_error(finished: Project, tmp_path: Path) -> None:
    values = projects.settings(tmp_path, projects.panel_of(finished))
    values["data"] = {
        "date_col": "time",
        "keys": ["geo"],
        "kpi_col": "conversions",
        "channel_map": {"tv": "tv_spent"},
    }
    outcome = projects.run(projects.load(projects.write_config(tmp_path, values)))
    (stop,) = outcome.stops
    assert stop.kind == "input"
    for text in ("panel.csv", "tv_spent", "tv_spend", "channel_map"):
        assert text in stop.message


@pytest.mark.parametrize(("content", "named"), [(None, "does not exist"), ("", "empty")])
def test_a_missing_or_empty_file_is_an_input_error(tmp_path: Path, content: str | None, named: str) -> None:
    panel = tmp_path / "panel.csv"
    if content is not None:
        panel.write_text(content, encoding="utf-8")
    outcome = projects.run(projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, panel))))
    (stop,) = outcome.stops
    assert stop.kind == "input"
    assert named in stop.message
    assert "panel.csv" in stop.message


def test_geos_may_have_slashes_blanks_and_letters_of_any_alphabet(finished: Project, tmp_path: Path) -> None:
    names = {"Geo0": "Île-de-France / 東京", "Geo1": "50% off & co"}
    project = _project(finished, tmp_path, lambda frame: frame.assign(geo=frame["geo"].map(names)))
    outcome = projects.run(project, ("features",))
    assert not outcome.stops
    with open_instance(project) as instance:
        assert set(instance.get_dynamic_partitions("tiny_geos")) == set(names.values())


def test_national_data_is_the_partition_national(tmp_path: Path) -> None:
    panel = projects.write_panel(tmp_path, n_geos=1)
    projects.edit(panel, panel, lambda frame: frame.drop(columns="geo"))
    values = projects.settings(tmp_path, panel)
    values["data"] = {
        "date_col": "time",
        "kpi_col": "conversions",
        "channel_map": {"tv": {"spend": "tv_spend", "media": "tv_impressions"}},
    }
    project = projects.load(projects.write_config(tmp_path, values))
    outcome = projects.run(project, ("features",))
    assert not outcome.stops
    assert ("features", "national") in outcome.made
    assert ("model_data", None) in outcome.made


def test_names_that_cannot_be_partitions_are_refused(finished: Project, tmp_path: Path) -> None:
    project = _project(finished, tmp_path, lambda frame: frame.assign(geo=frame["geo"] + "...x"))
    (stop,) = projects.run(project, ("ingest",)).stops
    assert stop.kind == "input"
    assert "Geo0...x" in stop.message
