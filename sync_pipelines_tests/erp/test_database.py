"""The project `erp` of the sandbox, migrated."""

from typing import Any
from uuid import uuid4

import psycopg

from sync_pipelines.sandbox.erp.database import add_connection


def test_a_connection_as_the_application_makes_it_is_due(erp: psycopg.Connection[Any]) -> None:
    one = add_connection(erp, uuid4(), "omie", credentials={"app_key": "K", "app_secret": "S"})
    row = erp.execute(
        "select sync_config ->> 'auto_sync', next_sync_at from public.erp_connections where id = %s", [one]
    ).fetchone()
    assert row == ("true", None)
    assert erp.execute("select count(*) from sync_private.invoices").fetchone() == (0,)
