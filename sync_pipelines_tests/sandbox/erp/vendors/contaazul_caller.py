"""A client that calls the fake Conta Azul as a stranger would, with httpx alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines_tests.sandbox.erp.vendors.clients import Clock

FINANCE = "/financeiro/eventos-financeiros"
NOVEMBER = {"data_inicial": "2026-11-01", "data_final": "2026-11-15", "tamanho_pagina": "100"}


@dataclass
class ContaAzulCaller:
    """A client of a fake Conta Azul, by default of its first account."""

    fake: ContaAzulFake
    http: httpx.Client
    clock: Clock

    def get(
        self, path: str, *, account: int = 0, wait: float = 1.0, token: str | None = None, **asked: Any
    ) -> httpx.Response:
        """Call a path; `wait` seconds pass before, so that no second has too many calls."""
        self.clock.now += wait
        bearer = token or self.fake.accounts[account].access_token
        return self.http.get(path, params=asked, headers={"Authorization": f"Bearer {bearer}"})

    def refused(self, path: str, **asked: Any) -> str:
        """The sentence of an error 400."""
        answered = self.get(path, **asked)
        assert answered.status_code == 400
        return str(answered.json()["error"])

    def token(self, *, wait: float = 1.0, basic: str | None = None, **form: str) -> httpx.Response:
        """Ask for tokens, with the account's last refresh token unless the form is given."""
        self.clock.now += wait
        account = self.fake.account
        return self.http.post(
            f"{self.fake.auth_url}/oauth2/token",
            data=form or {"grant_type": "refresh_token", "refresh_token": account.refresh_token},
            headers={"Authorization": basic or account.basic},
        )
