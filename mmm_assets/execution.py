"""Running stages in this process: what is due, in the right order, recorded in the Dagster instance.

One run reads the source, one run per geo makes its tables, one run aligns them, and one run fits the model and
makes everything behind it.  What is up to date is left alone.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Literal

import dagster as dg
from dagster import AssetKey
from upath import UPath

from mmm_assets.attributes import Stage
from mmm_assets.freshness import Freshness
from mmm_assets.io_managers import io_managers
from mmm_assets.partitions import partitions_name, splits_name
from mmm_assets.planning import CUBE, FILES, FIT, RAW, SOURCE, SPLITS, VERDICTS, Plan
from mmm_assets.resources.project import Project
from mmm_assets.stages.publish import is_published
from mmm_core import errors

Kind = Literal["gate", "input", "late", "other"]
Watch = Callable[[str, int, int], None]
"""`watch(what, done, total)`: how many runs of one kind are over."""
_INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Stop:
    """Why a run stopped."""

    geo: str | None
    kind: Kind
    """`gate`: a blocking check failed; `input`: data or configuration cannot be used; `other`: unexpected."""
    message: str
    trace: str = ""
    """Where it happened, for whoever looks for the mistake."""


@dataclass(frozen=True)
class Warned:
    """A check that failed without blocking."""

    asset: str
    geo: str | None
    check: str
    message: str


@dataclass
class Outcome:
    """What was done."""

    made: list[tuple[str, str | None]] = field(default_factory=list)
    """(asset, geo) of what was materialized."""
    kept: list[tuple[str, str | None]] = field(default_factory=list)
    """(asset, geo) of what was wanted and up to date."""
    warnings: list[Warned] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)


@dataclass(frozen=True)
class Executor:
    """Runs stages of one project."""

    project: Project
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    watch: Watch
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of the Dagster runs."""

    def run(self, stages: Iterable[Stage], force: bool = False) -> Outcome:
        """Make the assets of these stages, and whatever they need that is missing or out of date.

        The source is always read again; the report and the exports are always written again.  If a geo
        stops, the other geos go on, but nothing pools them.

        Args:
            stages: which assets are wanted.
            force: make the assets of these stages even if they are up to date.
        """
        plan = Plan(self.definitions.resolve_asset_graph(), stages, force, self._is_stored)
        outcome = Outcome()
        self._make(plan, outcome, [SOURCE], None)
        if not outcome.stops:
            self._make_geos(plan, outcome)
        self._tell(plan, outcome)
        pooled = plan.keys - plan.by_geo() - {SOURCE, VERDICTS, SPLITS}
        behind_fit = pooled & plan.behind(FIT)
        later = plan.after_splits()
        # The cube by itself: if its content turns out unchanged, what is made from it is still up to date.
        for keys in (pooled & {CUBE}, pooled - behind_fit - {CUBE} - later):
            if not outcome.stops:
                self._make(plan, outcome, self._due(plan, outcome, keys, None), None)
        if not outcome.stops and pooled & FILES:
            self._make(plan, outcome, sorted(pooled & FILES), None)
        if not outcome.stops and FIT in pooled:
            due = self._due(plan, outcome, behind_fit - later, None)
            self._make(plan, outcome, due, None, plan.checks_of([FIT]))
        if later:
            self._make_splits(plan, outcome, later)
        return outcome

    def _make_splits(self, plan: Plan, outcome: Outcome, later: Set[AssetKey]) -> None:
        """The fits of the backtest, one by one while there is time, and what is made from all of them."""
        names = self.instance.get_dynamic_partitions(splits_name(self.project.config.project.name))
        for done, name in enumerate(names):
            self.watch("splits of the backtest", done, len(names))
            if not outcome.stops:
                self._make(plan, outcome, self._due(plan, outcome, {SPLITS}, name), name)
                _as_missing(outcome, name)
        if not outcome.stops:
            self.watch("splits of the backtest", len(names), len(names))
            self._make(plan, outcome, self._due(plan, outcome, later - {SPLITS}, None), None)

    def _tell(self, plan: Plan, outcome: Outcome) -> None:
        """The page of verdicts: where it is wanted, and where a check has stopped something."""
        if any(stop.kind == "gate" for stop in outcome.stops):
            self._make(plan, outcome, [VERDICTS], None)
        elif not outcome.stops:
            self._make(plan, outcome, self._due(plan, outcome, plan.keys & {VERDICTS}, None), None)

    def _make_geos(self, plan: Plan, outcome: Outcome) -> None:
        keys = plan.by_geo()
        rows = plan.made_together(RAW)
        geos = self.instance.get_dynamic_partitions(partitions_name(self.project.config.project.name))
        always = plan.checks_of([RAW]) if plan.validates else set()
        for done, geo in enumerate(geos if keys else ()):
            self.watch("geos", done, len(geos))
            freshness = self._freshness()
            if not keys <= rows and set(plan.due(freshness, keys, geo, follow=False)) == rows:
                # The source changed, but maybe not this geo's rows: then what is made from them is still good.
                self._make(plan, outcome, sorted(rows), geo)
                freshness = self._freshness()
            if not any(stop.geo == geo for stop in outcome.stops):
                self._make(plan, outcome, self._due(plan, outcome, keys, geo, freshness), geo, always)
        self.watch("geos", len(geos), len(geos))

    def _freshness(self) -> Freshness:
        return Freshness(self.instance, self.definitions.resolve_asset_graph())

    def _due(
        self,
        plan: Plan,
        outcome: Outcome,
        keys: Set[AssetKey],
        geo: str | None,
        freshness: Freshness | None = None,
    ) -> list[AssetKey]:
        due = plan.due(freshness or self._freshness(), keys, geo)
        outcome.kept += [(_name(key), geo) for key in sorted(keys - set(due))]
        return due

    def _make(
        self,
        plan: Plan,
        outcome: Outcome,
        keys: list[AssetKey],
        geo: str | None,
        more_checks: Set[dg.AssetCheckKey] = frozenset(),
    ) -> None:
        """One run: these assets with their checks, and more checks."""
        checks = set(more_checks) | (plan.checks_of(keys) if plan.checks else set())
        if not keys and not checks:
            return
        job = self.definitions.resolve_implicit_global_asset_job_def()
        result = job.get_subset(asset_selection=set(keys), asset_check_selection=checks).execute_in_process(
            run_config=_QUIET,
            instance=self.instance,
            partition_key=geo,
            raise_on_error=False,
            tags=dict(self.tags),
        )
        _pass_on_interrupt(result)
        outcome.made += [(_name(event.asset_key), geo) for event in result.get_asset_materialization_events()]
        outcome.warnings += _warnings(result, geo)
        outcome.stops += _stops(result, geo)

    def _is_stored(self, key: AssetKey, geo: str | None) -> bool:
        manager = self.definitions.get_assets_def(key).get_io_manager_key_for_asset_key(key)
        path = io_managers(UPath(self.project.assets))[manager].path_of(_name(key), geo)
        return bool(path.exists()) and is_published(self.project, _name(key), path)


def _as_missing(outcome: Outcome, split: str) -> None:
    """A split that cannot be run is missing from the backtest, and stops nothing else."""
    told = [stop for stop in outcome.stops if stop.geo == split and stop.kind != "other"]
    outcome.stops = [stop for stop in outcome.stops if stop not in told]
    outcome.warnings += [Warned("backtest", split, "not_run", stop.message) for stop in told]


def _name(key: AssetKey | None) -> str:
    return "" if key is None else key.path[-1]


def _warnings(result: dg.ExecuteInProcessResult, geo: str | None) -> list[Warned]:
    return [
        Warned(_name(check.asset_key), geo, check.check_name, check.description or "")
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity is dg.AssetCheckSeverity.WARN
    ]


def _pass_on_interrupt(result: dg.ExecuteInProcessResult) -> None:
    """Dagster ends the run on Ctrl-C and then goes on as if it were an error.

    Raises:
        KeyboardInterrupt: the run was interrupted.
    """
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        while error is not None:
            if error.cls_name in _INTERRUPTS:
                raise KeyboardInterrupt
            error = error.cause


def _stops(result: dg.ExecuteInProcessResult, geo: str | None) -> list[Stop]:
    """Failed blocking checks if there are any (the step that then stops only repeats them), else errors."""
    failed = [
        check
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
    ]
    if failed:
        return [
            Stop(geo, "gate", f"{_name(check.asset_key)}, check {check.check_name}: {check.description}")
            for check in failed
        ]
    stops = [_stop(event, geo) for event in result.all_events if event.is_step_failure]
    if not stops and not result.success:
        stops = [Stop(geo, "other", f"Dagster run {result.run_id} failed; see it in the UI.")]
    return stops


def _stop(event: dg.DagsterEvent, geo: str | None) -> Stop:
    """From a step's failure: what the core raised on purpose, wherever Dagster wrapped it."""
    data = event.step_failure_data
    user, error = data.user_failure_data, data.error
    trace = error.to_string() if error else ""
    if user is not None and user.description:
        kind = user.metadata["kind"].value if "kind" in user.metadata else ""
        return Stop(geo, _kind(str(kind)), user.description, trace)
    while error is not None and error.cause is not None and _kind(error.cls_name or "") == "other":
        error = error.cause
    if error is None:
        return Stop(geo, "other", f"Step {event.step_key} failed.")
    message = error.message.strip()
    return Stop(geo, _kind(error.cls_name or ""), message.partition(": ")[2] or message, trace)


def _kind(class_name: str) -> Kind:
    raised = getattr(errors, class_name, None)
    if not isinstance(raised, type):
        return "other"
    if issubclass(raised, errors.GateError):
        return "gate"
    if issubclass(raised, errors.LateError):
        return "late"
    return "input" if issubclass(raised, errors.InputError) else "other"
