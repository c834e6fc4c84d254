"""How a file is written, and which of its columns name things."""

from dataclasses import dataclass

from mmm_core.config.ingest import FileFormatConfig


@dataclass(frozen=True)
class Layout:
    """What a parser needs to know."""

    format: FileFormatConfig = FileFormatConfig()
    key: str = "ingest.format"
    """Where that stands in the configuration, for messages."""
    text_columns: frozenset[str] = frozenset()
    """Columns that name things (keys, dates), which are never converted to numbers."""
