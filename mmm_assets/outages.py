"""Clear words for what the machine did: a database that another process holds, or that has no room."""

import re
from collections.abc import Iterator

from mmm_core.storage import no_room

_WORDS = {
    r"database (table )?is locked": "A database of this project is locked by another process, for longer than "
    "runs wait for it. Close what has a file under `dagster`, or `mlflow.db`, open (a database browser, a backup, "
    "a UI that hangs), and run the same again; what is finished is kept.",
    r"database or disk is full|disk I/O error": "A database of this project cannot be written: its disk, or the "
    "quota there, is full. Free some space, or set paths.storage to a folder on a larger disk, and run the same "
    "again; what is finished is kept.",
    r"database disk image is malformed|file is not a database": "A database of this project is damaged: a file "
    "under `dagster`, or `mlflow.db`. Move it away and run the same again: a new one is made, values and exports "
    "are kept, and Dagster's history or MLflow's records begin anew.",
}


def explained(error: BaseException) -> str | None:
    """What happened and what to do, if it or one of its causes is the machine's doing; None otherwise."""
    for cause in _causes(error):
        words = in_words(str(cause))
        if words is None and no_room(cause) is not None:
            words = in_words("database or disk is full")
        if words is not None:
            return words
    return None


def in_words(text: str) -> str | None:
    """The same for the text of an error."""
    found = (words for pattern, words in _WORDS.items() if re.search(pattern, text, re.IGNORECASE))
    return next(found, None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
