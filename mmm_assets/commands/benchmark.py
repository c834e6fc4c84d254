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
from mmm_core.benchmark.job import RunResult
from mmm_core.benchmark.session import Steps, default_output, run_benchmark, stored_results
from mmm_core.benchmark.summary import write_summary
from mmm_core.config.benchmark import DatasetName, RunnerName
from mmm_core.errors import InputError
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
    """
    datasets, backends = request.sorted_names()
    project = invocation.project()
    prepare_console(project, invocation.debug)
    output = request.output or default_output(project.config)
    if not request.plots_only:
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
    found = stored_results(output)
    if not found:
        raise InputError(f"There are no benchmark results in {output}; run without --plots-only first.")
    page = write_summary(found, output)
    chosen = [
        result
        for result in found
        if result.dataset in (datasets or project.config.benchmark.datasets)
        and result.runner in (backends or project.config.benchmark.backends)
    ]
    _print(chosen or found)
    results().print(f"Summary      {page}", markup=False)
    return 0


def _split(names: Sequence[str]) -> list[str]:
    return [part for name in names for part in name.split(",") if part]


def _tell(result: RunResult, known: bool) -> None:
    if result.status != "ok":
        notes().print(f"{result.dataset}, {result.runner}: {result.status}. {escape(result.reason)}")
    elif known:
        notes().print(f"{result.dataset}, {result.runner}: known (--force-rerun runs it again)", markup=False)


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
