"""What has changed since the last accepted fit: data, returns, contributions, budgets, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from mmm_core.config.refresh import RefreshConfig
from mmm_core.errors import StorageError
from mmm_core.model.posterior import Posterior
from mmm_core.refresh.budgets import BUDGET_COLUMNS, budget_changes
from mmm_core.refresh.reasons import budget_reason, causes, config_changes, return_reason
from mmm_core.refresh.returns import return_changes
from mmm_core.refresh.revisions import revisions, scope_table
from mmm_core.stability.records import table_from_record, table_record

TABLES: Mapping[str, str] = {
    "scope": "weeks, geos, channels and controls of only one of the fits (`revisions.scope_table`)",
    "data_revisions": "variables with corrected values (`revisions.Revisions.variables`)",
    "revised_cells": "the largest corrections (`revisions.Revisions.cells`)",
    "roi_changes": "ROI and contribution by channel (`returns.return_changes`), and a `reason` in words",
    "budget_changes": "recommended budgets (`budgets.budget_changes`), and a `reason` in words",
    "reasons": "what differs between the fits (`reasons.causes`)",
}
"""Table -> what it holds."""
FIRST = "There is no earlier accepted fit to compare with: this is the first one, or one that was restored."


@dataclass(frozen=True)
class Setting:
    """What was kept beside a fit when it was accepted."""

    config: Mapping[str, Any]
    """Dotted key -> value, secrets masked."""
    plan: pd.DataFrame | None
    """`budgets.plan_by_channel`; None: none was made."""


@dataclass(frozen=True)
class WhatChanged:
    """The comparison of a fit with the last accepted one."""

    fit: str
    """Version of this fit."""
    compared_with: str | None
    """Version of the last accepted fit; None: there was none."""
    sentence: str
    """The comparison in one sentence."""
    certainty: float = 0.95
    """Probability from which a change counted as more than noise."""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Those of `TABLES`; none for the first fit."""

    def table(self, name: str) -> pd.DataFrame | None:
        """A table; None where it has no rows."""
        found = self.tables.get(name)
        return found if found is not None and len(found) else None

    def to_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "fit": self.fit,
            "compared_with": self.compared_with,
            "sentence": self.sentence,
            "certainty": self.certainty,
            "tables": {name: table_record(table) for name, table in self.tables.items()},
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "WhatChanged":
        """Inverse of `to_record`.

        Raises:
            StorageError: the record is not one.
        """
        try:
            tables = {str(name): table_from_record(table) for name, table in record["tables"].items()}
            return cls(**{**record, "tables": tables})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"The stored record what_changed is unreadable ({error}); materialize what_changed again."
            ) from error


def what_changed(
    now: tuple[str, Posterior, Setting],
    before: tuple[str, Posterior, Setting | None] | None,
    settings: RefreshConfig,
) -> WhatChanged:
    """Compare a fit with the last accepted one.

    Args:
        now: version, posterior and setting of this fit.
        before: of the last accepted one; its setting is None where none was kept; None: there is no such fit.
        settings: `refresh`.
    """
    version, fit, setting = now
    if before is None:
        return WhatChanged(version, None, FIRST, settings.certainty)
    other, last, kept = before
    scope, revised = scope_table(fit.data, last.data), revisions(fit.data, last.data)
    keys = [] if kept is None else config_changes(setting.config, kept.config)
    found = causes(fit, last, scope, revised.variables, keys)
    returns = return_changes(fit, last)
    rows = returns.to_dict("records")
    returns["reason"] = [return_reason(row, found, settings.certainty) for row in rows]
    plans = _plans(setting, kept)
    rows = plans.to_dict("records")
    plans["reason"] = [budget_reason(row, returns, found, settings.certainty) for row in rows]
    tables = {
        "scope": scope,
        "data_revisions": revised.variables,
        "revised_cells": revised.cells,
        "roi_changes": returns,
        "budget_changes": plans,
        "reasons": found,
    }
    return WhatChanged(version, other, _sentence(returns, found, settings.certainty), settings.certainty, tables)


def _plans(now: Setting, before: Setting | None) -> pd.DataFrame:
    if before is None or before.plan is None or now.plan is None:
        return pd.DataFrame(columns=BUDGET_COLUMNS).astype(dict.fromkeys(BUDGET_COLUMNS[2:], float))
    return budget_changes(now.plan, before.plan)


def _sentence(returns: pd.DataFrame, found: pd.DataFrame, certainty: float) -> str:
    known = returns.dropna(subset=["roi_change_mean"])
    real = known[known["roi_probability_real"] >= certainty]
    moved = f"The ROI of {len(real)} of {len(known)} channels has changed by more than the sampler's noise"
    if len(real):
        largest = real.loc[real["roi_change_mean"].abs().idxmax()]
        before, now = (float(largest[f"roi_{when}_mean"]) for when in ("before", "now"))
        moved += f", most that of {largest['channel']}, from {before:.3g} to {now:.3g}"
    differs = "; ".join(str(detail) for detail in found["detail"]) or "nothing but the draws"
    return f"{moved}. What differs: {differs}."
