"""The company profiles that `process-dre` overwrites, and what is put back after it.

The function copies figures of the month, and its regime, to the profile of **every** active company of the user
(contract of the ERPs, trap 58: two companies never mix), whichever month it was called for. So before a call the
profiles are kept, and afterwards what is as the function writes it gets its value back: of other companies all, of the
own one the regime, and the figures unless the month is its newest. What is not as the function writes it was changed by
somebody else meanwhile, and stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from sync_pipelines.erp.analyses.income_statement import are_equal, profile_columns
from sync_pipelines.lib import exact_json, postgres
from sync_pipelines.lib.failures import TransientError
from sync_pipelines.lib.postgres.catalog import columns_of

TABLE = "public.company_profile"
_REGIME = "regime_tributario"
#: What the function writes beside the figures: where they are from, and when.
_ORIGIN = {"dados_financeiros_origem", "dados_financeiros_atualizados_em"}
_PROFILES: LiteralString = (
    "select id::text, to_jsonb(t)::text from public.company_profile as t where user_id = %s order by id"
    " for no key update"
)


def read_kept(
    connection: postgres.Connection,
    user_id: UUID,
    *,
    company_id: UUID,
    inputs: Mapping[str, Any],
    is_newest: bool,
) -> dict[str, Any]:
    """The profiles of a user before a call with these inputs, by id, each with what is put back afterwards."""
    known = {column.name for column in columns_of(connection, TABLE)}
    figures = {name: value for name, value in profile_columns(inputs).items() if name in known}
    origin = sorted(_ORIGIN & known)
    kept: dict[str, Any] = {}
    for one, row in _read(connection, user_id).items():
        keeps_figures = one == str(company_id) and is_newest
        names = [_REGIME, *([] if keeps_figures else [*figures, *origin])]
        kept[one] = {
            "before": {name: row.get(name) for name in names if name in known},
            "written": {_REGIME: inputs[_REGIME], **({} if keeps_figures else figures)},
        }
    return kept


def put_back(
    connection: postgres.Connection, user_id: UUID, kept: Mapping[str, Any], *, is_late: bool = False
) -> None:
    """Undo what the function wrote, in the caller's transaction; `is_late`: not at once, but in a later sync.

    Raises TransientError if a value does not stay.
    """
    meant = {}
    for one, row in _read(connection, user_id).items():
        if one in kept and (changes := _changes(row, **kept[one], is_late=is_late)):
            meant[one] = changes
            _write(connection, one, changes)
    connection.execute("set constraints all immediate")
    live = _read(connection, user_id)
    if [one for one, changes in meant.items() if _differ(live.get(one, {}), changes)]:
        raise TransientError(
            "process-dre overwrote profiles of the user's companies, which could not be put back."
        )


def _changes(
    row: Mapping[str, Any], before: Mapping[str, Any], written: Mapping[str, Any], *, is_late: bool
) -> dict[str, Any]:
    """The values that a profile gets back."""
    as_written = {name for name, value in written.items() if _is_as_written(row.get(name), value)}
    figures = written.keys() - {_REGIME}
    functions = as_written
    if is_late and not figures <= as_written:
        # Another month was processed since, which may have written some of the same figures.
        functions = as_written & {_REGIME}
    if functions & figures:
        functions = functions | _ORIGIN
    return {name: value for name, value in before.items() if name in functions and row.get(name) != value}


def _is_as_written(stored: Any, written: Any) -> bool:
    if isinstance(written, Decimal | int):
        return are_equal(stored, Decimal(written))
    return bool(stored == written)


def _read(connection: postgres.Connection, user_id: UUID) -> dict[str, dict[str, Any]]:
    rows = connection.execute(_PROFILES, (user_id,)).fetchall()
    return {one: exact_json.loads(text) for one, text in rows}


def _write(connection: postgres.Connection, profile_id: str, changes: Mapping[str, Any]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, changes))
    statement = sql.SQL(
        "update public.company_profile as t set ({names}) = (select {names} from"
        " jsonb_populate_record(null::public.company_profile, %(changes)s::jsonb)) where t.id = %(id)s"
    ).format(names=names)
    connection.execute(statement, {"changes": exact_json.dumps(changes), "id": profile_id})


def _differ(row: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    return any(row.get(name) != value for name, value in changes.items())
