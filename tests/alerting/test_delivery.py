"""Messages arrive at real servers on this machine; dead ones are given up soon, without a word of the address."""

import socket
from pathlib import Path
from typing import Literal

import pytest

from mmm_core.alerting import delivery
from mmm_core.alerting.delivery import post_json, send_mail
from mmm_core.alerting.message import mail, new_message
from mmm_core.config.alerts import EmailConfig
from tests import mail_server
from tests.local_server import Answer, in_turn, running

LETTER = mail(new_message("drift", "brand", "Käse", {"geo": "Île"}), "mmm@example.com", ("a@x.org", "b@x.org"))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_FIRST_PAUSE_SECONDS", 0.001)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server(port: int, **more: object) -> EmailConfig:
    return EmailConfig.model_validate(
        {
            "host": "127.0.0.1",
            "port": port,
            "security": "none",
            "sender": "mmm@example.com",
            "recipients": ["a@x.org", "b@x.org"],
            **more,
        }
    )


def login(user: str, words: str) -> dict[str, object]:
    return {"user": user, "password": words}


def test_a_webhook_gets_json() -> None:
    with running() as web:
        web.scripts["/hook"] = in_turn(Answer(200, b"ok"))
        assert post_json(web.url("/hook"), {"text": "hé"}, 3, 30) is None
        (seen,) = web.requests("/hook")
    assert seen.method == "POST"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.body == b'{"text": "h\\u00e9"}'


@pytest.mark.parametrize(
    ("statuses", "asked", "problem"),
    [
        ((503, 429, 204), 3, None),
        ((500, 500, 500), 3, "status 500"),
        ((404,), 1, "refused it with status 404"),
        ((302,), 1, "refused it with status 302"),
    ],
)
def test_only_what_may_pass_is_tried_again(statuses: tuple[int, ...], asked: int, problem: str | None) -> None:
    with running() as web:
        web.scripts["/hook"] = in_turn(*(Answer(status, headers={"Location": "/other"}) for status in statuses))
        assert post_json(web.url("/hook"), {}, 3, 30) == problem
        assert len(web.seen) == asked


def test_a_dead_webhook_is_given_up_without_its_address(closed_port: int) -> None:
    problem = post_json(f"http://127.0.0.1:{closed_port}/services/T0/secret", {}, 2, 5)
    assert problem == "ConnectionError"


def test_a_webhook_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert post_json(f"http://127.0.0.1:{silent.getsockname()[1]}/hook", {}, 2, 0.1) == "ReadTimeout"


def test_mail_arrives_with_its_login() -> None:
    with mail_server.running() as post:
        assert send_mail(server(post.port, **login("mmm", "pw")), LETTER, 3, 30) is None
        ((sender, recipients, letter),) = post.letters
        assert post.logins == [("mmm", "pw")]
    assert (sender, recipients) == ("mmm@example.com", ["a@x.org", "b@x.org"])
    assert letter["Subject"] == "[brand] Drift: Käse"
    assert "geo: Île" in letter.get_content()  # type: ignore[attr-defined]


def test_refused_recipients_are_not_tried_again() -> None:
    with mail_server.running(refuses_recipients=True) as post:
        assert send_mail(server(post.port), LETTER, 3, 30) == "refused it (SMTPRecipientsRefused)"


def test_an_unencrypted_server_gets_no_mail_where_encryption_is_asked_for() -> None:
    with mail_server.running() as post:
        problem = send_mail(server(post.port, security="starttls", **login("u", "p")), LETTER, 3, 30)
        assert (post.logins, post.letters) == ([], [])
    assert problem is not None
    assert problem.startswith("nothing was sent: the mail server offers no STARTTLS; set alerts.email.security to")


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mail_server.certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_mail_and_login_go_encrypted_to_a_server_with_a_trusted_certificate(
    kind: Literal["starttls", "tls"], own_certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate))
    with mail_server.running(encryption=mail_server.Encryption(kind, own_certificate)) as post:
        assert send_mail(server(post.port, security=kind, **login("mmm", "pw")), LETTER, 3, 30) is None
        assert post.logins == [("mmm", "pw")]
        assert len(post.letters) == 1
        assert post.in_the_open == (["EHLO", "STARTTLS"] if kind == "starttls" else [])


@pytest.mark.parametrize("kind", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("name", "days", "trusted", "words"),
    [
        ("127.0.0.1", 1, False, "is not signed by an authority that this machine trusts"),
        ("mail.example.com", 1, True, "is for another host"),
        ("127.0.0.1", 0, True, "has expired"),
    ],
)
def test_a_wrong_certificate_is_refused_in_a_sentence_and_nothing_is_said_in_the_open(
    kind: Literal["starttls", "tls"],
    name: str,
    days: int,
    trusted: bool,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = mail_server.certificate(tmp_path / "server.pem", name, days)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
    with mail_server.running(encryption=mail_server.Encryption(kind, own)) as post:
        problem = send_mail(server(post.port, security=kind, **login("mmm", "pw")), LETTER, 3, 30)
        assert (post.logins, post.letters) == ([], [])
        assert set(post.in_the_open) <= {"EHLO", "STARTTLS"}
        assert post.in_the_open.count("STARTTLS") <= 1, "another attempt would not mend it"
    assert problem == (
        f"nothing was sent: the mail server's certificate {words}; correct alerts.email.host, or name the "
        "authority's file in the environment variable SSL_CERT_FILE"
    )


def test_a_server_that_speaks_no_tls_on_that_port_gets_nothing() -> None:
    with mail_server.running() as post:
        problem = send_mail(server(post.port, security="tls", **login("u", "p")), LETTER, 3, 30)
        assert (post.logins, post.letters) == ([], [])
    assert problem is not None
    assert problem.startswith("nothing was sent: the mail server does not speak TLS on alerts.email.port")


def test_a_dead_mail_server_is_given_up(closed_port: int) -> None:
    assert send_mail(server(closed_port), LETTER, 2, 5) == "ConnectionRefusedError"
