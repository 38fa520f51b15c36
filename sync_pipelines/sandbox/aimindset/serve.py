"""The project's endpoints as a process of their own: `python -m sync_pipelines.sandbox.aimindset.serve --home DIR`.

The database is AIMINDSET_DATABASE_URL, the mail server of its alerts SMTP_URL, both from the environment.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from sync_pipelines.sandbox.aimindset.fake import AimindsetFake
from sync_pipelines.sandbox.processes import open_private

READY_FILE = "aimindset.json"


def main() -> None:
    """Serve until SIGTERM; the ready file holds address and key while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's AIMindset endpoints.")
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args().home
    mail = urlsplit(os.environ.get("SMTP_URL", ""))
    smtp = (mail.hostname, mail.port) if mail.hostname and mail.port else None
    fake = AimindsetFake(
        os.environ["AIMINDSET_DATABASE_URL"], smtp=smtp, service_key=_key(home / "service_key")
    )
    ready = home / READY_FILE

    def listening(url: str) -> None:
        with open_private(ready) as stream:
            note = {"AIMINDSET_PROJECT_URL": url, "AIMINDSET_SERVICE_KEY": fake.service_key}
            stream.write(json.dumps(note).encode())

    try:
        fake.server.run_here(listening)
    finally:
        ready.unlink(missing_ok=True)


def _key(path: Path) -> str:
    """The same key after a restart."""
    if not path.is_file():
        with open_private(path) as stream:
            stream.write(f"service-{secrets.token_hex(16)}".encode())
    return path.read_text()


if __name__ == "__main__":
    main()
