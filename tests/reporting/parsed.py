"""A strict reader of the report, independent of the code that wrote it."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    cells: list["Element"] = field(default_factory=list)

    @property
    def value(self) -> float | None:
        return float(self.attributes["data-value"]) if "data-value" in self.attributes else None


class Report(HTMLParser):
    """Collects elements, checks nesting, and reads tables as lists of rows of cells."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.tables: dict[str, list[list[Element]]] = {}
        self._open: list[Element] = []
        self._rows: list[list[Element]] | None = None
        self.feed(text)
        self.close()
        assert self._open == [], f"not closed: {[element.tag for element in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"attribute twice in {self.get_starttag_text()}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag == "table":
            self._rows = self.tables.setdefault(element.attributes["data-table"], [])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th") and self._rows is not None:
            self._rows[-1].append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> without a start"
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()
        if tag == "table":
            self._rows = None

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def rows(self, table: str) -> dict[str, list[Element]]:
        """Text of the first cell -> the other cells, without the heading."""
        return {row[0].text: row[1:] for row in self.tables[table][1:]}


def shown_number(text: str) -> tuple[float, float] | None:
    """(number, half a unit of its last digit) of `1.23M`, `−4.5%`, `1,234`; None for anything else."""
    found = re.fullmatch(r"(?:[A-Z]{3}\s)?([+−]?)([\d,]+)(\.\d+)?([KMB%]?)", text.strip())
    if not found:
        return None
    sign, whole, fraction, unit = found.groups()
    scale = {"K": 1e3, "M": 1e6, "B": 1e9, "%": 0.01, "": 1.0}[unit]
    number = float(whole.replace(",", "") + (fraction or "")) * scale * (-1 if sign == "−" else 1)
    digits = len((fraction or ".")[1:])
    # Trailing zeros may have been dropped, so three digits are the coarsest that is promised.
    return number, 0.5 * 10.0**-digits * scale
