"""The destination's own rows: adopted where they are the source's, otherwise never touched.

The requirement's `DEFAULT 'local'` marked every row that was in the destination before the mirror. A copy beside them
would double the totals. So when a month is mirrored for the first time, own rows whose content equals a source row
become the mirror's, one for one, and keep their numbers. A row is adopted by its whole content, or by the six columns
that the requirement gives the table if all others are empty: what somebody else wrote into a column is never
overwritten. A month that still holds rows of both kinds stops until a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, LiteralString, NamedTuple

from psycopg import sql

from sync_pipelines.hitss.mirror.other_columns import all_empty_condition
from sync_pipelines.hitss.mirror.set_aside import UNPAIRED_OWN, SetAside
from sync_pipelines.hitss.mirror.table import MIRROR, MirroredTable, month_label
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.digest import Column, row_hash_sql
from sync_pipelines.lib.postgres.streams import copy_between

#: What a person may decide about a month that holds both: leave the own rows beside the mirror, or move them out.
Decision = Literal["keep_own_rows", "set_aside_own_rows"]
DECISIONS: tuple[Decision, ...] = ("keep_own_rows", "set_aside_own_rows")


class Adopted(NamedTuple):
    """What the first mirroring of a month did to the own rows, and how many it inserted."""

    adopted: int = 0
    inserted: int = 0
    set_aside: int = 0

    @property
    def own_rows(self) -> int:
        """How many rows are the destination's own no longer."""
        return self.adopted + self.set_aside


class BothKindsError(PermanentError):
    """A month holds mirrored rows and own rows of the destination; nothing of it was changed."""


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


def adopt(
    source: Connection, leaving: SetAside, month: str, *, own_rows: int, decision: Decision | None
) -> Adopted:
    """Bring a month into a destination that holds `own_rows` own rows of it, in the caller's transaction.

    Raises BothKindsError if rows of both kinds would stand side by side and nobody has decided.
    """
    destination, table = leaving.destination, leaving.table
    staged_names = (*(column.name for column in table.columns), "sync_hash")
    parts = {
        "table": table.identifier,
        "names": table.names,
        "mirror": sql.Literal(MIRROR),
        "staged": sql.SQL(", ").join(sql.Identifier("staged", name) for name in staged_names),
    }

    def run(statement: LiteralString) -> int:
        return destination.execute(sql.SQL(statement).format(**parts)).rowcount

    destination.execute(sql.SQL(_STAGE).format(**parts))
    sent = copy_between(
        source, table.rows_of(month), destination, target=sql.SQL("mirror_staged ({})").format(table.names)
    )
    destination.execute("analyze mirror_staged")
    adopted = _pair_all(leaving)
    left = own_rows - adopted
    if left and sent and decision is None:
        raise both_kinds_error(month, left, sent, adopted=adopted)
    set_aside = 0
    if left and decision == "set_aside_own_rows":
        set_aside = leaving.mark(UNPAIRED_OWN)
        leaving.move()
    run(_TAKE_OVER)
    return Adopted(adopted, run(_ADD), set_aside)


def count_doubled(destination: Connection, table: MirroredTable, month: str) -> int:
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


def both_kinds_error(month: str, own: int, sent: int, adopted: int) -> BothKindsError:
    """The error for a month whose totals the mirror would double."""
    beside = f" ({adopted} more equal a source row and would be adopted)" if adopted else ""
    command = _command(month)
    return BothKindsError(
        f"{month_label(month)}: the destination holds {own} rows of its own{beside} beside {sent} of the source, which"
        " may double its totals. Nothing of the month was changed. Decide:"
        f" `{command} keep_own_rows` leaves them beside the mirror,"
        f" `{command} set_aside_own_rows` moves them to sync_private.dre_hitss_set_aside."
    )


def same_lines_error(month: str) -> BothKindsError:
    """The error for own rows with the `line_hash` and `occurrence` of a source line, which are unique."""
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


def _pair_all(leaving: SetAside) -> int:
    """Pair own rows with staged ones: by the whole content, then bare rows by their few columns."""
    table, empty = leaving.table, sql.SQL("not {}").format(leaving.filled)
    paired = _pair(leaving, by=table.content, own=empty)
    leaving.destination.execute("analyze mirror_pairs")
    bare = sql.SQL("{} and {}").format(empty, all_empty_condition(table))
    return paired + _pair(leaving, by=table.seed, own=bare)


def _pair(leaving: SetAside, *, by: Sequence[Column], own: sql.Composable) -> int:
    statement = sql.SQL(_PAIR).format(
        hash=row_hash_sql(by),
        table=leaving.table.identifier,
        of_month=leaving.table.of(leaving.month),
        mirror=sql.Literal(MIRROR),
        own=own,
    )
    return leaving.destination.execute(statement).rowcount
