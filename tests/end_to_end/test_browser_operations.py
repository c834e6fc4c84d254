"""An operator's week by mouse, in a real browser on a really running UI.

The tests of this file are one story, in their order.  MMM_BROWSER_GEOS says how many geos the first file has, and
MMM_SCREENSHOTS names a folder into which the pages are written as pictures, for the documentation.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.assets import projects
from tests.end_to_end.brand import Brand, new_brand
from tests.end_to_end.browser import BROWSER, NO_BROWSER, Page, browser
from tests.end_to_end.running_ui import UI, running_ui, wait_for

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER),
]
_BACKFILLS = """
query Backfills {
  partitionBackfillsOrError(limit: 100) { ... on PartitionBackfills { results { id status } } }
}
"""


@pytest.fixture(scope="module")
def brand(tmp_path_factory: pytest.TempPathFactory) -> Brand:
    """A brand whose whole pipeline has run once, from the command line."""
    made = new_brand(tmp_path_factory.mktemp("brand"), int(os.environ.get("MMM_BROWSER_GEOS", "3")))
    outcome = projects.run(made.project)
    assert not outcome.stops, outcome.stops
    return made


@pytest.fixture(scope="module")
def ui(brand: Brand) -> Iterator[UI]:
    with running_ui(brand.project, {"report"}) as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def _keep(page: Page, name: str) -> None:
    """Write what is seen, if pictures are asked for."""
    if folder := os.environ.get("MMM_SCREENSHOTS"):
        page.picture(Path(folder) / f"{name}.png")


def _asset(page: Page, ui: UI, name: str, tab: str) -> None:
    """Go to a page of an asset."""
    page.open(f"{ui.url}/assets/{name}")
    page.click("tab", tab)


def _backfills(ui: UI) -> list[dict[str, str]]:
    """The latest first."""
    return list(ui.ask(_BACKFILLS)["partitionBackfillsOrError"]["results"])


def _next_backfill(ui: UI, earlier: list[dict[str, str]]) -> dict[str, str]:
    """The backfill after these, when it is over."""
    over = ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED")
    done = wait_for(lambda: _backfills(ui), lambda found: len(found) > len(earlier) and found[0]["status"] in over)
    return dict(done[0])


def test_a_backfill_of_two_geos_is_asked_for_in_the_dialog_and_succeeds(page: Page, ui: UI, brand: Brand) -> None:
    earlier = _backfills(ui)
    before = {geo: ui.count("features", geo) for geo in brand.geos}
    page.open(ui.url)
    page.click("link", "Lineage")
    page.click("box", "Search and filter assets")
    page.type('+key:"features"')
    page.press("Enter", 13)
    page.shows("ingest", "transform", "features")
    page.click("button", "Materialize all…")
    page.click("button", "Confirm")  # change_log and validation_report are made together with these
    page.click("text", "Select a partition or create one")
    for geo in brand.geos[:2]:
        page.click("text", geo)
    page.shows("2 partitions", f"Select all ({brand.n_geos})")
    _keep(page, "backfill_dialog")
    page.press("Escape", 27)
    page.click("button", "Launch backfill")
    over = _next_backfill(ui, earlier)
    page.open(f"{ui.url}/runs/b/{over['id']}")
    page.shows("Succeeded")
    _keep(page, "backfill")
    after = {geo: ui.count("features", geo) for geo in brand.geos}
    assert after == {geo: before[geo] + (geo in brand.geos[:2]) for geo in brand.geos}


def test_the_checks_of_the_posterior_say_what_was_checked_and_what_came_out(page: Page, ui: UI) -> None:
    _asset(page, ui, "posterior", "Checks")
    page.click("text", "rhat")
    page.shows("This is a blocking asset check.", "Largest R-hat is", "Passed", "threshold")
    _keep(page, "checks")


def test_an_asset_says_what_it_is_where_its_result_is_and_which_version_made_it(page: Page, ui: UI) -> None:
    _asset(page, ui, "report", "Overview")
    page.shows("one HTML file that opens without a server", "report.html", "version 1 (champion)")
    _asset(page, ui, "model_version", "Overview")
    page.shows("which one is champion", "champion_version", "accepted")
    _keep(page, "model_version")


def test_what_runs_by_itself_is_switched_on_and_off(page: Page, ui: UI) -> None:
    page.click("link", "Automation")
    page.shows("new_data", "refit_after_drift", "only on Monday")
    page.switched("retraining", False)
    page.click("switch", near="retraining")
    page.switched("retraining", True)
    _keep(page, "automation")
    page.click("switch", near="retraining")
    page.switched("retraining", False)
    page.switched("new_data", True)


def test_a_new_file_shows_as_a_tick_a_partition_and_a_version(page: Page, ui: UI, brand: Brand) -> None:
    before = len(ui.runs_of("full"))
    brand.write(new_weeks=1)
    page.open(f"{ui.url}/automation")
    page.click("link", "new_data")
    page.shows(
        "keeps the list of geos equal to the source's", "1 run requested", "(1 partition created)", seconds=600
    )
    _keep(page, "tick")
    run = ui.next_run_of("full", before)
    assert run["status"] == "SUCCESS", run
    _asset(page, ui, "features", "Partitions")
    page.shows(brand.newcomer, f"Materialized ({brand.n_geos + 1})", "Missing (0)")
    _keep(page, "partitions")
    record = projects.read_json(brand.project.assets / "model_version.json")
    _asset(page, ui, "model_version", "Overview")
    page.shows(str(record["alias"]), "champion_version")
    assert record["version"] == 2
    assert brand.champion() == (2 if record["alias"] == "champion" else 1)


def test_no_page_had_an_error_on_its_console(page: Page) -> None:
    assert page.problems == []
