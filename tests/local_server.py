"""A web server in a thread that behaves like real services, on good and on bad days."""

import email.utils
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_RANGE = re.compile(r"bytes=(\d+)-")


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Answer:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """Close the connection after so many bytes of the body, whatever was promised."""
    wait_s: float = 0.0
    """Pause before the second half of the body."""


def md5(content: bytes) -> str:
    """Checksum as services give it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


Script = Callable[[Seen, int], Answer]
"""Answer to the n-th (from 1) request of a path."""


class LocalServer(ThreadingHTTPServer):
    """Answers each path by its script, and remembers what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scripts: dict[str, Script] = {}
        self.seen: list[Seen] = []
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def url(self, path: str) -> str:
        return self.address + path

    def requests(self, path: str) -> list[Seen]:
        """Requests of a path, without its query."""
        return [seen for seen in self.seen if seen.path.partition("?")[0] == path]

    def answer(self, seen: Seen) -> Answer:
        with self._lock:
            self.seen.append(seen)
            number = len(self.requests(seen.path.partition("?")[0]))
        script = self.scripts.get(seen.path) or self.scripts.get(seen.path.partition("?")[0])
        return script(seen, number) if script else Answer(404)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    server: LocalServer

    def do_GET(self) -> None:
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        self._reply(with_body=False)

    def do_POST(self) -> None:
        self._reply(with_body=True)

    def _reply(self, with_body: bool) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        received = self.rfile.read(length)
        answer = self.server.answer(Seen(self.command, self.path, dict(self.headers.items()), received))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers and answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.close_connection = True
        if with_body:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = answer.body if answer.cut_after is None else answer.body[: answer.cut_after]
        half = len(body) // 2 if answer.wait_s else len(body)
        self.wfile.write(body[:half])
        if answer.wait_s:
            self.wfile.flush()
            time.sleep(answer.wait_s)
            self.wfile.write(body[half:])

    def log_message(self, format: str, *args: object) -> None:
        pass


def storage(content: bytes, etag: str | None = None, cuts: tuple[int | None, ...] = ()) -> Script:
    """A file as object stores serve it: ETag, ranges, conditions.

    Args:
        content: the file.
        etag: its tag; by default its MD5 in quotes.
        cuts: for the first answers, after how many bytes of the body they break off.
    """
    tag = etag or f'"{md5(content)}"'

    def script(seen: Seen, number: int) -> Answer:
        headers = {"ETag": tag, "Accept-Ranges": "bytes"}
        if seen.headers.get("If-None-Match") == tag:
            return Answer(304, headers=headers)
        cut = cuts[number - 1] if number <= len(cuts) else None
        wanted = _RANGE.fullmatch(seen.headers.get("Range", ""))
        if wanted and seen.headers.get("If-Range", tag) == tag:
            start = int(wanted[1])
            if start >= len(content):
                return Answer(416, headers={"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return Answer(206, content[start:], headers, cut)
        return Answer(200, content, headers, cut)

    return script


def plain(content: bytes, **headers: str) -> Script:
    """A file of a simple web server."""
    return lambda seen, number: Answer(200, content, dict(headers))


def in_turn(*answers: Answer) -> Script:
    """One answer after the other; the last one stays."""
    return lambda seen, number: answers[min(number, len(answers)) - 1]


def as_json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def redirect(url: str, status: int = 302) -> Answer:
    return Answer(status, headers={"Location": url})


def http_date(seconds_from_now: float) -> str:
    return email.utils.formatdate(time.time() + seconds_from_now, usegmt=True)


@contextmanager
def running() -> Iterator[LocalServer]:
    """A server that runs within the block."""
    with LocalServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
