"""The sensor that looks for new data: keeps the registered geos, and asks for what has to be made again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import dagster as dg

from mmm_assets.automation.activity import FEATURES, FULL, activity, request
from mmm_assets.automation.versions import FIT, SNAPSHOT, made
from mmm_assets.partitions import geo_change, geo_partitions, refuse_unusable_names
from mmm_assets.resources.project import Project
from mmm_assets.stages.ingest import SNAPSHOT as SNAPSHOT_KEYS
from mmm_core.data.mapping import geo_names, resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.data.sources.signs import source_signs
from mmm_core.errors import InputError

_JOBS = {"full": FULL, "features": FEATURES, "nothing": None}
_NEEDED = {FULL: FIT, FEATURES: SNAPSHOT}
"""What must have been made once, by a person, before a job is asked for."""
_GeoRequest = dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest


@dataclass(frozen=True)
class Seen:
    """The sensor's cursor."""

    mark: str = ""
    """Signs of the source that was read last."""
    settling: str = ""
    """Signs that were new at the last tick: if they are the same now, nobody is writing any more."""
    content: str = ""
    """Hash of the content that was read last."""
    asked: str = ""
    """Content that a job was asked for."""

    def to_cursor(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, cursor: str | None) -> "Seen":
        """From the text; anything else (an earlier release's) counts as nothing seen."""
        try:
            found = json.loads(cursor or "{}")
            return cls(**found) if isinstance(found, dict) else cls()
        except (ValueError, TypeError):
            return cls()


def definitions(project: Project) -> dg.Definitions:
    """The sensor `new_data`."""
    settings, name = project.config.automation.new_data, project.config.project.name
    job = _JOBS[settings.request]
    geos = geo_partitions(name)
    wish = (
        "asks for nothing"
        if job is None
        else f"asks for the job `{job}`, once `{_NEEDED[job].to_user_string()}` exists"
    )

    @dg.sensor(
        name="new_data",
        job_name=job,
        description=(
            "Looks whether the source has changed (size and time of change, ETag or version; only then, and when "
            "it has stopped changing, it is read), keeps the list of geos equal to the source's, and, if the "
            f"content is new, {wish}."
        ),
        default_status=_status(settings.running),
        minimum_interval_seconds=settings.every_seconds,
    )
    def new_data(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        registered = geos.get_partition_keys(dynamic_partitions_store=context.instance)
        seen = Seen.of(context.cursor)
        try:
            mark = source_mark(project, registered)
            if mark != seen.mark:
                return _look(context, project, seen, mark, registered)
        except InputError as error:
            return _nothing(context, replace(seen, settling=""), f"The source cannot be read: {error}")
        return _ask(context, project, seen, job, ())

    return dg.Definitions(sensors=[new_data])


def _look(
    context: dg.SensorEvaluationContext, project: Project, seen: Seen, mark: str, registered: Sequence[str]
) -> dg.SensorResult | dg.SkipReason:
    """Read a source that has changed, if it has stopped changing."""
    if mark != seen.settling:
        waits = replace(seen, settling=mark)
        return _nothing(context, waits, "The source has changed; it is read when it is the same at the next tick.")
    found, content = _read(project)
    if source_mark(project, registered) != mark:
        return _nothing(context, replace(seen, settling=""), "The source changed while it was read.")
    change, geos = geo_change(registered, found), geo_partitions(project.config.project.name)
    requests: list[_GeoRequest] = [
        *([geos.build_add_request(list(change.added))] if change.added else []),
        *([geos.build_delete_request(list(change.removed))] if change.removed else []),
    ]
    seen = replace(seen, mark=source_mark(project, found), settling="", content=content)
    job = _JOBS[project.config.automation.new_data.request]
    return _ask(context, project, seen, job, requests)


def _ask(
    context: dg.SensorEvaluationContext,
    project: Project,
    seen: Seen,
    job: str | None,
    geos: Sequence[_GeoRequest],
) -> dg.SensorResult | dg.SkipReason:
    """Ask for the job if the content is not what is stored, nobody asked yet, and nothing is running."""
    reason, asked = _why_not(context.instance, project, seen, job), []
    if reason is None and job is not None:
        stored = made(context.instance, project.key(SNAPSHOT))
        asked = [request(job, ("new", seen.content, 0 if stored is None else stored.storage_id), "new data")]
        seen = replace(seen, asked=seen.content)
    elif not geos:
        return _nothing(context, seen, reason or "The source has not changed.")
    return dg.SensorResult(run_requests=asked, dynamic_partitions_requests=list(geos), cursor=seen.to_cursor())


def _why_not(instance: dg.DagsterInstance, project: Project, seen: Seen, job: str | None) -> str | None:
    """Why nothing is asked for; None if it should be."""
    stored = made(instance, project.key(SNAPSHOT))
    if job is None or (stored is not None and stored.version == seen.content) or seen.asked == seen.content:
        return "The source has not changed."
    if made(instance, project.key(_NEEDED[job])) is None:
        needed = _NEEDED[job].to_user_string()
        return f"The source is new, but {needed} was never made; a person makes the first one."
    going_on = activity(instance, project.config.project.name)
    return None if going_on is None else f"The source has changed, but {going_on}; asked again at the next tick."


def _nothing(context: dg.SensorEvaluationContext, seen: Seen, reason: str) -> dg.SkipReason:
    context.update_cursor(seen.to_cursor())
    return dg.SkipReason(reason)


def source_mark(project: Project, registered: Sequence[str]) -> str:
    """What changes with the source, its further tables, their mapping or the registered geos; nothing is read.

    A source of which only reading tells (a database, a URL that says nothing) counts as unchanged for
    `automation.new_data.read_every_hours`: a query each minute would cost more than it tells, and
    `source_snapshot` registers geos as well, whenever it is made.

    Raises:
        DataError: a configured file is not there.
    """
    signs = source_signs(project.config)
    hours = project.config.automation.new_data.read_every_hours
    if signs is None:
        signs = [] if hours is None else [f"period {int(datetime.now(UTC).timestamp() // (hours * 3600))}"]
    parts = [project.code_version(*SNAPSHOT_KEYS), *sorted(registered), *signs]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def geos_of_source(project: Project) -> tuple[str, ...]:
    """Read the source and name its geos.

    Raises:
        InputError: the source cannot be used.
    """
    return _read(project)[0]


def _read(project: Project) -> tuple[tuple[str, ...], str]:
    """Geos of the source, and its content's hash, which is the data version of `source_snapshot`."""
    source = prepared_source(project.config, project.downloads)
    geos = geo_names(source, resolve_mapping(project.config, list(source.frame.columns), source.origin))
    refuse_unusable_names(geos, source.origin)
    return geos, source.content_hash


def _status(running: bool) -> dg.DefaultSensorStatus:
    return dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
