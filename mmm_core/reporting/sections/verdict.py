"""The verdict on the fit, and what became of single checks."""

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from mmm_core.evaluation.verdict import LEVEL_WORDS, Verdict
from mmm_core.reporting.formats import counted, listed, whole
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.tables import Cell, Heading, Table, quantity

_TONES: dict[str, Literal["good", "warn", "bad"]] = {
    "accepted": "good",
    "accepted_with_warnings": "warn",
    "rejected": "bad",
}


@dataclass(frozen=True)
class VerdictView:
    """One sentence and its reasons."""

    word: str
    tone: Literal["good", "warn", "bad"]
    sentence: Markup
    reasons: Table | None
    """Those that reject first; None without any."""


@dataclass(frozen=True)
class Failed:
    """A check of a part that did not pass."""

    word: str
    tone: Literal["warn", "bad"]
    message: str


def verdict_view(inputs: ReportInputs) -> VerdictView | None:
    """The verdict in plain words; None where there is none."""
    found = inputs.trust.verdict
    if found is None:
        return None
    return VerdictView(
        word=LEVEL_WORDS[found.level],
        tone=_TONES[found.level],
        sentence=_sentence(found),
        reasons=_reasons(found) if found.reasons else None,
    )


def failures(inputs: ReportInputs, *names: str) -> tuple[Failed, ...]:
    """What failed of the checks of these names, those that block first."""
    found = [check for _, check in (*inputs.blocking, *inputs.warnings) if check.name in names]
    return tuple(
        Failed("blocks" if check.blocks else "warning", "bad" if check.blocks else "warn", check.message)
        for check in found
    )


def _sentence(found: Verdict) -> Markup:
    """`The model is rejected after 34 checks (…): rhat and ess reject it, and 2 more warn.`"""
    total = sum(found.checks.values())
    made = Markup(", ").join(
        Markup("{} of {}").format(quantity(whole(number), number), group) for group, number in found.checks.items()
    )
    opening = Markup("The model is {} after {} checks ({})").format(
        LEVEL_WORDS[found.level], quantity(whole(total), total), made
    )
    rejecting = [reason.check for reason in found.reasons if reason.blocks]
    warning = [reason.check for reason in found.reasons if not reason.blocks]
    parts = [f"{_words(rejecting)} {'rejects' if len(rejecting) == 1 else 'reject'} it"] if rejecting else []
    parts += [f"{_words(warning)} {'warns' if len(warning) == 1 else 'warn'}"] if warning else []
    return Markup("{}: {}.").format(opening, ", and ".join(parts) or "none failed")


def _words(names: list[str], most: int = 4) -> str:
    """Names of checks, a few of them."""
    texts = [name.replace("_", " ") for name in names]
    rest = len(texts) - most
    return listed(texts if rest < 2 else [*texts[:most], f"{counted(rest, 'other')}"])


def _reasons(found: Verdict) -> Table:
    """One row per reason."""
    ordered = sorted(found.reasons, key=lambda reason: not reason.blocks)
    rows = tuple(
        (
            Cell(reason.check),
            Cell("rejects" if reason.blocks else "warns", tone="bad" if reason.blocks else "warn"),
            Cell(reason.group),
            Cell(reason.message),
        )
        for reason in ordered
    )
    names = ("Check", "Weight", "About", "What it says")
    return Table("verdict", tuple(Heading(name, numeric=False) for name in names), rows, wide=True)
