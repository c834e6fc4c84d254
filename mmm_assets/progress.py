"""Progress of long work, in the event log of the Dagster run and wherever else it is shown."""

import logging

from mmm_core.progress import Progress

_STEPS = 10
"""Lines per task in the event log."""


def logged(log: logging.Logger, shown: Progress) -> Progress:
    """Progress that goes to `shown`, and to the log whenever another tenth is done."""
    last: dict[str, int] = {}

    def report(what: str, done: int, total: int) -> None:
        shown(what, done, total)
        step = _STEPS * done // max(total, 1)
        if last.get(what) != step:
            last[what] = step
            log.info(f"{what}: {done} of {total}")

    return report
