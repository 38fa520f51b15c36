"""Omie as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_omie --home DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from sync_pipelines.sandbox.erp.demo import A_MONTH, accounts_of
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines.sandbox.erp.omie_limits import UNLIMITED, OmieRules
from sync_pipelines.sandbox.serving import serve

READY_FILE = "omie.json"


def main() -> None:
    """Serve the demo's accounts until SIGTERM; the ready file holds the address while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's Omie.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--invoices", type=int, default=A_MONTH, help="invoices a month of a company, about")
    parser.add_argument("--unlimited", action="store_true", help="without the vendor's limits")
    parser.add_argument("--latency-seconds", type=float, default=0.0, help="what a call takes on its way")
    given = parser.parse_args()
    rules = UNLIMITED if given.unlimited else OmieRules()
    fake = OmieFake(rules=rules, latency_seconds=given.latency_seconds)
    for account in accounts_of("omie"):
        fake.add(
            account.company(given.invoices),
            name=account.name,
            app_key=account.credentials["app_key"],
            app_secret=account.credentials["app_secret"],
        )
    # The product adds the version to an address without a path.
    serve(fake.server, given.home / READY_FILE, lambda url: {"OMIE_URL": url})


if __name__ == "__main__":
    main()
