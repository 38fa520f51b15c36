"""Conta Azul as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_contaazul --home DIR`."""

from __future__ import annotations

from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines.sandbox.erp.contaazul_limits import UNLIMITED, ContaAzulRules
from sync_pipelines.sandbox.erp.serve_tokens import TokenVendor

CONTAAZUL = TokenVendor(
    "contaazul", "Conta Azul", make=ContaAzulFake, rules=ContaAzulRules(), unlimited=UNLIMITED
)

if __name__ == "__main__":
    CONTAAZUL.serve()
