"""`sync-pipelines doctor` before the CRM and the project `oficialmed`: alive, dead, refusing, in disorder."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from sync_pipelines.lib.findings import Finding, Inquiry
from sync_pipelines.sandbox.sprinthub.database import add_control
from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines.settings import read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub import doctor

SECRET = "um-segredo-so-do-crm-81c2"
NOON = Inquiry(now=lambda: datetime(2026, 11, 29, 12, tzinfo=UTC))


@dataclass
class Consultation:
    """What `doctor` is asked about: a CRM, a database with segments 60 and 61, and their settings."""

    crm: SprinthubFake
    oficialmed: psycopg.Connection[Any]
    urls: dict[str, str]

    def settings(self, **given: Any) -> SprinthubSettings:
        values = {
            **self.urls,
            "sprinthub_base_url": self.crm.url,
            "sprinthub_api_token": self.crm.token,
            "sprinthub_instance": self.crm.instance,
            "sprinthub_rate_per_minute": 0,
        }
        return read_as(SprinthubSettings, None, **(values | given))

    def ask(self, setting: str, **given: Any) -> list[Finding]:
        """The findings of the check of one setting; none holds the token or the secret."""
        settings = self.settings(**given)
        found = [
            finding
            for check in doctor.checks(settings, NOON)
            if check.setting == setting
            for finding in check.ask()
        ]
        said = "\n".join(finding.sentence for finding in found)
        assert [hidden for hidden in (self.crm.token, SECRET, "apitoken") if hidden in said] == []
        return found

    def wrong(self, setting: str, **given: Any) -> list[str]:
        return [finding.sentence for finding in self.ask(setting, **given) if not finding.ok]

    def right(self, setting: str, **given: Any) -> list[str]:
        found = self.ask(setting, **given)
        assert all(finding.ok for finding in found), found
        return [finding.sentence for finding in found]


@pytest.fixture
def consultation(
    crm: SprinthubFake, oficialmed: psycopg.Connection[Any], oficialmed_url: str, ops_url: str
) -> Consultation:
    for segment in (60, 61):
        crm.tenant.add_segment(segment, leads=3, name=f"Clientes {segment}")
        add_control(oficialmed, segment)
    urls = {"oficialmed_database_url": oficialmed_url, "ops_database_url": ops_url}
    return Consultation(crm, oficialmed, urls)


@contextmanager
def another_login(consultation: Consultation) -> Iterator[str]:
    """The URL of a login that may read every table, and is no owner of one."""
    admin, name = consultation.oficialmed, f"doctor_{uuid4().hex[:8]}"
    admin.execute(
        f"create role {name} login password 'uma-senha-longa'; grant pg_read_all_data to {name}".encode()
    )
    parts = urlsplit(consultation.urls["oficialmed_database_url"])
    place = parts.netloc.rpartition("@")[2]
    try:
        yield urlunsplit(parts._replace(netloc=f"{name}:uma-senha-longa@{place}"))
    finally:
        admin.execute(f"drop owned by {name}; drop role {name}".encode())


ADDRESS, DATABASE = "SPRINTHUB_BASE_URL", "OFICIALMED_DATABASE_URL"


def test_a_crm_that_takes_us_and_knows_the_segments_is_right(consultation: Consultation) -> None:
    assert consultation.right(ADDRESS) == [
        "SPRINTHUB_BASE_URL: the CRM answers and takes SPRINTHUB_API_TOKEN and SPRINTHUB_INSTANCE",
        "SPRINTHUB_BASE_URL: the CRM has the segments 60 (Clientes 60), 61 (Clientes 61)",
    ]


def test_the_questions_count_against_the_budget(consultation: Consultation) -> None:
    assert len(consultation.right(ADDRESS, sprinthub_rate_per_minute=85)) == 2


def test_segments_that_the_crm_does_not_know_are_named(consultation: Consultation) -> None:
    add_control(consultation.oficialmed, 999)
    (sentence,) = consultation.wrong(ADDRESS)
    assert "no segment 999: pause or delete it" in sentence


def test_no_more_than_twenty_segments_are_asked_for_and_those_that_ran_last_are(
    consultation: Consultation,
) -> None:
    for segment in range(900, 930):
        add_control(consultation.oficialmed, segment)
    consultation.oficialmed.execute(
        "update public.sync_segments_control set last_execution = now() where segment_id = 61"
    )
    consultation.crm.calls.clear()
    (sentence,) = consultation.wrong(ADDRESS)
    assert ("900" in sentence, "929" in sentence) == (True, False)
    assert consultation.crm.calls.count("segments") == 1 + doctor.MOST_SEGMENTS


@pytest.mark.parametrize(
    ("given", "cure"),
    [
        ({"sprinthub_api_token": "um-token-de-antes"}, "Renew SPRINTHUB_API_TOKEN"),
        ({"sprinthub_instance": "outra"}, "Check SPRINTHUB_INSTANCE"),
        ({"sprinthub_api_token": None}, "SPRINTHUB_API_TOKEN is not set"),
        ({"sprinthub_base_url": None}, "SPRINTHUB_BASE_URL is not set"),
        ({"sprinthub_instance": None}, "SPRINTHUB_INSTANCE is not set"),
    ],
)
def test_what_is_refused_or_missing_says_what_to_renew(
    consultation: Consultation, given: dict[str, Any], cure: str
) -> None:
    (sentence,) = consultation.wrong(ADDRESS, **given)
    assert cure in sentence


def test_a_refused_token_is_tried_once(consultation: Consultation) -> None:
    consultation.crm.calls.clear()
    consultation.wrong(ADDRESS, sprinthub_api_token="um-token-de-antes")
    assert consultation.crm.calls.count("segments") == 1


def test_a_crm_that_is_dead_or_broken_is_told(consultation: Consultation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (sentence,) = consultation.wrong(ADDRESS, sprinthub_base_url=f"http://127.0.0.1:{port}")
    assert sentence.startswith("SPRINTHUB_BASE_URL: SprintHub")
    assert "no connection" in sentence
    consultation.crm.fail("segments_bad_gateway")
    (sentence,) = consultation.wrong(ADDRESS)
    assert "502" in sentence


def test_throttling_is_no_refusal(consultation: Consultation) -> None:
    consultation.crm.fail("segments_throttled")
    (sentence,) = consultation.wrong(ADDRESS)
    assert "fewer calls" in sentence
    assert "Renew" not in sentence


def test_tables_in_order_are_right(consultation: Consultation) -> None:
    add_control(consultation.oficialmed, 62, status="paused")
    assert consultation.right(DATABASE) == [
        "OFICIALMED_DATABASE_URL: public.sync_segments_control has 3 segments (2 active, 1 paused)"
    ]


def test_tables_that_are_missing_say_how_they_come(consultation: Consultation) -> None:
    consultation.oficialmed.execute("drop table public.sync_segments_logs")
    (sentence,) = consultation.wrong(DATABASE)
    assert "public.sync_segments_logs is not there: run `sync-pipelines migrate`" in sentence
    consultation.oficialmed.execute("drop table api.leads cascade")
    (sentence,) = consultation.wrong(DATABASE)
    assert "api.leads, public.sync_segments_logs" in sentence
    assert "right project" in sentence


def drop_uniqueness(oficialmed: psycopg.Connection[Any]) -> None:
    """The control table as it was before the migration."""
    rows = oficialmed.execute(
        "select indexrelid::regclass::text from pg_index where indisunique and not indisprimary"
        " and indrelid = 'public.sync_segments_control'::regclass"
    ).fetchall()
    assert rows
    for (name,) in rows:
        oficialmed.execute(f"drop index {name}".encode())


def test_duplicates_and_unknown_statuses_are_named_by_their_segments(consultation: Consultation) -> None:
    drop_uniqueness(consultation.oficialmed)
    add_control(consultation.oficialmed, 60)
    add_control(consultation.oficialmed, 70, status="ativo")
    consultation.oficialmed.execute(
        "insert into public.sync_segments_control (segment_id, status) values (71, null)"
    )
    doubled, unknown = consultation.wrong(DATABASE)
    assert "more than one row of the segments 60:" in doubled
    assert "segments 70, 71 have a status other than active, paused, error" in unknown


def test_row_security_that_hides_rows_from_us_is_told(consultation: Consultation) -> None:
    for table in ("public.sync_segments_control", "api.leads"):
        consultation.oficialmed.execute(f"alter table {table} enable row level security".encode())
    assert consultation.wrong(DATABASE) == []
    with another_login(consultation) as url:
        (sentence,) = consultation.wrong(DATABASE, oficialmed_database_url=url)
    assert "api.leads, public.sync_segments_control" in sentence
    assert "BYPASSRLS" in sentence


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {},
            "SPRINTHUB_CRON: At 06:00 every day, in UTC: next at 2026-11-30 06:00, which is 2026-11-30 03:00 in"
            " America/Sao_Paulo",
        ),
        (
            {"sprinthub_cron": "0 8 * * 1-5", "sprinthub_timezone": "America/Sao_Paulo"},
            "SPRINTHUB_CRON: At 08:00 on Monday through Friday, in America/Sao_Paulo: next at 2026-11-30 08:00",
        ),
    ],
)
def test_the_schedule_is_told_in_words(
    consultation: Consultation, given: dict[str, Any], sentence: str
) -> None:
    assert consultation.right("SPRINTHUB_CRON", **given) == [sentence]


def test_a_webhook_says_where_it_is_and_where_it_looks(consultation: Consultation) -> None:
    on = {"sprinthub_webhook": True, "sprinthub_webhook_secret": SECRET}
    (sentence,) = consultation.right("SPRINTHUB_WEBHOOK", **on, sprinthub_webhook_lead_id="lead.id,id")
    assert "POST /webhooks/sprinthub" in sentence
    assert "at lead.id or id" in sentence
    (off,) = consultation.right("SPRINTHUB_WEBHOOK")
    assert "new leads come with the next sync" in off


@pytest.mark.parametrize(("secret", "cure"), [(None, "set it"), ("curto", "choose a longer one")])
def test_a_webhook_that_admits_nobody_is_wrong(
    consultation: Consultation, secret: str | None, cure: str
) -> None:
    (sentence,) = consultation.wrong(
        "SPRINTHUB_WEBHOOK", sprinthub_webhook=True, sprinthub_webhook_secret=secret
    )
    assert sentence.startswith("SPRINTHUB_WEBHOOK_SECRET: it is")
    assert cure in sentence


def test_without_its_database_only_a_webhook_that_is_on_is_asked_about(consultation: Consultation) -> None:
    absent = consultation.settings(oficialmed_database_url=None)
    assert doctor.checks(absent, NOON) == []
    told = consultation.right(
        "SPRINTHUB_WEBHOOK",
        oficialmed_database_url=None,
        sprinthub_webhook=True,
        sprinthub_webhook_secret=SECRET,
    )
    assert "read elsewhere" in told[-1]
