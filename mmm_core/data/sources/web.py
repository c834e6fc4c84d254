"""Requests to web servers, and what their answers mean: passing trouble, a refusal, or something to read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from mmm_core.data.sources.downloads import Signs
from mmm_core.data.sources.retries import Transient, retry_after_seconds, with_retries
from mmm_core.data.sources.transfer import Transfer
from mmm_core.errors import DataError

if TYPE_CHECKING:
    import requests

_PASSING_TROUBLE = frozenset({202, 408, 421, 425, 429, 500, 502, 503, 504})
"""Statuses worth another try; 202 is how a service says that it is still at it."""
_NO_HEAD = frozenset({400, 403, 404, 405, 501})
"""What servers answer to HEAD that would answer GET (signed addresses, for example)."""


class Refused(Exception):  # noqa: N818 - callers turn it into a message of their own
    """The server answers, but not with what was asked for; another try would not help."""

    def __init__(self, status: int) -> None:
        """Keep the status."""
        super().__init__(str(status))
        self.status = status


def get_json(url: str, origin: str, how: Transfer, headers: Mapping[str, str]) -> Any:
    """What an API answers, after retries.

    Raises:
        UnreachableError: no answer.
        Refused: a status that another try would not change.
    """

    def attempt() -> Any:
        with request("GET", url, origin, how, headers) as response:
            accept(response)
            try:
                return response.json()
            except ValueError:
                raise Transient("the answer is not JSON") from None

    return with_retries(attempt, origin, how.retries)


def web_signs(url: str, origin: str, how: Transfer, headers: Mapping[str, str] | None = None) -> Signs:
    """What the server says about a file, without fetching it.

    Raises:
        UnreachableError: no answer.
        Refused: a status that another try would not change.
    """

    def attempt() -> Signs:
        with request("HEAD", url, origin, how, headers or {}) as response:
            if response.status_code not in _NO_HEAD:
                accept(response)
                return signs_of(response)
        with request("GET", url, origin, how, headers or {}) as response:
            accept(response)
            return signs_of(response)

    return with_retries(attempt, origin, how.retries)


@contextmanager
def request(
    method: str, url: str, origin: str, how: Transfer, headers: Mapping[str, str]
) -> Iterator["requests.Response"]:
    """One request; redirects are followed, and the body is not read yet.

    Bodies are asked for as they are: a range of a compressed body would be of no use.

    Raises:
        Transient: no connection, or no answer in time.
        DataError: the address cannot be asked at all.
    """
    import requests

    sent = {"User-Agent": _user_agent(), "Accept-Encoding": "identity", **headers}
    timeout = how.retries.timeout_seconds
    try:
        response = requests.request(method, url, headers=sent, stream=True, timeout=timeout, allow_redirects=True)
    except requests.exceptions.Timeout:
        raise Transient(f"no answer within {timeout:g} seconds (ingest.retries.timeout_seconds)") from None
    except requests.exceptions.SSLError:
        raise DataError(f"{origin} cannot be fetched: the server's certificate is not trusted.") from None
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        raise Transient(f"no connection ({_cause(error)})") from None
    except requests.exceptions.RequestException as error:
        raise DataError(f"{origin} cannot be fetched: {type(error).__name__}; check the address.") from None
    with response:
        yield response


def accept(response: "requests.Response") -> None:
    """Let only success pass.

    Raises:
        Transient: a status that may pass.
        Refused: any other that is no success.
    """
    status = response.status_code
    if status in _PASSING_TROUBLE:
        reason = f"the server answered {status} {response.reason or ''}".rstrip()
        raise Transient(reason, retry_after_seconds(response.headers.get("Retry-After")))
    if status >= 300 or status < 200:
        raise Refused(status)


def signs_of(response: "requests.Response") -> Signs:
    """What an answer says about the file as a whole."""
    headers = response.headers
    length = headers.get("Content-Length", "")
    encoding = headers.get("Content-Encoding", "").strip().lower()
    return Signs(
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
        size=int(length) if length.isdigit() else None,
        encoding=None if encoding in ("", "identity") else encoding,
    )


@cache
def _user_agent() -> str:
    try:
        return f"mmm-system/{version('mmm-system')}"
    except PackageNotFoundError:
        return "mmm-system"


def _cause(error: Exception) -> str:
    """Name of the innermost cause, which unlike its text holds no address."""
    inner = error.args[0] if error.args else error
    reason = getattr(inner, "reason", inner)
    return type(reason).__name__ if isinstance(reason, Exception) else type(error).__name__
