"""What the proof at the end of a run finds: what was right when the list was stored, and is not any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sprinthub.segment_run import DetailsError
from sync_pipelines_tests.sprinthub.installation import Installed

TRIGGER = """
create function api.meddle() returns trigger language plpgsql as $$ begin {body}; return new; end $$;
create trigger meddle before {event} on api.leads for each row execute function api.meddle();
"""
DUE = b"update public.sync_segments_control set next_execution = now() - interval '1 minute'"
#: What somebody may do to the segment while its details are read, and what the proof says of it.
MEDDLING = [
    ("update sync_private.segment_membership set left_at = now() where lead_id = %s", "its memberships"),
    ("delete from sync_private.segment_membership where lead_id = %s", "its memberships"),
    ("insert into sync_private.segment_membership select 7, %s + 900000, now()", "its memberships"),
    ("update api.leads set segmento = null where id = %s", "segmento of some leads"),
    ("update api.leads set segmento = 999 where id = %s", "segmento of some leads"),
]


def placed(installed: Installed) -> set[int]:
    return {lead for (lead,) in installed.rows("select id from api.leads where segmento = 7")}


@pytest.mark.parametrize(("statement", "sentence"), MEDDLING)
def test_what_somebody_changes_during_the_details_is_no_success_and_mended_by_the_next_run(
    installed: Installed, statement: str, sentence: str
) -> None:
    lead, *others = installed.crm.tenant.add_segment(7, leads=20)
    installed.sync()
    installed.crm.tenant.change_lead(others[-1], city="Outra")
    installed.crm.before_detail(1, lambda: installed.oficialmed.execute(statement.encode(), (lead,)))
    assert f"Segment 7 is not proved: {sentence}" in installed.fails(DetailsError)
    assert installed.log()[0] == "error"
    installed.sync()
    assert installed.members() == placed(installed) == installed.truth()


@pytest.mark.parametrize("statement", [statement for statement, _ in MEDDLING])
def test_what_somebody_changed_is_mended_though_the_crm_says_that_nothing_changed(
    installed: Installed, statement: str
) -> None:
    lead, *_ = installed.crm.tenant.add_segment(7, leads=20)
    installed.add_control()
    pipeline = installed.pipeline(gate=timedelta(hours=6))
    installed.sync(pipeline=pipeline)
    installed.oficialmed.execute(DUE)
    assert installed.sync(pipeline=pipeline, only_if_due=True).skipped is not None
    installed.oficialmed.execute(DUE)
    installed.oficialmed.execute(statement.encode(), (lead,))
    outcome = installed.sync(pipeline=pipeline, only_if_due=True)
    assert (outcome.leads, outcome.skipped) == (20, None)
    assert installed.members() == placed(installed) == installed.truth()


def test_a_trigger_that_takes_segmento_from_a_lead_is_no_success(installed: Installed) -> None:
    installed.crm.tenant.add_segment(7, leads=20)
    installed.oficialmed.execute(TRIGGER.format(event="update", body="new.segmento := null").encode())
    assert "a trigger or somebody changed it." in installed.fails(DetailsError)
    assert installed.log()[0] == "error"


def test_a_trigger_that_alters_a_lead_whose_detail_never_comes_is_no_success(installed: Installed) -> None:
    (lead,) = installed.crm.tenant.add_segment(7, leads=1)
    installed.crm.tenant.change_quietly(lead, city="Recife")
    installed.crm.fail("detail_missing")
    installed.oficialmed.execute(TRIGGER.format(event="insert or update", body="new.city := 'X'").encode())
    assert f"Lead {lead} differs in city right after it was written" in installed.fails(PermanentError)
    assert installed.value("select count(*) from api.leads") == 0


def test_a_lead_of_two_segments_that_the_other_one_marks_meanwhile_is_proved(installed: Installed) -> None:
    members = installed.crm.tenant.add_segment(7, leads=20)
    installed.crm.tenant.add_segment(8, leads=5, shared=members[:10])
    installed.sync(8)
    marked = "update api.leads set segmento = 8 where id = any(%s)"
    installed.crm.before_detail(1, lambda: installed.oficialmed.execute(marked.encode(), (members[:10],)))
    assert installed.sync(7).leads == 20
    assert installed.value("select count(*) from api.leads where segmento = 8") == 15
