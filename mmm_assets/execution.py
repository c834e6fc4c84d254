"""Running stages in this process: what is due, in the right order, recorded in the Dagster instance.

One run reads the source, one run per geo makes its tables, one run aligns them, and one run fits the model and
makes everything behind it.  What is up to date is left alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Literal

import dagster as dg
from dagster import AssetKey
from upath import UPath

from mmm_assets.attributes import Stage
from mmm_assets.bad_geos import tell_of_bad_geos
from mmm_assets.damage import is_whole
from mmm_assets.freshness import Freshness
from mmm_assets.io_managers import io_managers
from mmm_assets.outages import in_words
from mmm_assets.partitions import partitions_name, splits_name
from mmm_assets.planning import CUBE, FILES, FIT, JUDGED, RAW, SOURCE, SPLITS, STAGES, VERDICTS, VERSION, Plan
from mmm_assets.promotion import RESTORE_TAG
from mmm_assets.recovery import recover
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there, require_writable
from mmm_assets.resources.tracking import INSIDE_TAG, this_process
from mmm_assets.run_lock import only_run
from mmm_assets.stages.publish import is_published
from mmm_core import errors
from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.intake.bad_geos import refusal_of

Kind = Literal["gate", "input", "late", "fault", "other"]
Watch = Callable[[str, int, int], None]
"""`watch(what, done, total)`: how many runs of one kind are over."""
Choose = Callable[[Sequence[str]], Sequence[str]]
"""Of all geos, those that are wanted."""
_BAD_DATA = ("gate", "input")
"""Kinds of stops that are about a geo's rows."""
_INTERRUPTS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")
_FAULTS = (errors.StorageError, errors.TrackingError, errors.BusyError)
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Stop:
    """Why a run stopped."""

    geo: str | None
    kind: Kind
    """`gate`: a blocking check failed; `input`: data or configuration cannot be used; `fault`: a disk, a stored
    file or a service failed; `other`: unexpected."""
    message: str
    trace: str = ""
    """Where it happened, for whoever looks for the mistake."""
    asset: str = ""
    """Whose check failed."""
    check: str = ""
    """Which check failed."""
    error: str = ""
    """Class of the error, where no check failed."""
    run: str = ""
    """Id of the Dagster run."""


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
    excluded: dict[str, str] = field(default_factory=dict)
    """geo -> why nothing pools it (`data.on_bad_geo: exclude`)."""


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
        stops, the other geos go on, but nothing pools them unless `data.on_bad_geo` says so.

        Args:
            stages: which assets are wanted.
            force: make the assets of these stages even if they are up to date.

        Raises:
            StoreUnusableError: the object store of `paths.storage` cannot be written to.
        """
        require_writable(self.project.storage)
        with only_run(self.project):
            recover(self.project, self.instance)
            outcome, plan = Outcome(), self._plan(stages, force)
            self._make(plan, outcome, [SOURCE], None)
            return self._after_source(plan, outcome)

    def backfill(self, choose: Choose, stages: Iterable[Stage], then: Iterable[Stage]) -> Outcome:
        """Make tables of some geos again even if they are up to date, and once afterwards what pools them.

        Args:
            choose: of the geos of the source, those that are wanted.
            stages: whose tables by geo.
            then: stages that are brought up to date afterwards; none: only the geos' tables are made.

        Raises:
            InputError: a geo that is wanted does not exist.
            StoreUnusableError: the object store of `paths.storage` cannot be written to.
        """
        require_writable(self.project.storage)
        with only_run(self.project):
            recover(self.project, self.instance)
            outcome, plan, rest = Outcome(), self._plan(stages, force=True), tuple(then)
            self._make(plan, outcome, [SOURCE], None)
            if not outcome.stops:
                self._make_geos(plan, outcome, choose(self._geos()))
            if rest and not outcome.stops:
                return self._after_source(self._plan(rest, force=False), outcome)
            self._tell(plan, outcome)
            return outcome

    def change_version(self, restored: int | None, change: Callable[[], None]) -> Outcome:
        """Change the champion, and make what is behind the fit again; nothing before the fit is looked at.

        Args:
            restored: the version whose fit takes the place of the stored posterior; None: it stays.
            change: changes the champion; called once the fit is in its place.

        Raises:
            StoreUnusableError: the object store of `paths.storage` cannot be written to.
        """
        require_writable(self.project.storage)
        with only_run(self.project):
            recover(self.project, self.instance)
            outcome, plan = Outcome(), self._plan(STAGES, force=False)
            if restored is not None:
                tagged = replace(self, tags={**self.tags, RESTORE_TAG: str(restored)})
                tagged._make(plan, outcome, [FIT], None)
            if not outcome.stops:
                change()
                self._after_fit(plan, outcome)
            return outcome

    def _after_fit(self, plan: Plan, outcome: Outcome) -> None:
        """What is made from the stored fit; the state of its version is looked up anew."""
        later, judged = plan.after_splits(), plan.made_together(VERSION)
        behind = plan.keys & plan.made_from(FIT) - plan.by_geo()
        if judged.isdisjoint(plan.due(self._freshness(), behind, None)):
            self._make(plan, outcome, sorted(judged), None)
        if not outcome.stops:
            due = self._due(plan, outcome, behind - later, None)
            self._make(plan, outcome, due, None, plan.checks_of([FIT]))
        if later:
            self._make_splits(plan, outcome, later)

    def _plan(self, stages: Iterable[Stage], force: bool) -> Plan:
        return Plan(self.definitions.resolve_asset_graph(), stages, force, self._is_stored)

    def _geos(self) -> tuple[str, ...]:
        return tuple(self.instance.get_dynamic_partitions(partitions_name(self.project.config.project.name)))

    def _after_source(self, plan: Plan, outcome: Outcome) -> Outcome:
        if not outcome.stops:
            self._make_geos(plan, outcome, self._geos())
        self._tell(plan, outcome)
        pooled = plan.keys - plan.by_geo() - {SOURCE, VERDICTS, SPLITS}
        behind_fit = pooled & plan.behind(FIT)
        later = plan.after_splits()
        # The cube by itself: if its content turns out unchanged, what is made from it is still up to date.
        for keys in (pooled & {CUBE}, pooled - behind_fit - {CUBE} - later):
            if not outcome.stops:
                self._make(plan, outcome, self._due(plan, outcome, keys, None), None)
        if not outcome.stops and CUBE in pooled:
            outcome.excluded.update(self._left_out_of_cube())
        if CUBE in pooled:
            self._tell_of_bad_geos(outcome)
        if not outcome.stops and pooled & FILES:
            self._make(plan, outcome, sorted(pooled & FILES), None)
        if not outcome.stops and FIT in pooled:
            due = self._due(plan, outcome, behind_fit - later, None)
            self._make(plan, outcome, due, None, plan.checks_of([FIT]))
            self._reject(plan, outcome)
        if later:
            self._make_splits(plan, outcome, later)
        return outcome

    def _reject(self, plan: Plan, outcome: Outcome) -> None:
        """The verdict on a fit that a check has blocked: Dagster leaves out what is behind a check that blocks."""
        judged = plan.made_together(VERSION)
        known = {name for name, _ in (*outcome.made, *outcome.kept)}
        blocked = outcome.stops and all(stop.kind == "gate" for stop in outcome.stops)
        made = VERSION.path[-1] in {name for name, _ in outcome.made}
        if not blocked or made or not known >= JUDGED or not judged <= plan.keys - plan.after_splits():
            return
        verdict = Outcome()
        self._make(plan, verdict, sorted(judged), None)
        outcome.made += verdict.made
        outcome.stops += [stop for stop in verdict.stops if stop.kind != "gate"]

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
        if outcome.excluded or any(stop.kind == "gate" for stop in outcome.stops):
            self._make(plan, outcome, [VERDICTS], None)
        elif not outcome.stops:
            self._make(plan, outcome, self._due(plan, outcome, plan.keys & {VERDICTS}, None), None)

    def _make_geos(self, plan: Plan, outcome: Outcome, geos: Sequence[str]) -> None:
        """Tables of these geos; a bad one does not keep the others from being made."""
        keys = plan.by_geo()
        rows = plan.made_together(RAW)
        geos = [geo for geo in geos if geo not in outcome.excluded]
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
        _leave_out(outcome, self._geos(), self.project.config)

    def _tell_of_bad_geos(self, outcome: Outcome) -> None:
        """People are told which geos are bad; that none is, is only known where nothing else has stopped."""
        stopped: dict[str, str] = {}
        for stop in outcome.stops:
            if stop.geo is not None and stop.kind in _BAD_DATA:
                stopped.setdefault(stop.geo, stop.message)
        if stopped or outcome.excluded or not outcome.stops:
            tell_of_bad_geos(self.project, {**outcome.excluded, **stopped}, left_out=not stopped)

    def _left_out_of_cube(self) -> Mapping[str, str]:
        manager = io_managers(UPath(self.project.assets))["model_data_io"]
        data: ModelData = manager.stored(manager.path_of(_name(CUBE)), _name(CUBE))
        return data.excluded_geos

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
        wanted = job.get_subset(asset_selection=plan.full_keys(keys), asset_check_selection=checks)
        result = wanted.execute_in_process(
            run_config=_QUIET,
            instance=self.instance,
            partition_key=geo,
            raise_on_error=False,
            tags={**self.tags, INSIDE_TAG: this_process()},
        )
        _pass_on_interrupt(result)
        outcome.made += [(_name(event.asset_key), geo) for event in result.get_asset_materialization_events()]
        outcome.warnings += _warnings(result, geo)
        outcome.stops += _stops(result, geo)

    def _is_stored(self, key: AssetKey, geo: str | None) -> bool:
        full = self.project.key(key)
        manager = self.definitions.get_assets_def(full).get_io_manager_key_for_asset_key(full)
        path = io_managers(UPath(self.project.assets))[manager].path_of(_name(key), geo)
        return is_there(path) and is_whole(path) and is_published(self.project, _name(key), path)


def _leave_out(outcome: Outcome, geos: Sequence[str], config: Config) -> None:
    """Let the rest go on without the bad geos, if there are few and `data.on_bad_geo` says so."""
    stopped = [stop for stop in outcome.stops if stop.geo is not None]
    if config.data.on_bad_geo == "stop" or not stopped or any(stop.kind not in _BAD_DATA for stop in stopped):
        return
    bad = dict(outcome.excluded)
    for stop in stopped:
        bad.setdefault(str(stop.geo), stop.message)
    refusal = refusal_of(bad, geos, config)
    if refusal is not None:
        outcome.stops.append(Stop(None, "gate", refusal))
        return
    outcome.excluded.update(bad)
    outcome.stops = [stop for stop in outcome.stops if stop.geo is None]


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
            Stop(
                geo,
                "gate",
                f"{_name(check.asset_key)}, check {check.check_name}: {check.description}",
                asset=_name(check.asset_key),
                check=check.check_name,
                run=result.run_id,
            )
            for check in failed
        ]
    stops = [_stop(event, geo) for event in result.all_events if event.is_step_failure]
    if not stops and not result.success:
        stops = [Stop(geo, "other", f"Dagster run {result.run_id} failed; see it in the UI.")]
    return [replace(stop, run=result.run_id) for stop in stops]


def _stop(event: dg.DagsterEvent, geo: str | None) -> Stop:
    """From a step's failure: what the core raised on purpose, wherever Dagster wrapped it."""
    data = event.step_failure_data
    user, error = data.user_failure_data, data.error
    trace = error.to_string() if error else ""
    if user is not None and user.description:
        kind = user.metadata["kind"].value if "kind" in user.metadata else ""
        return Stop(geo, _kind(str(kind)), user.description, trace, error=str(kind))
    while error is not None and error.cause is not None and _kind(error.cls_name or "") == "other":
        error = error.cause
    if error is None:
        return Stop(geo, "other", f"Step {event.step_key} failed.")
    message, name = error.message.strip(), error.cls_name or ""
    if words := in_words(message):
        return Stop(geo, "fault", words, trace, error=name)
    return Stop(geo, _kind(name), message.partition(": ")[2] or message, trace, error=name)


def _kind(class_name: str) -> Kind:
    raised = getattr(errors, class_name, None)
    if not isinstance(raised, type):
        return "other"
    if issubclass(raised, errors.GateError):
        return "gate"
    if issubclass(raised, errors.LateError):
        return "late"
    if issubclass(raised, errors.InputError):
        return "input"
    return "fault" if issubclass(raised, _FAULTS) else "other"
