"""The project `erp` as its application left it (contract of the ERPs, section 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

_FOLDER = Path(__file__).parent


def build_erp(connection: psycopg.Connection[Any]) -> None:
    """Create the application's tables in an empty database. The roles of Supabase must be there."""
    connection.execute((_FOLDER / "erp.sql").read_bytes())


def add_company(
    connection: psycopg.Connection[Any], user_id: UUID, cnpj: str | None, **columns: object
) -> UUID:
    """Add a row of `company_profile`, as the application's screen does."""
    given = {"id": uuid4(), "user_id": user_id, "cnpj_principal": cnpj, **columns}
    _insert(connection, "company_profile", given)
    return UUID(str(given["id"]))


def add_connection(
    connection: psycopg.Connection[Any],
    user_id: UUID,
    erp_type: str,
    credentials: object,
    *,
    status: str = "active",
    **columns: object,
) -> UUID:
    """Add a row of `erp_connections`, due at once; `credentials` are the JSON value that the row holds."""
    given: dict[str, object] = {
        "id": uuid4(),
        "user_id": user_id,
        "erp_type": erp_type,
        "connection_name": f"{erp_type.title()} de teste",
        "credentials": Jsonb(credentials),
        "status": status,
        **columns,
    }
    _insert(connection, "erp_connections", given)
    return UUID(str(given["id"]))


def _insert(connection: psycopg.Connection[Any], table: str, given: dict[str, object]) -> None:
    names = ", ".join(given)
    values = ", ".join(f"%({name})s" for name in given)
    connection.execute(f"insert into public.{table} ({names}) values ({values})".encode(), given)
