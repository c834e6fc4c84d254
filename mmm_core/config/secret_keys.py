"""Keys whose value may come from the environment only: a file of configuration is shared, and kept for ever."""

from collections.abc import Mapping
from typing import Any

from mmm_core.config.keys import KeyPath
from mmm_core.config.problems import Problem

SECRET_KEYS: tuple[KeyPath, ...] = (("alerts", "webhook", "url"), ("alerts", "email", "password"))


def secret_problems(values: Mapping[KeyPath, Any], written: Mapping[KeyPath, Any]) -> list[Problem]:
    """Secrets that stand in the configuration as they are.

    Args:
        values: after `${NAME}` was replaced.
        written: those with a `${NAME}`, as they are written.
    """
    return [
        Problem(path, 'received a secret as plain text; set an environment variable and write "${NAME}".')
        for path in SECRET_KEYS
        if values.get(path) is not None and path not in written
    ]
