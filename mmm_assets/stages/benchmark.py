"""The benchmark as assets: one result per data set and backend, calibration, coverage, and the summary.

They are no stage: `mmm run` and the job `full` leave them alone; the job `benchmark` makes results and summary,
the jobs `benchmark_calibration` and `benchmark_coverage` the two studies, which have no partitions.  Results live
in the folder that `mmm benchmark` uses too, so that neither does again what the other has done.
"""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from mmm_assets.checks import cases_table, check_results, check_specs, refusals
from mmm_assets.metadata import picture
from mmm_assets.progress import logged
from mmm_assets.resources.project import Project
from mmm_assets.stages.train import FIT_POOL
from mmm_core.progress import Progress

if TYPE_CHECKING:
    from mmm_core.benchmark.job import RunResult

GROUP = "benchmark"
DATASET, BACKEND = "dataset", "backend"
CALIBRATION_CHECKS = {"uniform_ranks": "warn"}
COVERAGE_CHECKS = {"interval_coverage": "warn", "panels_converged": "warn"}
_READS = (
    "benchmark",
    "features",
    "model",
    "training",
    "ingest",
    "data",
    "validation",
    "enhanced_cleaning",
    "runtime",
)


def definitions(project: Project) -> dg.Definitions:
    """Assets and job of the benchmark."""
    partitions = result_partitions(project)
    common: dict[str, Any] = {
        "group_name": GROUP,
        "owners": list(project.config.project.owners),
        "tags": {"project": project.config.project.name},
        "code_version": project.code_version(*_READS),
    }
    result = dg.asset(partitions_def=partitions, pool=FIT_POOL, kinds={"pymc"}, **common)(benchmark_result)
    summary = dg.asset(
        deps=[
            dg.AssetDep("benchmark_result", partition_mapping=dg.AllPartitionMapping()),
            "calibration",
            "coverage",
        ],
        kinds={"markdown"},
        **common,
    )(benchmark_summary)
    calibrated = dg.asset(pool=FIT_POOL, kinds={"pymc"}, **common)(calibration)
    covered = dg.asset(pool=FIT_POOL, kinds={"pymc"}, **common)(coverage)
    specs = check_specs("calibration", CALIBRATION_CHECKS)
    checks = dg.multi_asset_check(name="calibration_checks", specs=specs)(calibration_checks)
    specs = check_specs("coverage", COVERAGE_CHECKS)
    more_checks = dg.multi_asset_check(name="coverage_checks", specs=specs)(coverage_checks)
    compare = dg.define_asset_job(
        "benchmark",
        selection=dg.AssetSelection.assets("benchmark_result", "benchmark_summary"),
        description="One data set with one backend, then the summary of all results; backfill it for all of them.",
    )
    calibrate = dg.define_asset_job(
        "benchmark_calibration",  # a job must not be named as an asset
        selection=dg.AssetSelection.assets("calibration"),
        description="Simulation-based calibration of the pymc backend.",
    )
    cover = dg.define_asset_job(
        "benchmark_coverage",
        selection=dg.AssetSelection.assets("coverage"),
        description="How often intervals hold the truth: simulated panels, fitted with the configured backend.",
    )
    return dg.Definitions(
        assets=[result, calibrated, covered, summary],
        asset_checks=[checks, more_checks],
        jobs=[compare, calibrate, cover],
    )


def result_partitions(project: Project) -> dg.MultiPartitionsDefinition:
    """Every configured data set with every configured backend."""
    settings = project.config.benchmark
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.MultiPartitionsDefinition(
            {
                DATASET: dg.StaticPartitionsDefinition(list(settings.datasets)),
                BACKEND: dg.StaticPartitionsDefinition(list(settings.backends)),
            }
        )


def benchmark_result(
    context: dg.AssetExecutionContext, project: dg.ResourceParam[Project], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """How fast and how well one backend fits one data set with known truth; made in a process of its own."""
    from mmm_core.benchmark.session import default_output, run_benchmark

    keys = context.partition_key
    if not isinstance(keys, dg.MultiPartitionKey):
        raise dg.Failure(f"{keys!r} is no pair of data set and backend.", allow_retries=False)
    chosen = keys.keys_by_dimension
    with refusals():
        (result,) = run_benchmark(
            project.config,
            default_output(project.config),
            [chosen[DATASET]],
            [chosen[BACKEND]],
            progress=logged(context.log, progress),
        )
    if result.status != "ok":
        raise dg.Failure(
            f"{result.dataset} with {result.runner}: {result.status}. {result.reason}", allow_retries=False
        )
    return dg.MaterializeResult(data_version=dg.DataVersion(result.key), metadata=_numbers(result))


def calibration(
    context: dg.AssetExecutionContext, project: dg.ResourceParam[Project], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Whether the posterior of the pymc backend is that of the model: ranks of true values in simulated panels."""
    from mmm_core.benchmark.calibration_study import FOLDER, PICTURE, run_calibration
    from mmm_core.benchmark.session import default_output

    output = default_output(project.config)
    with refusals():
        study = run_calibration(
            project.config, output, project.config.benchmark.calibration_panels, logged(context.log, progress)
        )
    return dg.MaterializeResult(
        metadata={
            "panels": study.panels,
            "smallest_p_value": float(study.table["p_value"].min()),
            "divergent_share": study.divergent_share,
            "ranks": picture((output / FOLDER / PICTURE).read_bytes()),
            "parameters": cases_table([_text_keys(row) for row in study.table.to_dict("records")]),
        }
    )


def calibration_checks(project: dg.ResourceParam[Project]) -> Iterator[dg.AssetCheckResult]:
    """Whether any parameter's ranks are not uniform."""
    from mmm_core.benchmark.calibration_study import stored_calibration
    from mmm_core.benchmark.session import default_output

    with refusals():
        study = stored_calibration(default_output(project.config))
    if study is None:
        raise dg.Failure("There is no calibration; materialize the asset calibration.", allow_retries=False)
    yield from check_results("calibration", CALIBRATION_CHECKS, [study.check()])


def coverage(
    context: dg.AssetExecutionContext, project: dg.ResourceParam[Project], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """How often intervals hold the truth in simulated panels; an interrupted study goes on where it was."""
    from mmm_core.benchmark.coverage_study import FOLDER, PICTURE, run_coverage
    from mmm_core.benchmark.session import default_output

    output = default_output(project.config)
    with refusals():
        study = run_coverage(project.config, output, progress=logged(context.log, progress))
    return dg.MaterializeResult(
        metadata={
            "panels": len(study.results),
            "accepted": int(study.fits["accepted"].sum()),
            "coverage": picture((output / FOLDER / PICTURE).read_bytes()),
            "intervals": cases_table([_text_keys(row) for row in study.table.to_dict("records")]),
            "fits": cases_table([_text_keys(row) for row in study.fits.to_dict("records")]),
        }
    )


def coverage_checks(project: dg.ResourceParam[Project]) -> Iterator[dg.AssetCheckResult]:
    """Whether intervals hold the truth as often as they say, and whether the fits converge."""
    from mmm_core.benchmark.coverage_study import stored_coverage
    from mmm_core.benchmark.session import default_output

    with refusals():
        study = stored_coverage(default_output(project.config))
    if study is None:
        raise dg.Failure("There is no coverage study; materialize the asset coverage.", allow_retries=False)
    yield from check_results("coverage", COVERAGE_CHECKS, study.checks())


def benchmark_summary(
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[None]:
    """All stored results of the benchmark, and the studies that there are, as tables, plots and one page."""
    from mmm_core.benchmark.calibration_study import stored_calibration
    from mmm_core.benchmark.coverage_study import stored_coverage
    from mmm_core.benchmark.session import default_output, stored_results
    from mmm_core.benchmark.summary import result_table, write_summary

    output = default_output(project.config)
    results = stored_results(output)
    with refusals():
        if not results and stored_calibration(output) is None and stored_coverage(output) is None:
            raise dg.Failure(
                f"There are no results in {output}; materialize benchmark_result.", allow_retries=False
            )
        page = write_summary(results, output)
    table = result_table(results)
    metadata: dict[str, Any] = {
        "page": dg.MetadataValue.path(str(page)),
        "dagster/row_count": len(table),
        "results": cases_table([_text_keys(row) for row in table.fillna("").astype(object).to_dict("records")]),
    }
    metadata |= {path.stem: picture(path.read_bytes()) for path in sorted((output / "plots").glob("*.png"))}
    return dg.MaterializeResult(metadata=metadata)


def _numbers(result: "RunResult") -> dict[str, Any]:
    """Every metric, so that the UI plots it over time."""
    return {name: value for name, value in result.metrics.items() if isinstance(value, int | float | str)}


def _text_keys(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(key): round(value, 4) if isinstance(value, float) else value for key, value in row.items()}
