"""The sales of the statement beside the stored invoices of the month: a warning with both figures, no error."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count
from uuid import uuid4

from psycopg.types.json import Jsonb

from sync_pipelines.erp.financials.dre_report import NFE_AGREES
from sync_pipelines_tests.erp.financials.account import OCTOBER, SEPTEMBER, Account
from sync_pipelines_tests.erp.financials.ledger import Ledger

D = Decimal
_numbers = count(1)


def add_invoice(
    account: Account,
    day: date,
    *items: tuple[str, str],
    total: str | None = None,
    state: str = "autorizada",
    direction: int | None = 1,
    **raw: object,
) -> None:
    """A stored invoice with items (CFOP, amount), as the module of the invoices leaves it."""
    key, number = f"{next(_numbers):044d}", uuid4()
    content = {
        "tipoOperacao": "1",
        "finalidadeNfe": "1",
        "naturezaOperacao": "Venda",
        "emitenteCnpj": "11222333000262",  # another branch of the company
        "totalNota": D(total) if total else sum(D(amount) for _, amount in items),
        "produtos": [{"cfop": cfop, "valorTotal": D(amount)} for cfop, amount in items],
        **raw,
    }
    account.erp.execute(
        "insert into public.xml_imports (id, user_id, file_name, file_size, file_path, status, nfe_key, nfe_status,"
        " issue_date, connection_id) values (%s, %s, 'a.xml', 1, 'a', 'COMPLETED', %s, %s, %s, %s)",
        (number, account.user, key, state, day, account.connection.id),
    )
    account.erp.execute(
        "insert into public.xml_analysis (user_id, import_id, xml_type, raw_data) values (%s, %s, 'NFe', %s)",
        (account.user, number, Jsonb(content, dumps=_dumps)),
    )
    account.erp.execute(
        "insert into sync_private.invoices (connection_id, vendor_id, month, nfe_key, state, direction, issue_date,"
        " decision, import_id) values (%s, %s, %s, %s, %s, %s, %s, 'stored', %s)",
        (account.connection.id, key, day.replace(day=1), key, state, direction, day, number),
    )


def _dumps(value: object) -> str:
    import json

    return json.dumps(value, default=float)


def warning(account: Account) -> str | None:
    dre = account.dre(account.sync())
    assert dre.status == "success"
    return dre.warnings.get(NFE_AGREES)


def test_sales_are_compared_with_the_invoices_that_are_revenue(account: Account, ledger: Ledger) -> None:
    ledger.add(1, "100.00", date(2026, 10, 5))
    ledger.add(2, "40.00", date(2026, 10, 5), category="11")  # a service is on no NF-e
    ledger.add(3, "55.00", date(2026, 9, 5))
    assert warning(account) is None  # no invoice is stored: the company does not sync them
    add_invoice(account, date(2026, 10, 31), ("5.102", "60.00"), ("5403", "10.00"), total="75.00")
    add_invoice(account, date(2026, 10, 1), ("6108", "25.00"), ("5910", "99.00"))  # sold, and given away
    add_invoice(account, date(2026, 9, 1), ("5102", "55.005"))  # less than a cent
    for cfop in ("5910", "5949", "5152", "5201", "5551", "5922", "1102", "xx"):
        add_invoice(account, date(2026, 10, 2), (cfop, "1000.00"))
    add_invoice(account, date(2026, 10, 2), ("", "1000.00"), naturezaOperacao="REMESSA em Bonificação")
    add_invoice(account, date(2026, 10, 2), ("5102", "1000.00"), finalidadeNfe="4")
    add_invoice(account, date(2026, 10, 2), ("5102", "1000.00"), state="cancelada")
    add_invoice(account, date(2026, 10, 2), ("5102", "1000.00"), direction=0)
    add_invoice(account, date(2026, 10, 2), ("5102", "1000.00"), tipoOperacao="0")
    add_invoice(account, date(2026, 10, 2), ("5102", "1000.00"), emitenteCnpj="99888777000155")  # a purchase
    add_invoice(account, date(2026, 10, 2), ("5102", "1000.00"), totalNota="1.000,00")  # somebody's edit
    add_invoice(account, date(2026, 6, 2), ("5102", "1000.00"))  # a month that was not synced
    assert warning(account) is None
    add_invoice(account, date(2026, 10, 7), ("", "23.45"), naturezaOperacao="Venda")
    found = warning(account)
    assert found is not None
    assert "10/2026 (títulos R$ 100,00, notas R$ 123,45)" in found
    assert "09/2026" not in found
    assert (account.lines(OCTOBER)["vendas_produtos"], account.lines(SEPTEMBER)["vendas_produtos"]) == (
        D(100),
        D(55),
    )
