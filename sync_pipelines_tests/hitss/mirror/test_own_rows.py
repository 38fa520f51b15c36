"""First contact and the destination's own rows, looked at with a stranger's eyes."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_pipelines.hitss.mirror.adoption import Decision
from sync_pipelines.hitss.mirror.extract import Mirror
from sync_pipelines.hitss.mirror.month_mirror import open_mirror
from sync_pipelines.lib.failures import SyncError
from sync_pipelines_tests.hitss.copies import CONTENT, JANUARY, Pair

INSERT = (
    "insert into dre_hitss (execution_id, conta, valor, periodo, created_at)"
    " values ('x', %s, %s, '1/2025', '2025-01-02')"
)


def lines(side: psycopg.Connection[tuple[object, ...]], where: str = "true") -> list[tuple[object, ...]]:
    return side.execute(f"select conta, valor from dre_hitss where {where} order by 1, 2".encode()).fetchall()


LINES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=8)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, LINES)
def test_a_first_contact_adopts_or_stops_and_never_doubles(
    pair: Pair, theirs: list[tuple[str, int]], own: list[tuple[str, int]]
) -> None:
    """Whatever both sides hold: own rows that are the source's become the mirror's, anything more stops the month."""
    for side, rows in ((pair.source, theirs), (pair.destination, own)):
        side.execute("truncate dre_hitss")
        for row in rows:
            side.execute(INSERT.encode(), row)
    before = lines(pair.destination)

    pair.run()

    more = list(before)
    for line in lines(pair.source):
        if line in more:
            more.remove(line)
    if more and theirs:
        assert list(pair.problems) == [JANUARY]
        assert lines(pair.destination) == before
        assert lines(pair.destination, "sync_source = 'fabricio'") == []
    else:
        assert pair.problems == {}
        assert lines(pair.destination, "sync_source = 'fabricio'") == lines(pair.source)
        assert lines(pair.destination, "sync_source <> 'fabricio'") == more


def own_row(pair: Pair, month: str) -> None:
    pair.destination.execute(
        "insert into dre_hitss (execution_id, conta, valor, competencia) values ('meu', 'Ajuste', 7, %s)",
        (month,),
    )


def test_own_rows_alone_in_their_month_are_never_set_aside(pair: Pair) -> None:
    """The decision is for months that hold rows of both kinds."""
    pair.fill(9)
    own_row(pair, "2024-05-01")
    own_row(pair, JANUARY)
    with open_mirror(pair.mirror, "run-1", decision="set_aside_own_rows") as months:
        outcomes = {month: months.copy(month) for month in ("2024-05-01", JANUARY)}

    assert [one.adopted.set_aside for one in outcomes.values()] == [0, 1]
    assert [
        str(row[0])
        for row in pair.destination.execute("select competencia from dre_hitss where sync_source = 'local'")
    ] == ["2024-05-01"]


def test_own_rows_stay_when_the_sources_month_goes(pair: Pair) -> None:
    pair.fill(9)
    own_row(pair, JANUARY)
    pair.run("keep_own_rows")
    before = pair.own()
    pair.source.execute("delete from dre_hitss where competencia = '2025-01-01'")

    outcome = pair.run("set_aside_own_rows")[JANUARY]

    assert (outcome.changes.deleted, outcome.adopted.set_aside, outcome.own_rows) == (3, 0, 1)
    assert pair.own() == before


@pytest.mark.parametrize("value", ["valor", "valor + 1"])
@pytest.mark.parametrize("decision", [None, "keep_own_rows"])
def test_a_claimed_row_stops_its_month_with_the_one_decision_that_there_is(
    pair: Pair, value: str, decision: Decision | None
) -> None:
    """Somebody wrote `local` on a row that the mirror brought: it bears a line of the source, edited or not."""
    pair.fill(9)
    pair.run()
    claim = f"update dre_hitss set sync_source = 'local', valor = {value} where occurrence = 3"
    pair.destination.execute(claim.encode())
    before = pair.own()

    assert JANUARY not in pair.run(decision)
    assert "--accept set_aside_own_rows` moves them" in pair.problems[JANUARY]
    assert "SQLSTATE" not in pair.problems[JANUARY]
    assert pair.own() == before
    assert len(pair.rows(pair.destination)) == 9

    assert pair.run("set_aside_own_rows")[JANUARY].adopted.set_aside == 1
    pair.assert_equal()


def test_an_edited_row_at_the_first_contact_can_only_go(pair: Pair) -> None:
    pair.fill(9)
    for row in pair.rows(pair.source):
        values = ", ".join(["%s"] * len(row))
        pair.destination.execute(f"insert into dre_hitss ({CONTENT}) values ({values})".encode(), row)
    pair.destination.execute("update dre_hitss set valor = valor + 1 where occurrence = 3")

    assert JANUARY not in pair.run()
    assert "2 more equal a source row" in pair.problems[JANUARY]
    assert JANUARY not in pair.run("keep_own_rows")
    assert "line_hash and occurrence" in pair.problems[JANUARY]
    assert pair.run("set_aside_own_rows")[JANUARY].adopted == (2, 1, 1)
    pair.assert_equal()


def test_a_destination_that_hides_rows_is_refused(pair: Pair) -> None:
    """Hidden rows would look absent, and every month would be copied beside them."""
    pair.fill(9)
    pair.run()
    info = pair.destination.info
    pair.destination.execute("drop role if exists half_blind_there")
    pair.destination.execute(
        "create role half_blind_there login password 'uma-senha-longa' in role authenticated"
    )
    blind = f"postgresql://half_blind_there:uma-senha-longa@127.0.0.1:{info.port}/{info.dbname}"
    try:
        with (
            pytest.raises(SyncError, match=r"hides rows of public\.dre_hitss"),
            open_mirror(Mirror(pair.mirror.source_url, blind), "run-1"),
        ):
            pytest.fail("it took what it saw for all there is")
    finally:
        pair.destination.execute("drop role half_blind_there")


def test_the_servers_limit_for_statements_is_not_the_mirrors(pair: Pair) -> None:
    """Supabase ends every statement after two minutes; the mirror has a limit of its own."""
    pair.fill(9)
    for side in (pair.source, pair.destination):
        side.execute(f"alter database {side.info.dbname} set statement_timeout = '2min'".encode())
    pair.destination.execute(
        "create function limited() returns trigger language plpgsql as $$begin"
        " if current_setting('statement_timeout') <> '30min' then raise 'limited'; end if; return null; end$$;"
        " create trigger limited after insert on dre_hitss execute function limited()"
    )
    assert len(pair.run()) == 3
    pair.assert_equal()
