"""An operator's weeks in a really running UI: first run, new data that a sensor finds, a fit that is rejected.

The tests of this file are one story on one running `dagster dev`, in their order.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.assets import projects
from tests.assets.test_graph import GRAPH
from tests.end_to_end.brand import Brand, new_brand
from tests.end_to_end.running_ui import UI, running_ui

BENCHMARK = {"benchmark_result", "benchmark_summary", "calibration", "coverage"}
"""Assets of the other code location, which "Materialize all" of the pipeline leaves alone."""
BY_GEO = ("raw_panel", "clean_panel", "features")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=[3, pytest.param(39, marks=pytest.mark.full)])
def brand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Brand:
    return new_brand(tmp_path_factory.mktemp("brand"), request.param)


@pytest.fixture(scope="module")
def ui(brand: Brand) -> Iterator[UI]:
    with running_ui(brand.project, GRAPH.keys() | BENCHMARK) as running:
        yield running


def test_materialize_all_makes_every_asset_of_both_kinds_and_shows_checks(ui: UI, brand: Brand) -> None:
    over = ui.backfill(set(ui.assets()) - BENCHMARK)
    assert over["status"] == "COMPLETED_SUCCESS", over
    found = ui.assets()
    assert set(found) >= GRAPH.keys() | BENCHMARK
    assert not any(found[name]["assetMaterializations"] for name in BENCHMARK)
    for name in found.keys() - BENCHMARK:
        node = found[name]
        assert node["assetMaterializations"], name
        if node["isPartitioned"]:
            stats = node["partitionStats"]
            numbers = (stats["numMaterialized"], stats["numPartitions"], stats["numFailed"])
            assert numbers == (brand.n_geos, brand.n_geos, 0), name
            continue
        for check in node["assetChecksOrError"].get("checks", []):
            status = check["executionForLatestMaterialization"]["status"]
            assert status in ("SUCCEEDED", "FAILED"), (name, check)


def test_each_geo_ran_once_and_the_model_was_fitted_once(ui: UI, brand: Brand) -> None:
    assert {(asset, geo): ui.count(asset, geo) for asset in BY_GEO for geo in brand.geos} == {
        (asset, geo): 1 for asset in BY_GEO for geo in brand.geos
    }
    assert brand.fits() == ["FINISHED"]
    assert brand.champion() == 1


def test_results_are_where_the_command_line_looks_for_them(ui: UI, brand: Brand) -> None:
    assert {"report.html", "channel_summary.csv", "diagnostics.json"} <= set(projects.exported(brand.project))
    outcome = projects.run(brand.project)
    assert not outcome.stops
    assert ("posterior", None) in outcome.kept


def test_a_new_week_and_a_new_geo_are_found_and_only_what_is_out_of_date_is_made(ui: UI, brand: Brand) -> None:
    before = {geo: ui.count("features", geo) for geo in brand.geos}
    brand.write(new_weeks=1)
    run = ui.next_run_of("full", before=0)
    assert run["status"] == "SUCCESS", run
    assert brand.newcomer in ui.geos()
    after = {geo: ui.count("features", geo) for geo in ui.geos()}
    assert after == {geo: before.get(geo, 0) + (geo != brand.idle) for geo in [*brand.geos, brand.newcomer]}
    assert ui.count("posterior") == 2
    assert brand.fits() == ["FINISHED"] * 2
    record = projects.read_json(brand.project.assets / "model_version.json")
    assert record["version"] == 2
    assert _follows_the_gate(record, brand), record


def _follows_the_gate(record: dict[str, Any], brand: Brand) -> bool:
    """The new version is champion if nothing keeps it from that, and otherwise the old one still is."""
    is_champion = record["alias"] == "champion"
    return is_champion != bool(record["waits_for"]) and brand.champion() == (2 if is_champion else 1)


def test_a_fit_that_the_gate_rejects_never_becomes_the_champion(ui: UI, brand: Brand) -> None:
    champion = brand.champion()
    report = brand.project.report.read_bytes()
    brand.configure(min_ess=1e6)
    brand.write(new_weeks=2)
    run = ui.next_run_of("full", before=1)
    assert run["status"] == "FAILURE", run
    assert ui.count("posterior") == 3
    assert brand.champion() == champion
    assert brand.project.report.read_bytes() == report
