"""A mail server in a thread: the part of SMTP that a client needs, without TLS (aiosmtpd is no dependency)."""

import base64
import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.policy import default


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail, and remembers it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, refuses_recipients: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.letters: list[tuple[str, list[str], Message]] = []
        """(envelope sender, envelope recipients, letter)."""
        self.logins: list[tuple[str, str]] = []
        self.refuses_recipients = refuses_recipients

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.sender, self.recipients = "", []
        self._say("220 ready")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            word = line.split()[0].upper()
            if word == "QUIT":
                self._say("221 bye")
                return
            getattr(self, f"_{word.lower()}", self._unknown)(line)

    def _ehlo(self, line: str) -> None:
        self._say("250-local", "250 AUTH PLAIN")

    def _auth(self, line: str) -> None:
        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        self.server.logins.append((user, password))
        self._say("235 welcome")

    def _mail(self, line: str) -> None:
        self.sender = line.partition("<")[2].partition(">")[0]
        self._say("250 ok")

    def _rcpt(self, line: str) -> None:
        if self.server.refuses_recipients:
            self._say("550 nobody of that name")
            return
        self.recipients.append(line.partition("<")[2].partition(">")[0])
        self._say("250 ok")

    def _data(self, line: str) -> None:
        self._say("354 go on")
        lines = []
        while (text := self.rfile.readline()) != b".\r\n":
            lines.append(text)
        letter = email.message_from_bytes(b"".join(lines), policy=default)
        self.server.letters.append((self.sender, self.recipients, letter))
        self._say("250 taken")

    def _rset(self, line: str) -> None:
        self._say("250 ok")

    def _unknown(self, line: str) -> None:
        self._say("502 not here")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


@contextmanager
def running(refuses_recipients: bool = False) -> Iterator[MailServer]:
    """A mail server that runs within the block."""
    with MailServer(refuses_recipients) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
