"""Mail over SMTP: the last channel of an alert."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError

if TYPE_CHECKING:  # slow to import
    import smtplib

SECONDS = 15.0


@dataclass(frozen=True)
class MailServer:
    """`smtp://user:password@host:587` (STARTTLS, but on this machine) or `smtps://…:465`."""

    url: str
    sender: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def check(self) -> None:
        """Connect, encrypt and log in, and send nothing. Raises SyncError that says what is wrong."""
        import smtplib

        try:
            with self._line() as line:
                line.noop()
        except (smtplib.SMTPException, OSError) as error:
            raise TransientError(f"The mail server does not answer as one: {_reason(error)}.") from None

    def send(self, recipients: Sequence[str], subject: str, text: str) -> int:
        """Send a mail to each recipient; returns how many the server took.

        Raises SyncError if it took none. No sentence holds an address, which is personal data.
        """
        import smtplib

        taken = 0
        try:
            with self._line() as line:
                for recipient in recipients:
                    with contextlib.suppress(smtplib.SMTPRecipientsRefused):
                        line.send_message(self._mail(recipient, subject, text))
                        taken += 1
        except (smtplib.SMTPException, OSError) as error:
            if not taken:
                raise TransientError(f"The mail server took nothing ({_reason(error)}).") from None
        except SyncError:
            if not taken:
                raise
        if not taken:
            raise PermanentError(
                f"The mail server refused all {len(recipients)} recipients: check ALERT_EMAIL_TO."
            )
        return taken

    @contextlib.contextmanager
    def _line(self) -> Iterator[smtplib.SMTP]:
        """A connection that is logged in, and encrypted unless it stays on this machine."""
        import smtplib

        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or (465 if parts.scheme == "smtps" else 587)
        connect = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
        # The sender's domain: the name of this machine stays private.
        with connect(host, port, local_hostname=self._domain, timeout=SECONDS) as line:
            self._secure(line, host, parts.scheme)
            if parts.username:
                try:
                    line.login(unquote(parts.username), unquote(parts.password or ""))
                except smtplib.SMTPAuthenticationError:
                    raise PermanentError("The mail server refused the login: check SMTP_URL.") from None
            yield line

    def _secure(self, line: smtplib.SMTP, host: str, scheme: str) -> None:
        import ssl

        if scheme == "smtps" or _is_loopback(host):
            return
        line.ehlo()
        if not line.has_extn("starttls"):
            raise PermanentError("The mail server offers no STARTTLS: use smtps:// in SMTP_URL.")
        line.starttls(context=ssl.create_default_context())

    @property
    def _domain(self) -> str:
        return parseaddr(self.sender)[1].rpartition("@")[2] or "localhost"

    def _mail(self, recipient: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage()
        # A line break would begin another header.
        mail["Subject"] = " ".join(subject.split())
        mail["From"], mail["To"] = self.sender, recipient
        mail["Date"] = format_datetime(self.clock())
        mail["Message-ID"] = make_msgid(domain=self._domain)
        # No out-of-office answer comes back to it (RFC 3834).
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        return mail


def _reason(error: Exception) -> str:
    """The kind of an error, and for a failed connection the words of the operating system."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
