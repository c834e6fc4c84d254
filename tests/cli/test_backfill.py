"""`mmm backfill`: which geos are meant, and what is made."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmm_assets.cli import app
from mmm_assets.commands.backfill import Wanted
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from mmm_core.errors import InputError
from tests.assets import projects

_KNOWN = ("Geo1", "Geo2", "Geo10", "North, East")


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        (Wanted(geos=("Geo10,Geo1",)), ("Geo1", "Geo10")),
        (Wanted(geos=("Geo2", "North, East")), ("Geo2", "North, East")),
        (Wanted(first="Geo2", last="Geo10"), ("Geo2", "Geo10")),
        (Wanted(first="Geo10"), ("Geo10", "North, East")),
        (Wanted(last="Geo1"), ("Geo1",)),
        (Wanted(every=True), _KNOWN),
    ],
)
def test_geos_are_those_of_the_source_in_its_order(wanted: Wanted, meant: tuple[str, ...]) -> None:
    assert wanted.among(_KNOWN) == meant


def test_unknown_geos_are_named_with_the_nearest_known_ones() -> None:
    with pytest.raises(InputError, match=r"no geo geo2 \(did you mean Geo2\?\); it has Geo1"):
        Wanted(geos=("geo2",)).among(_KNOWN)
    with pytest.raises(InputError, match="swap --from and --to"):
        Wanted(first="Geo10", last="Geo1").among(_KNOWN)


@pytest.mark.parametrize(
    "arguments", [{}, {"geos": ("Geo1",), "every": True}, {"first": "Geo1", "geos": ("Geo2",)}]
)
def test_which_geos_must_be_said_in_one_way(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError, match="--geos A,B, or --from A --to B, or --all"):
        Wanted(**arguments)  # type: ignore[arg-type]


def _backfill(project: Project, *arguments: str) -> tuple[int, str]:
    options = ["--config", str(project.loaded.path), "--set", f"paths.storage={project.storage}"]
    done = CliRunner().invoke(app, ["backfill", *options, *arguments])
    return done.exit_code, done.output


def _made(project: Project, asset: str) -> list[str | None]:
    """Partitions of the asset's materializations, the latest first."""
    import dagster as dg

    with open_instance(project) as instance:
        found = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
    return [record.partition_key for record in found]


def test_only_the_geos_that_are_meant_are_made_again_and_the_fit_stays_where_nothing_changed(
    finished: Project, tmp_path: Path
) -> None:
    project = projects.copied(finished, tmp_path)
    before = {asset: _made(project, asset) for asset in ("features", "posterior", "report")}
    code, output = _backfill(project, "--geos", "Geo1", "--no-fit")
    assert code == 0, output
    assert _made(project, "features") == ["Geo1", *before["features"]]
    assert _made(project, "report") == before["report"]
    code, output = _backfill(project, "--all")
    assert code == 0, output
    assert _made(project, "features") == ["Geo1", "Geo0", "Geo1", *before["features"]]
    assert _made(project, "posterior") == before["posterior"]
    assert len(_made(project, "report")) == len(before["report"]) + 1


def test_a_geo_or_stage_that_does_not_exist_is_refused(finished: Project, tmp_path: Path) -> None:
    project = projects.copied(finished, tmp_path)
    code, output = _backfill(project, "--geos", "geo1")
    assert (code, "did you mean Geo1?" in output) == (2, True), output
    code, output = _backfill(project, "--all", "--stage", "train")
    assert (code, "ingest, validate, transform, features" in output) == (2, True), output
