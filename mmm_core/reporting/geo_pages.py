"""The files of all geos' pages."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mmm_core.reporting.geo_page import render_geo_report
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.storage import write_text

FOLDER = "geos"
"""Where the pages lie, beside the report."""
_SAFE = re.compile(r"[^A-Za-z0-9_-]+")


def geo_page_names(geos: Sequence[str]) -> dict[str, str]:
    """geo -> name of its file, safe on every file system and different for all geos: `North_East.html`."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for geo in geos:
        stem = _SAFE.sub("-", geo).strip("-")[:60]
        if stem != geo or stem.lower() in taken:
            digest = hashlib.sha256(geo.encode()).hexdigest()[:8]
            stem = f"{stem}-{digest}" if stem else digest
        taken.add(stem.lower())
        names[geo] = f"{stem}.html"
    return names


def geo_page_addresses(geos: Sequence[str]) -> dict[str, str]:
    """geo -> address of its page as seen from the report: `geos/North_East.html`."""
    return {geo: f"{FOLDER}/{name}" for geo, name in geo_page_names(geos).items()}


def write_geo_reports(
    folder: Path, inputs: ReportInputs, curves: pd.DataFrame | None = None, home: str = "../report.html"
) -> tuple[Path, ...]:
    """Write one page per geo of the fit to `folder`; each file is written whole or not at all.

    Args:
        folder: is made if need be; pages of former geos are left alone.
        inputs: of the whole report.
        curves: `response_curves.csv`; None: the pages have no curves.
        home: address of the whole report as seen from `folder`.

    Returns:
        The paths, in the order of the geos.
    """
    paths = []
    for geo, name in geo_page_names(inputs.geos).items():
        path = folder / name
        write_text(path, render_geo_report(inputs, geo, curves, home))
        paths.append(path)
    return tuple(paths)
