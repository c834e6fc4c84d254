"""Whether the sampler's draws can be trusted."""

from collections.abc import Callable
from dataclasses import dataclass

from mmm_core.reporting.formats import MISSING, fixed, is_number, percent
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.check_lists import check_table, is_data_check, record_table
from mmm_core.reporting.sections.dynamics import SmallChart
from mmm_core.reporting.sections.sampling import sampling_charts
from mmm_core.reporting.tables import Table


@dataclass(frozen=True)
class KeyNumber:
    """One diagnostic number."""

    key: str
    label: str
    text: str
    value: float | None


@dataclass(frozen=True)
class DiagnosticsView:
    """Key numbers, checks and worst parameters."""

    numbers: tuple[KeyNumber, ...]
    checks: Table
    worst: Table | None
    attempts: tuple[str, ...]
    charts: tuple[SmallChart, ...]
    """Of the sampling; empty where nothing of it is known."""


def _seconds(value: float) -> str:
    """`4 min 10 s`."""
    minutes, seconds = divmod(round(value), 60)
    return f"{fixed(minutes, 0)} min {seconds} s" if minutes else f"{value:.1f} s"


def _whole(value: float) -> str:
    return fixed(value, 0)


def _rhat(value: float) -> str:
    return fixed(value, 3)


def _two(value: float) -> str:
    return fixed(value, 2)


_NUMBERS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("interpreted_max_rhat", "Largest R-hat, interpreted", _rhat),
    ("max_rhat", "Largest R-hat, all parameters", _rhat),
    ("interpreted_min_ess", "Smallest ESS, interpreted", _whole),
    ("min_ess_bulk", "Smallest bulk ESS, all", _whole),
    ("min_ess_tail", "Smallest tail ESS, all", _whole),
    ("median_ess_bulk", "Median bulk ESS", _whole),
    ("divergences", "Divergent draws", _whole),
    ("min_ebfmi", "Smallest E-BFMI", _two),
    ("r2", "R²", _two),
    ("mape", "MAPE", percent),
    ("coverage_90", "Coverage of 90% intervals", percent),
    ("durbin_watson", "Durbin–Watson", _two),
    ("chains", "Chains", _whole),
    ("draws", "Draws per chain", _whole),
    ("seconds", "Sampling time", _seconds),
    ("compile_seconds", "of which compilation", _seconds),
)


def diagnostics_view(inputs: ReportInputs) -> DiagnosticsView:
    """Numbers of `diagnostics.json`, the checks of the fit, and the worst parameters where given."""
    diagnostics = inputs.diagnostics
    numbers = []
    for key, label, show in _NUMBERS:
        if key not in diagnostics:
            continue
        value = diagnostics[key]
        known = is_number(value)
        numbers.append(KeyNumber(key, label, show(value) if known else MISSING, value if known else None))
    fit_checks = sorted(
        ((asset, check) for asset, check in inputs.checks if not is_data_check(asset)),
        key=lambda pair: (pair[1].passed, not pair[1].blocks),
    )
    return DiagnosticsView(
        numbers=tuple(numbers),
        checks=check_table(fit_checks, "checks"),
        worst=record_table(diagnostics.get("worst_parameters") or (), "worst_parameters"),
        attempts=inputs.attempts,
        charts=sampling_charts(inputs),
    )
