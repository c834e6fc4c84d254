"""File names from any name: lowercase ASCII in snake_case."""

import re
import unicodedata
from collections.abc import Iterable

_LONGEST = 60
"""Letters that are kept, so that names with folder, plot and date fit every file system."""


def slug(text: str) -> str:
    """`Paid Search / DE` -> `paid_search_de`, `Île` -> `ile`; letters without an ASCII form by their code point.

    Returns:
        Letters a to z, digits and single underscores between them; `unnamed` if nothing else is left.
    """
    joined = "".join(_ascii(letter) for letter in text.casefold())
    return re.sub("_+", "_", joined).strip("_")[:_LONGEST].strip("_") or "unnamed"


def unique_slugs(names: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """name -> slug; names that come out alike, or as a reserved one, get `_2`, `_3`, ... in their order."""
    found: dict[str, str] = {}
    taken = set(reserved)
    for name in dict.fromkeys(names):
        first, number = slug(name), 1
        found[name] = first
        while found[name] in taken:
            number += 1
            found[name] = f"{first}_{number}"
        taken.add(found[name])
    return found


def _ascii(letter: str) -> str:
    plain = unicodedata.normalize("NFKD", letter).casefold()
    kept = "".join(part for part in plain if part.isascii() and part.isalnum())
    if kept or unicodedata.combining(letter):
        return kept
    return f"_u{ord(letter):x}_" if letter.isalnum() else "_"
