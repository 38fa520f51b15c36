"""Today's summary of a user beside the user's credits, whoever wrote it last."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

from sync_pipelines.erp.analyses.summary import read_differences
from sync_pipelines_tests.erp.analyses.project import DAY, USER, Project

TODAY = date.fromisoformat(DAY)
TOTAL = "select total_potential from public.credit_analysis_summary where analysis_date = '2026-11-22'"


def add_credit(project: Project, tax: str, amount: str, level: str, user: UUID = USER) -> None:
    project.erp.execute(
        "insert into public.identified_credits (user_id, rule_id, potential_recovery, confidence_level)"
        " select %s, id, %s, %s from public.credit_rules where tax_type = %s",
        (user, amount, level, tax),
    )


def test_it_adds_up_every_credit_of_the_user_as_the_function_would(project: Project) -> None:
    add_credit(project, "ICMS", "1.10", level="medium")
    add_credit(project, "ICMS-ST", "2.20", level="medium")
    add_credit(project, "IPI", "3.30", level="low")
    add_credit(project, "IPI", "99", level="low", user=uuid4())
    project.add("10.00"), project.add("20.00", "0.05"), project.add("0")
    project.add("5.00", state="cancelada")
    assert project.analyse().differences == ()
    assert project.rows(
        "select analysis_date::text, period_start::text, period_end::text, pis_cofins_potential, icms_potential,"
        " icms_st_potential, ipi_potential, high_confidence_total, medium_confidence_total, low_confidence_total,"
        " total_potential, credits_found_count, total_xmls_analyzed from public.credit_analysis_summary"
    ) == [
        (
            *(DAY, "2025-11-22", DAY),
            *(Decimal("30.05"), Decimal("1.10"), Decimal("2.20"), Decimal("3.30")),
            *(Decimal("30.05"), Decimal("3.30"), Decimal("3.30"), Decimal("36.65")),
            *(6, 3),
        )
    ]


def test_one_that_was_edited_or_replaced_is_found_and_built_again(project: Project) -> None:
    project.add("2.00")
    project.analyse()
    project.erp.execute("update public.credit_analysis_summary set total_potential = 99")
    found = read_differences(project.syncs.erp, TODAY)
    assert found == {str(USER): "total_potential: 99 in the summary, 2 by the credits"}
    assert project.analyse().differences == () and project.value(TOTAL) == 2
    project.erp.execute("delete from public.credit_analysis_summary")
    assert "0 summaries" in read_differences(project.syncs.erp, TODAY)[str(USER)]
    assert project.analyse().differences == () and project.value(TOTAL) == 2
    assert read_differences(project.syncs.erp, TODAY) == {}


def test_one_that_equals_the_credits_is_not_rewritten(project: Project) -> None:
    project.add("2.00")
    project.analyse()
    before = project.rows("select id, xmin::text from public.credit_analysis_summary")
    project.analyse()
    assert project.rows("select id, xmin::text from public.credit_analysis_summary") == before


def test_one_of_the_application_alone_is_left_alone(project: Project) -> None:
    project.erp.execute(
        "insert into public.credit_analysis_summary (user_id, analysis_date, total_potential) values (%s, %s, 7)",
        (USER, TODAY),
    )
    assert project.analyse().differences == () and project.value(TOTAL) == 7
    assert read_differences(project.syncs.erp, TODAY) == {}


def test_those_of_other_days_and_users_are_left_alone(project: Project) -> None:
    for user, day in ((USER, "2026-11-21"), (uuid4(), DAY)):
        project.erp.execute(
            "insert into public.credit_analysis_summary (user_id, analysis_date, total_potential) values (%s, %s, 7)",
            (user, day),
        )
    project.add("2.00")
    project.analyse()
    assert sorted(project.rows("select total_potential from public.credit_analysis_summary")) == [
        (Decimal(2),),
        (Decimal(7),),
        (Decimal(7),),
    ]


def test_midnight_in_the_middle_leaves_two_whole_summaries(project: Project) -> None:
    """The function dates its summary in UTC: the day changes at 21:00 of Brasília."""
    project.syncs.clock.now = project.syncs.clock.now.replace(hour=23, minute=59)
    for _ in range(30):
        project.add("1.00")
    project.fake.before("analyze-credits", 15, lambda: project.syncs.clock.pass_(minutes=2))
    project.analyse()
    found = project.rows(
        "select analysis_date::text, total_potential from public.credit_analysis_summary order by 1"
    )
    assert found == [(DAY, Decimal(30)), ("2026-11-23", Decimal(30))]


def test_columns_that_the_application_does_not_have_are_left_out(project: Project) -> None:
    project.erp.execute(
        "alter table public.credit_analysis_summary drop column period_start, drop column icms_st_potential"
    )
    add_credit(project, "ICMS-ST", "2.20", level="medium")
    project.erp.execute(
        "insert into sync_private.credit_summaries (user_id, day, built_at) values (%s, %s, now())",
        (USER, TODAY),
    )
    assert project.analyse().differences == ()
    assert project.value(TOTAL) == Decimal("2.20")


def test_a_missing_table_is_said(project: Project) -> None:
    project.erp.execute("drop table public.credit_analysis_summary")
    outcome = project.analyse()
    assert outcome.differences == ("There is no table public.credit_analysis_summary.",)
    assert read_differences(project.syncs.erp, TODAY) == {}


def test_a_trigger_that_alters_it_is_found(project: Project) -> None:
    project.erp.execute(
        "create function spoil() returns trigger language plpgsql as $$ begin new.total_potential = 1;"
        " return new; end $$; create trigger spoil before insert on public.credit_analysis_summary"
        " for each row execute function spoil()"
    )
    project.add("2.00")
    outcome = project.analyse()
    assert outcome.status == "error" and "is not what was written" in outcome.message
    assert (outcome.analysed, outcome.credits) == (1, 1)
