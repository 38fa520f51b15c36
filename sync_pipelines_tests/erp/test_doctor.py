"""`sync-pipelines doctor` before the ERP sync: database, credentials, addresses, functions, XML store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.erp import doctor
from sync_pipelines.erp.connections.mark import NAME, Mark, fingerprint
from sync_pipelines.lib.findings import Finding, Inquiry
from sync_pipelines.lib.sealed import seal
from sync_pipelines.sandbox.erp.database import add_connection, build_erp
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings

NOON = Inquiry(now=lambda: datetime(2026, 11, 29, 12, tzinfo=UTC))
SECRET = "a-secret-of-the-application-of-40-chars!"
APP = {"app_key": "a-key-of-omie", "app_secret": "a-secret-of-omie"}
USER = UUID(int=1)
KEY = "a-service-key-of-the-tests"
DATABASE, CREDENTIALS = "ERP_DATABASE_URL", "ERP_CREDENTIALS_KEY"
FUNCTIONS, STORE = "ERP_FUNCTIONS_URL", "ERP_XML_STORE_URL"
PROJECT = "ERP_PROJECT_URL"


@dataclass
class Consultation:
    """What `doctor` is asked about. One server stands for the vendors and serves the functions."""

    erp: psycopg.Connection[Any]
    values: dict[str, Any]

    def ask(self, setting: str, **given: Any) -> list[Finding]:
        """The findings of one setting; none holds a secret."""
        settings = read_as(ErpSettings, None, **(self.values | given))
        found = [
            finding
            for check in doctor.checks(settings, NOON)
            if check.setting == setting
            for finding in check.ask()
        ]
        said = "\n".join(finding.sentence for finding in found)
        assert [hidden for hidden in (SECRET, KEY, *APP.values()) if hidden in said] == []
        return found

    def wrong(self, setting: str, **given: Any) -> list[str]:
        return [finding.sentence for finding in self.ask(setting, **given) if not finding.ok]

    def right(self, setting: str, **given: Any) -> str:
        found = self.ask(setting, **given)
        assert all(finding.ok for finding in found), found
        return "; ".join(finding.sentence for finding in found)


@pytest.fixture
def consultation(
    erp: psycopg.Connection[Any], erp_url: str, ops_url: str, tmp_path: Path
) -> Iterator[Consultation]:
    with FunctionsFake(erp_url, service_key=KEY) as server:
        yield Consultation(
            erp,
            {
                "erp_database_url": erp_url,
                "ops_database_url": ops_url,
                "erp_credentials_key": SECRET,
                "erp_functions_url": server.url,
                "erp_functions_key": KEY,
                **{f"{one}_url": server.url for one in ("omie", "bling", "contaazul", "tiny", "sankhya")},
                "erp_xml_store_url": str(tmp_path / "xml"),
            },
        )


def test_everything_is_in_order(consultation: Consultation) -> None:
    add_connection(consultation.erp, USER, "omie", credentials=seal(json.dumps(APP), SECRET))
    add_connection(consultation.erp, uuid4(), "omie", credentials=APP)
    add_connection(consultation.erp, USER, "totvs", credentials={})
    database = consultation.right(DATABASE)
    assert "3 connections (3 active)" in database
    assert "totvs_" in database and "nothing is synced" in database
    assert consultation.right(CREDENTIALS).endswith("2 connections open (1 as plain object, 1 as sealed)")
    assert consultation.ask("TOTVS_URL") == consultation.ask("CONTAAZUL_AUTH_URL") == []
    for vendor in ("OMIE", "BLING", "CONTAAZUL", "TINY", "SANKHYA"):
        assert "answers" in consultation.right(f"{vendor}_URL")
    assert "takes ERP_FUNCTIONS_KEY" in consultation.right(FUNCTIONS, erp_functions_jwt_secret=SECRET)
    assert "can be written" in consultation.right(STORE)


def test_a_system_without_a_database_asks_nothing(consultation: Consultation) -> None:
    settings = read_as(ErpSettings, None, **(consultation.values | {"erp_database_url": None}))
    assert list(doctor.checks(settings, NOON)) == []


def test_another_projects_database_and_one_that_is_not_migrated(
    consultation: Consultation, new_database: Any
) -> None:
    url = new_database(None)
    assert "is it the right project?" in consultation.wrong(DATABASE, erp_database_url=url)[0]
    with psycopg.connect(url) as empty:
        build_erp(empty)
    assert "sync-pipelines migrate" in consultation.wrong(DATABASE, erp_database_url=url)[0]


def test_a_table_without_which_no_sync_begins_is_missed_also_after_the_migration(
    consultation: Consultation, erp: psycopg.Connection[Any]
) -> None:
    erp.execute("alter table public.company_dre rename to company_dre_old")
    assert "public.company_dre is not there" in consultation.wrong(DATABASE)[0]


def test_a_table_of_the_analysis_that_is_missing(consultation: Consultation) -> None:
    consultation.erp.execute("drop table public.credit_analysis_summary")
    assert "credits are not analysed" in consultation.wrong(DATABASE)[0]


def test_connections_that_wait_for_a_person(consultation: Consultation) -> None:
    one = add_connection(consultation.erp, USER, "omie", credentials=APP, status="error")
    mark = Mark(
        cause="RefusedError",
        since=datetime(2026, 11, 1, tzinfo=UTC),
        waits_for_person=True,
        credentials=fingerprint(APP),
    )
    consultation.erp.execute(
        "update public.erp_connections set metadata = %s where id = %s", (Jsonb({NAME: mark.as_json()}), one)
    )
    assert "erp reviewed" in consultation.wrong(DATABASE)[0]


def test_credentials_that_do_not_open(consultation: Consultation) -> None:
    """Trap 60."""
    add_connection(consultation.erp, USER, "omie", credentials=seal(json.dumps(APP), SECRET[::-1]))
    add_connection(consultation.erp, uuid4(), "omie", credentials={})
    sentences = consultation.wrong(CREDENTIALS)
    assert len(sentences) == 2 and any("cannot be opened" in one for one in sentences)
    assert any("are empty" in one for one in sentences)


def test_sealed_credentials_without_a_key(consultation: Consultation) -> None:
    for _ in range(3):
        add_connection(consultation.erp, uuid4(), "omie", credentials=seal(json.dumps(APP), SECRET))
    sentences = consultation.wrong(CREDENTIALS, erp_credentials_key=None)
    assert len(sentences) == 1 and "set ERP_CREDENTIALS_KEY" in sentences[0]


def test_functions_that_refuse_are_away_or_have_no_token(consultation: Consultation) -> None:
    assert "refused our token (401)" in consultation.wrong(FUNCTIONS, erp_functions_key=f"{KEY}x")[0]
    assert "set ERP_FUNCTIONS_KEY" in consultation.wrong(FUNCTIONS, erp_functions_key=None)[0]
    assert len(consultation.wrong(FUNCTIONS, erp_functions_url="http://127.0.0.1:9")) == 1
    assert "is not set" in consultation.right(FUNCTIONS, erp_functions_url=None)
    [sentence] = consultation.wrong(FUNCTIONS, erp_reform_by="function")
    assert "ERP_FUNCTIONS_JWT_SECRET is not set" in sentence
    assert "process-dre" in sentence
    assert "calculate-rtc" in sentence


def test_who_presses_the_button_can_be_verified(consultation: Consultation) -> None:
    screen = {"erp_screen_origins": "https://tela.example"}
    assert "does not serve erp-sync" in consultation.right(PROJECT)
    assert "does not serve erp-sync" in consultation.wrong(PROJECT, **screen)[0]
    signed = {"erp_functions_jwt_secret": SECRET}
    assert "no browser may call" in consultation.right(PROJECT, **signed)
    assert "serves erp-sync to these screens" in consultation.right(PROJECT, **signed, **screen)
    # The server of the functions publishes no keys.
    no_keys = consultation.values["erp_functions_url"]
    assert "key set" in consultation.wrong(PROJECT, erp_project_url=no_keys, **screen)[0]


def test_a_store_that_cannot_be_written(consultation: Consultation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "cannot be written" in consultation.wrong(STORE, erp_xml_store_url=str(tmp_path / "file"))[0]


def test_production_warns_of_a_store_that_the_application_does_not_read(
    consultation: Consultation, tmp_path: Path
) -> None:
    settings = read_as(ErpSettings, None, **consultation.values)
    production = settings.model_copy(update={"sync_env": "production"})
    sentences = [finding.sentence for finding in doctor.xml_store(production) if not finding.ok]
    assert len(sentences) == 1 and "reads the bucket xml-imports, and this is a folder" in sentences[0]
