"""The truth finds nothing where a plain reader filled the tables, and every change that is made to them.

| fixture | what is in it |
|---|---|
| `account` | four months of an alphanumeric company, whose rows the plain reader has written |
| `account_of_notes` | a year of a company, of which nothing is stored |
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.erp.truth import Account, content_of, differences, store_differences
from sync_pipelines.sandbox.erp.truth_analysis import rows_of
from sync_pipelines.sandbox.erp.truth_credits import notification_differences
from sync_pipelines.sandbox.erp.year import made_up_company
from sync_pipelines_tests.sandbox.erp.application import fill

#: What the product's migrations add, as far as the truth looks at it.
_ADDED = """
alter table public.xml_imports add nfe_key text, add connection_id uuid, add nfe_status text, add issue_date date,
    add content_sha256 text, add unique (user_id, nfe_key);
create schema sync_private;
create table sync_private.products (connection_id uuid, vendor_id text, code text, name text, ncm text, ean text,
    price numeric, is_active boolean, is_service boolean, ncm_row_id uuid, vanished_at timestamptz);
"""


@pytest.fixture
def database(new_erp: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(new_erp, autocommit=True) as connection:
        connection.execute(_ADDED.encode())
        yield connection


@pytest.fixture
def account(database: psycopg.Connection[Any], company: ErpCompany) -> Account:
    account = Account(
        company=company,
        erp_type="omie",
        user_id=uuid4(),
        connection_id=uuid4(),
        first=date(2026, 8, 1),
        last=date(2026, 11, 22),
    )
    with database.transaction():
        fill(database, account)
    return account


def _analyse(fake: FunctionsFake, database: psycopg.Connection[Any], user_id: UUID) -> None:
    """One import a call, as a sync does; a note that is no more has no documents."""
    rows = rows_of(
        database,
        "select id, nfe_status, raw_data from xml_imports join (select import_id, raw_data from"
        " xml_analysis) as a on import_id = id",
    )
    with httpx.Client(base_url=fake.url, headers={"Authorization": f"Bearer {fake.service_key}"}) as http:
        for row in rows:
            raw, counts = row["raw_data"], row["nfe_status"] == "autorizada"
            document = {
                "chave_nfe": raw["chaveNfe"],
                "numero": raw["numero"],
                "data_emissao": raw["dataEmissao"],
            }
            document["itens"] = [
                {
                    **{name: line[name] for name in ("ncm", "cfop", "cst_pis", "cst_icms")},
                    **{
                        f"valor_{tax}": float(line[tax])
                        for tax in ("pis", "cofins", "icms", "ipi", "icms_st")
                    },
                }
                for line in raw["produtos"]
            ]
            body = {"parsed_xmls": [document] if counts else [], "xml_import_id": str(row["id"])}
            http.post(
                "/functions/v1/analyze-credits", json={**body, "user_id": str(user_id)}
            ).raise_for_status()


def test_what_a_plain_reader_makes_of_the_documents_is_the_truth(
    database: psycopg.Connection[Any], account: Account
) -> None:
    assert len(account.stored) > 60
    assert content_of(account) > 0
    assert differences(database, account) == []


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("delete from xml_imports where nfe_key = %(key)s", "is not in xml_imports"),
        (
            "update xml_imports set nfe_status = 'cancelada' where nfe_key = %(key)s",
            "nfe_status is 'cancelada'",
        ),
        ("update xml_imports set status = 'PENDING' where nfe_key = %(key)s", "status is 'PENDING'"),
        ("update xml_imports set processed_at = null where nfe_key = %(key)s", "processed_at is empty"),
        ("update xml_imports set file_size = 1 where nfe_key = %(key)s", "file_size is 1"),
        ("update xml_imports set connection_id = null where nfe_key = %(key)s", "connection_id is none"),
        (
            "update xml_imports set company_id = null, issue_date = issue_date - 1 where nfe_key = %(key)s",
            "issue_date",
        ),
        ("update xml_analysis set document_total = document_total + 0.01", "document_total"),
        ("update xml_analysis set issue_date = issue_date - interval '3 hours'", "issue_date"),
        ("update xml_analysis set reform_tax_total = reform_tax_total + 1", "reform_tax_total"),
        (
            "update xml_analysis set analysis_data = '{}' where analysis_data->>'simulated' = 'true'",
            "simulated",
        ),
        (
            "update xml_analysis set raw_data = jsonb_set(raw_data, '{produtos,0,icms_st}', '999')",
            "icms_st is 999",
        ),
        ("update xml_analysis set raw_data = jsonb_set(raw_data, '{produtos}', '[]')", "has 0 lines"),
        ("delete from xml_analysis", "0 rows in xml_analysis"),
        (
            "update xml_imports set nfe_key = 'x' where nfe_key = %(key)s",
            "x is in xml_imports, and no invoice",
        ),
        ("delete from sync_private.products where vendor_id = %(product)s", "is not in the catalogue"),
        (
            "update sync_private.products set vendor_id = '1' where vendor_id = %(product)s",
            "the ERP has none",
        ),
        ("update sync_private.products set price = 0 where vendor_id = %(product)s", "price is Decimal('0')"),
        ("update sync_private.products set ncm = null", "ncm is ''"),
        ("update company_ncm_analysis set ncm_code = '1'", "company_ncm_analysis lacks"),
        ("delete from company_profile", "0 rows of the company"),
        ("update company_profile set nome_fantasia = ''", "nome_fantasia is ''"),
        ("update company_profile set setor = 'x'", "setor is 'x', not None"),
    ],
)
def test_a_change_is_found(
    database: psycopg.Connection[Any], account: Account, statement: str, sentence: str
) -> None:
    note = next(one for one in account.stored if one.state == "authorised")
    given = {"key": note.key, "product": str(account.company.products[0].vendor_id)}
    database.execute(statement.encode(), given)
    found = differences(database, account)
    assert any(sentence in one for one in found), found


def test_a_cancellation_in_the_erp_is_a_difference(
    database: psycopg.Connection[Any], account: Account
) -> None:
    note = next(one for one in account.stored if one.state == "authorised")
    account.company.cancel(note.vendor_id)
    assert differences(database, account) == [f"{note.key}: nfe_status is 'autorizada', not 'cancelada'"]


def test_credits_and_their_summary(database: psycopg.Connection[Any], account: Account, new_erp: str) -> None:
    noon, today = 1_795_348_800.0, date(2026, 11, 22)
    with FunctionsFake(new_erp, clock=lambda: noon) as fake:
        _analyse(fake, database, account.user_id)
    [found] = rows_of(database, "select count(*) as n from identified_credits")
    assert found["n"] > 100
    assert differences(database, account, with_credits=True) == []
    # The function leaves the figures of its last call.
    assert any(
        "total_potential" in one for one in differences(database, account, with_credits=True, today=today)
    )
    assert len(list(notification_differences(database, account.user_id, found["n"]))) == 1
    database.execute(
        "delete from identified_credits where nfe_key in (select nfe_key from identified_credits limit 1)"
    )
    assert any("lacks the credit" in one for one in differences(database, account, with_credits=True))


@pytest.fixture
def account_of_notes() -> Account:
    """A year of a company of which nothing is stored."""
    return Account(
        company=made_up_company(5),
        erp_type="omie",
        user_id=uuid4(),
        connection_id=uuid4(),
        first=date(2025, 1, 1),
        last=date(2026, 12, 31),
    )


def test_rejects_and_what_is_none(account_of_notes: Account) -> None:
    account, company = account_of_notes, account_of_notes.company
    notes = account.stored[:5]
    for note, dirt in zip(notes, ("bare", "latin1", "event", "too_large", "wrong_check_digit"), strict=True):
        company.alter_note(note.vendor_id, dirt=frozenset({dirt}))
    assert [note.dirt for note in account.rejected] == [{"bare"}, {"too_large"}, {"wrong_check_digit"}]
    assert [note in account.stored for note in notes] == [False, True, False, False, False]
    assert content_of(account) > Decimal(0)


def test_what_a_folder_of_documents_lacks_and_has_too_much(account_of_notes: Account, tmp_path: Path) -> None:
    account, folder = account_of_notes, tmp_path / str(account_of_notes.user_id)
    folder.mkdir()
    for note in account.stored:
        (folder / f"{note.key}.xml").write_bytes(note.xml())
    assert list(store_differences(tmp_path, account)) == []
    first, second, third = (folder / f"{note.key}.xml" for note in account.stored[:3])
    first.unlink()
    second.write_bytes(b"<nfeProc/>")
    third.rename(folder / "other.xml")
    assert [one.partition(" ")[2] for one in store_differences(tmp_path, account)] == [
        "is not in the store",
        "in the store is another document",
        "is not in the store",
        "in the store is of no invoice",
    ]
