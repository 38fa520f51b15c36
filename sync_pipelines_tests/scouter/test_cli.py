"""The commands of the lead push as they are typed: what they print, and their exit status."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines_tests.cli.test_app import CLOSED, Terminal, assert_ends_in_a_sentence, words
from sync_pipelines_tests.scouter.installation import Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
RANGE = "run scouter --from 2025-10-20 --to 2025-10-21"


@pytest.fixture
def typed(installation: Installation, tmp_path: Path) -> Terminal:
    """A terminal with the variables of an installation that holds ten leads on each of two days."""
    for back in range(2):
        installation.leads(range(back * 10, back * 10 + 10), NOON - timedelta(days=back))
    settings = installation.settings
    return Terminal(
        tmp_path,
        {
            "SYNC_ENV": "development",
            "OPS_DATABASE_URL": settings.require("ops_database_url"),
            "TABULADORMAX_DATABASE_URL": settings.require("tabuladormax_database_url"),
            "GESTAO_SCOUTER_URL": installation.postgrest.url,
            "GESTAO_SCOUTER_SERVICE_KEY": installation.postgrest.service_key,
        },
    )


def test_a_range_is_pushed_and_a_second_time_finds_nothing(
    installation: Installation, typed: Terminal
) -> None:
    result = typed(RANGE)
    assert result.exit_code == 0, result.output
    assert "2/2 days" in result.output
    assert "Everything is proved." in result.output
    again = typed(RANGE)
    assert again.exit_code == 0
    assert "20 unchanged leads were read at the destination now and are equal." in words(again)
    assert installation.posts() == [10, 10]
    assert len(installation.there()) == 20
    installation.gestao.execute("delete from public.leads where id = 600001")
    assert "1 leads were no longer there as they had been left, and were sent again." in words(typed(RANGE))
    assert len(installation.there()) == 20


def test_a_range_without_leads_is_not_called_proved(installation: Installation, typed: Terminal) -> None:
    result = typed("run scouter --from 2025-03-01 --to 2025-03-02")
    assert result.exit_code == 0
    assert "Nothing to do: no lead in this range." in words(result)
    assert "There was nothing to do, so nothing is proved." in words(result)
    assert "Everything is proved" not in words(result)
    assert installation.posts() == []


def test_refused_leads_are_told_and_a_replay_is_a_success_only_once_they_are_mended(
    installation: Installation, typed: Terminal
) -> None:
    with_dirt_rules(installation.gestao)
    lead = installation.lead(3, NOON, age=1999)
    assert_ends_in_a_sentence(typed(RANGE), "1 of 10 leads were rejected", "Not everything is proved.")
    (job,) = installation.actions().newest()
    again = typed(f"replay scouter --job {job.id}")
    assert (again.exit_code, "1 rejected again" in words(again)) == (1, True)
    installation.edit(lead, age=39)
    done = typed("replay scouter")
    assert done.exit_code == 0, done.output
    assert "1 leads were accepted, 0 rejected again" in words(done)
    assert typed("replay scouter").exit_code == 0
    assert not [
        text for text in ("Pessoa", installation.postgrest.service_key) if text in "".join(typed.printed)
    ]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("run scouter --from 2025-10-21 --to 2025-10-20", "não pode vir antes"),
        ("run scouter --from 2025-10", "'2025-10' is not a day such as 2025-10-21."),
        ("run scouter --to 2025-02-30", "'2025-02-30' is not a day such as 2025-10-21."),
        ("run scouter --accept tudo", "tudo cannot be accepted; there are overwrite_local_leads."),
        ("replay scouter --job 42", "não é um UUID"),
        ("replay scouter --job 00000000-0000-4000-8000-00000000dead", "Não existe a exportação"),
    ],
)
def test_what_means_nothing_ends_in_a_sentence(
    installation: Installation, typed: Terminal, command: str, told: str
) -> None:
    assert_ends_in_a_sentence(typed(command), told)
    assert installation.actions().newest() == []
    assert installation.posts() == []


@pytest.mark.parametrize("command", ["run scouter --from 21/10/2025", "replay hitss"])
def test_what_is_no_such_command_is_refused(typed: Terminal, command: str) -> None:
    assert typed(command).exit_code == 2


@pytest.mark.parametrize("command", [RANGE, "replay scouter"])
@pytest.mark.parametrize("variable", ["TABULADORMAX_DATABASE_URL", "GESTAO_SCOUTER_URL"])
def test_a_missing_variable_is_named(typed: Terminal, command: str, variable: str) -> None:
    given = {variable: ""}
    if variable == "GESTAO_SCOUTER_URL":
        given["GESTAO_SCOUTER_SERVICE_KEY"] = ""
    assert_ends_in_a_sentence(typed(command, **given), f"{variable} is not set")


@pytest.mark.parametrize("command", [RANGE, "replay scouter"])
@pytest.mark.parametrize(
    ("variable", "name"),
    [("TABULADORMAX_DATABASE_URL", "the tabuladormax database"), ("OPS_DATABASE_URL", "the ops database")],
)
def test_a_database_that_is_down_is_a_sentence_without_its_password(
    typed: Terminal, command: str, variable: str, name: str
) -> None:
    result = typed(command, **{variable: CLOSED})
    assert_ends_in_a_sentence(result, name)
    assert "uma-senha-longa" not in result.output


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"TABULADORMAX_DATABASE_URL": ""}, "SCOUTER_WAY_BACK=true switches it on"),
        ({}, "Every call would be refused: none of SCOUTER_WEBHOOK_SECRET"),
        ({"TABULADORMAX_JWT_SECRET": "curto"}, "TABULADORMAX_JWT_SECRET"),
    ],
)
def test_a_receiver_that_could_accept_nothing_does_not_start(
    typed: Terminal, given: dict[str, str], told: str
) -> None:
    assert_ends_in_a_sentence(typed("webhook", **given), told)
