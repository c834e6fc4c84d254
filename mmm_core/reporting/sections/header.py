"""What this report is about and whether its numbers may be used."""

from dataclasses import dataclass
from typing import Literal

from mmm_core.reporting.formats import counted, day, fixed
from mmm_core.reporting.inputs import ReportInputs

State = Literal["accepted", "warned", "blocked"]


@dataclass(frozen=True)
class HeaderView:
    """Title, facts and state."""

    title: str
    state: State
    state_text: str
    facts: tuple[tuple[str, str], ...]
    """(label, value) pairs."""
    data_version: str
    """The data version in full."""
    blocked_by: tuple[str, ...]
    """Messages of the checks that block."""
    left_out: tuple[str, ...] = ()
    """Geos that are in none of the numbers, each with the reason."""


def header_view(inputs: ReportInputs) -> HeaderView:
    """Title, project, window, data version, generation time, model and state."""
    state, text = _state(inputs)
    weeks = inputs.fit["date"].nunique()
    window = f"{day(inputs.fit['date'].min())} – {day(inputs.fit['date'].max())}"
    size = f"{counted(weeks, 'week')}, {counted(len(inputs.geos), 'geo')}"
    return HeaderView(
        title=inputs.title,
        state=state,
        state_text=text,
        facts=(
            ("Project", inputs.project),
            ("Window", f"{window} ({size})"),
            ("Model", _model(inputs)),
            *((("Model version", inputs.model_version),) if inputs.model_version else ()),
            ("Data version", _short_hash(inputs.data_version)),
            ("Generated", inputs.generated_at),
        ),
        data_version=inputs.data_version,
        left_out=tuple(f"{geo}: {why}" for geo, why in inputs.excluded_geos.items()),
        blocked_by=tuple(f"{asset}: {check.message}" for asset, check in inputs.blocking),
    )


def _state(inputs: ReportInputs) -> tuple[State, str]:
    """Whether the numbers may be used, and in words."""
    if inputs.blocking:
        return "blocked", f"Blocked by {counted(len(inputs.blocking), 'check')}"
    if inputs.warnings:
        return "warned", f"Accepted with {counted(len(inputs.warnings), 'warning')}"
    return "accepted", "Accepted: all checks passed"


def _short_hash(version: str) -> str:
    """The first characters of a long hash."""
    return version if len(version) <= 16 else f"{version[:12]}…"


def _model(inputs: ReportInputs) -> str:
    """Backend and number of draws."""
    diagnostics = inputs.diagnostics
    return f"{diagnostics['backend']}, {diagnostics['chains']} chains × {fixed(diagnostics['draws'], 0)} draws"
