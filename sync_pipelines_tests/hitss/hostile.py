"""Triggers that alter what is written, as an application or an extension may have them.

| name                                   | runs                         | does                              |
|----------------------------------------|------------------------------|-----------------------------------|
| before altering, before swallowing     | before each row              | changes its amount; drops the row |
| after altering, after deleting         | after each row               | changes or deletes that row       |
| statement altering, statement deleting | after the statement          | changes or deletes every row      |
| deferred altering, deferred deleting   | when the transaction commits | changes or deletes that row       |
| deferred adding                        | when the transaction commits | adds a row to the same month      |
"""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg


class Hostile(NamedTuple):
    """A trigger on a table; `{table}` in its body is that table."""

    name: str
    when: str
    body: str
    deferred: bool = False

    @property
    def level(self) -> str:
        return "statement" if self.name.startswith("statement") else "row"

    def plant(self, connection: psycopg.Connection[Any], table: str, events: str = "insert") -> None:
        body = self.body.replace("{table}", table)
        kind = "constraint trigger" if self.deferred else "trigger"
        deferrable = "deferrable initially deferred" if self.deferred else ""
        connection.execute(
            f"create or replace function hostile() returns trigger language plpgsql as $$begin {body} end$$;"
            f" create {kind} hostile {self.when} {events} on {table} {deferrable}"
            f" for each {self.level} execute function hostile()".encode()
        )

    def plant_on_new_tables(self, connection: psycopg.Connection[Any]) -> None:
        """Give the trigger to every table that is created, as audit extensions do."""
        kind = "constraint trigger" if self.deferred else "trigger"
        deferrable = "deferrable initially deferred" if self.deferred else ""
        body = self.body
        if self.when == "after":
            one = " where id = %L', tg_table_name, new.id" if self.level == "row" else "', tg_table_name"
            body = f"execute format('update %I set valor = -9{one}); return null;"
        connection.execute(
            f"create function hostile() returns trigger language plpgsql as $$begin {body} end$$;"
            " create function plant() returns event_trigger language plpgsql as $plant$declare made regclass; begin"
            " for made in select distinct objid from pg_event_trigger_ddl_commands() where object_type = 'table'"
            " and not exists (select from pg_trigger where tgrelid = objid and tgname = 'hostile') loop"
            f" execute format('create {kind} hostile {self.when} insert on %s {deferrable} for each {self.level}"
            " execute function hostile()', made); end loop; end$plant$;"
            " create event trigger plant on ddl_command_end when tag in ('CREATE TABLE')"
            " execute function plant()".encode()
        )


#: On a table with the columns `id` and `valor`.
HOSTILE = [
    Hostile("before altering", "before", "new.valor = new.valor * 100 + 1; return new;"),
    Hostile("before swallowing", "before", "return null;"),
    Hostile("after altering", "after", "update {table} set valor = -9 where id = new.id; return null;"),
    Hostile("after deleting", "after", "delete from {table} where id = new.id; return null;"),
    Hostile("statement altering", "after", "update {table} set valor = -9; return null;"),
    Hostile("statement deleting", "after", "delete from {table}; return null;"),
    Hostile(
        name="deferred altering",
        when="after",
        body="update {table} set valor = -9 where id = new.id; return null;",
        deferred=True,
    ),
    Hostile(
        name="deferred deleting",
        when="after",
        body="delete from {table} where id = new.id; return null;",
        deferred=True,
    ),
    Hostile(
        name="deferred adding",
        when="after",
        body="if pg_trigger_depth() < 2 then insert into {table} (execution_id, valor, competencia, sync_source,"
        " last_sync_at) values ('x', 7, new.competencia, new.sync_source, now()); end if; return null;",
        deferred=True,
    ),
]
