"""The folder of outputs: plots, tables, scenarios and the model's file, none of which is ever overwritten."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path, PurePosixPath

import pandas as pd

from mmm_core.errors import InputError
from mmm_core.evaluation.convergence import Diagnostics, diagnose
from mmm_core.model.posterior import Posterior
from mmm_core.reporting.exports import csv_text, export_table, further_files
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.outputs.keeping import keep, same_datasets, there
from mmm_core.reporting.outputs.naming import slug, unique_slugs
from mmm_core.reporting.outputs.plots import all_plots

_TABLES = PurePosixPath("tables")
_SCENARIOS = PurePosixPath("optimization")
_MODELS = PurePosixPath("models")


def write_outputs(
    folder: Path,
    posterior: Posterior,
    inputs: ReportInputs,
    day: date | None = None,
    diagnostics: Diagnostics | None = None,
    fetch: Callable[[Path], object] = there,
) -> list[Path]:
    """Write plots, tables, scenarios and the model's file under the names of the convention.

    `plots/diagnostics/{step}_{plot}.png`, `plots/contributions/{channel}_{plot}.png`,
    `tables/{description}_{day}.csv`, `optimization/budget_scenario_{scenario}.csv`,
    `models/mmm_fit_{day}_{project}_{backend}.nc`, all in lowercase snake_case.  What is there with the same
    content is kept; what is there with other content stays, and the new file gets `_2`, `_3`, ... at the end.

    Args:
        folder: where to; it is created.
        posterior: the fit.
        inputs: of the report.
        day: of the names; None: that on which the report was made.
        diagnostics: `diagnose(posterior)`, where it is there already.
        fetch: called with each file that is there before its content is read.

    Returns:
        Where each of them is, written now or before.

    Raises:
        InputError: no day is given and the report's is not one.
        StorageError: a table lacks a column or has a key twice.
    """
    day = _day_of(inputs) if day is None else day
    found = diagnose(posterior) if diagnostics is None else diagnostics
    small = [(name, text.encode()) for name, text in _texts(inputs, found, day)]
    paths = [keep(folder / name, _writer(content), fetch=fetch) for name, content in small]
    plots = all_plots(posterior, inputs, found)
    paths += [keep(folder / name, _writer(draw()), fetch=fetch) for name, draw in plots]
    fit = _MODELS / f"mmm_fit_{day:%Y-%m-%d}_{slug(inputs.project)}_{slug(posterior.info.backend)}.nc"
    return [*paths, keep(folder / fit, posterior.save, same_datasets, fetch)]


def _texts(inputs: ReportInputs, diagnostics: Diagnostics, day: date) -> Iterator[tuple[PurePosixPath, str]]:
    """Path below the folder and CSV text of every table and scenario."""
    exported = {
        "contributions.csv": inputs.contributions,
        "channel_summary.csv": inputs.channel_summary,
        "fit.csv": inputs.fit,
        "budget_plan.csv": inputs.budget_plan,
        **further_files(inputs.decisions, inputs.scenarios, inputs.changes),
    }
    tables = {name.removesuffix(".csv"): export_table(name, table) for name, table in exported.items()}
    tables |= {"response_curves_pooled": inputs.pooled_curves, "convergence": diagnostics.parameters}
    for name, table in tables.items():
        if len(table):
            yield _TABLES / f"{name}_{day:%Y-%m-%d}.csv", csv_text(table)
    for name, text in _scenario_texts(tables["budget_plan"]):
        yield _SCENARIOS / f"budget_scenario_{name}.csv", text


def _scenario_texts(plan: pd.DataFrame) -> Iterator[tuple[str, str]]:
    names = unique_slugs(str(scenario) for scenario in plan["scenario"].unique())
    for scenario, name in names.items():
        yield name, csv_text(plan[plan["scenario"].astype(str) == scenario])


def _writer(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _day_of(inputs: ReportInputs) -> date:
    try:
        return date.fromisoformat(inputs.generated_at[:10])
    except ValueError as error:
        raise InputError(
            f"The report was made on {inputs.generated_at!r}, which does not begin with a date like 2025-01-31; "
            "give the day of the outputs' names."
        ) from error
