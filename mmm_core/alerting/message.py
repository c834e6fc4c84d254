"""What an alert says: a title and a few facts with fixed names, as Slack text and as mail.

No value of the data can be told, because only these facts can: where something happened, and what it is called.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from mmm_core.config.alerts import AlertKind

FACTS = (
    "job",
    "run",
    "step",
    "asset",
    "assets",
    "geo",
    "geos",
    "check",
    "checks",
    "error",
    "reason",
    "fit",
    "version",
    "previous version",
    "alias",
    "verdict",
    "requested",
)
"""Names that a fact may have; `error` is the class of an error, `reason` the name of a rule or check."""
_LONGEST_FACT = 300
_LONGEST_TITLE = 120
_SUBJECTS: Mapping[AlertKind, str] = {
    "run_failed": "Run failed",
    "check_failed": "Check failed",
    "drift": "Drift",
    "promoted": "Model promoted",
    "rolled_back": "Model rolled back",
    "rejected": "Model rejected",
    "bad_geo": "Bad geo",
}


@dataclass(frozen=True)
class Message:
    """One alert."""

    kind: AlertKind
    project: str
    title: str
    """One sentence."""
    facts: Mapping[str, str]
    """Name (one of `FACTS`) -> value."""
    link: str | None = None
    """Page of the run in the UI."""
    folded: int = 0
    """How many alerts of this kind were not told since the last one."""


def new_message(
    kind: AlertKind, project: str, title: str, facts: Mapping[str, str], link: str | None = None, folded: int = 0
) -> Message:
    """A message whose texts are of one line and of a bounded length.

    Raises:
        KeyError: a fact has a name that is not among `FACTS`.
    """
    unknown = sorted(set(facts) - set(FACTS))
    if unknown:
        raise KeyError(f"An alert cannot tell {unknown}; it can tell {list(FACTS)}.")
    short = {name: _line(str(facts[name]), _LONGEST_FACT) for name in FACTS if facts.get(name)}
    return Message(kind, _line(project, _LONGEST_TITLE), _line(title, _LONGEST_TITLE), short, link, folded)


def subject(message: Message) -> str:
    """One line: project, what it is about, and the title."""
    return f"[{message.project}] {_SUBJECTS[message.kind]}: {message.title}"


def plain_text(message: Message) -> str:
    """The whole message for people."""
    lines = [subject(message), *(f"{name}: {value}" for name, value in message.facts.items())]
    if message.folded:
        lines.append(f"{message.folded} more of this kind since the last message.")
    if message.link:
        lines.append(message.link)
    return "\n".join(lines)


def slack_payload(message: Message) -> dict[str, str]:
    """What a Slack-compatible webhook takes; names cannot mention people or make links of their own."""
    text = plain_text(message).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text}


def mail(message: Message, sender: str, recipients: tuple[str, ...]) -> EmailMessage:
    """The message as mail, plain text."""
    letter = EmailMessage()
    letter["Subject"] = subject(message)
    letter["From"] = sender
    letter["To"] = ", ".join(recipients)
    letter["Date"] = formatdate()
    letter["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(plain_text(message) + "\n")
    return letter


def _line(text: str, longest: int) -> str:
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"
