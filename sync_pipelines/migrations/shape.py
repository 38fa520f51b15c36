"""What each database that we may change looks like once it is migrated, and how another one differs.

The migrations make it so; a test holds the two together. Everything that can be right or wrong is an `Item`
with a value, so that a database is a mapping, and a difference is two mappings laid side by side.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

#: The roles through which Supabase's API reaches a database, from the least to the most trusted.
API_ROLES = ("anon", "authenticated", "service_role")
WRITE = "delete, insert, select, update"
NOTHING = ""

Kind = Literal[
    "schema", "table", "column", "index", "rls", "policy", "function", "trigger", "usage", "grants", "sequence"
]


class Item(NamedTuple):
    """Something that a database has: its kind, the schema or table it belongs to, and its own name."""

    kind: Kind
    on: str
    name: str = ""


class Difference(NamedTuple):
    """An item that is missing (`found` is None) or not as wanted."""

    item: Item
    wanted: str
    found: str | None


@dataclass(frozen=True)
class Table:
    """A table: columns by name with the type as `format_type` prints it, indexes by name.

    `added` are columns that the migration adds to a table it finds; the others must be there. `written` are
    those that our inserts name (None: all). `values` must pass the CHECKs of their column. `read` is what
    `authenticated` may do (None: the schema is private, and no role of the API may do anything).
    """

    columns: Mapping[str, str]
    indexes: Mapping[str, str] = field(default_factory=dict)
    read: str | None = None
    policy: bool = True
    added: frozenset[str] = frozenset()
    written: frozenset[str] | None = None
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Shape:
    """A database: its private schema and its tables; triggers by (table, name) with their function."""

    private: str
    tables: Mapping[str, Table]
    triggers: Mapping[tuple[str, str], str] = field(default_factory=dict)


def _columns(**by_type: str) -> dict[str, str]:
    """Columns by name, from the names of each type."""
    written = {"timestamptz": "timestamp with time zone", "money": "numeric(15,2)", "total": "numeric(17,2)"}
    return {
        name: written.get(kind) or re.sub(r"^varchar_(\d+)$", r"character varying(\1)", kind)
        for kind, names in by_type.items()
        for name in names.split()
    }


_LINE = _columns(
    bigint="id",
    text="execution_id conta descricao tipo periodo empresa",
    money="valor",
    timestamptz="created_at",
)
_WORKBOOK = _columns(
    date="competencia",
    integer="ano mes occurrence",
    text="natureza tipo_comercial cliente linha_negocio codigo_projeto projeto filial_faturamento",
    numeric="valor_exato imposto",
    uuid="line_hash",
)
_SYNC = _columns(varchar_50="sync_source", varchar_64="sync_hash", timestamptz="last_sync_at updated_at")
_BY_DEFAULT = {"id", "created_at", *_SYNC}
_LINE_INDEX = "unique (competencia, line_hash, occurrence)"

_DRE_HITSS = Table(
    {**_LINE, **_WORKBOOK, **_columns(text="id_homs"), **_SYNC},
    {
        **{f"idx_dre_hitss_{name}": f"({name})" for name in ("execution_id", "empresa", "periodo")},
        "idx_dre_hitss_created_at": "(created_at desc)",
        "idx_dre_hitss_sync_source": "(sync_source)",
        "uq_dre_hitss_line": _LINE_INDEX,
    },
    read=WRITE,
    added=frozenset({*_WORKBOOK, "id_homs", *_SYNC}),
    written=frozenset({*_LINE, *_WORKBOOK, "id_homs"} - _BY_DEFAULT),
)
_EXECUTIONS = Table(
    _columns(
        uuid="id",
        varchar_20="status",
        timestamptz="started_at completed_at created_at",
        integer="records_processed records_failed",
        text="error_message",
        jsonb="execution_details",
    ),
    {
        "idx_automation_executions_status": "(status)",
        "idx_automation_executions_started_at": "(started_at desc)",
    },
    read=WRITE,
    added=frozenset({"created_at"}),
    written=frozenset({"status", "started_at", "execution_details"}),
    values={"status": ("running", "completed", "failed")},
)
_LOGS = Table(
    _columns(
        uuid="id",
        varchar_10="level",
        text="message execution_id",
        jsonb="context",
        varchar_100="source",
        timestamptz="created_at",
    ),
    {
        "idx_system_logs_level": "(level)",
        "idx_system_logs_created_at": "(created_at desc)",
        "idx_system_logs_execution_id": "(execution_id)",
    },
    read=NOTHING,
    policy=False,
    written=frozenset({"level", "message", "context", "source", "execution_id"}),
    values={"level": ("DEBUG", "INFO", "WARN", "ERROR")},
)
_SUMMARY = Table(
    _columns(
        date="competencia",
        integer="ano mes linhas linhas_orcadas",
        total="receita custo desoneracao margem receita_orcada custo_orcado desoneracao_orcada margem_orcada",
        numeric="margem_percentual margem_percentual_orcada",
        text="execution_id",
        timestamptz="updated_at",
    ),
    read="select",
)
_LINES = Table(
    _columns(
        date="competencia",
        uuid="line_hash",
        integer="occurrence",
        text="relatorio tipo cliente linha_negocio responsavel_area responsavel_delivery responsavel_devengado"
        " id_homs codigo_projeto projeto filial_faturamento conta_resumo denominacao_conta recurso periodo"
        " natureza conta execution_id",
        numeric="imposto lancamento",
        bigint="id_recurso",
        money="valor",
        timestamptz="loaded_at",
    )
)

SHAPES: Mapping[str, Shape] = {
    "fabricio": Shape(
        "sync_private",
        {
            "public.dre_hitss": _DRE_HITSS,
            "public.dre_orcado": Table(
                {**_LINE, **_WORKBOOK}, {"uq_dre_orcado_line": _LINE_INDEX}, read="select"
            ),
            "public.dre_summary": _SUMMARY,
            "public.automation_executions": _EXECUTIONS,
            "public.system_logs": _LOGS,
            "sync_private.dre_lines": _LINES,
            "sync_private.dre_hitss_set_aside": Table(
                _columns(timestamptz="set_aside_at", text="execution_id row_id", jsonb="row_data")
            ),
        },
        {("public.dre_hitss", "update_dre_hitss_updated_at"): "public.update_updated_at_column"},
    ),
    "ops": Shape(
        "ops",
        {
            "ops.landed_files": Table(
                _columns(
                    bigint="id bytes",
                    text="asset path sha256 status reason content_digest sheet_digest run_id",
                    jsonb="details",
                    timestamptz="landed_at",
                ),
                {"landed_files_newest": "(asset, status, id desc)", "landed_files_sheet": "(asset, sheet_digest)"},
            ),
            "ops.landed_partitions": Table(
                _columns(bigint="landed_id", text="partition_key", jsonb="content")
            ),
            "ops.rejects": Table(
                _columns(
                    bigint="id landed_id",
                    text="asset partition_key run_id column_name value rule reason",
                    integer="source_row",
                    jsonb="raw",
                    timestamptz="rejected_at",
                ),
                {"rejects_by_run": "(run_id)", "rejects_by_asset": "(asset, rejected_at desc)"},
            ),
            "ops.proofs": Table(
                _columns(
                    bigint="id",
                    text="asset partition_key run_id source_version problem",
                    jsonb="source destination",
                    boolean="holds",
                    timestamptz="proved_at",
                ),
                {"proofs_newest": "(asset, partition_key, id desc)"},
            ),
        },
    ),
}


def expected(shape: Shape, roles: Collection[str]) -> dict[Item, str]:
    """Every item of a migrated database; what concerns a role of the API only where that role exists."""
    items: dict[Item, str] = {Item("schema", shape.private): ""}
    for name, table in shape.tables.items():
        items[Item("table", name)] = ""
        items |= {Item("column", name, column): kind for column, kind in table.columns.items()}
        items |= {Item("index", name, index): columns for index, columns in table.indexes.items()}
        if table.read is not None:
            items[Item("rls", name)] = "enabled"
            items |= _access(name, table, table.read)
    for (name, trigger), function in shape.triggers.items():
        items[Item("function", function)] = ""
        items[Item("trigger", name, trigger)] = function
    items |= {Item("usage", shape.private, role): NOTHING for role in ("anon", "authenticated")}
    concerned = {"usage", "grants", "sequence"}
    return {
        item: value
        for item, value in items.items()
        if (item.kind not in concerned or item.name in roles)
        and (item.kind != "policy" or "authenticated" in roles)
    }


def _access(name: str, table: Table, read: str) -> Iterator[tuple[Item, str]] | dict[Item, str]:
    items = {
        Item("grants", name, "anon"): NOTHING,
        Item("grants", name, "authenticated"): read,
        Item("grants", name, "service_role"): WRITE,
    }
    if table.policy:
        policy = f"{name.removeprefix('public.')}_read"
        items[Item("policy", name, policy)] = "for select to authenticated using (true)"
    if "id" in table.columns and table.columns["id"] == "bigint":
        items[Item("sequence", name, "service_role")] = "select, usage"
    return items


def compare(wanted: Mapping[Item, str], found: Mapping[Item, str]) -> list[Difference]:
    """What a database lacks or has otherwise, in the order of its tables."""
    return [
        Difference(item, value, found.get(item))
        for item, value in wanted.items()
        if not _satisfies(item, value, found.get(item))
    ]


def _satisfies(item: Item, wanted: str, found: str | None) -> bool:
    if found is None:
        return False
    if item.kind == "column":
        return compatible(wanted, found)
    if item.kind == "index":
        # A b-tree is read in both directions, and section 3.1 of the requirement creates one the other way.
        return wanted == found or (
            "," not in wanted and wanted.replace(" desc", "") == found.replace(" desc", "")
        )
    if item.kind in ("grants", "sequence") and item.name == "service_role":
        return privileges(wanted) <= privileges(found)
    return wanted == found


def privileges(text: str) -> set[str]:
    """The privileges of a list such as `insert, select`."""
    return set(filter(None, text.split(", ")))


_TYPE = re.compile(r"(character varying|numeric)(?:\((\d+)(?:,(\d+))?\))?")
#: The longest text of the export has 139 characters; a column that an application limited further would
#: refuse a line some day.
_ROOM_FOR_TEXT = 255


def compatible(wanted: str, found: str) -> bool:
    """True where a column of the type `found` takes every value that we would write to one of `wanted`."""
    if wanted == found or (wanted, found) in {("integer", "bigint"), ("bigint", "integer")}:
        return True
    limited = _TYPE.fullmatch(found)
    if limited is None:
        return found == "text" and wanted.startswith("character varying")
    kind, size, scale = limited[1], int(limited[2] or 10**6), int(limited[3] or 0)
    if kind == "character varying":
        room = re.fullmatch(r"character varying\((\d+)\)", wanted)
        return size >= (int(room[1]) if room else _ROOM_FOR_TEXT) and (room is not None or wanted == "text")
    precise = re.fullmatch(r"numeric\((\d+),(\d+)\)", wanted)
    if precise is None or limited[2] is None:
        return limited[2] is None and wanted.startswith("numeric")
    return scale >= int(precise[2]) and size - scale >= int(precise[1]) - int(precise[2])
