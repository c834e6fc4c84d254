"""The benchmark as assets: partitioned by data set and backend, outside of the project's own pipeline."""

from pathlib import Path

import dagster as dg
import pytest

from mmm_assets.assembly import benchmark_definitions, build_definitions
from mmm_assets.instance import open_instance
from mmm_assets.resources.project import Project
from mmm_core.benchmark.datasets import load_dataset
from mmm_core.benchmark.job import RunResult, plan_job
from mmm_core.benchmark.session import Steps, default_output
from tests.assets import projects


@pytest.fixture
def project(tmp_path: Path) -> Project:
    benchmark = {"datasets": ["small_business", "configured"], "backends": ["pymc", "pymc_reference:nutpie"]}
    return projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, None, benchmark=benchmark)))


def _known(project: Project, dataset: str, metrics: dict[str, float]) -> RunResult:
    """A result that is there already, so that nothing has to be sampled."""
    output = default_output(project.config)
    job = plan_job(
        load_dataset(dataset, project.config), "pymc", Steps().settings(project.config, "pymc"), {}, output
    )
    result = RunResult(job.key, job.dataset, job.runner, "ok", settings=job.settings, metrics=metrics)
    result.save(job.folder(output))
    return result


def _partition(dataset: str, backend: str) -> dg.MultiPartitionKey:
    return dg.MultiPartitionKey({"dataset": dataset, "backend": backend})


def test_every_data_set_meets_every_backend(project: Project) -> None:
    graph = benchmark_definitions(project).resolve_asset_graph()
    partitions = graph.get(dg.AssetKey("benchmark_result")).partitions_def
    assert partitions is not None
    assert len(partitions.get_partition_keys()) == 2 * 2


def test_the_code_location_loads(project: Project) -> None:
    dg.Definitions.validate_loadable(benchmark_definitions(project))


def test_the_pipeline_is_without_the_benchmark(project: Project) -> None:
    keys = build_definitions(project).resolve_asset_graph().get_all_asset_keys()
    benchmark = {
        dg.AssetKey(name) for name in ("benchmark_result", "benchmark_summary", "calibration", "coverage")
    }
    assert not benchmark & set(keys)


def test_a_partition_is_materialized_with_its_numbers_and_then_summarised(project: Project) -> None:
    known = _known(project, "small_business", {"seconds": 2.0, "srmse": 0.5, "version": "pymc 5"})
    job = benchmark_definitions(project).resolve_job_def("benchmark")
    with open_instance(project) as instance:
        result = job.execute_in_process(
            instance=instance, partition_key=_partition("small_business", "pymc"), raise_on_error=False
        )
        assert result.success, projects.reason(result)
        made = {event.asset_key.path[-1]: event for event in result.get_asset_materialization_events()}
        metadata = made["benchmark_result"].materialization.metadata
        assert metadata["srmse"].value == 0.5
        tags = made["benchmark_result"].materialization.tags or {}
        assert tags["dagster/data_version"] == known.key
        assert "results" in made["benchmark_summary"].materialization.metadata
    page = default_output(project.config) / "summary.html"
    assert "small_business" in page.read_text(encoding="utf-8")


@pytest.mark.full
def test_the_calibration_is_materialized_with_its_check_and_then_summarised(project: Project) -> None:
    project = projects.load(project.loaded.path, "benchmark.calibration_panels=3")
    definitions = benchmark_definitions(project)
    with open_instance(project) as instance:
        result = definitions.resolve_job_def("benchmark_calibration").execute_in_process(
            instance=instance, raise_on_error=False
        )
        assert result.success, projects.reason(result)
        (check,) = result.get_asset_check_evaluations()
        assert (check.check_name, check.passed) == ("uniform_ranks", True)
        (made,) = result.get_asset_materialization_events()
        assert made.materialization.metadata["panels"].value == 3
        summary = projects.quiet_run(definitions, instance, "benchmark_summary")
        assert summary.success, projects.reason(summary)
    page = default_output(project.config) / "summary.html"
    assert "calibration/calibration.png" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_coverage_study_is_materialized_with_its_checks(project: Project) -> None:
    coverage = "{scenarios: [planned], geos: 2, weeks: 52, channels: 1, controls: 0, draws: 50, seeds: {pymc: 1}}"
    model = ("model.backend=pymc", "model.fallback=none", "training.tune=60")
    project = projects.load(project.loaded.path, f"benchmark.coverage={coverage}", *model)
    definitions = benchmark_definitions(project)
    with open_instance(project) as instance:
        result = definitions.resolve_job_def("benchmark_coverage").execute_in_process(
            instance=instance, raise_on_error=False
        )
        assert result.success, projects.reason(result)
        checks = result.get_asset_check_evaluations()
        assert [check.check_name for check in checks] == ["interval_coverage", "panels_converged"]
        (made,) = result.get_asset_materialization_events()
        assert made.materialization.metadata["panels"].value == 1


def test_a_run_that_fails_says_why(project: Project) -> None:
    job = benchmark_definitions(project).resolve_job_def("benchmark")
    with open_instance(project) as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=_partition("configured", "pymc_reference:nutpie"),
            asset_selection=[dg.AssetKey("benchmark_result")],
            raise_on_error=False,
        )
    assert not result.success
    assert "nutpie is not installed" in projects.reason(result)
