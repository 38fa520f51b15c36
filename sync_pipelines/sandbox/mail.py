"""A mail server that keeps every mail: in memory for tests, as files that a person can open for the demo."""

from __future__ import annotations

import argparse
import asyncio
import email.policy
import json
import secrets
import signal
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sync_pipelines.lib.processes import open_private
from sync_pipelines.sandbox.servers import listen, listen_again
from sync_pipelines.sandbox.serving import PORT_FILE


class SmtpSink:
    """`with SmtpSink() as mail:` listens on a free port; `needs_login` generates a user and a password.

    The file `kept` keeps the port for the next start.

    Its faults: `refuse` holds recipients to reject, `broken` rejects every mail, `drops` hangs up in the middle of a
    mail, and every mail waits for `slow_seconds`.
    """

    def __init__(
        self, folder: Path | None = None, *, needs_login: bool = False, kept: Path | None = None
    ) -> None:
        self.messages: list[EmailMessage] = []
        self.login = ("sync", secrets.token_urlsafe(12)) if needs_login else None
        self.clear()
        self._folder, self._kept, self._numbers = folder, kept, count(1)
        # aiosmtpd's own controller connects to the port number that it was given, and that is 0 for a free port.
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        line = listen_again(self._kept) if self._kept else listen("127.0.0.1", 0)
        self.port: int = line.getsockname()[1]
        serving = self._loop.create_server(self._server_for_a_connection, sock=line)
        self._server = self._loop.run_until_complete(serving)
        self._thread = Thread(target=self._loop.run_forever, name="smtp-sink")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def clear(self) -> None:
        """Forget the mails and switch every fault off."""
        self.messages.clear()
        self.refuse: set[str] = set()
        self.broken = self.drops = False
        self.slow_seconds = 0.0

    @property
    def url(self) -> str:
        """Its address, with user and password if it needs a login."""
        login = f"{self.login[0]}:{self.login[1]}@" if self.login else ""
        return f"smtp://{login}127.0.0.1:{self.port}"

    def _server_for_a_connection(self) -> SMTP:
        return SMTP(
            self, loop=self._loop, authenticator=self._authenticate, auth_require_tls=self.login is None
        )

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: Any
    ) -> Any:
        known = self.login and tuple(text.encode() for text in self.login)
        return AuthResult(success=isinstance(given, LoginPassword) and tuple(given) == known, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.slow_seconds)
        if self.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.drops:
            cast("asyncio.Transport", server.transport).abort()
        if self.broken or self.drops:
            return "451 4.3.0 try again later"
        content = cast("bytes", envelope.content)
        parsed: Any = message_from_bytes(content, policy=email.policy.default)
        self.messages.append(parsed)
        if self._folder is not None:
            name = f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}-{next(self._numbers):04}.eml"
            with open_private(self._folder / name) as stream:
                stream.write(content)
        return "250 OK"


def main() -> None:
    """Listen until SIGTERM; `mail.json` in `--home` holds the URL, `--home`/mails the mails."""
    parser = argparse.ArgumentParser(description="The sandbox's mail server.")
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args().home
    folder = home / "mails"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with SmtpSink(folder, kept=home / PORT_FILE) as sink:
        ready = home / "mail.json"
        with open_private(ready) as stream:
            stream.write(json.dumps({"SMTP_URL": sink.url}).encode())
        signal.sigwait(signals)
        ready.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
