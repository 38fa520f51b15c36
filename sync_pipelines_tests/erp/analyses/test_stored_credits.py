"""Credits that were analysed and changed since: the sync is about what is stored, not about what was once said."""

from __future__ import annotations

import pytest

from sync_pipelines_tests.erp.analyses.project import Project

AMOUNTS = "select potential_recovery::text from public.identified_credits order by potential_recovery"


@pytest.mark.parametrize(
    "harm",
    [
        "delete from public.identified_credits",
        "delete from public.identified_credits where potential_recovery = 4",
        "update public.identified_credits set potential_recovery = 400 where potential_recovery = 4",
        "update public.identified_credits set xml_import_id = null",
        "insert into public.identified_credits (user_id, xml_import_id, potential_recovery)"
        " select user_id, xml_import_id, 9 from public.identified_credits where potential_recovery = 4",
    ],
)
def test_what_is_not_as_it_was_found_is_analysed_again(project: Project, harm: str) -> None:
    project.add("2.00", "4.00")
    project.add("10.00")
    project.analyse()
    project.erp.execute(harm.encode())
    again = project.analyse()
    assert (again.status, again.failed) == ("success", 0)
    assert len(project.bodies()) == 2 + again.analysed
    stored = "select potential_recovery::text from public.identified_credits where xml_import_id is not null"
    assert sorted(project.rows(stored)) == [("10.00",), ("2.00",), ("4.00",)]
    assert project.analyse().analysed == 0


def test_credits_that_come_back_to_a_cancelled_invoice_are_cleared(project: Project) -> None:
    one = project.add("2.00", state="cancelada")
    project.analyse()
    project.erp.execute(
        "insert into public.identified_credits (user_id, xml_import_id, potential_recovery)"
        " select user_id, id, 5 from public.xml_imports where id = %s",
        (one,),
    )
    assert project.analyse().cleared == 1
    assert project.rows(AMOUNTS) == []


def test_what_a_person_notes_on_a_credit_is_no_change(project: Project) -> None:
    project.add("2.00")
    project.analyse()
    project.erp.execute(
        "update public.identified_credits set status = 'validated', accountant_notes = 'ok', validated_at = now()"
    )
    assert project.analyse().analysed == 0
    assert len(project.bodies()) == 1


def test_an_import_that_was_given_to_another_user_is_not_sent_as_this_one(project: Project) -> None:
    one = project.add("2.00")
    project.erp.execute("update public.xml_imports set user_id = gen_random_uuid() where id = %s", (one,))
    project.analyse()
    assert project.bodies() == []
