"""Rules about several keys of validation."""

from collections.abc import Callable, Iterator

from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

VALIDATION_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = ()
