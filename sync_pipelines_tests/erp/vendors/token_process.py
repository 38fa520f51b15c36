"""A process that asks for the company of the only connection: `python -m … <setting> <its URL> <erp> <ops> <key>`.

The setting is that of the vendor's address, such as BLING_URL.
"""

from __future__ import annotations

import sys

import psycopg

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.vendors.registry import VendorAccess
from sync_pipelines.lib.failures import SyncError
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings


def main(setting: str, url: str, erp_url: str, ops_url: str, key: str) -> None:
    with psycopg.connect(erp_url) as database:
        query = "select id, user_id, erp_type, connection_name, credentials from erp_connections"
        number, user, erp_type, name, stored = database.execute(query).fetchall()[0]
    settings = read_as(
        ErpSettings,
        None,
        **{setting: url},
        ERP_DATABASE_URL=erp_url,
        OPS_DATABASE_URL=ops_url,
        ERP_CREDENTIALS_KEY=key,
    )
    one = ErpConnection(
        number, user_id=user, erp_type=erp_type, name=name, status="active", credentials=stored
    )
    try:
        with VendorAccess(settings).open(one) as vendor:
            sys.stdout.write(str(vendor.company().items[0].legal_name))
    except SyncError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
