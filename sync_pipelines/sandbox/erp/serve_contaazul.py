"""Conta Azul as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_contaazul --home DIR`.

Its tokens are kept in DIR: the product has used up those of the demo when the process is started again.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines.sandbox.erp.contaazul_limits import UNLIMITED, ContaAzulRules
from sync_pipelines.sandbox.erp.demo import A_MONTH, accounts_of
from sync_pipelines.sandbox.serving import serve

READY_FILE = "contaazul.json"
TOKENS_FILE = "tokens.json"


def main() -> None:
    """Serve the demo's accounts until SIGTERM; the ready file holds the addresses while it does."""
    parser = argparse.ArgumentParser(description="The sandbox's Conta Azul.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--invoices", type=int, default=A_MONTH, help="invoices a month of a company, about")
    parser.add_argument("--unlimited", action="store_true", help="without the vendor's limits")
    parser.add_argument("--latency-seconds", type=float, default=0.0, help="what a call takes on its way")
    given = parser.parse_args()
    fake = ContaAzulFake(
        rules=UNLIMITED if given.unlimited else ContaAzulRules(),
        kept=given.home / TOKENS_FILE,
        latency_seconds=given.latency_seconds,
    )
    for account in accounts_of("contaazul"):
        credentials = account.credentials
        # The access token is not given: it has expired, and the first call of the product is to renew it.
        fake.add(
            account.company(given.invoices),
            name=account.name,
            client_id=credentials["client_id"],
            client_secret=credentials["client_secret"],
            refresh_token=credentials["refresh_token"],
        )

    def describe(url: str) -> Mapping[str, str]:
        fake.listening(url)
        return {"CONTAAZUL_URL": url, "CONTAAZUL_AUTH_URL": url}

    serve(fake.server, given.home / READY_FILE, describe)


if __name__ == "__main__":
    main()
