"""Sankhya as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_sankhya --home DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from sync_pipelines.sandbox.erp.demo import A_MONTH, accounts_of
from sync_pipelines.sandbox.erp.sankhya import SankhyaFake
from sync_pipelines.sandbox.serving import serve

READY_FILE = "sankhya.json"


def main() -> None:
    """Serve the demo's accounts until SIGTERM; the ready file holds the address while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's Sankhya.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--invoices", type=int, default=A_MONTH, help="invoices a month of a company, about")
    parser.add_argument("--unlimited", action="store_true", help="without limits; it has none of its own")
    parser.add_argument("--latency-seconds", type=float, default=0.0, help="what a call takes on its way")
    given = parser.parse_args()
    fake = SankhyaFake(latency_seconds=given.latency_seconds)
    for account in accounts_of("sankhya"):
        credentials = account.credentials
        fake.add(
            account.company(given.invoices),
            name=account.name,
            client_id=str(credentials["client_id"]),
            client_secret=str(credentials["client_secret"]),
            x_token=str(credentials["token"]),
        )
    serve(fake.server, given.home / READY_FILE, lambda url: {"SANKHYA_URL": url})


if __name__ == "__main__":
    main()
