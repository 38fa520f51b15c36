"""A run of the new leads, from the inbox over the CRM's socket to the destination's table and back to the inbox."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import httpx
import pytest

from sync_pipelines.lib.failures import PermanentError, RefusedError, ThrottledError, TransientError
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.settings import SettingsError
from sync_pipelines.sprinthub.endpoints import endpoints
from sync_pipelines.sprinthub.new_leads.drain import SUPERSEDED
from sync_pipelines_tests.sprinthub.new_leads.conftest import SEGMENT, Arrivals

UNKNOWN = "the CRM names the lead and does not know it"
NOWHERE = 999_999


def test_new_leads_are_there_with_what_their_details_say_and_in_no_segment_yet(arrivals: Arrivals) -> None:
    new = arrivals.crm.tenant.insert_lead(SEGMENT, firstname="Joana", whatsapp="5511999990000")
    arrivals.receive(new, arrivals.known[0])
    done = arrivals.run()
    assert (done.drained.inserted, done.drained.decided, done.waiting) == (2, 2, 0)
    assert arrivals.leads[new] == ("Joana", None, "5511999990000")
    assert arrivals.rows == [(new, "applied", None), (arrivals.known[0], "applied", None)]
    assert sorted(arrivals.crm.calls.subjects("detail")) == sorted([new, arrivals.known[0]])


def test_a_call_of_the_crm_ends_in_the_table(arrivals: Arrivals) -> None:
    settings = arrivals.settings(sprinthub_webhook_lead_id="data.0.id")
    lead = arrivals.crm.tenant.insert_lead(SEGMENT, firstname="Joana")
    with (
        closing(InboxPool(settings.ops_url)) as inbox,
        BackgroundServer(build(settings, [endpoints(settings)], inbox=inbox)) as server,
    ):
        answer = httpx.post(
            f"{server.url}{settings.sprinthub_webhook_path}",
            json={"data": [{"id": lead, "firstname": "what the call says is not used"}]},
            headers={"X-Webhook-Secret": settings.require("sprinthub_webhook_secret")},
        )
    assert (answer.status_code, arrivals.leads) == (200, {})
    arrivals.run()
    assert arrivals.leads[lead][0] == "Joana"


def test_several_arrivals_of_a_lead_are_one_call_and_its_newest_state(arrivals: Arrivals) -> None:
    lead = arrivals.known[0]
    arrivals.receive(lead, lead, lead)
    arrivals.crm.tenant.change_lead(lead, firstname="Joana")
    done = arrivals.run()
    assert (done.drained.leads, done.drained.superseded) == (1, 2)
    assert arrivals.rows == [(lead, "ignored", SUPERSEDED)] * 2 + [(lead, "applied", None)]
    assert arrivals.crm.calls.count("detail") == 1
    assert arrivals.leads[lead][0] == "Joana"


def test_a_lead_that_is_the_same_is_not_written_again(arrivals: Arrivals) -> None:
    arrivals.receive(arrivals.known[0])
    arrivals.run()
    stamp = "select synced_at, xmin::text from api.leads"
    before = arrivals.oficialmed.execute(stamp).fetchall()
    arrivals.receive(arrivals.known[0])
    done = arrivals.run()
    assert (done.drained.written, done.drained.unchanged) == (0, 1)
    assert arrivals.oficialmed.execute(stamp).fetchall() == before


def test_what_the_segment_and_the_dialler_wrote_stays(arrivals: Arrivals) -> None:
    lead = arrivals.known[0]
    arrivals.oficialmed.execute(
        "insert into api.leads (id, segmento, firstname, qualificacao_callix) values (%s, 61, 'Antes', 'bom')",
        [lead],
    )
    arrivals.crm.tenant.change_lead(lead, firstname="Joana", qualificacao_callix="ruim")
    arrivals.receive(lead)
    arrivals.run()
    row = arrivals.oficialmed.execute(
        "select segmento, firstname, qualificacao_callix from api.leads"
    ).fetchone()
    assert row == (61, "Joana", "bom")


def test_a_read_lead_keeps_the_list_item_that_it_was_read_for(arrivals: Arrivals) -> None:
    """Otherwise each arrival would cost its segment's next sync a call more."""
    lead = arrivals.known[0]
    arrivals.receive(lead)
    arrivals.run()
    arrivals.oficialmed.execute("update sync_private.lead_details set list_hash = md5('item')::uuid")
    arrivals.receive(lead)
    arrivals.run()
    kept = arrivals.oficialmed.execute(
        "select list_hash = md5('item')::uuid from sync_private.lead_details"
    ).fetchall()
    assert kept == [(True,)]


@pytest.mark.parametrize("fault", ["detail_missing", "detail_without_lead", "detail_null"])
def test_a_lead_that_the_crm_does_not_know_is_rejected(arrivals: Arrivals, fault: str) -> None:
    lead, other = arrivals.known[:2]
    arrivals.crm.fail(fault, lead=lead)
    arrivals.receive(lead, other)
    done = arrivals.run()
    assert arrivals.rows == [(lead, "rejected", UNKNOWN), (other, "applied", None)]
    assert (done.drained.rejected, list(arrivals.leads)) == ({UNKNOWN: 1}, [other])
    rejects = arrivals.ops.execute(
        "select locator ->> 'lead', partition_key, rule from ops.rejects where rule like 'detail_%'"
    ).fetchall()
    assert rejects == [(str(lead), None, "detail_is_there")]


def test_the_detail_of_another_lead_is_a_reject(arrivals: Arrivals) -> None:
    lead = arrivals.known[0]
    arrivals.crm.fail("detail_of_another", lead=lead)
    arrivals.receive(lead)
    arrivals.run()
    assert arrivals.rows == [(lead, "rejected", "the CRM answered with another lead")]
    assert arrivals.leads == {}


def test_a_row_that_the_table_does_not_take_is_a_reject_and_the_others_are_loaded(arrivals: Arrivals) -> None:
    bad, good = arrivals.known[:2]
    arrivals.oficialmed.execute(f"alter table api.leads add check (id <> {bad})".encode())
    arrivals.receive(bad, good)
    arrivals.run()
    (_, status, reason), other = arrivals.rows
    assert (status, reason) == ("rejected", "the table does not take its detail; ops.rejects says why")
    assert (other, list(arrivals.leads)) == ((good, "applied", None), [good])


@pytest.mark.parametrize(
    "fault", ["detail_server_error", "detail_bad_gateway", "detail_truncated", "detail_drop"]
)
def test_a_lead_whose_detail_does_not_come_waits_and_the_others_are_done(
    arrivals: Arrivals, fault: str
) -> None:
    lead, other = arrivals.known[:2]
    arrivals.crm.fail(fault, lead=lead)
    arrivals.receive(lead, other)
    done = arrivals.run()
    assert (done.drained.unread, done.waiting, bool(done.drained.problem)) == (1, 1, True)
    assert arrivals.rows == [(lead, "waiting", None), (other, "applied", None)]
    arrivals.crm.clear()
    assert arrivals.run().waiting == 0
    assert sorted(arrivals.leads) == sorted([lead, other])


@pytest.mark.parametrize("fault", ["detail_throttled", "detail_throttled_429"])
def test_throttling_ends_the_run_and_everything_waits(arrivals: Arrivals, fault: str) -> None:
    arrivals.crm.fail(fault)
    arrivals.receive(*arrivals.known)
    with pytest.raises(ThrottledError):
        arrivals.run(sprinthub_in_flight=1)
    assert {status for _, status, _ in arrivals.rows} == {"waiting"}
    assert arrivals.leads == {}


def test_a_short_throttling_is_waited_for(arrivals: Arrivals) -> None:
    arrivals.crm.fail("detail_throttled", times=2)
    arrivals.receive(*arrivals.known)
    assert arrivals.run().drained.inserted == len(arrivals.known)


def test_a_refused_token_ends_the_run_with_few_calls_and_says_what_to_renew(arrivals: Arrivals) -> None:
    arrivals.receive(*arrivals.known)
    with pytest.raises(RefusedError, match="Renew SPRINTHUB_API_TOKEN"):
        arrivals.run(sprinthub_api_token="um-token-de-antes", sprinthub_in_flight=1)
    assert arrivals.crm.calls.count("detail") <= 2
    assert {status for _, status, _ in arrivals.rows} == {"waiting"}


def test_a_crm_that_is_down_is_not_asked_for_every_lead(arrivals: Arrivals) -> None:
    arrivals.crm.fail("detail_unavailable")
    arrivals.receive(*range(1, 301))
    with pytest.raises(TransientError, match="in a row did not come"):
        arrivals.run(sprinthub_in_flight=1)
    # Five attempts each.
    assert arrivals.crm.calls.count("detail") <= 5 * 25
    assert {status for _, status, _ in arrivals.rows} == {"waiting"}


def test_what_was_merged_before_a_crash_is_recognised_by_the_next_run(arrivals: Arrivals) -> None:
    arrivals.receive(*arrivals.known)
    before = arrivals.ops.execute("select id from ops.inbox").fetchall()
    arrivals.run()
    # As a process leaves it that died between the merge and its decisions.
    arrivals.ops.execute(
        "update ops.inbox set status = 'waiting', decided_at = null, run_id = null, reason = null"
    )
    done = arrivals.run()
    assert (done.drained.unchanged, done.drained.written, len(before)) == (len(arrivals.known), 0, 6)
    assert {status for _, status, _ in arrivals.rows} == {"applied"}


def test_without_address_or_token_the_run_says_so_and_not_the_definitions(arrivals: Arrivals) -> None:
    arrivals.receive(arrivals.known[0])
    for name in ("sprinthub_base_url", "sprinthub_api_token", "sprinthub_instance"):
        new_leads = arrivals.new_leads(**{name: None})
        with pytest.raises(SettingsError, match=name.upper()):
            new_leads.run("run-1")


def test_row_security_that_hides_leads_from_us_is_refused(arrivals: Arrivals) -> None:
    arrivals.receive(arrivals.known[0])
    arrivals.oficialmed.execute("alter table api.leads enable row level security")
    arrivals.oficialmed.execute("alter table api.leads force row level security")
    arrivals.oficialmed.execute("create role narrow_owner login password 'uma-senha-longa'")
    try:
        arrivals.oficialmed.execute("alter table api.leads owner to narrow_owner")
        arrivals.oficialmed.execute("grant all on schema api, sync_private to narrow_owner")
        arrivals.oficialmed.execute("grant all on all tables in schema sync_private to narrow_owner")
        url = arrivals.urls["oficialmed_database_url"]
        place = url.rpartition("@")[2]
        with pytest.raises(PermanentError, match="BYPASSRLS"):
            arrivals.run(oficialmed_database_url=f"postgresql://narrow_owner:uma-senha-longa@{place}")
        assert arrivals.crm.calls.count("detail") == 0
    finally:
        arrivals.oficialmed.execute("reassign owned by narrow_owner to current_user")
        arrivals.oficialmed.execute("drop owned by narrow_owner")
        arrivals.oficialmed.execute("drop role narrow_owner")


def test_decided_arrivals_go_after_their_days_and_waiting_ones_never(arrivals: Arrivals) -> None:
    one, two, three, four = arrivals.known[:4]
    arrivals.receive(one, two, three, four)
    arrivals.ops.execute("update ops.inbox set received_at = now() - interval '90 days'")
    for lead, age in ((one, "31 days"), (two, "29 days")):
        arrivals.ops.execute(
            "update ops.inbox set status = 'applied', decided_at = now() - %s::interval where key = %s",
            (age, str(lead)),
        )
    arrivals.crm.fail("detail_server_error", lead=four)
    done = arrivals.run()
    assert (done.forgotten, done.waiting, arrivals.new_leads().waiting()) == (1, 1, 1)
    assert [(lead, status) for lead, status, _ in arrivals.rows] == [
        (two, "applied"),
        (three, "applied"),
        (four, "waiting"),
    ]


def test_what_arrives_after_a_run_began_is_not_counted_against_it(arrivals: Arrivals) -> None:
    one, two, three = arrivals.known[:3]
    arrivals.receive(one, two)
    arrivals.crm.before_detail(1, lambda: arrivals.receive(three))
    done = replace(arrivals.new_leads(), most=2).run("run-1")
    assert (done.waiting, done.drained.leads, arrivals.new_leads().waiting()) == (0, 2, 1)
