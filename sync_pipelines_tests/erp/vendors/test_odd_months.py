"""A competence that cannot be read is a reject: the month of another date would be a guess (section 10)."""

from __future__ import annotations

import pytest

from sync_pipelines.erp.financials.validate import Problem, row_of
from sync_pipelines.erp.vendors import bling_rows, contaazul_rows, tiny_rows
from sync_pipelines.erp.vendors.vendor import Side, Title


def titles(said: object) -> list[Title]:
    """A title of each vendor that says competences, in the detail that has it."""
    tiny = {"id": 1, "valor": "10.00", "vencimento": "10/11/2026", "data": "01/09/2026"}
    bling = {"id": 1, "valor": 10, "vencimento": "2026-11-10", "dataEmissao": "2026-09-01"}
    contaazul = {"id": "1", "total": 10, "data_vencimento": "2026-11-10", "categorias": [{"id": "2"}]}
    return [
        tiny_rows.title_of({**tiny, "competencia": said}, Side.PAYABLE, has_detail=True),
        bling_rows.title_of({**bling, "competencia": said}, Side.PAYABLE, has_detail=True),
        contaazul_rows.title_of({**contaazul, "data_competencia": said}, Side.PAYABLE),
        contaazul_rows.title_of({**contaazul, "evento": {"data_competencia": said}}, Side.PAYABLE),
    ]


@pytest.mark.parametrize("said", ["13/2026", "2026-13", "nov/26", "2026-02-30", 202611])
def test_what_is_no_competence_is_a_reject_with_its_field(said: object) -> None:
    problems = [row_of(one) for one in titles(said)]
    assert {(one.field, one.rule) for one in problems if isinstance(one, Problem)} == {
        ("competence", "date_is_readable")
    }
    assert all(isinstance(one, Problem) for one in problems)


@pytest.mark.parametrize("said", [None, "", " ", "00/0000", "0000-00-00", "00/00/0000"])
def test_no_competence_leaves_the_month_to_the_other_dates(said: object) -> None:
    assert [one.unread for one in titles(said)] == [()] * 4
    assert not any(isinstance(row_of(one), Problem) for one in titles(said))
