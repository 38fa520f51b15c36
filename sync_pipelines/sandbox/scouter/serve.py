"""Gestão Scouter's REST API as a process of its own: `python -m sync_pipelines.sandbox.scouter.serve --home DIR`.

The database is SANDBOX_GESTAO_SCOUTER_DATABASE_URL from the environment. The project's secret is kept in DIR, so its
keys are the same after a restart.
"""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path

from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.serving import kept_secret, serve

READY_FILE = "scouter.json"
DATABASE = "SANDBOX_GESTAO_SCOUTER_DATABASE_URL"


def main() -> None:
    """Serve until SIGTERM; the ready file holds address and key while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's Gestão Scouter.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--latency-seconds", type=float, default=0.0, help="what a request takes on its way")
    given = parser.parse_args()
    if not os.environ.get(DATABASE):
        parser.error(f"{DATABASE} is not set: the fake has no database.")
    fake = PostgrestFake(
        os.environ[DATABASE],
        jwt_secret=kept_secret(given.home / "jwt_secret", lambda: secrets.token_hex(32)),
        latency_seconds=given.latency_seconds,
    )
    fake.open()
    try:
        serve(
            fake.server,
            given.home / READY_FILE,
            lambda url: {"GESTAO_SCOUTER_URL": url, "GESTAO_SCOUTER_SERVICE_KEY": fake.service_key},
            stopping=fake.end_hanging_requests,
        )
    finally:
        fake.close()


if __name__ == "__main__":
    main()
