"""What the vendors whose tokens rotate have in common as processes: their tokens are kept in a file below the home.

The product has used up those of the demo when the process is started again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines.sandbox.erp.demo import A_MONTH, accounts_of
from sync_pipelines.sandbox.serving import serve

TOKENS_FILE = "tokens.json"


@dataclass(frozen=True)
class TokenVendor:
    """A vendor: its `erp_type`, its name, how its fake is made, and its numbers with and without limits."""

    erp_type: str
    name: str
    make: Callable[..., BlingFake | ContaAzulFake]
    rules: Any
    unlimited: Any
    #: What begins the names of the client in the credentials.
    client: str = ""

    @property
    def ready_file(self) -> str:
        return f"{self.erp_type}.json"

    def serve(self) -> None:
        """Serve the demo's accounts until SIGTERM; the ready file holds the addresses while it does."""
        parser = argparse.ArgumentParser(description=f"The sandbox's {self.name}.")
        parser.add_argument("--home", type=Path, required=True)
        parser.add_argument(
            "--invoices", type=int, default=A_MONTH, help="invoices a month of a company, about"
        )
        parser.add_argument("--unlimited", action="store_true", help="without the vendor's limits")
        parser.add_argument("--latency-seconds", type=float, default=0.0, help="what a call takes on its way")
        given = parser.parse_args()
        fake = self.make(
            rules=self.unlimited if given.unlimited else self.rules,
            kept=given.home / TOKENS_FILE,
            latency_seconds=given.latency_seconds,
        )
        for account in accounts_of(self.erp_type):
            credentials = account.credentials
            # The access token is not given: it has expired, and the first call of the product is to renew it.
            fake.add(
                account.company(given.invoices),
                name=account.name,
                client_id=credentials[f"{self.client}client_id"],
                client_secret=credentials[f"{self.client}client_secret"],
                refresh_token=credentials["refresh_token"],
            )

        def describe(url: str) -> Mapping[str, str]:
            fake.listening(url)
            setting = self.erp_type.upper()
            return {f"{setting}_URL": url, f"{setting}_AUTH_URL": url}

        serve(fake.server, given.home / self.ready_file, describe)
