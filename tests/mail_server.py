"""A mail server in a thread: the part of SMTP that a client needs, with TLS (aiosmtpd is no dependency)."""

import base64
import email
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.policy import default
from io import BytesIO
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Encryption:
    """How a server encrypts, and with which certificate."""

    kind: Literal["starttls", "tls"]
    certificate: Path
    """PEM file with the key; it is its own authority."""

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context


def certificate(path: Path, name: str = "127.0.0.1", days: int = 1) -> Path:
    """Write a self-signed certificate of this machine, and its key.

    Args:
        path: PEM file.
        name: address or host that it is for.
        days: how long it is valid from yesterday on; 0: it has expired.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, begins = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC) - timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail server of a test")])
    host = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days, hours=12))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail, and remembers it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, refuses_recipients: bool = False, encryption: Encryption | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.letters: list[tuple[str, list[str], Message]] = []
        """(envelope sender, envelope recipients, letter)."""
        self.logins: list[tuple[str, str]] = []
        self.in_the_open: list[str] = []
        """Commands that came unencrypted."""
        self.refuses_recipients = refuses_recipients
        self.encryption = encryption

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.sender = ""
        self.recipients: list[str] = []
        encryption = self.server.encryption
        self.encrypted = encryption is not None and encryption.kind == "tls"
        if self.encrypted and not self._encrypt():
            return
        self._say("220 ready")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            word = line.split()[0].upper()
            if not self.encrypted:
                self.server.in_the_open.append(word)
            if word == "QUIT":
                self._say("221 bye")
                return
            getattr(self, f"_{word.lower()}", self._unknown)(line)

    def _ehlo(self, line: str) -> None:
        self._say("250-local", "250 STARTTLS" if self._can_encrypt() else "250 AUTH PLAIN")

    def _can_encrypt(self) -> bool:
        return self.server.encryption is not None and not self.encrypted

    def _starttls(self, line: str) -> None:
        if not self._can_encrypt():
            self._say("502 not here")
            return
        self._say("220 go on")
        self.encrypted = self._encrypt()

    def _encrypt(self) -> bool:
        """Whether the client agreed."""
        assert self.server.encryption is not None
        plain = self.rfile
        try:
            self.request: Any = self.server.encryption.context().wrap_socket(self.request, server_side=True)
        except OSError:
            self.rfile = BytesIO()  # nothing more is heard
            return False
        finally:
            plain.close()
        self.rfile = self.request.makefile("rb")
        self.wfile: Any = self.request.makefile("wb", 0)
        return True

    def finish(self) -> None:
        super().finish()
        self.request.close()

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
def running(refuses_recipients: bool = False, encryption: Encryption | None = None) -> Iterator[MailServer]:
    """A mail server that runs within the block."""
    with MailServer(refuses_recipients, encryption) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
