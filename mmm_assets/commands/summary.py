"""What a finished command has to say: the answers first, then where everything is."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from upath import UPath

from mmm_assets.attributes import Stage
from mmm_assets.commands.console import results
from mmm_assets.execution import Outcome
from mmm_assets.io_managers import StoredFit, io_managers
from mmm_assets.promotion import next_steps, version_words
from mmm_assets.resources.project import Project
from mmm_core.evaluation.verdict import LEVEL_WORDS, Verdict
from mmm_core.reporting.formats import fixed
from mmm_core.reporting.terminal import budget_table, roi_table

_ROWS = ("raw_panel", "validation_report")
"""What is made of a geo whenever the source is new."""


class Summary:
    """Answers of one command, read from where they are stored."""

    def __init__(self, project: Project, outcome: Outcome, arguments: str) -> None:
        """Nothing is read yet.

        Args:
            project: where the answers are.
            outcome: what was made.
            arguments: options of the command, for hints about the next one.
        """
        self._project, self._outcome, self._arguments = project, outcome, arguments
        self._managers = io_managers(UPath(project.assets))

    def show(self, stages: Sequence[Stage], console: Console | None = None) -> None:
        """Print what these stages are about."""
        out = console or results()
        source = self._value("json", "source_snapshot")
        size = f"{len(source['geos'])} geo(s), {source['rows']} rows"
        out.print(f"Source       {source['origin']}: {size}", markup=False)
        self._show_geos(out)
        if "train" in stages:
            out.print(f"Fit          {self._fit_line()}", markup=False)
        if "evaluate" in stages:
            out.print(roi_table(self._value("parquet", "channel_summary"), source["truth_roi"]))
            out.print(f"Diagnostics  {_diagnostics_line(self._value('json', 'evaluation'))}", markup=False)
            out.print(f"Verdict      {_verdict_line(self._value('json', 'model_verdict'))}", markup=False)
            record = self._value("json", "model_version")
            if words := version_words(record):
                out.print(f"Model        {words}", markup=False)
            if words := next_steps(record, self._arguments):
                out.print(f"Champion     {words}", markup=False, style="yellow")
        if "optimize" in stages:
            out.print(budget_table(self._value("parquet", "budget_plan")))
        self._show_warnings(out, stages)
        self._show_data_pages(out, stages)
        if "report" in stages:
            self._show_changes(out)
            out.print(f"Report       {self._project.report}", markup=False)
            out.print(f"Exports      {self._project.exports}", markup=False)
        out.print(f"Dagster UI   mmm ui {self._arguments}", markup=False)

    def _value(self, manager: str, asset: str) -> Any:
        path = self._managers[manager].path_of(asset)
        return self._managers[manager].stored(path, asset)

    def _show_geos(self, out: Console) -> None:
        made, kept = made_and_kept(self._outcome)
        if made or kept:
            out.print(f"Geos         {len(made)} made, {len(kept)} up to date", markup=False)
        for geo, why in self._outcome.excluded.items():
            text = f"Left out     {geo}, in none of the numbers and plans: {why}"
            out.print(text, markup=False, style="yellow")

    def _fit_line(self) -> str:
        fit: StoredFit = self._value("posterior_io", "posterior")
        info, worst = fit.posterior.info, fit.diagnostics.interpreted
        made = ("posterior", None) in self._outcome.made
        return (
            f"{info.backend}, {info.chains} x {info.draws} draws in {info.seconds:.0f} s, "
            f"largest R-hat {worst['rhat'].max():.3f}, smallest effective sample size "
            f"{fixed(float(worst[['ess_bulk', 'ess_tail']].min().min()), 0)}, "
            f"{fit.diagnostics.divergences} divergences{'' if made else ' (up to date; --force fits again)'}"
        )

    def _show_changes(self, out: Console) -> None:
        """What the last accepted fit said otherwise; nothing for a first fit."""
        record = self._value("json", "what_changed")
        if record["compared_with"] is not None:
            out.print(f"Changed      {record['sentence']}", markup=False)

    def _show_data_pages(self, out: Console, stages: Sequence[Stage]) -> None:
        """Pages that these stages have written."""
        pages = {"validate": ("Validation", "validation.html"), "features": ("Data", "eda.html")}
        for stage, (title, name) in pages.items():
            if stage in stages:
                out.print(f"{title:<12} {self._project.exports / name}", markup=False)

    def _show_warnings(self, out: Console, stages: Sequence[Stage]) -> None:
        warnings = self._outcome.warnings
        names = sorted({f"{warned.asset}.{warned.check}" for warned in warnings})
        if names:
            listed = ", ".join(names)
            where = "the report has them" if "report" in stages else "mmm validate writes them to validation.html"
            out.print(f"Warnings     {len(warnings)}, by check: {listed}; {where}", markup=False)


def made_and_kept(outcome: Outcome) -> tuple[set[str], set[str]]:
    """Geos of which something was made, and those that were up to date.

    When the source is new, each geo's rows are read again; where they are as before, nothing behind them is made.
    """
    made, kept = ({(asset, geo) for asset, geo in pairs if geo} for pairs in (outcome.made, outcome.kept))
    behind = {(asset, geo) for asset, geo in made if asset not in _ROWS}
    only_rows = all(asset in _ROWS for asset, _ in made | kept)
    found = {geo for _, geo in (made if only_rows else behind)} - set(outcome.excluded)
    return found, {geo for _, geo in made | kept} - found - set(outcome.excluded)


def _verdict_line(record: dict[str, Any]) -> str:
    found = Verdict.from_record(record)
    names = ", ".join(reason.check for reason in found.reasons)
    return f"{LEVEL_WORDS[found.level]} after {sum(found.checks.values())} checks{f': {names}' if names else ''}"


def _diagnostics_line(evaluation: dict[str, Any]) -> str:
    record = evaluation["diagnostics"]
    return (
        f"R² {record['r2']:.3f}, mean absolute error {record['mape']:.1%}, "
        f"{record['coverage_90']:.0%} of weeks inside the 90 % interval, "
        f"{record['divergences']} divergences, largest R-hat {record['interpreted_max_rhat']:.3f}"
    )
