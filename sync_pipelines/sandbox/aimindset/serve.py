"""The project's endpoints as a process of their own: `python -m sync_pipelines.sandbox.aimindset.serve --home DIR`.

The database is AIMINDSET_DATABASE_URL, the mail server of its alerts SMTP_URL, both from the environment.
"""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from sync_pipelines.sandbox.aimindset.fake import AimindsetFake
from sync_pipelines.sandbox.serving import kept_secret, serve

READY_FILE = "aimindset.json"


def main() -> None:
    """Serve until SIGTERM; the ready file holds address and key while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's AIMindset endpoints.")
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args().home
    mail = urlsplit(os.environ.get("SMTP_URL", ""))
    smtp = (mail.hostname, mail.port) if mail.hostname and mail.port else None
    key = kept_secret(home / "service_key", lambda: f"service-{secrets.token_hex(16)}")
    fake = AimindsetFake(os.environ["AIMINDSET_DATABASE_URL"], smtp=smtp, service_key=key)
    serve(
        fake.server,
        home / READY_FILE,
        lambda url: {"AIMINDSET_PROJECT_URL": url, "AIMINDSET_SERVICE_KEY": key},
    )


if __name__ == "__main__":
    main()
