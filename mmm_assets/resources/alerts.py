"""The resource `alerts`: tell people, in the project's name; a dead webhook is a line in the log, no failure."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from mmm_assets.resources.project import Project
from mmm_core.alerting import folding
from mmm_core.alerting.delivery import post_json, send_mail
from mmm_core.alerting.message import Message, mail, new_message, slack_payload
from mmm_core.config.alerts import ALERT_KINDS, AlertKind, AlertsConfig
from mmm_core.config.masking import mask
from mmm_core.storage import write_text

_LOG = logging.getLogger(__name__)
_LOCK_SECONDS = 5
_NAMED = 8
"""So many bad geos are named."""


@dataclass(frozen=True)
class Alerts:
    """Sends alerts of one project."""

    settings: AlertsConfig
    project: str
    state: Path
    """File that remembers what was told when; shared by the project's processes."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    now: Callable[[], float] = time.time

    @classmethod
    def of(cls, project: Project) -> "Alerts":
        """As the project's configuration says."""
        name, state = project.config.project.name, project.work / "alerts.json"
        return cls(project.config.alerts, name, state, project.loaded.secrets)

    @property
    def are_sent(self) -> bool:
        """Whether there is anyone to tell."""
        return self.settings.webhook is not None or self.settings.email is not None

    def send(self, kind: str, title: str, facts: Mapping[str, str]) -> bool:
        """Tell what has happened, unless it is folded or not wanted (`alerts.kinds`).

        Args:
            kind: one of `alerts.kinds`.
            title: one sentence, without values of the data.
            facts: of `mmm_core.alerting.message.FACTS`; `run` is a Dagster run's id, and becomes a link.

        Returns:
            Whether every configured channel took a message.  What goes wrong on the way is logged, not raised.

        Raises:
            KeyError: no such kind, or no such fact.
        """
        if kind not in ALERT_KINDS:
            raise KeyError(f"There is no alert {kind!r}; there are {list(ALERT_KINDS)}.")
        hidden = {name: mask(str(value), self.secrets) for name, value in facts.items()}
        link = self._link(facts.get("run"))
        message = new_message(kind, self.project, mask(title, self.secrets), hidden, link)
        if not self._is_wanted(kind):
            return False
        folded = self._folded(kind)
        if folded is None:
            return False
        problems = self._deliver(new_message(kind, self.project, message.title, message.facts, link, folded))
        return all(problem is None for problem in problems)

    def tell_of_geos(self, bad: Mapping[str, str], left_out: bool) -> bool:
        """Tell which geos are bad, if it is not known yet: each is told once until it is good again.

        Nothing is folded, because nothing is told twice.  What no channel took is told the next time.

        Args:
            bad: every geo that is bad now -> what is wrong, without values of the data.
            left_out: the fit goes on without them; otherwise they stop it.

        Returns:
            Whether a channel took a message.
        """
        if not self._is_wanted("bad_geo"):
            return False
        known, settled = self._known_geos(), "left out" if left_out else "stops the fit"
        found = {geo: f"{settled}: {why}" for geo, why in bad.items()}
        new = {geo: bad[geo] for geo, what in found.items() if known.get(geo) != what}
        told = bool(new) and None in self._deliver(self._about_geos(new, left_out))
        kept = {geo: what for geo, what in found.items() if told or geo not in new}
        if kept != known:
            self._remember_geos(kept)
        return told

    def _about_geos(self, new: Mapping[str, str], left_out: bool) -> Message:
        number = "a geo" if len(new) == 1 else f"{len(new)} geos"
        title = f"the fit goes on without {number}" if left_out else f"no fit, because of {number}"
        named = [mask(f"{geo} ({why})", self.secrets) for geo, why in list(new.items())[:_NAMED]]
        more = [f"and {len(new) - _NAMED} more"] if len(new) > _NAMED else []
        return new_message("bad_geo", self.project, title, {"geos": "; ".join(named + more)})

    def _is_wanted(self, kind: AlertKind) -> bool:
        return self.are_sent and kind in self.settings.kinds

    @property
    def _geos(self) -> Path:
        return self.state.with_name("alerts_geos.json")

    def _known_geos(self) -> dict[str, str]:
        """Bad geos that were told, with what was told of them; unreadable counts as none."""
        try:
            stored = json.loads(self._geos.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(geo): str(what) for geo, what in stored.items()} if isinstance(stored, dict) else {}

    def _remember_geos(self, geos: Mapping[str, str]) -> None:
        try:
            self._geos.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._geos, json.dumps(geos))
        except OSError as error:
            name = type(error).__name__
            _LOG.warning("Bad geos will be told again: %s cannot be written (%s).", self._geos, name)

    def send_overdue(self) -> int:
        """Tell how many alerts were folded, of the kinds whose interval is over.

        Returns:
            How many messages were sent.
        """
        due = folding.overdue(self._read(), self.now(), self._interval)
        kinds = [kind for kind in self.settings.kinds if kind in due]
        return sum(self.send(kind, "it happened again", {}) for kind in kinds)

    @property
    def _interval(self) -> float:
        return 60 * self.settings.min_interval_minutes

    def _link(self, run: str | None) -> str | None:
        ui = self.settings.ui_url
        return f"{ui.rstrip('/')}/runs/{run}" if ui and run else None

    def _read(self) -> dict[str, folding.Told]:
        return folding.from_json(self.state.read_text(encoding="utf-8")) if self.state.exists() else {}

    def _folded(self, kind: AlertKind) -> int | None:
        """How many folded ones this alert stands for too; None if it is folded itself."""
        try:
            self.state.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.state.with_suffix(".lock"), timeout=_LOCK_SECONDS):
                state, folded = folding.tell(self._read(), kind, self.now(), self._interval)
                write_text(self.state, folding.to_json(state))
        except (OSError, Timeout, UnicodeDecodeError) as error:  # better told twice than not at all
            _LOG.warning("Alerts cannot be folded: %s does not work (%s).", self.state, type(error).__name__)
            return 0
        return folded

    def _deliver(self, message: Message) -> list[str | None]:
        """What went wrong, by channel; None where a channel took the message."""
        settings = self.settings
        limits = settings.attempts, settings.timeout_seconds
        problems: dict[str, str | None] = {}
        if settings.webhook is not None:
            problems["webhook"] = post_json(settings.webhook.url, slack_payload(message), *limits)
        if settings.email is not None:
            letter = mail(message, settings.email.sender, settings.email.recipients)
            problems["e-mail"] = send_mail(settings.email, letter, *limits)
        for channel, problem in problems.items():
            if problem is not None:
                _LOG.error("The alert %r was not sent by %s: %s.", message.kind, channel, problem)
        return list(problems.values())
