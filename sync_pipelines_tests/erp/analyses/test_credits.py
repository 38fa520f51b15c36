"""The credit analysis of a user's imports: what is called, what is recorded, what it leaves."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.erp.analyses.credits import GIVE_UP_AFTER, analyse_credits
from sync_pipelines.erp.analyses.functions import FunctionsAccess
from sync_pipelines.erp.outcome import CreditsOutcome
from sync_pipelines.lib.failures import RefusedError
from sync_pipelines.sandbox.erp.database import add_connection
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.account import Syncs
from sync_pipelines_tests.erp.analyses.double import KEY, LINK, Functions

USER = UUID(int=1)
Erp = psycopg.Connection[Any]


@pytest.fixture
def double(erp: Erp, erp_url: str) -> Functions:
    erp.execute(
        "insert into public.credit_rules (rule_code, rule_name, tax_type) values ('PIS', 'PIS', 'PIS/COFINS')"
    )
    return Functions(erp_url)


class World:
    """A connection of the user, and the functions on a socket."""

    def __init__(self, erp: Erp, syncs: Syncs, double: Functions, url: str) -> None:
        self.erp, self.syncs, self.double, self.url = erp, syncs, double, url
        self.connection_id = add_connection(erp, USER, "omie", {})

    def add(self, *pis: str, state: str = "autorizada") -> UUID:
        """An import with an item for each amount of PIS; it is wanted."""
        one = uuid4()
        self.erp.execute(
            "insert into public.xml_imports (id, user_id, file_name, file_size, file_path, nfe_key, nfe_status,"
            " issue_date) values (%s, %s, 'x', 1, 'x', %s, %s, '2026-11-03')",
            (one, USER, one.hex, state),
        )
        self.erp.execute(
            "insert into public.xml_analysis (user_id, import_id, xml_type, raw_data) values (%s, %s, 'NFe', %s)",
            (USER, one, Jsonb(raw_data(*pis))),
        )
        self.erp.execute(
            "insert into sync_private.credit_analyses (import_id, user_id, connection_id, wanted)"
            " values (%s, %s, %s, gen_random_uuid())",
            (one, USER, self.connection_id),
        )
        return one

    def change(self, one: UUID, state: str = "autorizada") -> None:
        self.erp.execute("update public.xml_imports set nfe_status = %s where id = %s", (state, one))
        self.erp.execute(
            "update sync_private.credit_analyses set wanted = gen_random_uuid() where import_id = %s", (one,)
        )

    def analyse(self, key: str = KEY) -> CreditsOutcome:
        settings = ErpSettings.model_validate({"erp_functions_url": self.url, "erp_functions_key": key})
        session = self.syncs.session(self.connection_id)
        with FunctionsAccess(settings).open(session.connection) as functions:
            return analyse_credits(session, functions)

    def value(self, query: str) -> Any:
        row = self.erp.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


@pytest.fixture
def world(erp: Erp, syncs: Syncs, double: Functions) -> Iterator[World]:
    with BackgroundServer(double) as server:
        yield World(erp, syncs, double, server.url)


def raw_data(*pis: str) -> dict[str, Any]:
    item = {
        **dict.fromkeys(("ncm", "cfop", "cst_pis", "cst_cofins", "cst_icms", "descricao"), "00"),
        **dict.fromkeys(("cofins", "icms", "ipi", "icms_st", "credito_pis", "credito_cofins"), 0),
        **{"credito_icms": 0, "valorTotal": 1},
    }
    head = dict.fromkeys(("chaveNfe", "numero", "dataEmissao", "emitenteCnpj", "emitenteNome"), "1")
    return {**head, "produtos": [{**item, "pis": float(value)} for value in pis]}


def test_each_import_is_one_call_and_none_is_made_again(world: World) -> None:
    one, two = world.add("2.00", "4.00"), world.add("10.00")
    first = world.analyse()
    assert (first.status, first.analysed, first.credits, first.failed) == ("success", 2, 3, 0), first
    assert {call["xml_import_id"] for call in world.double.calls} == {str(one), str(two)}
    assert {call["user_id"] for call in world.double.calls} == {str(USER)}
    assert {len(call["parsed_xmls"]) for call in world.double.calls} == {1}
    again = world.analyse()
    assert (again.status, again.analysed) == ("success", 0) and len(world.double.calls) == 2


def test_the_summary_is_of_all_credits_and_one_notification_stays(world: World) -> None:
    world.add("2.00", "4.00"), world.add("10.00"), world.add("0")
    assert world.analyse().differences == ()
    summary = world.erp.execute(
        "select analysis_date::text, total_potential, pis_cofins_potential, high_confidence_total,"
        " credits_found_count, total_xmls_analyzed from public.credit_analysis_summary"
    ).fetchall()
    assert summary == [("2026-11-22", Decimal(8), Decimal(8), Decimal(8), 3, 3)]
    notes = world.erp.execute("select title, message from public.notifications").fetchall()
    assert notes == [("💰 3 créditos tributários identificados!", "Potencial de R$ 8,00.")]


def test_a_cancelled_invoice_loses_its_credits(world: World) -> None:
    one = world.add("2.00")
    world.analyse()
    world.change(one, "cancelada")
    outcome = world.analyse()
    assert (outcome.cleared, outcome.analysed) == (1, 0)
    assert world.double.calls[-1]["parsed_xmls"] == []
    assert world.value("select count(*) from public.identified_credits") == 0
    assert world.value("select total_potential from public.credit_analysis_summary") == 0


def test_an_invoice_that_was_cancelled_before_its_analysis_needs_no_call(world: World) -> None:
    world.add("2.00", state="cancelada")
    assert world.analyse().status == "success"
    assert world.double.calls == []
    assert world.value("select analysed = wanted from sync_private.credit_analyses")


def test_a_failure_is_recorded_and_wanted_again(world: World) -> None:
    """Trap 66."""
    world.add("2.00")
    world.double.faults = {0: (500, b"{}"), 1: (500, b"{}")}
    outcome = world.analyse()
    assert (outcome.status, outcome.failed) == (
        "error",
        1,
    ) and "próxima sincronização" in outcome.message.lower()
    assert "500" in world.value("select error from sync_private.credit_analyses")
    assert (world.analyse().status, world.value("select error from sync_private.credit_analyses")) == (
        "success",
        None,
    )


def test_a_refused_token_ends_the_calls(world: World) -> None:
    for _ in range(20):
        world.add("2.00")
    outcome = world.analyse(key=f"{KEY}x")
    assert isinstance(outcome.error, RefusedError) and "ERP_FUNCTIONS_KEY" in str(outcome.error)
    assert len(world.double.calls) <= 8


def test_a_function_that_is_down_is_not_called_for_every_import(world: World) -> None:
    for _ in range(40):
        world.add("2.00")
    world.double.faults = dict.fromkeys(range(100), (503, b""))
    assert world.analyse().status == "error"
    assert len(world.double.calls) <= GIVE_UP_AFTER + 8


def test_an_effect_without_an_answer_is_analysed_again_and_its_notification_is_merged(world: World) -> None:
    world.add("2.00")
    world.double.late = {0: (200, b'{"success": true, "cre')}
    assert world.analyse().status == "success"
    assert len(world.double.calls) == 2
    assert world.value("select count(*) from public.identified_credits") == 1
    assert world.value("select count(*) from public.notifications") == 1


def test_a_success_without_an_effect_is_a_failure(world: World) -> None:
    world.add("2.00")
    world.erp.execute(
        "create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;"
        " create trigger swallow before insert on public.identified_credits for each row execute function swallow()"
    )
    outcome = world.analyse()
    assert outcome.status == "error" and "0 are stored" in outcome.message
    assert world.value("select analysed is null from sync_private.credit_analyses")


def test_a_summary_that_another_call_replaced_is_built_again(world: World) -> None:
    world.add("2.00")
    world.analyse()
    world.erp.execute("update public.credit_analysis_summary set total_potential = 99")
    outcome = world.analyse()
    assert (outcome.status, outcome.differences) == ("success", ())
    assert world.value("select total_potential from public.credit_analysis_summary") == 1


def test_a_summary_of_the_application_alone_is_left_alone(world: World) -> None:
    world.erp.execute(
        "insert into public.credit_analysis_summary (user_id, analysis_date, total_potential)"
        " values (%s, '2026-11-22', 7)",
        (USER,),
    )
    assert world.analyse().differences == ()
    assert world.value("select total_potential from public.credit_analysis_summary") == 7


def test_notifications_that_are_not_ours_stay(world: World) -> None:
    world.add("2.00"), world.add("2.00")
    foreign = [
        (USER, "💰 1 créditos tributários identificados!", "antes", LINK),
        (USER, "Outra", "x", LINK),
        (uuid4(), "💰 1 créditos tributários identificados!", "de outro", LINK),
    ]
    for row in foreign:
        world.erp.execute(
            "insert into public.notifications (user_id, title, message, action_url) values (%s, %s, %s, %s)",
            row,
        )
    world.analyse()
    messages = world.erp.execute("select message from public.notifications order by message").fetchall()
    assert messages == [("Potencial de R$ 2,00.",), ("antes",), ("de outro",), ("x",)]
