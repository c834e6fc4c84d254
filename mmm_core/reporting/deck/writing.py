"""Paragraphs in text frames."""

from collections.abc import Sequence
from typing import Any

from mmm_core.reporting.deck.paint import rgb
from mmm_core.reporting.deck.sizing import fitting_size, height_of
from mmm_core.reporting.formats import counted

SMALLEST = 12.0
"""Points; smaller letters cannot be read on a wall."""
GAP = 0.5
"""Space after a paragraph in font sizes."""


def kept_paragraphs(texts: Sequence[str], largest: float, width: float, height: float) -> tuple[list[str], float]:
    """(paragraphs, size): all of them as large as fits, or as many as fit in the smallest letters and a count."""
    sizes = [size for size in (28.0, 24.0, 20.0, 18.0, 16.0, 15.0, 14.0, 13.0, 12.0) if size <= largest]
    size = fitting_size(texts, sizes or [largest], width, height, GAP)
    if size is not None:
        return list(texts), size
    size = min(SMALLEST, largest)
    for kept in range(len(texts) - 1, 0, -1):
        shown = [*texts[:kept], f"{counted(len(texts) - kept, 'more point')} in the full report."]
        if height_of(shown, size, width, GAP) <= height:
            return shown, size
    return list(texts[:1]), size


def write_paragraphs(
    frame: Any,
    texts: Sequence[str],
    size: float,
    color: str,
    bold: bool = False,
    bullets: bool = False,
    more: bool = False,
    margins: bool = True,
    number: bool = False,
) -> None:
    """Write paragraphs into a text frame, top left and wrapped; `more` adds to what is there."""
    from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
    from pptx.util import Pt

    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.TOP
    if margins:
        frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    for position, text in enumerate(texts):
        paragraph = frame.paragraphs[0] if position == 0 and not more else frame.add_paragraph()
        paragraph.alignment = PP_ALIGN.RIGHT if number else PP_ALIGN.LEFT
        paragraph.space_after = Pt(GAP * size) if len(texts) > 1 else Pt(0)
        if number:
            _slide_number(paragraph, size, color)
        else:
            run = paragraph.add_run()
            run.text = text
            run.font.size, run.font.bold = Pt(size), bold
            run.font.color.rgb = rgb(color)
        if bullets:
            _bullet(paragraph)


def _bullet(paragraph: Any) -> None:
    """A dot with a hanging indent."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls

    properties = paragraph._p.get_or_add_pPr()
    properties.set("marL", "228600")
    properties.set("indent", "-228600")
    properties.append(parse_xml(f'<a:buFont {nsdecls("a")} typeface="Arial"/>'))
    properties.append(parse_xml(f'<a:buChar {nsdecls("a")} char="•"/>'))


def _slide_number(paragraph: Any, size: float, color: str) -> None:
    """A field that shows the slide's number, wherever the slide is moved."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls

    field = parse_xml(
        f'<a:fld {nsdecls("a")} id="{{B6F15528-21DE-4FAA-801E-634DDDAF4B2B}}" type="slidenum">'
        f'<a:rPr lang="en-US" sz="{100 * size:.0f}"><a:solidFill><a:srgbClr val="{color.lstrip("#").upper()}"/>'
        "</a:solidFill></a:rPr><a:t>‹#›</a:t></a:fld>"
    )
    paragraph._p.append(field)
