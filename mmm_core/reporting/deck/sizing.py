"""How much room text takes, so that nothing runs over the edge of its box.

Widths are those of Arial (Helvetica's published metrics, in classes of like letters), rounded up.
"""

from collections.abc import Iterable, Sequence

LINE = 1.2
"""Height of a line in font sizes."""
_NARROW = frozenset("ijlI.,:;'|!ft()[]/ \u00a0")
_MIDDLE = frozenset('r-−–kcsvxyzJ*"')
_WIDE = frozenset("mwMWGOQ@%…ACDHNRUKVXY&+<>=→")


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Inches of one line in points `size`."""
    ems = sum(_em(letter) for letter in text)
    return ems * size / 72 * (1.08 if bold else 1.0)


def wrapped(text: str, size: float, width: float, bold: bool = False) -> int:
    """Lines that the text takes in `width` inches; a word that is too long is broken."""
    lines, used = 1, 0.0
    space = text_width(" ", size, bold)
    for word in text.split(" "):
        length = text_width(word, size, bold)
        if used and used + space + length > width:
            lines, used = lines + 1, 0.0
        else:
            used += space if used else 0.0
        extra = int(length // width)
        lines, used = lines + extra, used + length - extra * width
    return lines


def height_of(texts: Iterable[str], size: float, width: float, gap: float = 0.0, bold: bool = False) -> float:
    """Inches of paragraphs below each other, `gap` font sizes apart."""
    return sum((wrapped(text, size, width, bold) * LINE + gap) * size / 72 for text in texts)


def fitting_size(
    texts: Sequence[str], sizes: Sequence[float], width: float, height: float, gap: float = 0.0, bold: bool = False
) -> float | None:
    """The largest of `sizes` (descending) in which all texts fit; None: none does."""
    return next((size for size in sizes if height_of(texts, size, width, gap, bold) <= height), None)


def shortened(text: str, size: float, width: float, bold: bool = False) -> str:
    """The text with its middle left out where it is wider than `width`; both ends tell like names apart."""
    if text_width(text, size, bold) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        tail = kept // 2
        short = f"{text[: kept - tail].rstrip()}…{text[len(text) - tail :].lstrip()}"
        if text_width(short, size, bold) <= width:
            return short
    return f"{text[:1]}…"


def _em(letter: str) -> float:
    """Width of a letter in font sizes."""
    if letter in _NARROW:
        return 0.3
    if letter in _MIDDLE:
        return 0.5
    if letter in _WIDE:
        return 0.9 if letter in "mwMW@%…" else 0.74
    return 0.68 if letter.isupper() or ord(letter) > 0x2FF else 0.56
