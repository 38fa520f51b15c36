"""What the destination must hold, rule by rule (contract of SprintHub, section 5.2): values written down by hand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sync_pipelines.sandbox.sprinthub import database
from sync_pipelines.sandbox.sprinthub.dirt import DIRT
from sync_pipelines.sandbox.sprinthub.lead import generated
from sync_pipelines.sandbox.sprinthub.truth import COLUMNS, truth_of


@pytest.mark.parametrize(
    ("field", "value", "column", "held"),
    [
        ("firstname", "Zé 👩‍⚕️", "firstname", "Zé 👩‍⚕️"),
        ("firstname", "", "firstname", ""),
        ("firstname", None, "firstname", None),
        ("photoUrl", "x", "photo_url", "x"),
        ("cpf", 12345678901, "cpf", "12345678901"),
        ("capital_de_investimento", 1500.5, "capital_de_investimento", "1500.5"),
        ("feedback", False, "feedback", "false"),
        ("points", 0, "points", 0),
        ("points", "12", "points", 12),
        ("points", 12.7, "points", 12),
        ("points", -3.9, "points", -3),
        ("points", None, "points", 0),
        ("owner", "", "owner", None),
        ("createdBy", 2**63 - 1, "created_by", 2**63 - 1),
        ("archived", 0, "archived", False),
        ("archived", "0", "archived", False),
        ("archived", "true", "archived", True),
        ("ignoreSubDepartments", 1, "ignore_sub_departments", True),
        ("userAccess", [10, 20], "user_access", [10, 20]),
        ("userAccess", "[1,2]", "user_access", "[1,2]"),
        ("thirdPartyData", {}, "third_party_data", {}),
        ("data_de_nascimento", "31/12/1987", "data_de_nascimento", date(1987, 12, 31)),
        ("data_do_contato", "05/03/2024 14:30", "data_do_contato", date(2024, 3, 5)),
        ("data_recompra", "2024-02-29T23:30:00.000Z", "data_recompra", date(2024, 2, 29)),
        ("data_recompra", " ", "data_recompra", None),
        ("createDate", "2024-05-06T07:08:09.123Z", "create_date", datetime(2024, 5, 6, 7, 8, 9, 123000, UTC)),
        ("lastActive", "2024-05-06 07:08:09", "last_active", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("updatedDate", "06/05/2024 07:08", "updated_date", datetime(2024, 5, 6, 10, 8, tzinfo=UTC)),
        (
            "updatedDate",
            "2024-05-06T07:08:09-03:00",
            "updated_date",
            datetime(2024, 5, 6, 10, 8, 9, tzinfo=UTC),
        ),
        ("category", "dermo", "categoria", "dermo"),
    ],
)
def test_a_value_that_has_a_place(field: str, value: Any, column: str, held: Any) -> None:
    truth = truth_of({"id": 5, field: value})
    assert (truth.columns, truth.extra, truth.rejected) == ({column: held}, None, set())
    assert type(truth.columns[column]) is type(held)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("observacao", "antes\0depois"),
        ("criativo", "cortado \ud83d"),
        ("redes_sociais", ["@exemplo"]),
        ("site", {}),
        ("points", 2**31),
        ("points", "doze"),
        ("points", "12.0"),
        ("points", True),
        ("updatedBy", "99999999999"),
        ("createdBy", 2**63),
        ("owner", "Vendas Um"),
        ("archived", 2),
        ("archived", "sim"),
        ("thirdPartyData", {"nota": ["a\0"]}),
        ("data_recompra", "0000-00-00"),
        ("data_recompra", "2023-02-30"),
        ("data_recompra", "31/02/1990"),
        ("data_recompra", "12-31-2024"),
        ("data_recompra", "12/31/2024"),
        ("data_recompra", 20240101),
        ("lastActive", "ontem"),
        ("updatedDate", "2024-13-01T00:00:00.000Z"),
        ("campo_novo_do_crm", "a\0b"),
    ],
)
def test_a_value_that_has_none_leaves_its_column_alone(field: str, value: Any) -> None:
    truth = truth_of({"id": 5, "firstname": "fica", field: value})
    assert (truth.columns, truth.extra, truth.rejected) == ({"firstname": "fica"}, None, {field})


def test_a_second_spelling_counts_where_the_first_says_nothing() -> None:
    assert truth_of({"origem": "site", "origin": "loja"}).columns == {"origem": "site"}
    assert truth_of({"origem": None, "origin": "loja"}).columns == {"origem": "loja"}
    assert truth_of({"origem": "", "origin": "loja"}).columns == {"origem": ""}
    assert truth_of({"origem": None, "origin": None}).columns == {"origem": None}


def test_what_has_no_column_is_kept_and_what_the_system_repeats_is_not() -> None:
    truth = truth_of(
        {
            "id": 5,
            "fullname": "Ana Exemplo",
            "tags": [],
            "campo_novo": 0,
            "Com Espaço": "é",
            "status_callix": "atendido",
            "numeroEntrega": "camelCase é outro campo",
        }
    )
    assert truth.columns == {}
    assert truth.extra == {
        "campo_novo": 0,
        "Com Espaço": "é",
        "status_callix": "atendido",
        "numeroEntrega": "camelCase é outro campo",
    }


def test_the_columns_are_the_contracts_but_for_those_that_others_write() -> None:
    text = (Path(database.__file__).parent / "oficialmed.sql").read_text()
    table = re.search(r"create table api\.leads \((.*?)\n\);", text, re.DOTALL)
    assert table is not None
    types = dict(re.findall(r"^    (\w+) (\w+)", table[1], re.MULTILINE))
    assert len(types) == 80
    short = {"integer": "int4", "bigint": "int8"}
    written = dict(COLUMNS.values())
    assert {name: short.get(kind, kind) for name, kind in types.items() if name in written} == written
    assert set(types) - set(written) == {"id", "qualificacao_callix", "synced_at"}


def test_most_leads_have_no_reject_and_each_case_of_dirt_has_a_truth() -> None:
    rejected = {case.name: truth_of({**generated(12), **case.fields}).rejected for case in DIRT}
    assert {name for name, fields in rejected.items() if fields} == {
        *(
            "the zero date",
            "impossible dates",
            "dates in no known form",
            "integer overflow",
            "beyond a bigint",
        ),
        *("an owner that is no number", "NUL in a text", "NUL in a nested value", "half of an emoji"),
        *("lists and objects in text fields", "NUL in a new custom field", "unusable timestamps"),
    }
    clean = [truth_of(generated(lead)) for lead in range(2001, 2200) if lead % 11]
    assert not any(truth.rejected for truth in clean)
    assert any(truth.extra for truth in clean)
