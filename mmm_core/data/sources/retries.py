"""Trying again: exponential pauses with a random part, or as long as the service asks for."""

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from mmm_core.config.ingest import RetryConfig
from mmm_core.errors import UnreachableError

_LONGEST_PAUSE_S = 60.0
_LONGEST_WAIT_ASKED_FOR_S = 300.0
"""A service that asks for a longer wait counts as unreachable."""

Result = TypeVar("Result")


class Transient(Exception):  # noqa: N818 - a state, and never seen by a user
    """A try failed in a way that may pass; caught by `with_retries`."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        """Say why, and how long the service asks to wait."""
        super().__init__(reason)
        self.reason = reason
        self.wait_seconds = wait_seconds


def with_retries(attempt: Callable[[], Result], what: str, retries: RetryConfig) -> Result:
    """Result of the first attempt that succeeds.

    The pause before try n + 1 is first_pause_seconds * 2^(n - 1), at most a minute, times a random factor
    between 0.5 and 1 (so that many clients do not come back at once), but never shorter than what the service
    asked for.

    Args:
        attempt: raises `Transient` where it is worth another try.
        what: the thing wanted, for messages.
        retries: how many tries, and how long the first pause is.

    Raises:
        UnreachableError: every attempt failed, or the service asks to wait for longer than five minutes.
    """
    for number in range(1, retries.attempts + 1):
        try:
            return attempt()
        except Transient as failure:
            asked = failure.wait_seconds or 0.0
            if number == retries.attempts or asked > _LONGEST_WAIT_ASKED_FOR_S:
                later = f" (it asks to wait {asked:.0f} seconds)" if asked else ""
                raise UnreachableError(
                    f"{what} could not be fetched in {number} attempt(s): {failure.reason}{later}; try later, "
                    "or raise ingest.retries.attempts."
                ) from None
            pause = max(asked, _pause(number, retries))
            logging.getLogger(__name__).info(
                "%s: %s; trying again in %.1f s (%d of %d).",
                what, failure.reason, pause, number + 1, retries.attempts,
            )  # fmt: skip
            time.sleep(pause)
    raise UnreachableError(f"{what} could not be fetched.")


def _pause(number: int, retries: RetryConfig) -> float:
    longest = min(retries.first_pause_seconds * 2.0 ** (number - 1), _LONGEST_PAUSE_S)
    return longest * random.uniform(0.5, 1.0)


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for (a number or a date, RFC 9110 section 10.2.3)."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
