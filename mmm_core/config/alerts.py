"""Section `alerts`: who is told when something goes wrong, or a model changes."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from mmm_core.config.base import Section

AlertKind = Literal["run_failed", "check_failed", "drift", "promoted", "rolled_back", "rejected", "bad_geo"]
ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)


def _web_address(text: str) -> str:
    if not text.startswith(("https://", "http://")) or len(text.split("://")[1]) == 0:
        raise ValueError("an address begins with https:// (or http:// on this machine)")
    return text


def _mail_address(text: str) -> str:
    name, at, host = text.rpartition("@")
    if not (name and at and host) or any(sign.isspace() or sign in ",;<>" for sign in text):
        raise ValueError(f"{text!r} is no e-mail address; write one such as mmm@example.com")
    return text


WebAddress = Annotated[str, AfterValidator(_web_address)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]


class WebhookConfig(Section):
    """A channel that takes Slack's messages: `{"text": ...}` as JSON, by POST."""

    url: WebAddress
    """From the environment only, `"${NAME}"`: whoever knows it can write there."""


class EmailConfig(Section):
    """A mail server, and who gets mail."""

    host: str = Field(min_length=1)
    """SMTP server."""
    port: int = Field(587, ge=1, le=65535)
    """587 with `starttls`, 465 with `tls`, mostly."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted; `none` is for a server on this machine."""
    user: str | None = None
    """Who logs in (not with `security: none`, except on this machine); null: nobody has to."""
    password: str | None = None
    """From the environment only, `"${NAME}"`."""
    sender: MailAddress
    """Address in From."""
    recipients: tuple[MailAddress, ...] = Field(min_length=1)
    """Addresses in To."""


class AlertsConfig(Section):
    """Messages to people.  They name runs, assets, geos and checks; no value of the data is ever in them."""

    webhook: WebhookConfig | None = None
    """Post messages there; null: do not."""
    email: EmailConfig | None = None
    """Send mail; null: do not."""
    kinds: tuple[AlertKind, ...] = ALERT_KINDS
    """What is told: failed runs, failed checks that block, drift of the accepted model, a model promoted, rolled
    back or rejected, a geo that is left out or stops the fit."""
    commands: Literal["unattended", "always", "never"] = "unattended"
    """Whether commands tell of failed runs and checks by themselves; `unattended`: where neither input nor error
    output is a terminal, as in cron."""
    min_interval_minutes: float = Field(15, ge=0)
    """Shortest time between two messages of one kind; what comes in between is counted, and told with the next."""
    attempts: int = Field(3, ge=1, le=10)
    """How often a message is tried; after that it is given up, with one line in the log."""
    timeout_seconds: float = Field(5, gt=0, le=30)
    """How long one attempt may wait for an answer."""
    ui_url: WebAddress | None = None
    """Address of the Dagster UI as its readers see it, e.g. https://mmm.example.com; messages then have links."""
