"""Rules about several keys of features."""

from collections.abc import Callable, Iterator

from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

FEATURE_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = ()
