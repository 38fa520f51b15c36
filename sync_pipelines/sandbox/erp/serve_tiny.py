"""Tiny as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_tiny --home DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from sync_pipelines.sandbox.erp.demo import A_MONTH, accounts_of
from sync_pipelines.sandbox.erp.tiny import TinyFake
from sync_pipelines.sandbox.erp.tiny_limits import UNLIMITED, TinyRules
from sync_pipelines.sandbox.serving import serve

READY_FILE = "tiny.json"
#: Calls a minute. The largest plan has 120, by which the demo would wait a minute.
A_MINUTE = 240


def main() -> None:
    """Serve the demo's accounts until SIGTERM; the ready file holds the address while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's Tiny.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--invoices", type=int, default=A_MONTH, help="invoices a month of a company, about")
    parser.add_argument("--calls", type=int, default=A_MINUTE, help="calls a minute of the accounts' plan")
    parser.add_argument("--unlimited", action="store_true", help="without the vendor's limits")
    parser.add_argument("--latency-seconds", type=float, default=0.0, help="what a call takes on its way")
    given = parser.parse_args()
    rules = UNLIMITED if given.unlimited else TinyRules(calls=given.calls)
    fake = TinyFake(rules=rules, latency_seconds=given.latency_seconds)
    for account in accounts_of("tiny"):
        fake.add(account.company(given.invoices), name=account.name, token=account.credentials["token"])
    # The product adds the version to an address without a path.
    serve(fake.server, given.home / READY_FILE, lambda url: {"TINY_URL": url})


if __name__ == "__main__":
    main()
