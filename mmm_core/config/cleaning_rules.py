"""Rules about several keys of enhanced_cleaning."""

from collections.abc import Callable, Iterator

from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

CLEANING_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = ()
