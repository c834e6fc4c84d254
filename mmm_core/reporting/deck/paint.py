"""Colours and the theme of the deck: palette and fonts, so that what a reader adds looks the same."""

from typing import Any

from mmm_core.reporting.palette import ACCENT, CHANNEL_COLORS, INK, TRUTH

NAVY = "#12263f"
"""Ground of the title slide, as of the report's head."""
PALE = "#f3f6f9"
"""Ground of tiles and of rows of a grid."""
WARN = "#9a5b00"
BAD = "#a61b1b"
WHITE = "#ffffff"
FONT = "Arial"
_SLOTS = ("dk2", "accent1", "accent2", "accent3", "accent4", "accent5", "accent6", "hlink", "folHlink")


def rgb(color: str) -> Any:
    """`#0072b2` as python-pptx wants it."""
    from pptx.dml.color import RGBColor

    make: Any = RGBColor.from_string
    return make(color.lstrip("#").upper())


def paint_theme(presentation: Any) -> None:
    """Palette and fonts into the theme of the slide master."""
    from pptx.opc.constants import RELATIONSHIP_TYPE
    from pptx.opc.oxml import serialize_part_xml
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls, qn

    theme = presentation.slide_master.part.part_related_by(RELATIONSHIP_TYPE.THEME)
    root = parse_xml(theme.blob)
    colors = (INK, *CHANNEL_COLORS[:6], ACCENT, TRUTH)
    for slot, color in zip(_SLOTS, colors, strict=True):
        place = next(root.iter(qn(f"a:{slot}")))
        for child in list(place):
            place.remove(child)
        place.append(parse_xml(f'<a:srgbClr {nsdecls("a")} val="{color.lstrip("#").upper()}"/>'))
    for font in (*root.iter(qn("a:majorFont")), *root.iter(qn("a:minorFont"))):
        font.find(qn("a:latin")).set("typeface", FONT)
    theme._blob = serialize_part_xml(root)
