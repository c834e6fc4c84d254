"""`mmm benchmark`: data sets with known truth, each backend once, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mmm_assets.commands.console import display, notes, prepare_console, results
from mmm_assets.commands.invocation import Invocation
from mmm_core.benchmark.calibration_study import run_calibration, stored_calibration
from mmm_core.benchmark.coverage_study import CoverageStudy, run_coverage, stored_coverage
from mmm_core.benchmark.data_scale import DataScale, run_data_scale, stored_data_scale
from mmm_core.benchmark.job import RunResult
from mmm_core.benchmark.session import Steps, default_output, run_benchmark, stored_results
from mmm_core.benchmark.summary import write_summary
from mmm_core.config.benchmark import DatasetName, RunnerName
from mmm_core.config.schema import Config
from mmm_core.errors import InputError
from mmm_core.quality.check import CheckResult
from mmm_core.reporting.formats import MISSING

_SHOWN = {
    "seconds": "s",
    "ess_min": "min ESS",
    "ess_min_per_second": "per s",
    "max_rhat": "R-hat",
    "divergences": "div.",
    "r2": "R²",
    "srmse": "SRMSE",
    "weekly_coverage": "cover.",
    "roas_error": "ROAS err.",
}
"""Metric -> column of the table in the terminal; the summary has them all."""
_OWN_STEPS = {
    "--calibration": "a calibration has steps of its own",
    "--coverage": "the coverage study takes its steps from benchmark.coverage and training",
    "--data-scale": "the data path has no sampler steps",
}


@dataclass(frozen=True)
class Request:
    """What was asked on the command line; empty and None: as configured."""

    datasets: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """More of both, in any order."""
    steps: Mapping[str, Any] | None = None
    """Fields of `Steps`."""
    output: Path | None = None
    timeout_seconds: float | None = None
    force: bool = False
    plots_only: bool = False
    calibration: int | None = None
    """Simulated panels of a calibration, which runs alone if neither data sets nor backends are named."""
    data_scale: str | None = None
    """Numbers of geos, commas between, that the data path is measured with; alone, like a calibration."""

    coverage: bool = False
    """Whether the coverage study is run, with the configured backend; alone, like a calibration."""
    seeds: int | None = None
    """Its panels per scenario; None: as configured."""

    @property
    def studies(self) -> tuple[str, ...]:
        """Options that ask for more than fits of data sets."""
        asked = {
            "--calibration": self.calibration,
            "--coverage": self.coverage or None,
            "--data-scale": self.data_scale,
        }
        return tuple(option for option, value in asked.items() if value is not None)

    def sizes(self) -> list[int]:
        """Numbers of geos of `data_scale`.

        Raises:
            InputError: one of them is no whole number of 1 or more.
        """
        parts = [part.strip() for part in (self.data_scale or "").split(",")]
        wrong = [part for part in parts if not (part.isascii() and part.isdigit() and int(part) > 0)]
        if wrong:
            raise InputError(
                f"--data-scale takes numbers of geos with commas between, such as 10,100,1000; {wrong[0]!r} is "
                "none."
            )
        return [int(part) for part in parts]

    def sorted_names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Data sets and backends, commas split, `names` told apart by what they mean.

        Raises:
            InputError: a name that is neither.
        """
        known = {"data set": get_args(DatasetName), "backend": get_args(RunnerName)}
        datasets, backends = _split(self.datasets), _split(self.backends)
        for name in _split(self.names):
            (datasets if name in known["data set"] else backends).append(name)
        for what, given in (("data set", datasets), ("backend", backends)):
            for name in given:
                if name not in known[what]:
                    kinds = tuple(known) if name in _split(self.names) else (what,)
                    listed = "; ".join(f"{kind}s: {', '.join(known[kind])}" for kind in kinds)
                    raise InputError(f"No benchmark {' or '.join(kinds)} is named {name!r}; {listed}.")
        return tuple(dict.fromkeys(datasets)), tuple(dict.fromkeys(backends))


def compare(invocation: Invocation, request: Request) -> int:
    """Run what is asked and not known yet, write the summary, print a table.

    Raises:
        InputError: the configuration, a name or a data set cannot be used, or there is nothing to summarise.
        GateError: a data set does not pass its blocking checks.
        SamplingError: a fit of the calibration produced no draws.
        StorageError: the data path could not be measured.
    """
    datasets, backends = request.sorted_names()
    only_studies = bool(request.studies) and not (datasets or backends)
    _refuse_contradictions(request, only_studies)
    sizes = request.sizes() if request.data_scale is not None else []
    project = invocation.project()
    prepare_console(project, invocation.debug)
    output = request.output or default_output(project.config)
    if not request.plots_only and not only_studies:
        with display() as shown:
            run_benchmark(
                project.config,
                output,
                datasets,
                backends,
                Steps(**(request.steps or {})),
                request.force,
                request.timeout_seconds,
                shown,
                done=_tell,
            )
    if request.calibration is not None:
        with display() as shown:
            run_calibration(project.config, output, request.calibration, shown)
    if request.coverage:
        with display() as shown:
            run_coverage(project.config, output, request.seeds, shown)
    if sizes:
        with display() as shown:
            run_data_scale(project.config, output, sizes, shown, timeout_seconds=request.timeout_seconds)
    found, calibration, scale = stored_results(output), stored_calibration(output), stored_data_scale(output)
    coverage = stored_coverage(output)
    if not found and calibration is None and coverage is None and scale is None:
        raise InputError(f"There are no benchmark results in {output}; run without --plots-only first.")
    page = write_summary(found, output)
    if found and not only_studies:
        _print(_chosen(found, datasets, backends, project.config))
    if calibration is not None and request.calibration is not None:
        _tell_calibration(calibration.check())
    if coverage is not None and request.coverage:
        _tell_coverage(coverage)
    if scale is not None and sizes:
        _tell_data_scale(scale)
    results().print(f"Summary      {page}", markup=False)
    return 0


def _refuse_contradictions(request: Request, only_studies: bool) -> None:
    if request.calibration is not None and request.plots_only:
        raise InputError("--calibration simulates and fits, --plots-only does neither; leave one of them out.")
    if request.coverage and request.plots_only:
        raise InputError("--coverage simulates and fits, --plots-only does neither; leave one of them out.")
    if request.seeds is not None and not request.coverage:
        raise InputError("--seeds is the number of panels of the coverage study; add --coverage.")
    if request.data_scale is not None and request.plots_only:
        raise InputError("--data-scale measures, --plots-only does not; leave one of them out.")
    steps = [f"--{name}" for name, value in (request.steps or {}).items() if value is not None]
    if only_studies and steps:
        raise InputError(
            f"{', '.join(steps)}: {_OWN_STEPS[request.studies[0]]}; leave them out, or name the data sets that "
            "are to be run too."
        )


def _chosen(
    found: Sequence[RunResult], datasets: Sequence[str], backends: Sequence[str], config: Config
) -> Sequence[RunResult]:
    """What was asked for; everything if nothing of it is there."""
    chosen = [
        result
        for result in found
        if result.dataset in (datasets or config.benchmark.datasets)
        and result.runner in (backends or config.benchmark.backends)
    ]
    return chosen or found


def _split(names: Sequence[str]) -> list[str]:
    return [part for name in names for part in name.split(",") if part]


def _tell(result: RunResult, known: bool) -> None:
    if result.status != "ok":
        notes().print(f"{result.dataset}, {result.runner}: {result.status}. {escape(result.reason)}")
    elif known:
        notes().print(f"{result.dataset}, {result.runner}: known (--force-rerun runs it again)", markup=False)


def _tell_calibration(outcome: CheckResult) -> None:
    results().print(f"Calibration  {outcome.message}", markup=False)
    if not outcome.passed:
        notes().print("WARNING: the calibration failed, see above.", markup=False)


def _tell_coverage(study: CoverageStudy) -> None:
    for outcome in study.checks():
        results().print(f"Coverage     {outcome.message}", markup=False)
        if not outcome.passed:
            notes().print(f"WARNING: {outcome.name} failed, see above.", markup=False)


def _tell_data_scale(scale: DataScale) -> None:
    header, rows = scale.shown()
    table = Table(title="Data path", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, column in enumerate(header):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    results().print(table)
    results().print(scale.about(), markup=False)


def _print(found: Sequence[RunResult]) -> None:
    table = Table(title="Benchmark", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("data set", "backend"):
        table.add_column(column, no_wrap=True, overflow="fold")
    for column in _SHOWN.values():
        table.add_column(column, justify="right")
    for result in found:
        values = [result.metrics.get(key) for key in _SHOWN]
        cells = [_text(value) for value in values] if result.status == "ok" else [result.status]
        table.add_row(*(Text(cell) for cell in (result.dataset, result.runner, *cells)))
    results().print(table)


def _text(value: Any) -> str:
    return MISSING if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
