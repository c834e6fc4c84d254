"""When a version of the model becomes champion, and which one budgets and reports are made with."""

from collections.abc import Mapping
from typing import Any

from mmm_assets.io_managers import StoredFit
from mmm_assets.registry import CHALLENGER, CHAMPION, Registry, Version
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from mmm_core.errors import GateError, InputError, StorageError
from mmm_core.evaluation.verdict import Verdict

RESTORE_TAG = "mmm/restore_version"
"""Tag of a Dagster run in which `posterior` is not fitted but restored from this version."""


def settle(project: Project, tracker: Tracker, fit: StoredFit, found: Verdict) -> dict[str, Any]:
    """Register a fit if it is accepted, promote it if it may be, and say how things stand.

    The same fit is registered once.  A rejected fit is not registered; if it was accepted earlier, its version is
    marked as rejected and is no challenger any more.  The champion stays until another version takes over.

    Returns:
        The record of the asset `model_version`: name, version (None: not registered), alias, verdict, fit,
        mlflow_run_id, champion_version, waits_for (checks that keep it from being promoted by itself).

    Raises:
        TrackingError: MLflow does not answer.
    """
    if not project.config.promotion.enabled:
        return _record(None, fit, found, None, {}, ())
    registry = Registry.of(project, tracker)
    with registry.alone():
        version = next((one for one in registry.versions() if one.fit == fit.version), None)
        failed = _failed(project, found)
        if version is not None:
            registry.judge(version, found.level)
        if found.level != "rejected":
            version = version or registry.add(fit, found.level, project.config)
            _advance(registry, version, fit, project.config.promotion.automatic and not failed)
        elif version is not None and registry.numbers_by_alias().get(CHALLENGER) == version.number:
            registry.drop_challenger()
        return _record(registry.name, fit, found, version, registry.numbers_by_alias(), failed)


def champion_of(project: Project, tracker: Tracker) -> int | None:
    """Number of the champion; None without one, or where versions are not kept.

    Raises:
        TrackingError: MLflow does not answer.
    """
    if not project.config.promotion.enabled:
        return None
    return Registry.of(project, tracker).numbers_by_alias().get(CHAMPION)


def _failed(project: Project, found: Verdict) -> tuple[str, ...]:
    """Checks that a version has to pass before it is promoted by itself."""
    failed = {reason.check for reason in found.reasons}
    return tuple(name for name in project.config.promotion.must_pass if name in failed)


def _advance(registry: Registry, version: Version, fit: StoredFit, may_take_over: bool) -> None:
    """Champion if there is none; else a candidate, which takes over where it may."""
    champion = registry.numbers_by_alias().get(CHAMPION)
    if champion is None:
        registry.promote(version.number)
    elif champion != version.number and _is_candidate(version, champion, fit):
        registry.challenge(version.number)
        if may_take_over:
            registry.promote(version.number)


def _is_candidate(version: Version, champion: int, fit: StoredFit) -> bool:
    """Newer than the champion, or an older one that was fitted again: what was restored is no candidate."""
    return version.number > champion or fit.mlflow_run_id != version.run_id


def _record(
    name: str | None,
    fit: StoredFit,
    found: Verdict,
    version: Version | None,
    aliases: Mapping[str, int],
    failed: tuple[str, ...],
) -> dict[str, Any]:
    number = None if version is None else version.number
    own = [alias for alias in (CHAMPION, CHALLENGER) if number is not None and aliases.get(alias) == number]
    return {
        "name": name,
        "version": number,
        "alias": own[0] if own else None,
        "verdict": found.level,
        "fit": fit.version,
        "mlflow_run_id": fit.mlflow_run_id,
        "champion_version": aliases.get(CHAMPION),
        "waits_for": list(failed) if own == [CHALLENGER] else [],
    }


def version_words(record: Mapping[str, Any]) -> str | None:
    """How budgets and reports name the version, e.g. `demo version 4 (challenger; champion is version 3)`.

    None where versions are not kept (`promotion.enabled: false`).
    """
    if record["name"] is None:
        return None
    champion = record["champion_version"]
    others = "there is no champion" if champion is None else f"champion is version {champion}"
    if record["version"] is None:
        return f"{record['name']}, not registered ({others})"
    if record["alias"] == CHAMPION:
        return f"{record['name']} version {record['version']} (champion)"
    return f"{record['name']} version {record['version']} ({record['alias'] or 'not promoted'}; {others})"


def next_steps(record: Mapping[str, Any], arguments: str) -> str | None:
    """Why a fit is not in force, and the commands that change it; None where it is.

    Args:
        record: of `model_version`, with a champion.
        arguments: options of the command line that name the project.
    """
    champion, version = record["champion_version"], record["version"]
    if record["verdict"] == "rejected":
        return _after_rejection(champion, version, arguments)
    if champion is None or record["alias"] == CHAMPION:
        return None
    failed = ", ".join(record["waits_for"])
    why = f"{failed} did not pass (promotion.must_pass)" if failed else "promotion.automatic is false"
    reason = f", because {why}" if record["alias"] == CHALLENGER else ""
    return (
        f"version {champion} stays{reason}. mmm promote {arguments} --version {version} makes version {version} "
        f"champion; mmm rollback {arguments} --to {champion} plans with version {champion} again."
    )


def _after_rejection(champion: int, version: int | None, arguments: str) -> str:
    again = f"mmm ui {arguments} shows the fit (posterior, model_verdict), mmm run {arguments} --force fits again"
    if version == champion:
        return (
            f"version {champion} is this fit: it stays champion, but no budget is made with it. {again}, mmm "
            f"rollback {arguments} goes back to the champion before it, if there was one."
        )
    fit = "The rejected fit is no version, and" if version is None else f"Version {version} is rejected, and"
    return (
        f"version {champion} stays. {fit} cannot be promoted. {again}, mmm rollback {arguments} --to {champion} "
        "puts the champion's fit back in its place."
    )


def version_in_use(fit: str, record: Mapping[str, Any]) -> str | None:
    """`version_words` of the record, which must be about this fit.

    Raises:
        StorageError: it is about another one.
    """
    if record["fit"] != fit:
        raise StorageError(
            "model_version is about another fit than the stored posterior; materialize model_version again first."
        )
    return version_words(record)


def to_promote(registry: Registry, number: int | None) -> Version:
    """The version that is to become champion: the challenger, or the one that is named.

    Raises:
        InputError: there is no such version, or no challenger; says which exist.
        GateError: it is rejected.
    """
    if number is None:
        number = registry.numbers_by_alias().get(CHALLENGER)
        if number is None:
            raise InputError(f"There is no challenger to promote. {_listing(registry)} Name one with --version.")
    return _usable(registry, number)


def to_roll_back(registry: Registry, number: int | None) -> Version:
    """The version to go back to: the last earlier one that was champion, or the one that is named.

    Raises:
        InputError: there is no such version, or none before; says which exist.
        GateError: it is rejected.
    """
    if number is not None:
        return _usable(registry, number)
    champion = registry.numbers_by_alias().get(CHAMPION, 0)
    before = [one for one in registry.versions() if one.promoted_at is not None and one.number < champion]
    if not before:
        raise InputError(f"No version before the champion was champion. {_listing(registry)} Name one with --to.")
    return _usable(registry, max(before, key=lambda one: one.promoted_at or "").number)


def _usable(registry: Registry, number: int) -> Version:
    version = next((one for one in registry.versions() if one.number == number), None)
    if version is None:
        raise InputError(f"Model {registry.name} has no version {number}. {_listing(registry)}")
    if version.verdict == "rejected":
        raise GateError(
            f"Version {number} of {registry.name} is rejected by the verdict on it, so it cannot be champion. "
            f"{_listing(registry)}"
        )
    return version


def _listing(registry: Registry) -> str:
    """Which versions there are, as a sentence."""
    aliases = {number: alias for alias, number in registry.numbers_by_alias().items()}
    found = registry.versions()
    if not found:
        return f"Model {registry.name} has no version yet; mmm run registers the first accepted fit."
    states = [[aliases[one.number]] if one.number in aliases else [] for one in found]
    words = [
        f"{one.number} ({', '.join([*state, one.verdict.replace('_', ' ')])})"
        for one, state in zip(found, states, strict=True)
    ]
    return f"There are: {', '.join(words)}."
