"""What each vendor can say of a company, its products and its invoices (contract of the ERPs, sections 4 to 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from sync_pipelines.sandbox.erp.company import SandboxProfile
from sync_pipelines.sandbox.erp.notes import SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct


def _names(profile: SandboxProfile) -> dict[str, Any]:
    return {"nome_fantasia": profile.trade_name}


def _place(profile: SandboxProfile) -> dict[str, Any]:
    return {
        **_names(profile),
        "uf_sede": profile.state,
        "municipio_sede": profile.city.casefold() if profile.city else None,
    }


def _everything(profile: SandboxProfile) -> dict[str, Any]:
    """Omie cannot tell `presumido` from `real`."""
    regime = "simples" if profile.is_simples else None
    return {**_place(profile), "cnae_principal": profile.cnae, "regime_tributario": regime}


@dataclass(frozen=True)
class CatalogueManner:
    """`profile` gives the columns of `company_profile` that the vendor fills beside the legal name.

    `details` are the products whose NCM it says: each may be a call. `in_detail` are columns that only a detail has.
    """

    profile: Callable[[SandboxProfile], dict[str, Any]]
    details: Literal["all", "sold", "active"] = "all"
    in_detail: frozenset[str] = frozenset({"ncm"})
    lists_services: bool = True
    #: Columns that the vendor never says.
    silent: frozenset[str] = frozenset()
    has_uuids: bool = False
    #: Which of a company's notes can be read: those of its own that are in force, or none.
    notes: Literal["all", "sales", "none"] = "all"

    def id_of(self, product: SandboxProduct) -> str:
        """What the vendor calls the product."""
        return str(UUID(int=product.vendor_id)) if self.has_uuids else str(product.vendor_id)

    def has_detail(self, product: SandboxProduct) -> bool:
        """Whether the product's detail is read."""
        if self.details == "all":
            return True
        return product.is_active and (self.details == "active" or not product.is_service)

    def lists(self, note: SandboxNote) -> bool:
        """Whether a note can be read by a first sync: Conta Azul has sales, and leaves out what was cancelled."""
        if self.notes == "sales":
            return note.direction == 1 and note.state == "authorised"
        return self.notes == "all"


CATALOGUES: Final = {
    "omie": CatalogueManner(_everything),
    "bling": CatalogueManner(lambda _: {}, "sold", in_detail=frozenset({"ncm", "ean"})),
    "contaazul": CatalogueManner(_names, "active", lists_services=False, has_uuids=True, notes="sales"),
    "tiny": CatalogueManner(_place, "active", in_detail=frozenset({"ncm", "is_service"})),
    # Its code is its number, and its entity of products has no price.
    "sankhya": CatalogueManner(_names, silent=frozenset({"code", "price"}), notes="none"),
}
