"""CSV and Parquet files, local or behind any fsspec URL."""

import hashlib
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mmm_core.config.mapping import DataConfig
from mmm_core.data.layouts import KNOWN_TEXT_COLUMNS
from mmm_core.data.sources.parsing import parse_table
from mmm_core.data.sources.table import SourceTable
from mmm_core.errors import DataError

_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
_STATUS_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}


def read_file(path: str, data: DataConfig) -> SourceTable:
    """Read a file as a table.

    Args:
        path: local path or fsspec URL.
        data: says which columns are keys and dates, which stay text.

    Raises:
        DataError: missing, unreachable (after retries), empty, or not a table.
    """
    origin = display_name(path)
    content = _fetch(path, origin)
    text_columns = KNOWN_TEXT_COLUMNS.union(data.keys, [data.date_col or ""])
    frame = parse_table(content, origin, text_columns)
    return SourceTable(frame=frame, origin=origin, content_hash=hashlib.sha256(content).hexdigest())


def display_name(path: str) -> str:
    """The path as it may be shown: a URL loses user, password and query, which may hold secrets."""
    if "://" not in path:
        return path
    parts = urlsplit(path)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _fetch(path: str, origin: str) -> bytes:
    """All bytes of the file; network errors are retried with growing pauses."""
    filesystem, inner = _filesystem(path, origin)
    network_errors = _network_errors(path)
    pause = _FIRST_PAUSE_S
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            content: bytes = filesystem.cat_file(inner)
            return content
        except FileNotFoundError as error:
            raise DataError(
                f"{origin} does not exist; set ingest.path to the file (or --set ingest.path=…)."
            ) from error
        except IsADirectoryError as error:
            raise DataError(f"{origin} is a folder; set ingest.path to one CSV or Parquet file in it.") from error
        except PermissionError as error:
            raise DataError(f"{origin} may not be read: permission denied.") from error
        except network_errors as error:
            if attempt == _ATTEMPTS or getattr(error, "status", 503) not in _STATUS_WORTH_RETRYING:
                raise DataError(
                    f"{origin} could not be fetched in {attempt} attempt(s): {_reason(error)}."
                ) from error
            time.sleep(pause)
            pause *= 2
        except OSError as error:
            raise DataError(f"{origin} cannot be read: {_reason(error)}.") from error
    raise DataError(f"{origin} could not be fetched.")


def _filesystem(path: str, origin: str) -> tuple[Any, str]:
    import fsspec

    try:
        filesystem, inner = fsspec.core.url_to_fs(path)
    except (ValueError, ImportError) as error:
        raise DataError(f"{origin} cannot be opened: {error}.") from error
    return filesystem, str(inner)


def _network_errors(path: str) -> tuple[type[Exception], ...]:
    if path.startswith(("http://", "https://")):
        import aiohttp

        return (aiohttp.ClientError, TimeoutError, ConnectionError)
    return (TimeoutError, ConnectionError)


def _reason(error: Exception) -> str:
    status = getattr(error, "status", None)
    if status is not None:
        return f"the server answered {status} {getattr(error, 'message', '')}".rstrip()
    return f"{type(error).__name__}" + (
        f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    )
