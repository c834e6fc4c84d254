"""Rules about several keys of the data section."""

from collections.abc import Callable, Iterator

from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

MAPPING_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = ()
