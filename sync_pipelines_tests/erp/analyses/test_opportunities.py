"""The opportunities of a company: what a person made of them stands, and another company's are there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from sync_pipelines.erp.outcome import Analysis, AnalysisOutcome
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.sandbox.erp.match_opportunities import match_opportunities
from sync_pipelines_tests.erp.analyses.taxpayer import NAMES, Taxpayer, killed_after

FUNCTION = NAMES[Analysis.OPPORTUNITIES]
ROWS = (
    "select o.code, c.status, c.motivo_descarte, c.notas_usuario from public.company_opportunities as c"
    " join public.tax_opportunities as o on o.id = c.opportunity_id order by o.code"
)
ALL_NEW = [(code, "nova", None, None) for code in ("COMERCIO_CREDITOS", "SIMPLES_SEGREGACAO", "SP_ICMS")]
#: What a person made of two of them.
PERSONS = [
    ("COMERCIO_CREDITOS", "descartada", "não se aplica", None),
    ("SIMPLES_SEGREGACAO", "nova", None, None),
    ("SP_ICMS", "interessado", None, "falar com o contador"),
]


def match(taxpayer: Taxpayer, connection_id: UUID | None = None, **options: Any) -> AnalysisOutcome:
    return taxpayer.dispatch(connection_id, **options)[Analysis.OPPORTUNITIES]


def decide(taxpayer: Taxpayer) -> None:
    """As a person does on the screen."""
    taxpayer.erp.execute(
        "update public.company_opportunities as c set status = 'descartada', motivo_descarte = 'não se aplica'"
        " from public.tax_opportunities as o where o.id = c.opportunity_id and o.code = 'COMERCIO_CREDITOS'"
    )
    taxpayer.erp.execute(
        "update public.company_opportunities as c set status = 'interessado', notas_usuario = 'falar com o contador'"
        " from public.tax_opportunities as o where o.id = c.opportunity_id and o.code = 'SP_ICMS'"
    )


def alter_profile(taxpayer: Taxpayer) -> None:
    taxpayer.erp.execute(
        "update public.company_profile set faturamento_mensal_medio = coalesce(faturamento_mensal_medio, 0) + 1000"
        " where id = %s",
        (taxpayer.company_id,),
    )


@pytest.fixture
def matched(taxpayer: Taxpayer) -> Taxpayer:
    """A company whose three opportunities were found, and two of them decided by a person."""
    done = match(taxpayer)
    assert (done.status, done.calls, done.figures["opportunities"]) == ("success", 1, 3)
    assert taxpayer.rows(ROWS) == ALL_NEW
    decide(taxpayer)
    return taxpayer


def test_what_a_person_decided_stands_when_it_is_made_again(matched: Taxpayer) -> None:
    assert match(matched).calls == 0
    for _ in range(2):
        alter_profile(matched)
        assert (match(matched).status, match(matched).calls) == ("success", 0)
        assert matched.rows(ROWS) == PERSONS
    assert matched.calls(Analysis.OPPORTUNITIES) == 3
    assert matched.fake.of(FUNCTION)[-1].body == {"company_id": str(matched.company_id)}


#: What happens, and whether the opportunities have to be matched again.
CHANGES = (
    ("update public.company_opportunities set match_score = 1 where status = 'nova'", 1),
    ("delete from public.company_opportunities where status = 'nova'", 1),
    ("update public.tax_opportunities set economia_percentual_max = 9 where code = 'SP_ICMS'", 1),
    ("update public.tax_opportunities set is_active = false where code = 'SP_ICMS'", 1),
    ("update public.company_profile set uf_sede = 'RJ'", 1),
    ("update public.company_profile set dados_financeiros_atualizados_em = now()", 0),
    ("update public.company_opportunities set status = 'ativa' where status = 'nova'", 0),
)


def test_it_is_made_again_where_what_it_reads_or_left_changed(matched: Taxpayer) -> None:
    for change, calls in CHANGES:
        matched.erp.execute(change.encode())
        assert match(matched).calls == calls, change
        assert set(matched.rows(ROWS)) >= {PERSONS[0], PERSONS[2]}, change


def test_a_connection_without_a_company_is_a_sentence_for_a_person(taxpayer: Taxpayer) -> None:
    taxpayer.erp.execute("update public.erp_connections set company_id = null")
    assert match(taxpayer).figures["opportunities"] == 3
    taxpayer.company()
    done = match(taxpayer)
    assert (done.status, done.calls, done.error) == ("skipped", 0, None)
    assert "ligue a conexão à empresa" in done.message


def test_an_incomplete_profile_is_a_sentence_for_a_person(taxpayer: Taxpayer) -> None:
    """Trap 64: a user with several companies, and a function of the version that knows no `company_id`."""
    taxpayer.company()
    taxpayer.handlers[FUNCTION] = lambda database, asked: match_opportunities(
        database, replace(asked, body={})
    )
    for calls in (1, 0, 0):
        done = match(taxpayer)
        assert (done.status, done.calls, done.error) == ("skipped", calls, None)
        assert "Complete o perfil da empresa" in done.message
    # It is asked again when the profile changes.
    alter_profile(taxpayer)
    taxpayer.handlers[FUNCTION] = match_opportunities
    assert (match(taxpayer).status, taxpayer.rows(ROWS)) == ("success", ALL_NEW)


def test_two_companies_of_a_user_do_not_take_each_others_rows(matched: Taxpayer) -> None:
    """Trap 58: a call deletes what is new of every company of the user."""
    other = matched.company(uf_sede="RJ", setor="servicos", regime_tributario="real")
    matched.erp.execute(
        "insert into public.tax_opportunities (code, name, name_simples, criterios)"
        """ values ('SERVICOS', 'x', 'x', '{"setor": "servicos"}')"""
    )
    connection = matched.connect("bling", other)
    for one in (connection, matched.connection_id, connection, matched.connection_id):
        assert match(matched, one).status == "success"
    assert matched.rows(ROWS) == [PERSONS[0], ("SERVICOS", "nova", None, None), *PERSONS[1:]]
    owners = dict(
        matched.rows(
            "select o.code, c.company_id from public.company_opportunities as c"
            " join public.tax_opportunities as o on o.id = c.opportunity_id"
        )
    )
    assert (owners["SERVICOS"], owners["SIMPLES_SEGREGACAO"]) == (other, matched.company_id)
    # One for each company, and one because the list of opportunities grew.
    assert matched.calls(Analysis.OPPORTUNITIES) == 3


def test_an_opportunity_of_two_companies_is_no_endless_story(matched: Taxpayer) -> None:
    """A user has one row an opportunity."""
    connection = matched.connect("bling", matched.company(uf_sede="SP"))
    ones = (connection, matched.connection_id) * 3
    assert [match(matched, one).calls for one in ones] == [1, 0, 0, 0, 0, 0]
    assert matched.rows(ROWS) == PERSONS


@pytest.mark.parametrize("fault", ["half_done", "drop_after"])
def test_a_call_whose_end_is_lost_leaves_what_a_person_decided(matched: Taxpayer, fault: str) -> None:
    alter_profile(matched)
    matched.fake.fail(f"{FUNCTION}_{fault}", times=1)
    assert match(matched).status == "error"
    assert {PERSONS[0], PERSONS[2]} <= set(matched.rows(ROWS))
    assert match(matched).status == "success"
    assert matched.rows(ROWS) == PERSONS


def test_a_kill_after_the_call_is_healed_by_the_next_sync(matched: Taxpayer) -> None:
    alter_profile(matched)
    with pytest.raises(InterruptedRunError):
        matched.dispatch(fence=killed_after(matched, Analysis.OPPORTUNITIES))
    assert matched.rows(ROWS) == [
        ALL_NEW[0][:2] + PERSONS[0][2:],
        ALL_NEW[1],
        ALL_NEW[2][:2] + PERSONS[2][2:],
    ]
    assert match(matched).status == "success"
    assert matched.rows(ROWS) == PERSONS
    # The lost call may still have gone on: what it made new once more is put back by the sync after.
    matched.erp.execute("update public.company_opportunities set status = 'nova'")
    assert match(matched).calls == 0
    assert matched.rows(ROWS) == PERSONS
    matched.erp.execute("update public.company_opportunities set status = 'nova'")
    match(matched)
    assert {status for _, status, *_ in matched.rows(ROWS)} == {"nova"}


def test_a_company_that_is_removed_after_a_kill_does_not_stop_the_others(matched: Taxpayer) -> None:
    """Its rows, which the call deleted, cannot be put back: they went with it."""
    other = matched.company(uf_sede="RJ", setor="servicos", regime_tributario="real")
    matched.erp.execute(
        "insert into public.tax_opportunities (code, name, name_simples, criterios)"
        """ values ('SERVICOS', 'x', 'x', '{"setor": "servicos"}')"""
    )
    connection = matched.connect("bling", other)
    match(matched, connection)
    with pytest.raises(InterruptedRunError):
        matched.dispatch(fence=killed_after(matched, Analysis.OPPORTUNITIES))
    assert "SERVICOS" not in {code for code, *_ in matched.rows(ROWS)}
    matched.erp.execute("delete from public.company_profile where id = %s", (other,))
    done = match(matched)
    assert (done.status, done.error) == ("success", None)
    assert matched.rows(ROWS) == PERSONS


def test_a_success_without_effect_or_with_swallowed_rows_is_none(matched: Taxpayer) -> None:
    alter_profile(matched)
    matched.fake.fail(f"{FUNCTION}_without_effect", times=1)
    done = match(matched)
    assert done.status == "error" and "3 opportunities fit; 1 are stored" in done.message
    matched.swallow("public.company_opportunities", "update")
    assert match(matched).status == "error"
    matched.erp.execute("drop trigger swallow on public.company_opportunities")
    matched.erp.execute(
        "create function halve() returns trigger language plpgsql as"
        " $$ begin new.economia_anual_max = new.economia_anual_max / 2; return new; end $$;"
        " create trigger halve before insert or update on public.company_opportunities"
        " for each row execute function halve()"
    )
    assert match(matched).status == "error"
    matched.erp.execute("drop trigger halve on public.company_opportunities")
    assert match(matched).status == "success"
    assert matched.rows(ROWS) == PERSONS
