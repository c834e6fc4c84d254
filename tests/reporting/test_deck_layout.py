"""Slides can be read: text fits, nothing overlaps."""

from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib
from hypothesis import given
from hypothesis import strategies as st
from matplotlib._afm import AFM

from mmm_core.reporting.deck.phrases import short_names
from mmm_core.reporting.deck.sizing import shortened, text_width, wrapped
from tests.reporting.decks import EMU, deck_of, every_case, opened


def afm_width(text: str, size: float, bold: bool) -> float:
    """Inches by Helvetica's own metrics, which Arial shares; unknown letters as wide as an m."""
    font = helvetica(bold)
    known = [font.get_width_char(letter) if ord(letter) < 127 else AFM_WIDTHS.get(letter, 833) for letter in text]
    return sum(known) / 1000 * size / 72


AFM_WIDTHS = {
    "\u00a0": 278,
    "−": 584,
    "–": 556,
    "’": 222,
    "“": 333,
    "”": 333,
    "…": 1000,
    "²": 333,
    "·": 278,
    "×": 584,
}


@cache
def helvetica(bold: bool) -> AFM:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "pdfcorefonts"
    with (folder / f"Helvetica{'-Bold' if bold else ''}.afm").open("rb") as file:
        return AFM(file)


def needed_height(shape: Any) -> float:
    """Inches of a text frame's paragraphs, wrapped greedily by the font's own metrics."""
    frame = shape.text_frame
    width = (shape.width - frame.margin_left - frame.margin_right) / EMU
    total = (frame.margin_top + frame.margin_bottom) / EMU
    for position, paragraph in enumerate(frame.paragraphs):
        if not paragraph.runs:
            continue
        size, bold = paragraph.runs[0].font.size.pt, bool(paragraph.runs[0].font.bold)
        indent = int(paragraph._p.pPr.get("marL", 0)) / EMU if paragraph._p.pPr is not None else 0.0
        lines, used = 1, 0.0
        for word in paragraph.text.split(" "):
            length = afm_width(word, size, bold)
            assert length <= width, f"{word!r} is wider than its box"
            space = afm_width(" ", size, bold) if used else 0.0
            if used and used + space + length > width - indent:
                lines, used, space = lines + 1, 0.0, 0.0
            used += space + length
        last = position == len(frame.paragraphs) - 1
        after = 0.0 if last or paragraph.space_after is None else paragraph.space_after.pt / 72
        total += lines * size * 1.2 / 72 + after
    return total


@every_case
def test_text_fits_its_box_and_is_large_enough_to_read(case: str) -> None:
    for slide in opened(deck_of(case)).slides:
        for shape in slide.shapes:
            if not shape.has_text_frame:
                continue
            assert needed_height(shape) <= shape.height / EMU + 0.02, shape.text_frame.text
            sizes = [run.font.size.pt for paragraph in shape.text_frame.paragraphs for run in paragraph.runs]
            assert all(size >= (12 if shape.top < 6.95 * EMU else 10) for size in sizes)


@every_case
def test_cells_stand_on_one_line(case: str) -> None:
    for slide in opened(deck_of(case)).slides:
        for table in (shape.table for shape in slide.shapes if shape.has_table):
            for row in table.rows:
                for cell, column in zip(row.cells, table.columns, strict=True):
                    run = cell.text_frame.paragraphs[0].runs[0]
                    room = (column.width - cell.margin_left - cell.margin_right) / EMU
                    assert afm_width(run.text, run.font.size.pt, bool(run.font.bold)) <= room + 0.01, run.text
                    assert run.font.size.pt * 1.2 / 72 <= row.height / EMU + 0.01


@every_case
def test_shapes_are_on_the_slide_and_do_not_overlap(case: str) -> None:
    presentation = opened(deck_of(case))
    for slide in presentation.slides:
        boxes = []
        for shape in slide.shapes:
            height = sum(row.height for row in shape.table.rows) if shape.has_table else shape.height
            boxes.append((shape.left, shape.top, shape.left + shape.width, shape.top + height))
        for left, top, right, bottom in boxes:
            assert left >= 0
            assert top >= 0
            assert right <= presentation.slide_width
            assert bottom <= presentation.slide_height
        for one, other in combinations(boxes, 2):
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, slide.shapes.title.text_frame.text


# The file


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=60), st.booleans())
def test_estimated_widths_are_seldom_too_small(text: str, bold: bool) -> None:
    assert text_width(text, 12, bold) >= 0.9 * afm_width(text, 12, bold) - 0.02


@given(st.text(max_size=60), st.floats(0.3, 4))
def test_shortened_text_fits_and_keeps_both_ends(text: str, width: float) -> None:
    short = shortened(text, 12, width)
    assert short == text or text_width(short, 12) <= width or len(short) == 2
    assert wrapped(short, 12, 100) == 1


@given(st.lists(st.text(alphabet="abc_", min_size=1, max_size=50), unique=True, max_size=12))
def test_short_names_stay_different(names: list[str]) -> None:
    labels = short_names(names)
    assert list(labels) == names
    assert len(set(labels.values())) == len(names)
