"""What one geo's page says first."""

from dataclasses import dataclass

from markupsafe import Markup

from mmm_core.reporting.formats import MISSING, compact, counted, percent
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.sections.budget import main_plan, scenario_plans
from mmm_core.reporting.sections.scenarios import scenario_title
from mmm_core.reporting.tables import quantity


@dataclass(frozen=True)
class GeoTile:
    """One large number."""

    text: str
    value: float | None
    label: str
    note: Markup


def geo_tiles(whole: ReportInputs, own: ReportInputs) -> tuple[GeoTile, ...]:
    """KPI, paid media and budget of the geo.

    Args:
        whole: of all geos.
        own: of the geo alone.
    """
    kpi, every = float(own.fit["actual"].sum()), float(whole.fit["actual"].sum())
    paid = own.channel_summary[own.channel_summary["channel"].isin(own.paid_channels)]
    media, fitted = float(paid["contribution_mean"].sum()), float(own.contributions["mean"].sum())
    tiles = [
        GeoTile(compact(kpi), kpi, f"{own.kpi_name} in the window", _share(kpi, every, "of all geos")),
        GeoTile(
            compact(media),
            media,
            f"{own.kpi_name} from paid media",
            _share(media, fitted, "of what the model fits"),
        ),
    ]
    if paid["spend"].notna().any():
        spend, total = float(paid["spend"].sum()), float(whole.channel_summary["spend"].sum())
        tiles.append(GeoTile(compact(spend), spend, f"{own.currency} spent", _share(spend, total, "of all geos")))
    if plan := main_plan(scenario_plans(own)):
        title = scenario_title(plan.name)
        best = plan.total("optimal_spend")
        tiles.append(
            GeoTile(compact(best), best, f"{own.currency} recommended", Markup("scenario {}").format(title))
        )
    return tuple(tiles)


def _share(part: float, whole: float, words: str) -> Markup:
    """`12% of all geos`."""
    return Markup("{} {}").format(quantity(percent(part / whole), part / whole), words) if whole else Markup("")


def geo_sentence(own: ReportInputs) -> Markup:
    """How well the model follows this geo."""
    known = own.fit.dropna(subset=["actual"])
    if known.empty or not known["actual"].abs().sum():
        return Markup("Nothing was observed here.")
    error = float((known["actual"] - known["predicted_mean"]).abs().sum() / known["actual"].abs().sum())
    bounded = known.dropna(subset=["q05", "q95"])
    inside = bounded["actual"].between(bounded["q05"], bounded["q95"])
    share = float(inside.mean()) if len(inside) else None
    return Markup(
        "Over {} the predictions miss by {} in all (sum of misses / sum of {}), and {} of the weeks lie inside "
        "their 90% interval. The fit is one for all geos: this geo’s numbers lean on the others where its own "
        "data say little."
    ).format(
        counted(len(known), "observed week"),
        quantity(percent(error), error),
        own.kpi_name,
        MISSING if share is None else quantity(percent(share), share),
    )
