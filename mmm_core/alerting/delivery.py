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
_REFUSED = "refused it"


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
            smtp.starttls(context=ssl.create_default_context())
        on_failure.pop_all()
    return smtp


def _tried(attempt: Callable[[], str | None], attempts: int) -> str | None:
    problem = attempt()
    for number in range(1, attempts):
        if problem is None or problem.startswith(_REFUSED):
            break
        time.sleep(_FIRST_PAUSE_SECONDS * 2 ** (number - 1))
        problem = attempt()
    return problem
