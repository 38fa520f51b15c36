"""The databases of both projects as they may be found (contract of the lead push, sections 1 to 4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg import sql

#: How many columns the destination had on 21 October 2025 and in the days after it.
Shape = Literal[49, 53, 56, 58, 60]
#: Numbers of the CRM begin here; a lead's own is this plus its place plus a gap after every seventh.
FIRST_LEAD = 558_000
#: The number of a lead of TabuladorMax that Gestão has given to a lead of its own.
COLLISION = 558_045
_FOLDER = Path(__file__).parent
#: What each shape adds to the one before. The contract does not name the two CRM numbers nor the 59th column: those
#: three names are ours.
_DRIFT: dict[Shape, dict[str, str]] = {
    49: {},
    53: {
        "data_criacao_agendamento": "timestamptz",
        "data_retorno_ligacao": "timestamptz",
        "funil_fichas": "text",
        "gerenciamento_funil": "text",
    },
    56: {
        "modificado": "timestamptz",
        "origem_sincronizacao": "text",
        "ultima_sincronizacao": "timestamptz",
    },
    58: {"crm_lead_id": "bigint", "crm_contato_id": "bigint"},
    60: {"observacoes": "text", "needs_enrichment": "boolean"},
}


class Poison(NamedTuple):
    """A value that TabuladorMax takes and that a destination with `with_dirt_rules` refuses with this SQLSTATE."""

    column: str
    value: object
    sqlstate: str


#: The user of the second is known in TabuladorMax only; the last is the mark of a lead that Gestão has already.
POISONS = (
    Poison("age", 1999, "23514"),
    Poison("responsible_user_id", "00000000-0000-4000-8000-000000000001", "23503"),
    Poison("horario_agendamento", "sábado à tarde, depois das três, se não chover", "22001"),
    Poison("valor_ficha", 1_234_567.89, "22003"),
    Poison("maxsystem_id_ficha", "GS-1", "23505"),
)


def build_tabuladormax(
    connection: psycopg.Connection[Any],
    *,
    leads: int = 400,
    seed: int = 7,
    newest: datetime | None = None,
    days: int = 60,
    heavy_day: int | None = None,
) -> None:
    """Create the source in an empty database, with so many leads of the `days` before `newest` (now by default).

    `heavy_day` leads, an eighth by default, share one instant three days before: an import dated them anew. The first
    eight lie at the borders of days in São Paulo and in UTC, four have no updated_at, the 13th has `newest` itself.
    The roles anon, authenticated and service_role must be there.
    """
    for name in ("supabase", "tabuladormax", "draw"):
        _run(connection, name)
    given = {
        "leads": leads,
        "seed": seed,
        "newest": newest or datetime.now(UTC),
        "days": days,
        "heavy_day": leads // 8 if heavy_day is None else heavy_day,
        "first": FIRST_LEAD,
    }
    connection.execute((_FOLDER / "leads.sql").read_bytes(), given)


def build_gestao_scouter(
    connection: psycopg.Connection[Any],
    shape: Shape = 49,
    *,
    local_leads: bool = True,
    collision: bool = True,
    reload_function: bool = True,
    required_column: bool = False,
    primary_key: bool = True,
) -> None:
    """Create the destination in an empty database, with leads made there and one of them on a number of the CRM.

    Without the reload function PostgREST keeps its stale cache; with a required column that nobody maps no upsert
    succeeds (23502); without primary key there is nothing to be in conflict with (42P10).
    """
    _run(connection, "supabase")
    _run(connection, "gestao_scouter")
    drift(connection, shape)
    if local_leads:
        _run(connection, "local_leads")
    if collision:
        connection.execute(
            "insert into public.leads (id, nome, aprovado, sync_source)"
            " values (%s, 'Cadastro local no número de outro', true, 'gestao-scouter')",
            [COLLISION],
        )
    if not reload_function:
        connection.execute("drop function public.notify_pgrst_reload()")
    if required_column:
        connection.execute("alter table public.leads add column unidade text not null default 'SP'")
        connection.execute("alter table public.leads alter column unidade drop default")
    if not primary_key:
        connection.execute("alter table public.leads drop constraint leads_pkey")


def drift(connection: psycopg.Connection[Any], to_shape: Shape) -> None:
    """Add the columns that the destination lacks of a later shape, as its owners did under a running export."""
    for shape, columns in _DRIFT.items():
        if shape <= to_shape:
            for name, kind in columns.items():
                statement = sql.SQL("alter table public.leads add column if not exists {} {}")
                connection.execute(statement.format(sql.Identifier(name), sql.SQL(kind)))


def point_configuration(connection: psycopg.Connection[Any], address: str) -> None:
    """Have TabuladorMax's configuration name the destination that is there, as its screen would have saved it."""
    connection.execute(
        "update public.gestao_scouter_config set project_url = %s"
        " where project_url = 'https://gestao.example.com' or project_url like 'http://127.0.0.1:%%'",
        (address,),
    )


def drop_column(connection: psycopg.Connection[Any], name: str) -> None:
    """Take a column from leads, with what hangs on it."""
    connection.execute(
        sql.SQL("alter table public.leads drop column {} cascade").format(sql.Identifier(name))
    )


def with_dirt_rules(connection: psycopg.Connection[Any]) -> None:
    """Make the destination stricter than the source, so that it refuses what `poison` puts there, and nothing else."""
    _run(connection, "dirt_rules")


def poison(connection: psycopg.Connection[Any], ids: Iterable[int]) -> dict[int, str]:
    """Spoil these leads of the source, each in the next way of `POISONS`; returns the SQLSTATE that each will meet.

    Their updated_at stays: they are still in the day in which they were.
    """
    connection.execute(
        "insert into auth.users (id, email) values (%s, 'nova@example.com') on conflict do nothing",
        [POISONS[1].value],
    )
    connection.execute("alter table public.leads disable trigger user")
    found = {}
    for number, lead in enumerate(ids):
        one = POISONS[number % len(POISONS)]
        statement = sql.SQL("update public.leads set {} = %s where id = %s").format(
            sql.Identifier(one.column)
        )
        if connection.execute(statement, [one.value, lead]).rowcount != 1:
            raise ValueError(f"There is no lead {lead} to be spoilt.")
        found[lead] = one.sqlstate
    connection.execute("alter table public.leads enable trigger user")
    return found


def _run(connection: psycopg.Connection[Any], name: str) -> None:
    connection.execute((_FOLDER / f"{name}.sql").read_bytes())
