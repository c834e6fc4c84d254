"""Sending: a POST to a webhook, a mail over SMTP; tried again, never for long, and never an exception.

What a server or a library says about a failure is not passed on: it quotes the address, which is a secret.
"""

import smtplib
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from email.message import EmailMessage

from mmm_core.config.alerts import EmailConfig

_FIRST_PAUSE_SECONDS = 0.5
_REFUSED, _NOT_SENT = "refused it", "nothing was sent"
"""How a problem begins that another attempt does not mend."""
_NO_STARTTLS = (
    "the mail server offers no STARTTLS; set alerts.email.security to `tls` (mostly port 465), or to `none` if it "
    "is on this machine"
)
_CERTIFICATES = {9: "is not valid yet", 10: "has expired", 62: "is for another host", 64: "is for another host"}
"""OpenSSL's code -> what is wrong with a certificate."""


def post_json(url: str, payload: object, attempts: int, timeout_seconds: float) -> str | None:
    """Post JSON; a redirect is not followed, because it would carry the message elsewhere.

    Returns:
        None once it is taken; otherwise what happened at the last attempt, without address.
    """
    import requests

    def attempt() -> str | None:
        try:
            with requests.post(
                url, json=payload, timeout=timeout_seconds, allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
        except (requests.RequestException, ValueError) as error:
            return type(error).__name__
        if 200 <= status < 300:
            return None
        return f"status {status}" if status >= 500 or status in (408, 429) else f"{_REFUSED} with status {status}"

    return _tried(attempt, attempts)


def send_mail(server: EmailConfig, letter: EmailMessage, attempts: int, timeout_seconds: float) -> str | None:
    """Send a mail.

    Returns:
        None once the server has it; otherwise what happened at the last attempt.
    """

    def attempt() -> str | None:
        try:
            with _connection(server, timeout_seconds) as smtp:
                if server.user is not None:
                    smtp.login(server.user, server.password or "")
                smtp.send_message(letter)
        except ssl.SSLEOFError as error:  # a server that hangs up may answer the next time
            return type(error).__name__
        except ssl.SSLError as error:
            return f"{_NOT_SENT}: {_tls_problem(error)}"
        except _NoEncryptionError:
            return f"{_NOT_SENT}: {_NO_STARTTLS}"
        except (
            smtplib.SMTPAuthenticationError,
            smtplib.SMTPRecipientsRefused,
            smtplib.SMTPSenderRefused,
            smtplib.SMTPNotSupportedError,
        ) as error:
            return f"{_REFUSED} ({type(error).__name__})"
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return type(error).__name__
        return None

    return _tried(attempt, attempts)


def _connection(server: EmailConfig, timeout_seconds: float) -> smtplib.SMTP:
    if server.security == "tls":
        trusted = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, timeout=timeout_seconds, context=trusted)
    smtp = smtplib.SMTP(server.host, server.port, timeout=timeout_seconds)
    with ExitStack() as on_failure:
        on_failure.callback(smtp.close)
        if server.security == "starttls":
            _encrypt(smtp)
        on_failure.pop_all()
    return smtp


class _NoEncryptionError(Exception):
    """The server does not offer what `security` asks for."""


def _encrypt(smtp: smtplib.SMTP) -> None:
    """STARTTLS with a certificate that is verified; nothing is said in plain text if that fails."""
    smtp.ehlo_or_helo_if_needed()
    if not smtp.has_extn("starttls"):
        raise _NoEncryptionError
    smtp.starttls(context=ssl.create_default_context())


def _tls_problem(error: ssl.SSLError) -> str:
    """What is wrong, in our words: the library's quote the host."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = _CERTIFICATES.get(error.verify_code, "is not signed by an authority that this machine trusts")
        return (
            f"the mail server's certificate {why}; correct alerts.email.host, or name the authority's file in the "
            "environment variable SSL_CERT_FILE"
        )
    return (
        "the mail server does not speak TLS on alerts.email.port as alerts.email.security asks for it (`tls` is "
        "mostly on 465, `starttls` on 587)"
    )


def _tried(attempt: Callable[[], str | None], attempts: int) -> str | None:
    problem = attempt()
    for number in range(1, attempts):
        if problem is None or problem.startswith((_REFUSED, _NOT_SENT)):
            break
        time.sleep(_FIRST_PAUSE_SECONDS * 2 ** (number - 1))
        problem = attempt()
    return problem
