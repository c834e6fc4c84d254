"""Rules about several keys of ingest and external_data."""

from collections.abc import Callable, Iterator

from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config

INGEST_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = ()
