"""A client that calls the fake Tiny as a stranger would, with httpx alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from sync_pipelines.sandbox.erp.tiny import TinyFake
from sync_pipelines_tests.sandbox.erp.vendors.clients import Clock

SEARCH, XML = "notas.fiscais.pesquisa", "nota.fiscal.obter.xml"


@dataclass
class TinyCaller:
    """A client of a fake Tiny, by default of its first account."""

    tiny: TinyFake
    http: httpx.Client
    clock: Clock

    def call(
        self, service: str, *, account: int = 0, wait: float = 10.0, token: str | None = None, **asked: str
    ) -> httpx.Response:
        """Call a service; `wait` seconds pass before, so that no minute has too many calls."""
        self.clock.now += wait
        form = {"token": token or self.tiny.accounts[account].token, "formato": "json", **asked}
        return self.http.post(f"/{service}.php", data=form)

    def retorno(self, service: str, **asked: str) -> Any:
        answered = self.call(service, **asked)
        assert answered.status_code == 200
        return answered.json()["retorno"]

    def ids(self, **asked: str) -> list[int]:
        """The invoices of a page."""
        rows = self.retorno(SEARCH, **asked).get("notas_fiscais", [])
        return [int(row["nota_fiscal"]["id"]) for row in rows]

    def code(self, service: str, **asked: str) -> int | None:
        """The code of an error; None where there is none."""
        code = self.retorno(service, **asked).get("codigo_erro")
        return int(code) if code is not None else None
