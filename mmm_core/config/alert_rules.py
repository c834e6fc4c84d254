"""Rules about alerts."""

from collections.abc import Callable, Iterator

from mmm_core.config.problems import Problem
from mmm_core.config.schema import Config


def _password_in_the_open(config: Config) -> Iterator[Problem]:
    """Who listens on the network must not hear a password."""
    mail = config.alerts.email
    if mail is None or mail.security != "none" or mail.user is None or _is_here(mail.host):
        return
    message = (
        "received 'none', which would send the password unencrypted over the network; use `starttls` or `tls`, or "
        "remove alerts.email.user."
    )
    yield Problem(("alerts", "email", "security"), message, (("alerts", "email", "user"),))


def _is_here(host: str) -> bool:
    """Whether a connection stays on this machine."""
    return host == "localhost" or host.startswith("127.") or host == "::1"


ALERT_RULES: tuple[Callable[[Config], Iterator[Problem]], ...] = (_password_in_the_open,)
