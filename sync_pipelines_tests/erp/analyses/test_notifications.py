"""Of the notifications that our calls made one stays; those of the user's own analyses are left alone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from sync_pipelines.erp.analyses.notifications import reais
from sync_pipelines_tests.erp.analyses.project import LINK, USER, Project

TITLE = "💰 {} créditos tributários identificados!"
ALL = "select title, message from public.notifications order by created_at, title"


def add(project: Project, title: str, message: str, user: UUID = USER, link: str = LINK) -> None:
    project.erp.execute(
        "insert into public.notifications (user_id, title, message, action_url) values (%s, %s, %s, %s)",
        (user, title, message, link),
    )


def test_one_stays_with_the_count_and_the_amount_of_all(project: Project) -> None:
    project.add("1000.00", "234.00"), project.add("0.56"), project.add("0")
    project.analyse()
    assert project.rows(ALL) == [(TITLE.format(3), "Potencial de recuperação de R$ 1.234,56.")]


def test_those_of_a_day_become_one_and_a_read_one_is_left(project: Project) -> None:
    project.add("1.00")
    project.analyse()
    project.add("2.00", "3.00")
    project.analyse()
    assert project.rows(ALL) == [(TITLE.format(3), "Potencial de recuperação de R$ 6,00.")]
    project.erp.execute("update public.notifications set read = true")
    project.add("4.00")
    project.analyse()
    assert [title for title, _ in project.rows(ALL)] == [TITLE.format(3), TITLE.format(1)]


def test_one_of_another_day_is_left(project: Project) -> None:
    project.add("1.00")
    project.analyse()
    project.erp.execute(
        "update sync_private.credit_notifications set since = since - %s", (timedelta(days=1),)
    )
    project.add("2.00", "3.00")
    project.analyse()
    assert project.titles() == [TITLE.format(1), TITLE.format(2)]


def test_those_of_others_and_of_before_are_left(project: Project) -> None:
    add(project, TITLE.format(1), "before")
    add(project, "Relatório", "other")
    add(project, TITLE.format(1), "other user", user=uuid4())
    add(project, TITLE.format(1), "other link", link="/")
    project.add("1.00"), project.add("1.00")
    project.analyse()
    messages = sorted(message for _, message in project.rows(ALL))
    assert messages == ["Potencial de recuperação de R$ 2,00.", "before", "other", "other link", "other user"]


def test_the_users_own_analysis_meanwhile_keeps_its_notification(project: Project) -> None:
    """It says another number than our calls, or there is one more of the same number than we made calls."""
    project.add("1.00"), project.add("1.00", "1.00")
    project.fake.before("analyze-credits", 1, lambda: add(project, TITLE.format(9), "own"))
    project.fake.before("analyze-credits", 2, lambda: add(project, TITLE.format(1), "own"))
    project.analyse()
    assert project.titles() == [TITLE.format(1), TITLE.format(3), TITLE.format(9)]


def test_an_application_without_notifications_is_no_failure(project: Project) -> None:
    project.add("0")
    project.erp.execute("drop table public.notifications")
    assert project.analyse().status == "success"


def test_an_amount_is_written_as_brazilians_write_it() -> None:
    assert reais(Decimal("1234567.8")) == "R$ 1.234.567,80"
