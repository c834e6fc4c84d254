"""`mmm backfill`: tables of some geos once more, and afterwards, once, what pools them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmm_assets.assembly import build_definitions
from mmm_assets.attributes import Stage
from mmm_assets.automation.activity import COMMAND_TAG
from mmm_assets.automation.command_alerts import watched
from mmm_assets.commands.console import display, prepare_console
from mmm_assets.commands.invocation import Invocation
from mmm_assets.commands.stages import finish
from mmm_assets.execution import Executor, Outcome
from mmm_assets.instance import open_instance
from mmm_assets.planning import STAGES
from mmm_core.config.keys import nearest
from mmm_core.errors import InputError

GEO_STAGES: tuple[Stage, ...] = ("ingest", "validate", "transform", "features")
"""Stages with tables by geo, in their order."""
_SHOWN = 10


@dataclass(frozen=True)
class Wanted:
    """Which geos: some, a range in the order of the source (ends included), or all."""

    geos: tuple[str, ...] = ()
    """Names, or lists of names with commas between."""
    first: str | None = None
    last: str | None = None
    every: bool = False

    def __post_init__(self) -> None:
        """Refuse none of the three ways, and more than one.

        Raises:
            InputError: it is not said which geos, or in two ways.
        """
        in_range = self.first is not None or self.last is not None
        if bool(self.geos) + in_range + self.every != 1:
            raise InputError("Say which geos: either --geos A,B, or --from A --to B, or --all.")

    def among(self, known: Sequence[str]) -> tuple[str, ...]:
        """The geos that are meant, in the order of the source.

        Args:
            known: geos of the source.

        Raises:
            InputError: there is no such geo (the message has the nearest names), or the range is backwards.
        """
        listed = [name for text in self.geos for name in _names(text, known)]
        _require_known((*listed, *filter(None, (self.first, self.last))), known)
        if listed:
            return tuple(geo for geo in known if geo in listed)
        begin = 0 if self.first is None else known.index(self.first)
        end = len(known) if self.last is None else known.index(self.last) + 1
        if begin >= end:
            raise InputError(f"{self.first} comes after {self.last} in the source; swap --from and --to.")
        return tuple(known[begin:end])


def _names(text: str, known: Sequence[str]) -> list[str]:
    """The listed names; one that holds a comma itself is taken as it is."""
    return [text] if text in known else [name for part in text.split(",") if (name := part.strip())]


def _require_known(names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        told = [f"{name}{_hint(name, known)}" for name in unknown[:_SHOWN]]
        shown = ", ".join(known[:_SHOWN]) + (f", … ({len(known)} in all)" if len(known) > _SHOWN else "")
        raise InputError(f"The source has no geo {', '.join(told)}; it has {shown}.")


def _hint(name: str, known: Sequence[str]) -> str:
    close = nearest(name, list(known))
    return f" (did you mean {close}?)" if close else ""


def run_backfill(invocation: Invocation, wanted: Wanted, stage: str, fit: bool) -> int:
    """Make tables of geos again in this process, then bring all behind them up to date, once.

    Args:
        invocation: configuration of the project.
        wanted: which geos.
        stage: up to which of `GEO_STAGES`.
        fit: whether the pooled assets follow.

    Returns:
        Exit code: 0 if all is made, 1 if a check blocks, 2 if data or configuration cannot be used.

    Raises:
        InputError: there is no such stage or geo.
    """
    if stage not in GEO_STAGES:
        raise InputError(f"--stage is {stage}; stages with tables by geo are {', '.join(GEO_STAGES)}.")
    project = invocation.project()
    prepare_console(project, invocation.debug)
    stages = GEO_STAGES[: GEO_STAGES.index(stage) + 1]

    def work() -> Outcome:
        with open_instance(project) as instance, display() as shown:
            definitions = build_definitions(project, progress=shown)
            executor = Executor(project, definitions, instance, shown, {COMMAND_TAG: "backfill"})
            return executor.backfill(wanted.among, stages, STAGES if fit else ())

    return finish(watched(project, "mmm backfill", work), invocation, project, STAGES if fit else ())
