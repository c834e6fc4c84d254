"""The deck: about ten slides with native charts, for people who decide."""

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mmm_core.reporting.deck.budget import budget_slide
from mmm_core.reporting.deck.certainty import certainty_slide
from mmm_core.reporting.deck.changes import changes_slide
from mmm_core.reporting.deck.closing import method_slide, next_slide
from mmm_core.reporting.deck.coming import flighting_slide, forecast_slide
from mmm_core.reporting.deck.curves import curves_slide
from mmm_core.reporting.deck.drivers import drivers_slide
from mmm_core.reporting.deck.limits import limits_slide
from mmm_core.reporting.deck.opening import answer_slide, title_slide
from mmm_core.reporting.deck.paint import paint_theme
from mmm_core.reporting.deck.render import draw_slide
from mmm_core.reporting.deck.returns import next_money_slide, returns_slide
from mmm_core.reporting.deck.scenarios import scenarios_slide
from mmm_core.reporting.deck.sizing import shortened
from mmm_core.reporting.deck.slides import HEIGHT, LEFT, RIGHT, WIDTH, Slide
from mmm_core.reporting.deck.what_if import what_if_slide
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.storage import atomic_path

if TYPE_CHECKING:
    from pptx.presentation import Presentation

_LAYOUT = "Title Only"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def write_deck(path: Path, inputs: ReportInputs) -> None:
    """Write the deck to `path` atomically; equal inputs give equal bytes.

    Raises:
        StorageError: a table lacks columns (raised where `inputs` are made).
    """
    content = render_deck(inputs)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def deck_slides(inputs: ReportInputs) -> tuple[Slide, ...]:
    """The slides in order; those whose tables are absent are left out."""
    found = (
        title_slide(inputs),
        answer_slide(inputs),
        changes_slide(inputs),
        drivers_slide(inputs),
        returns_slide(inputs),
        next_money_slide(inputs),
        curves_slide(inputs),
        what_if_slide(inputs),
        budget_slide(inputs),
        scenarios_slide(inputs),
        certainty_slide(inputs),
        forecast_slide(inputs),
        flighting_slide(inputs),
        limits_slide(inputs),
        next_slide(inputs),
        method_slide(inputs),
    )
    return tuple(slide for slide in found if slide is not None)


def render_deck(inputs: ReportInputs) -> bytes:
    """The deck as the bytes of a PPTX file."""
    presentation = _blank(inputs)
    model = f" · {inputs.model_version}" if inputs.model_version else ""
    foot = f"{inputs.project}{model} · data version {inputs.data_version[:12]}"
    if inputs.blocking:
        foot = f"BLOCKED BY CHECKS, NOT FOR USE · {foot}"
    foot = shortened(foot, 10, RIGHT - LEFT - 1.2)
    for slide in deck_slides(inputs):
        draw_slide(presentation, slide, foot)
    stream = io.BytesIO()
    presentation.save(stream)
    return _without_times(stream.getvalue())


def _blank(inputs: ReportInputs) -> "Presentation":
    """An empty wide presentation with one layout, our theme and properties."""
    from pptx import Presentation
    from pptx.util import Inches

    presentation = Presentation()
    old = presentation.slide_width or Inches(10)
    presentation.slide_width, presentation.slide_height = Inches(WIDTH), Inches(HEIGHT)
    for layout in list(presentation.slide_layouts):
        if layout.name != _LAYOUT:
            presentation.slide_layouts.remove(layout)
    for page in (presentation.slide_master, presentation.slide_layouts[0]):
        for shape in list(page.shapes):
            _widen(shape, presentation.slide_width / old)
    paint_theme(presentation)
    _drop_thumbnail(presentation)
    _properties(presentation, inputs)
    return presentation


def _widen(shape: Any, factor: float) -> None:
    """Stretch a placeholder that has a place of its own."""
    if shape._element.xpath("p:spPr/a:xfrm"):
        shape.left, shape.width = int(shape.left * factor), int(shape.width * factor)


def _drop_thumbnail(presentation: Any) -> None:
    """The template's picture of an empty slide."""
    from pptx.opc.constants import RELATIONSHIP_TYPE

    package = presentation.part.package
    for key, relation in list(package._rels.items()):
        if relation.reltype == RELATIONSHIP_TYPE.THUMBNAIL:
            package._rels.pop(key)


def _properties(presentation: Any, inputs: ReportInputs) -> None:
    """Title and time as of the inputs, nobody's name."""
    properties = presentation.core_properties
    properties.title, properties.subject = inputs.title[:255], inputs.project[:255]
    properties.author = properties.last_modified_by = ""
    properties.comments = f"Data version {inputs.data_version}"[:255]
    made = pd.to_datetime(inputs.generated_at, errors="coerce", utc=True)
    if isinstance(made, pd.Timestamp):
        properties.created = properties.modified = made.tz_localize(None).to_pydatetime(warn=False)


def _without_times(content: bytes) -> bytes:
    """The same ZIP file with fixed times of its members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        for member in old.infolist():
            fixed = zipfile.ZipInfo(member.filename, _ZIP_TIME)
            fixed.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(fixed, old.read(member.filename))
    return stream.getvalue()
