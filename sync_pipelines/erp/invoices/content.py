"""The content of an invoice in the application's tables, as one hash of its live rows.

It is recorded when an invoice is stored, so that what anybody changed or lost since then shows: an import, its
analysis, an analysis too many. Who owns the import and when it was processed is left out.
"""

from __future__ import annotations

from psycopg import sql

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


def live_content(imports: sql.Composable) -> sql.Composed:
    """A bracketed query of `import_id` and the `hash` of the live rows of the imports that the query `imports` names.

    An import with several analyses has the first of them in its hash, and their number.
    """
    return sql.SQL(
        "(select id as import_id, {hash}::uuid as hash from (select i.id, coalesce(a.analyses, 0) as analyses,"
        " {selected} from public.xml_imports as i left join (select *, count(*) over (partition by import_id)"
        " as analyses, row_number() over (partition by import_id order by created_at, id) as place"
        " from public.xml_analysis where import_id in ({imports})) as a on a.import_id = i.id and a.place = 1"
        " where i.id in ({imports}) offset 0) as joined)"
    ).format(hash=_HASH, selected=sql.SQL(", ").join(selected for selected, _ in _SELECTED), imports=imports)
