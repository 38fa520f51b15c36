"""Mail as the last way out of an alert, straight to an SMTP server."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from sync_pipelines.lib.failures import PermanentError, TransientError

SECONDS = 15.0


@dataclass(frozen=True)
class MailServer:
    """`smtp://user:password@host:587` (STARTTLS, but on this machine) or `smtps://…:465`."""

    url: str
    sender: str

    def send(self, recipients: Sequence[str], subject: str, text: str) -> int:
        """Hand a mail over for each recipient; returns how many the server took.

        Raises SyncError when it took none. Addresses are personal data and in no sentence.
        """
        import smtplib

        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or (465 if parts.scheme == "smtps" else 587)
        connect = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
        taken = 0
        try:
            with connect(host, port, timeout=SECONDS) as line:
                self._secure(line, host, parts.scheme)
                if parts.username:
                    line.login(unquote(parts.username), unquote(parts.password or ""))
                for recipient in recipients:
                    with contextlib.suppress(smtplib.SMTPRecipientsRefused):
                        line.send_message(self._mail(recipient, subject, text))
                        taken += 1
        except smtplib.SMTPAuthenticationError:
            raise PermanentError("The mail server refused the login: check SMTP_URL.") from None
        except (smtplib.SMTPException, OSError) as error:
            if not taken:
                raise TransientError(f"The mail server took nothing ({type(error).__name__}).") from None
        if not taken:
            raise PermanentError(
                f"The mail server refused all {len(recipients)} recipients: check ALERT_EMAIL_TO."
            )
        return taken

    def _secure(self, line: object, host: str, scheme: str) -> None:
        import smtplib
        import ssl

        assert isinstance(line, smtplib.SMTP)
        if scheme == "smtps" or _is_loopback(host):
            return
        line.ehlo()
        if not line.has_extn("starttls"):
            raise PermanentError("The mail server offers no STARTTLS: use smtps:// in SMTP_URL.")
        line.starttls(context=ssl.create_default_context())

    def _mail(self, recipient: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage()
        # A line break would begin another header.
        mail["Subject"] = " ".join(subject.split())
        mail["From"], mail["To"] = self.sender, recipient
        mail.set_content(text)
        return mail


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
