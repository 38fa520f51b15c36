"""The vendors that are served, a line each, and the way to an account of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.credentials import read_credentials
from sync_pipelines.erp.outcome import Module
from sync_pipelines.erp.vendors import bling, contaazul, omie, sankhya, tiny, totvs
from sync_pipelines.erp.vendors.session import Opening, VendorSpec
from sync_pipelines.erp.vendors.vendor import Vendor
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.settings.erp import ErpSettings

#: By their value of the enum `erp_type`.
VENDORS: Mapping[str, VendorSpec] = {
    "bling": bling.SPEC,
    "contaazul": contaazul.SPEC,
    "omie": omie.SPEC,
    "sankhya": sankhya.SPEC,
    "tiny": tiny.SPEC,
    "totvs": totvs.SPEC,
}


def is_served(erp_type: str) -> bool:
    """Whether connections of a type are taken, if only to say why nothing of them is synced."""
    return erp_type in VENDORS


def is_synced(erp_type: str) -> bool:
    """Whether any module of a vendor is."""
    return any(erp_type in serving(module) for module in Module)


def serving(module: Module) -> list[str]:
    """The vendors of which a module is synced."""
    return [erp_type for erp_type, spec in VENDORS.items() if module not in spec.unserved]


def unserved_because(erp_type: str, module: Module) -> str | None:
    """Why a module of a served vendor is not synced, in Portuguese; None if it is."""
    spec = VENDORS.get(erp_type)
    return spec.unserved.get(module) if spec is not None else None


def lists_all_numbers(erp_type: str) -> bool:
    """Whether a number that a vendor's list lacks is a gap; not where cancelled invoices vanish from it."""
    spec = VENDORS.get(erp_type)
    return spec is None or spec.lists_all_numbers


def served_modules(connection: ErpConnection) -> tuple[Module, ...]:
    """What of a connection's modules is synced; none of a vendor that is not known."""
    if not is_served(connection.erp_type):
        return ()
    return tuple(one for one in connection.modules if unserved_because(connection.erp_type, one) is None)


@dataclass(frozen=True)
class VendorAccess:
    """How vendors are reached. Addresses and secrets are read when an account is opened, not before."""

    settings: ErpSettings
    #: Of JsonClient, such as a test's transport, sleep or backoff.
    options: Mapping[str, Any] = field(default_factory=dict)
    #: Of the budget, such as a virtual clock and its sleep.
    budget_options: Mapping[str, Any] = field(default_factory=dict)

    @contextmanager
    def open(self, connection: ErpConnection, within: Cancellation | None = None) -> Iterator[Vendor]:
        """The account of a connection; `within` ends its calls.

        Raises RefusedError for credentials that a person has to enter again, PermanentError for a type that is not
        served, SettingsError if an address or a database is not set.
        """
        spec = VENDORS.get(connection.erp_type)
        if spec is None:
            served = ", ".join(one.name for key, one in VENDORS.items() if is_synced(key))
            raise PermanentError(f"Connections of {connection.erp_type} are not synced, only of {served}.")
        opening = Opening(
            spec,
            connection,
            credentials=read_credentials(connection, self.settings.credentials_key),
            settings=self.settings,
            options=self.options,
            budget_options=self.budget_options,
            within=within,
        )
        with closing(spec.open(opening)) as vendor:
            yield vendor
