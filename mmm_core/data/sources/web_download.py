"""Files from web servers: kept in the download cache, asked for again only if changed, resumed if broken off."""

import gzip
import re
import shutil
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmm_core.data.sources.downloads import DownloadCache, Record, Signs
from mmm_core.data.sources.retries import Transient, with_retries
from mmm_core.data.sources.transfer import FetchedFile, Transfer, file_hash
from mmm_core.data.sources.web import accept, request, signs_of
from mmm_core.errors import DataError

if TYPE_CHECKING:
    import requests

_BLOCK = 1 << 15
"""So many bytes at most are lost when an answer breaks off."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_DOWNLOADS_OF_WRONG_CONTENT = 2


def download(
    url: str,
    origin: str,
    name: str,
    how: Transfer,
    headers: Mapping[str, str] | None = None,
    md5: str | None = None,
) -> FetchedFile:
    """A file from a web server.

    What the cache holds is asked for again under the condition that it has changed (RFC 9110 section 13); with
    a known checksum it is not asked for at all.  A download that broke off goes on where it stopped if the
    server says that the file is still the same, and otherwise starts anew.

    Args:
        url: http(s) address.
        origin: how it is called in messages.
        name: file name.
        how: patience, folder, progress.
        headers: sent with the request; `Authorization` is not sent on to other hosts.
        md5: expected checksum, in hexadecimal.

    Raises:
        UnreachableError: not fetched in any attempt.
        Refused: the server answers with a status that another try would not change.
        DataError: the checksum is wrong, twice.
    """
    store = DownloadCache(how.folder, url)
    with store.locked():
        record = store.record()
        if record is None or md5 is None or file_hash(store.content(record.content_hash), "md5") != md5:
            record = _checked_download(url, origin, how, dict(headers or {}), store, record, md5)
        return FetchedFile(store.content(record.content_hash), origin, name, record.content_hash)


def _checked_download(
    url: str,
    origin: str,
    how: Transfer,
    headers: dict[str, str],
    store: DownloadCache,
    known: Record | None,
    md5: str | None,
) -> Record:
    for number in range(_DOWNLOADS_OF_WRONG_CONTENT):
        unchanged = known if number == 0 else None
        attempt = partial(_attempt, url, origin, how, headers, store, unchanged)
        record = with_retries(attempt, origin, how.retries)
        found = md5 and file_hash(store.content(record.content_hash), "md5")
        if found == md5:
            return record
    raise DataError(
        f"{origin} has the MD5 checksum {found}, but {md5} is expected; the file was damaged or replaced at "
        "its source."
    )


def _attempt(
    url: str, origin: str, how: Transfer, headers: dict[str, str], store: DownloadCache, known: Record | None
) -> Record:
    begun, signs = store.begun()
    if begun and signs.validator:
        asked = {"Range": f"bytes={begun}-", "If-Range": signs.validator}
    else:
        asked = _if_changed(known.signs) if known is not None else {}
    with request("GET", url, origin, how, headers | asked) as response:
        if response.status_code == 304 and known is not None:
            return known
        if response.status_code == 416:
            store.drop_partial()
            raise Transient("the server cannot resume the download")
        accept(response)
        if response.status_code == 206:
            _check_range(response, begun, signs, store)
        else:
            begun, signs = 0, signs_of(response)
            store.begin(signs)
        _receive(response, store.partial, begun, signs, origin, how)
    _check_size(store, signs)
    return store.keep(_decoded(store, signs, origin), signs)


def _if_changed(signs: Signs) -> dict[str, str]:
    if signs.etag is not None:
        return {"If-None-Match": signs.etag}
    return {"If-Modified-Since": signs.last_modified} if signs.last_modified is not None else {}


def _check_range(response: "requests.Response", begun: int, signs: Signs, store: DownloadCache) -> None:
    """A part that does not fit what is there would make a file that never was."""
    place = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    same = place is not None and int(place[1]) == begun and place[3] in ("*", str(signs.size))
    other_tag = signs.etag is not None and response.headers.get("ETag", signs.etag) != signs.etag
    if not begun or not same or other_tag:
        store.drop_partial()
        raise Transient("the server resumed the download at another place or of another file")


def _receive(
    response: "requests.Response", target: Path, begun: int, signs: Signs, origin: str, how: Transfer
) -> None:
    """Append the body to the file; what has arrived stays, whatever happens."""
    import urllib3

    done = begun
    with target.open("ab") as file:
        try:
            for block in response.raw.stream(_BLOCK, decode_content=False):
                file.write(block)
                done += len(block)
                how.progress(f"download of {origin}", done, max(done, signs.size or 0))
        except urllib3.exceptions.ReadTimeoutError:
            seconds = how.retries.timeout_seconds
            raise Transient(f"no more bytes within {seconds:g} seconds (after {done})") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, ConnectionError):
                raise DataError(f"{origin} cannot be stored: {error.strerror or type(error).__name__}.") from None
            total = "" if signs.size is None else f" of {signs.size}"
            raise Transient(f"the answer broke off after {done}{total} bytes") from None


def _check_size(store: DownloadCache, signs: Signs) -> None:
    size = store.partial.stat().st_size
    if signs.size is None or size == signs.size:
        return
    if size > signs.size:
        store.drop_partial()
    raise Transient(f"the answer broke off after {size} of {signs.size} bytes")


def _decoded(store: DownloadCache, signs: Signs, origin: str) -> Path:
    """The file as it is without compression of the transfer; notices where that was cut off."""
    if signs.encoding is None:
        return store.partial
    if signs.encoding not in ("gzip", "x-gzip"):
        store.drop_partial()
        raise DataError(f"{origin} is sent with the encoding {signs.encoding}, which was not asked for.")
    target = store.partial.with_suffix(".decoded")
    try:
        with gzip.open(store.partial) as packed, target.open("wb") as plain:
            shutil.copyfileobj(packed, plain, _BLOCK)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        store.drop_partial()
        target.unlink(missing_ok=True)
        raise Transient("the compressed answer is damaged or broke off") from None
    return target


def refusal(origin: str, status: int, key: str) -> str:
    """What a refusal means, for a file whose address stands at `key`."""
    if status in (404, 410):
        return f"{origin} does not exist (the server answered {status}); set {key} to the right address."
    if status in (401, 403, 407):
        return f"{origin} may not be read: the server answered {status}; check {key} and its user's rights."
    return f"{origin} cannot be fetched: the server answered {status}; check {key}."
