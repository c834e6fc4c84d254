"""A storm of alerts is folded: the first of a kind is told at once, the next ones are counted for a while.

The state is a small JSON object, `{kind: {"told": seconds, "folded": count}}`, kept between processes.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

State = Mapping[str, "Told"]


@dataclass(frozen=True)
class Told:
    """What was told of one kind."""

    at: float
    """When the last message went out (seconds since 1970)."""
    folded: int = 0
    """How many were not told since."""


def tell(state: State, kind: str, now: float, interval_seconds: float) -> tuple[dict[str, Told], int | None]:
    """Whether an alert goes out now.

    A clock that was set back cannot keep alerts quiet: the future counts as never.

    Returns:
        The new state; and how many folded ones the message also stands for, None if it is folded itself.
    """
    last = state.get(kind)
    if last is None or not 0 <= now - last.at < interval_seconds:
        return {**state, kind: Told(now)}, 0 if last is None else last.folded
    return {**state, kind: Told(last.at, last.folded + 1)}, None


def overdue(state: State, now: float, interval_seconds: float) -> dict[str, int]:
    """Kinds with folded alerts whose interval is over -> how many there are."""
    return {
        kind: told.folded
        for kind, told in state.items()
        if told.folded and not 0 <= now - told.at < interval_seconds
    }


def to_json(state: State) -> str:
    """The state as it is stored."""
    return json.dumps({kind: {"told": told.at, "folded": told.folded} for kind, told in state.items()})


def from_json(text: str) -> dict[str, Told]:
    """A stored state; what cannot be read counts as nothing told, so the next alert goes out."""
    try:
        stored = json.loads(text)
    except json.JSONDecodeError:
        return {}
    entries = stored.items() if isinstance(stored, dict) else ()
    return {str(kind): Told(float(entry["told"]), entry["folded"]) for kind, entry in entries if _is_told(entry)}


def _is_told(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    at, folded = entry.get("told"), entry.get("folded")
    return isinstance(at, int | float) and math.isfinite(at) and isinstance(folded, int) and folded >= 0
