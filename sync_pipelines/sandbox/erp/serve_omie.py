"""Omie as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_omie --home DIR`."""

from __future__ import annotations

from sync_pipelines.sandbox.erp.demo import accounts_of
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines.sandbox.erp.omie_limits import UNLIMITED, OmieRules
from sync_pipelines.sandbox.erp.serve_arguments import arguments
from sync_pipelines.sandbox.serving import serve

READY_FILE = "omie.json"


def main() -> None:
    """Serve the demo's accounts until SIGTERM; the ready file holds the address while it does."""
    given = arguments("Omie").parse_args()
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
