"""Slides as described, drawn with python-pptx."""

from typing import Any

from mmm_core.reporting.deck.charts import category_chart, chart_data, chart_type, xy_chart, xy_data
from mmm_core.reporting.deck.grids import draw_grid
from mmm_core.reporting.deck.paint import BAD, NAVY, PALE, WARN, WHITE, rgb
from mmm_core.reporting.deck.sizing import fitting_size
from mmm_core.reporting.deck.slides import (
    LEFT,
    RIGHT,
    Box,
    Chart,
    Grid,
    Part,
    Plot,
    Slide,
    Tile,
    Words,
)
from mmm_core.reporting.deck.writing import SMALLEST, kept_paragraphs, write_paragraphs
from mmm_core.reporting.palette import ACCENT, INK, MUTED

_TITLE = Box(LEFT, 0.4, RIGHT - LEFT, 1.05)
_TITLE_SIZES = (26.0, 24.0, 22.0, 20.0, 18.0, 16.0)
_TONES = {"": INK, "muted": MUTED, "warn": WARN, "bad": BAD}


def draw_slide(presentation: Any, slide: Slide, foot: str) -> None:
    """Add a slide: title, parts in reading order, foot with its number, notes with the sources."""
    drawn = presentation.slides.add_slide(presentation.slide_layouts[0])
    title = drawn.shapes.title
    box = Box(LEFT + 0.2, 1.4, RIGHT - LEFT - 0.4, 1.6) if slide.opening else _TITLE
    _place(title, box)
    sizes = (40.0, 36.0, 32.0, 28.0, 24.0, 20.0) if slide.opening else _TITLE_SIZES
    size = fitting_size([slide.title.text], sizes, box.width - 0.1, box.height, bold=True) or sizes[-1]
    write_paragraphs(title.text_frame, [slide.title.text], size, WHITE if slide.opening else INK, bold=True)
    if slide.opening:
        drawn.background.fill.solid()
        drawn.background.fill.fore_color.rgb = rgb(NAVY)
    for part in slide.parts:
        _draw(drawn, part, slide.opening)
    _foot(drawn, foot, slide.opening)
    drawn.notes_slide.notes_text_frame.text = "\n".join(speaker_notes(slide))


def speaker_notes(slide: Slide) -> list[str]:
    """What the speaker should know, then every number of the text with its exact value and its table."""
    said = [slide.title, *(one for part in slide.parts for one in _said(part))]
    facts = dict.fromkeys(one for text in said for one in text.facts)
    tables = dict.fromkeys(part.source for part in slide.parts if isinstance(part, Grid | Chart | Plot))
    lines = list(slide.notes)
    if tables:
        lines += ["Charts and tables are made from:", *(f"- {source}" for source in tables)]
    if facts:
        lines += ["Exact numbers in the text:"]
        lines += [f"- {one.shown} = {one.exact} ({one.source})" for one in facts]
    return lines


def _said(part: Part) -> list[Any]:
    if isinstance(part, Words):
        return list(part.paragraphs)
    return [part.number, part.label, part.note] if isinstance(part, Tile) else []


def _draw(drawn: Any, part: Part, dark: bool) -> None:
    if isinstance(part, Words):
        _words(drawn, part, dark)
    elif isinstance(part, Tile):
        _tile(drawn, part)
    elif isinstance(part, Grid):
        frame = draw_grid(drawn, part)
        describe(frame, part.alt)
    elif isinstance(part, Chart):
        frame = drawn.shapes.add_chart(chart_type(part), *emu(part.box), chart_data(part))
        category_chart(frame, part)
        describe(frame, part.alt)
    else:
        from pptx.enum.chart import XL_CHART_TYPE

        frame = drawn.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER_LINES, *emu(part.box), xy_data(part))
        xy_chart(frame, part)
        describe(frame, part.alt)


def _words(drawn: Any, part: Words, dark: bool) -> None:
    """Paragraphs as large as fits."""
    texts = [said.text for said in part.paragraphs]
    texts, size = kept_paragraphs(
        texts, part.size, part.box.width - (0.3 if part.bullets else 0.05), part.box.height
    )
    shape = drawn.shapes.add_textbox(*emu(part.box))
    color = WHITE if dark and part.tone in ("", "muted") else "#ffd79a" if dark else _TONES[part.tone]
    write_paragraphs(shape.text_frame, texts, size, color, bullets=part.bullets)


def _tile(drawn: Any, tile: Tile) -> None:
    """A pale box with a big number and two lines."""
    from pptx.enum.shapes import MSO_SHAPE

    ground = drawn.shapes.add_shape(MSO_SHAPE.RECTANGLE, *emu(tile.box))
    ground.fill.solid()
    ground.fill.fore_color.rgb = rgb(PALE)
    ground.line.fill.background()
    ground.shadow.inherit = False
    inner = tile.box.width - 0.3
    big = fitting_size([tile.number.text], (32.0, 28.0, 24.0, 20.0), inner, 0.62, bold=True) or 16.0
    rest = [tile.label.text, tile.note.text]
    small = fitting_size(rest, (14.0, 13.0, 12.0), inner, tile.box.height - 0.2 - big * 1.2 / 72) or SMALLEST
    frame = ground.text_frame
    frame.margin_left = frame.margin_right = 137160
    write_paragraphs(frame, [tile.number.text], big, ACCENT, bold=True, margins=False)
    write_paragraphs(frame, [tile.label.text], small, INK, more=True, margins=False)
    write_paragraphs(frame, [tile.note.text], small, MUTED, more=True, margins=False)


def _foot(drawn: Any, foot: str, dark: bool) -> None:
    """What the deck is about and the number of the slide, as a field."""
    color = WHITE if dark else MUTED
    left = drawn.shapes.add_textbox(*emu(Box(LEFT, 7.0, RIGHT - LEFT - 1.0, 0.3)))
    write_paragraphs(left.text_frame, [foot], 10.0, color)
    right = drawn.shapes.add_textbox(*emu(Box(RIGHT - 0.9, 7.0, 0.9, 0.3)))
    write_paragraphs(right.text_frame, [""], 10.0, color, number=True)


def describe(frame: Any, alt: str) -> None:
    """Text for those who cannot see the shape."""
    frame._element.nvGraphicFramePr.cNvPr.set("descr", alt)


def emu(box: Box) -> tuple[Any, Any, Any, Any]:
    """The box in python-pptx's lengths."""
    from pptx.util import Inches

    return Inches(box.left), Inches(box.top), Inches(box.width), Inches(box.height)


def _place(shape: Any, box: Box) -> None:
    shape.left, shape.top, shape.width, shape.height = emu(box)
