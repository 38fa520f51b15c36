"""A mail server that keeps what it is given: in memory for tests, as files that a person can open for the demo."""

from __future__ import annotations

import argparse
import asyncio
import email.policy
import json
import os
import signal
from email import message_from_bytes
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from sync_pipelines.sandbox.servers import listen


class SmtpSink:
    """`with SmtpSink() as mail:` listens on a free port; `refuse` are recipients that are turned away."""

    def __init__(self, folder: Path | None = None) -> None:
        self.messages: list[EmailMessage] = []
        self.refuse: set[str] = set()
        self.broken = False
        self._folder, self._numbers = folder, count(1)
        # aiosmtpd's own controller calls the port that it was given, which a free port is not.
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        line = listen("127.0.0.1", 0)
        self.port: int = line.getsockname()[1]
        serving = self._loop.create_server(lambda: SMTP(self, loop=self._loop), sock=line)
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

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.broken:
            return "451 4.3.0 try again later"
        content = cast("bytes", envelope.content)
        parsed: Any = message_from_bytes(content, policy=email.policy.default)
        self.messages.append(parsed)
        if self._folder is not None:
            path = self._folder / f"{os.getpid()}-{next(self._numbers):04}.eml"
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
                stream.write(content)
        return "250 OK"


def main() -> None:
    """Listen until SIGTERM; `mail.json` in `--home` holds the URL, `--home`/mails what came."""
    parser = argparse.ArgumentParser(description="The sandbox's mail server.")
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args().home
    folder = home / "mails"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with SmtpSink(folder) as sink:
        ready = home / "mail.json"
        ready.touch(mode=0o600)
        ready.write_text(json.dumps({"SMTP_URL": sink.url}))
        signal.sigwait(signals)
        ready.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
