"""How long work says how far it is: one callable, given by whoever shows it."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""`progress(what, done, total)`: called from time to time with `0 <= done <= total`."""


def silent(what: str, done: int, total: int) -> None:
    """Show nothing."""
