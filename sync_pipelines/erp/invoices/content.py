"""The content of an invoice in the application's tables, as one hash of its live rows.

It is recorded when an invoice is stored, so that what anybody changed or lost since then shows: an import, its
analysis, an analysis too many. Who owns the import and when it was processed is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

from psycopg import sql

from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Column, row_hash_sql

IMPORTS, ANALYSES, INVOICES = "public.xml_imports", "public.xml_analysis", "sync_private.invoices"

#: The columns of `xml_analysis` that a document fills (contract of the ERPs, section 2.5).
ANALYSIS_COLUMNS = (
    *("xml_type", "document_number", "document_series", "issue_date", "issuer_cnpj", "issuer_name"),
    *("recipient_cnpj", "recipient_name", "items_count", "document_total", "current_tax_total"),
    *("reform_tax_total", "difference_value", "difference_percent"),
    *("raw_data", "analysis_data", "current_taxes", "reform_taxes"),
)
IMPORT_COLUMNS = ("file_name", "file_path", "file_size", "issue_date", "content_sha256", "nfe_status")

_OF_IMPORT = ("user_id", "nfe_key", *IMPORT_COLUMNS, "status", "error_message")
_OF_ANALYSIS = ("user_id", *ANALYSIS_COLUMNS)


def _names(table: str, columns: tuple[str, ...]) -> list[tuple[sql.Composed, str]]:
    return [
        (
            sql.SQL("{}::text as {}").format(sql.Identifier(table, one), sql.Identifier(f"{table}_{one}")),
            f"{table}_{one}",
        )
        for one in columns
    ]


_SELECTED = [*_names("i", _OF_IMPORT), *_names("a", _OF_ANALYSIS)]
_HASH = row_hash_sql([*(Column(name) for _, name in _SELECTED), Column("analyses", "integer")])


_TABLE: LiteralString = (
    "create temporary table if not exists live_contents (import_id uuid primary key, hash uuid)"
)
#: Hashed with their number known: `xml_analysis` has no index by import, and what the planner takes for few rows it
#: looks up one by one.
_READ = """
update pg_temp.live_contents as l set hash = c.hash
from (
    select id, {hash}::uuid as hash
    from (
        select i.id, coalesce(a.analyses, 0) as analyses, {selected}
        from pg_temp.live_contents as wanted
        join public.xml_imports as i on i.id = wanted.import_id
        left join (
            select distinct on (a.import_id) a.*, count(*) over (partition by a.import_id) as analyses
            from public.xml_analysis as a
            join pg_temp.live_contents as wanted on wanted.import_id = a.import_id
            order by a.import_id, a.id
        ) as a on a.import_id = i.id
        offset 0
    ) as joined
) as c
where c.id = l.import_id
"""


def prepare_live_contents(database: Connection) -> None:
    """Make the table that `read_live_contents` fills, which a transaction that only reads could not."""
    database.execute(_TABLE)


def name_imports(database: Connection, imports: sql.Composable, given: Mapping[str, object]) -> None:
    """Fill `pg_temp.live_contents` with the ids of the imports that the query `imports` names."""
    database.execute("delete from pg_temp.live_contents")
    database.execute(
        sql.SQL(
            "insert into pg_temp.live_contents (import_id) select distinct id from ({}) as named where id is not null"
        ).format(imports),
        given,
    )
    database.execute("analyze pg_temp.live_contents")


def read_live_contents(database: Connection, imports: sql.Composable, given: Mapping[str, object]) -> None:
    """As `name_imports`, with the hash of the live rows of each.

    An import with several analyses has the first of them in its hash, and their number; one that is not there has null.
    """
    name_imports(database, imports, given)
    database.execute(
        sql.SQL(_READ).format(hash=_HASH, selected=sql.SQL(", ").join(selected for selected, _ in _SELECTED))
    )
