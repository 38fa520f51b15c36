"""The vendors that are served, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.vendors import bling, omie
from sync_pipelines.erp.vendors.session import Opening, VendorAccess, VendorSpec
from sync_pipelines.erp.vendors.vendor import Vendor
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import PermanentError

__all__ = ["VENDORS", "VendorAccess", "is_served", "open_vendor"]

#: By the value of the enum `erp_type`.
VENDORS: Mapping[str, VendorSpec] = {
    omie.SPEC.erp_type: omie.SPEC,
    bling.SPEC.erp_type: bling.SPEC,
}


def is_served(erp_type: str) -> bool:
    """Whether connections of a type are synced."""
    return erp_type in VENDORS


def open_vendor(
    connection: ErpConnection,
    credentials: Mapping[str, Any],
    access: VendorAccess,
    *,
    within: Cancellation | None = None,
) -> Vendor:
    """The account of a connection; close it when done. `within` ends its calls.

    Raises PermanentError for a type that is not served, SettingsError if an address is not set.
    """
    spec = VENDORS.get(connection.erp_type)
    if spec is None:
        served = ", ".join(one.name for one in VENDORS.values())
        raise PermanentError(f"The ERP {connection.erp_type} is not served yet; served are {served}.")
    return spec.open(Opening(spec, connection, credentials=credentials, access=access, within=within))
