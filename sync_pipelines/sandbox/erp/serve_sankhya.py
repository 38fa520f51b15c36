"""Sankhya as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_sankhya --home DIR`."""

from __future__ import annotations

from sync_pipelines.sandbox.erp.demo import accounts_of
from sync_pipelines.sandbox.erp.sankhya import SankhyaFake
from sync_pipelines.sandbox.erp.serve_arguments import arguments
from sync_pipelines.sandbox.serving import serve

READY_FILE = "sankhya.json"


def main() -> None:
    """Serve the demo's accounts until SIGTERM; the ready file holds the address while it does."""
    given = arguments("Sankhya", unlimited="without limits; it has none of its own").parse_args()
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
