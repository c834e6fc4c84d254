"""Which fits become versions, who is champion, and that a rollback plans with the earlier fit again."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from mmm_assets.cli import app
from mmm_assets.instance import open_instance
from mmm_assets.io_managers import PosteriorIOManager, StoredFit
from mmm_assets.promotion import next_steps, settle, to_promote, to_roll_back, version_words
from mmm_assets.registry import Registry
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_core.errors import GateError, InputError, StorageError
from mmm_core.evaluation.verdict import Verdict, verdict
from mmm_core.quality.check import CheckResult
from tests.assets import projects


class Bench:
    """A registry of its own, and fits to register."""

    def __init__(self, project: Project, fit: StoredFit, folder: Path, name: str) -> None:
        self.overrides = (f"paths.storage={folder / 'storage'}", f"promotion.model_name={name}")
        self.project = projects.load(project.loaded.path, *self.overrides)
        self.tracker = Tracker.of(self.project)
        self.registry = Registry.of(self.project, self.tracker)
        self._fit = fit

    def fit(self, version: str) -> StoredFit:
        """A fit with a run of its own."""
        with self.tracker.run("posterior", {}) as run:
            return replace(self._fit, version=version, mlflow_run_id=run.run_id)

    def settle(self, fit: StoredFit, failed: CheckResult | None = None, *overrides: str) -> dict[str, object]:
        """After a verdict with at most one failed check."""
        project = projects.load(self.project.loaded.path, *self.overrides, *overrides)
        return settle(project, self.tracker, fit, _judged(fit, failed))


def _judged(fit: StoredFit, failed: CheckResult | None) -> Verdict:
    return verdict(fit.version, {"stability": [] if failed is None else [failed]})


REJECTED = CheckResult("mape", False, "error", "too large")
MOVED = CheckResult("refresh_roi", False, "warn", "moved")
WITHOUT_A_GEO = CheckResult("excluded_geos", False, "warn", "Geo3 is left out")


@pytest.fixture(scope="module")
def stored(finished: Project) -> StoredFit:
    manager = PosteriorIOManager(finished.assets)
    fit = manager.stored(manager.path_of("posterior"), "posterior")
    assert isinstance(fit, StoredFit)
    return fit


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One MLflow store for all, as it takes seconds to create."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def bench(finished: Project, stored: StoredFit, store: Path, request: pytest.FixtureRequest) -> Bench:
    return Bench(finished, stored, store, str(request.node.name))


def test_the_first_accepted_fit_of_a_project_is_champion_and_everything_says_so(finished: Project) -> None:
    record = projects.read_json(finished.assets / "model_version.json")
    registry = Registry.of(finished, Tracker.of(finished))
    (version,) = registry.versions()
    assert (record["version"], record["alias"], record["champion_version"]) == (1, "champion", 1)
    assert (version.fit, version.run_id) == (record["fit"], record["mlflow_run_id"])
    words = "tiny version 1 (champion)"
    diagnostics = projects.read_json(finished.exports / "diagnostics.json")
    assert (list(diagnostics)[-1], diagnostics["model_version"]) == ("model_version", words)
    assert words in finished.report.read_text(encoding="utf-8")
    with open_instance(finished) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("budget_plan"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["model_version"].value == words


def test_a_better_fit_takes_over_and_a_rejected_one_does_not(bench: Bench) -> None:
    first, second, third = (bench.fit(name) for name in ("a", "b", "c"))
    begun = bench.settle(first, WITHOUT_A_GEO)
    assert (begun["alias"], next_steps(begun, "")) == ("champion", None), "without another one there is no choice"
    assert bench.settle(first)["version"] == 1, "the same fit is registered once"
    taken = bench.settle(second)
    assert (taken["version"], taken["alias"], taken["champion_version"]) == (2, "champion", 2)
    refused = bench.settle(third, REJECTED)
    assert (refused["version"], refused["alias"], refused["champion_version"]) == (None, None, 2)
    assert version_words(refused) == f"{bench.registry.name}, not registered (champion is version 2)"
    words = str(next_steps(refused, "-c x"))
    assert words.startswith("version 2 stays. The rejected fit is no version, and cannot be promoted. mmm ui -c x")
    assert "mmm run -c x --force fits again, mmm rollback -c x --to 2 puts the champion's fit back" in words
    assert [one.number for one in bench.registry.versions()] == [1, 2]
    assert bench.registry.numbers_by_alias() == {"champion": 2}


def test_a_challenger_waits_where_a_check_warns_or_nothing_is_automatic(bench: Bench) -> None:
    first, second = bench.fit("a"), bench.fit("b")
    bench.settle(first)
    waiting = bench.settle(second, MOVED)
    assert (waiting["alias"], waiting["champion_version"], waiting["waits_for"]) == (
        "challenger",
        1,
        ["refresh_roi"],
    )
    assert version_words(waiting) == f"{bench.registry.name} version 2 (challenger; champion is version 1)"
    assert next_steps(waiting, "--config a.yaml") == (
        "version 1 stays, because refresh_roi did not pass (promotion.must_pass). mmm promote --config a.yaml "
        "--version 2 makes version 2 champion; mmm rollback --config a.yaml --to 1 plans with version 1 again."
    )
    by_hand = bench.settle(second, None, "promotion.automatic=false")
    assert by_hand["alias"] == "challenger"
    assert "because promotion.automatic is false" in str(next_steps(by_hand, ""))
    excluded = bench.settle(second, WITHOUT_A_GEO)
    assert (excluded["verdict"], excluded["alias"]) == ("accepted_with_warnings", "challenger")
    assert excluded["waits_for"] == ["excluded_geos"]
    assert to_promote(bench.registry, None).number == 2
    assert bench.settle(second, REJECTED)["alias"] is None, "what is rejected later is no challenger"
    with pytest.raises(
        GateError, match=r"Version 2 .* rejected.*There are: 1 \(champion, accepted\), 2 \(rejected\)"
    ):
        to_promote(bench.registry, 2)
    with pytest.raises(InputError, match="no challenger"):
        to_promote(bench.registry, None)
    with pytest.raises(InputError, match=r"no version 7.*There are: 1"):
        to_promote(bench.registry, 7)
    assert bench.settle(second)["alias"] == "champion", "and takes over once nothing fails"


def test_what_was_restored_is_no_candidate_but_what_was_fitted_again_is(bench: Bench) -> None:
    first, second = bench.fit("a"), bench.fit("b")
    bench.settle(first)
    with pytest.raises(InputError, match="No version before"):
        to_roll_back(bench.registry, None)
    bench.settle(second)
    assert to_roll_back(bench.registry, None).number == 1
    restored = bench.registry.fit_of(1)
    assert (restored.version, restored.mlflow_run_id) == ("a", first.mlflow_run_id)
    record = bench.settle(restored)
    assert (record["version"], record["alias"], record["champion_version"]) == (1, None, 2)
    again = bench.settle(bench.fit("a"))
    assert (again["version"], again["alias"]) == (1, "champion")


def test_a_version_whose_file_is_gone_is_refused(bench: Bench) -> None:
    bench.settle(bench.fit("a"))
    (run_id,) = {one.run_id for one in bench.registry.versions()}
    for path in Path(str(bench.project.work)).rglob(f"{run_id}/**/fit.nc"):
        path.unlink()
    with pytest.raises(StorageError, match=r"version 1 of \w+ is gone .* choose another version"):
        bench.registry.fit_of(1)


def test_versions_may_be_switched_off(bench: Bench) -> None:
    record = bench.settle(bench.fit("a"), None, "promotion.enabled=false")
    assert (record["name"], record["version"], version_words(record)) == (None, None, None)
    assert bench.registry.versions() == []


def test_going_to_a_version_plans_with_its_fit_until_the_data_change(
    finished: Project, stored: StoredFit, tmp_path: Path
) -> None:
    project = projects.copied(finished, tmp_path)
    tracker, samples = Tracker.of(project), stored.posterior.samples
    other = replace(stored.posterior, samples=samples.assign(beta_gm=samples["beta_gm"] * 1.01))
    with tracker.run("posterior", {}) as run:
        second = replace(stored, posterior=other, version="second", mlflow_run_id=run.run_id)
    settle(project, tracker, second, _judged(second, None))
    given = [f"paths.storage={project.config.paths.storage}"]
    options = ["--config", str(project.loaded.path), *(part for key in given for part in ("--set", key))]
    result = CliRunner().invoke(app, ["rollback", *options, "--to", "2"])
    assert result.exit_code == 0, result.output
    assert "budgets and reports are made with it again" in result.output
    assert projects.read_json(project.exports / "diagnostics.json")["model_version"] == "tiny version 2 (champion)"
    outcome = projects.run(project)
    assert not outcome.stops
    assert ("posterior", None) in outcome.kept
    manager = PosteriorIOManager(project.assets)
    assert manager.stored(manager.path_of("posterior"), "posterior").version == "second"
    with open_instance(project) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("posterior"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["restored_from_version"].value == 2
    refused = CliRunner().invoke(app, ["promote", *options, "--version", "9"])
    assert refused.exit_code == 2
    assert "no version 9" in refused.output
