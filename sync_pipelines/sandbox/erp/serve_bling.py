"""Bling as a process of its own: `python -m sync_pipelines.sandbox.erp.serve_bling --home DIR`."""

from __future__ import annotations

from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.bling_limits import UNLIMITED, BlingRules
from sync_pipelines.sandbox.erp.serve_tokens import TokenVendor

BLING = TokenVendor(
    "bling", "Bling", make=BlingFake, rules=BlingRules(), unlimited=UNLIMITED, client="bling_"
)

if __name__ == "__main__":
    BLING.serve()
