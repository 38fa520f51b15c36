"""Tiny as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_tiny --home DIR`."""

from __future__ import annotations

from sync_pipelines.sandbox.erp.demo import accounts_of
from sync_pipelines.sandbox.erp.serve_arguments import arguments
from sync_pipelines.sandbox.erp.tiny import TinyFake
from sync_pipelines.sandbox.erp.tiny_limits import UNLIMITED, TinyRules
from sync_pipelines.sandbox.serving import serve

READY_FILE = "tiny.json"
#: Calls a minute. The largest plan has 120, by which the demo would wait a minute.
A_MINUTE = 240


def main() -> None:
    """Serve the demo's accounts until SIGTERM; the ready file holds the address while it does."""
    parser = arguments("Tiny")
    parser.add_argument("--calls", type=int, default=A_MINUTE, help="calls a minute of the accounts' plan")
    given = parser.parse_args()
    rules = UNLIMITED if given.unlimited else TinyRules(calls=given.calls)
    fake = TinyFake(rules=rules, latency_seconds=given.latency_seconds)
    for account in accounts_of("tiny"):
        fake.add(account.company(given.invoices), name=account.name, token=account.credentials["token"])
    # The product adds the version to an address without a path.
    serve(fake.server, given.home / READY_FILE, lambda url: {"TINY_URL": url})


if __name__ == "__main__":
    main()
