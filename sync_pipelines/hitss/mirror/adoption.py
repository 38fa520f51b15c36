"""The destination's own rows: adopted where they are the source's, otherwise never touched.

The requirement's `DEFAULT 'local'` stamped every row that was in the destination before the mirror. Copying
beside them would double the totals. So at the first contact of a month the rows whose content equals a source
row become the mirror's, one for one, keeping their numbers. A row is adopted by its whole content, or by the six
columns of the requirement's own shape where all others are empty: what somebody else wrote into a column is never
overwritten. A month that still holds rows of both stops until a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, LiteralString, NamedTuple

from psycopg import sql

from sync_pipelines.hitss.mirror.other_columns import all_empty
from sync_pipelines.hitss.mirror.set_aside import UNPAIRED_OWN, SetAside
from sync_pipelines.hitss.mirror.table import MIRROR, MirroredTable, month_label
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Column, row_hash_sql
from sync_pipelines.lib.postgres.streams import copy_between

#: What a person may decide of a month that holds both: leave them beside the mirror, or move them out.
Decision = Literal["keep_own_rows", "set_aside_own_rows"]
DECISIONS: tuple[Decision, ...] = ("keep_own_rows", "set_aside_own_rows")


class Adopted(NamedTuple):
    """What a first contact did, in rows."""

    adopted: int = 0
    inserted: int = 0
    set_aside: int = 0

    @property
    def own_rows(self) -> int:
        """The destination's own rows that are its own no longer."""
        return self.adopted + self.set_aside


class BothKindsError(PermanentError):
    """A month holds rows of the mirror and rows of the destination's own; nothing of it was changed."""


_STAGE: LiteralString = """
    create temporary table mirror_staged on commit drop as select {names} from {table} with no data;
    alter table mirror_staged add column staged_id bigint generated always as identity primary key;
"""
# Equal rows are paired one for one by their number among equals, so that true duplicates are not lost.
_PAIR: LiteralString = """
    insert into mirror_pairs
    select own.id, staged.staged_id
    from (
        select id, {hash} as hash, row_number() over (partition by {hash} order by id) as number
        from {table}
        where {of_month} and sync_source is distinct from {mirror} and {own}
            and not exists (select from mirror_pairs as taken where taken.id = {table}.id)
    ) as own
    join (
        select staged_id, {hash} as hash, row_number() over (partition by {hash} order by staged_id) as number
        from mirror_staged
        where not exists (select from mirror_pairs as taken where taken.staged_id = mirror_staged.staged_id)
    ) as staged using (hash, number)
"""
_TAKE_OVER: LiteralString = """
    update {table} as own set ({names}, sync_source, last_sync_at) = ({staged}, {mirror}, now())
    from mirror_pairs join mirror_staged as staged using (staged_id)
    where own.id = mirror_pairs.id
"""
_ADD: LiteralString = """
    insert into {table} ({names}, sync_source, last_sync_at)
    select {staged}, {mirror}, now() from mirror_staged as staged
    where not exists (select from mirror_pairs as taken where taken.staged_id = staged.staged_id)
"""


def first_contact(
    source: Connection,
    destination: Connection,
    table: MirroredTable,
    month: str,
    *,
    own_rows: int,
    leaving: SetAside,
    filled: sql.Composable,
    decision: Decision | None,
) -> Adopted:
    """Bring a month into a destination that already holds `own_rows` rows of it, in the caller's transaction.

    `filled` is the condition that a row holds what the mirror does not bring. Raises BothKindsError where rows of
    both kinds would stand side by side and nobody decided.
    """
    parts = {
        "table": table.identifier,
        "names": table.names,
        "mirror": sql.Literal(MIRROR),
        "staged": sql.SQL(", ").join(
            sql.Identifier("staged", name) for name in (*(c.name for c in table.columns), "sync_hash")
        ),
    }

    def run(statement: LiteralString) -> int:
        return destination.execute(sql.SQL(statement).format(**parts)).rowcount

    destination.execute(sql.SQL(_STAGE).format(**parts))
    sent = copy_between(
        source, table.rows_of(month), destination, target=sql.SQL("mirror_staged ({})").format(table.names)
    )
    destination.execute("analyze mirror_staged")
    empty = sql.SQL("not {}").format(filled)
    adopted = _pair(destination, table, month, by=table.content, own=empty)
    destination.execute("analyze mirror_pairs")
    bare = sql.SQL("{} and {}").format(empty, all_empty(table))
    adopted += _pair(destination, table, month, by=table.seed, own=bare)
    left = own_rows - adopted
    if left and sent and decision is None:
        raise both_kinds(month, left, sent, adopted=adopted)
    set_aside = 0
    if left and decision == "set_aside_own_rows":
        set_aside = leaving.note(UNPAIRED_OWN)
        leaving.move()
    run(_TAKE_OVER)
    return Adopted(adopted, run(_ADD), set_aside)


def doubled(destination: Connection, table: MirroredTable, month: str) -> int:
    """How many of the destination's own rows of a month repeat one that the mirror brought."""
    statement = sql.SQL(
        "select count(*) from {table} as own where {of_month} and sync_source is distinct from {mirror}"
        " and case when line_hash is null"
        " then {seed} in (select {seed} from {table} where {of_month} and sync_source = {mirror})"
        " else {content} in (select {content} from {table} where {of_month} and sync_source = {mirror}) end"
    ).format(
        seed=row_hash_sql(table.seed),
        content=row_hash_sql(table.content),
        table=table.identifier,
        of_month=table.of(month),
        mirror=sql.Literal(MIRROR),
    )
    row = destination.execute(statement).fetchone()
    return int(row[0]) if row else 0


def both_kinds(month: str, own: int, sent: int, adopted: int) -> BothKindsError:
    """The sentence for a month whose totals the mirror would double."""
    beside = f" ({adopted} more equal a source row and would be adopted)" if adopted else ""
    command = _command(month)
    return BothKindsError(
        f"{month_label(month)}: the destination holds {own} rows of its own{beside} beside {sent} of the source, which"
        " may double its totals. Nothing of the month was changed. Decide:"
        f" `{command} keep_own_rows` leaves them beside the mirror,"
        f" `{command} set_aside_own_rows` moves them to sync_private.dre_hitss_set_aside."
    )


def same_lines(month: str) -> BothKindsError:
    """The sentence for own rows that bear a source line's `line_hash` and `occurrence`, which are unique."""
    return BothKindsError(
        f"{month_label(month)}: rows of the destination's own bear the line_hash and occurrence of lines of the"
        " source, which are unique: neither can stand beside the other. Nothing of the month was changed. Decide:"
        f" `{_command(month)} set_aside_own_rows` moves them to sync_private.dre_hitss_set_aside."
    )


def _command(month: str) -> str:
    label = month_label(month)
    # A day that begins no month is in no calendar, and is mirrored by a run over all that differs.
    span = f" --from {label} --to {label}" if label != month else ""
    return f"sync-pipelines run hitss/dre_mirror{span} --accept"


def _pair(
    destination: Connection, table: MirroredTable, month: str, *, by: Sequence[Column], own: sql.Composable
) -> int:
    statement = sql.SQL(_PAIR).format(
        hash=row_hash_sql(by),
        table=table.identifier,
        of_month=table.of(month),
        mirror=sql.Literal(MIRROR),
        own=own,
    )
    return destination.execute(statement).rowcount
