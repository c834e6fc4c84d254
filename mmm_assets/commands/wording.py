"""Messages of the library, said in the terminal: there nothing is materialized, there one runs a command."""

import re

_OBJECT = r"(?:the asset (?:that makes it|\w+)|\w+(?:(?:, (?!which\b|or\b)(?:\w+ and )?| and )\w+)*)"
_MATERIALIZE = re.compile(
    rf"\b([Mm])aterialize {_OBJECT}(?: again)?(?: first)?(?:,? (?:of these geos|from (?:the same )?\w+))?"
)
_EITHER = re.compile(rf"(`mmm run` makes it again), or materialize {_OBJECT}")


def in_terminal_words(message: str) -> str:
    """The same message, in which `mmm run`, which makes what is missing or out of date, replaces the UI's word."""
    message = _EITHER.sub(r"\1", message)
    return _MATERIALIZE.sub(lambda found: "Run mmm run" if found[1] == "M" else "run mmm run", message)
