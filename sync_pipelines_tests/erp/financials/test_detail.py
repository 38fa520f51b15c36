"""Details of titles: read when they have to be, never all of them in one night, and not where nothing changed."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from sync_pipelines.erp.vendors.vendor import Split
from sync_pipelines.lib.failures import SyncError, ThrottledError, TransientError
from sync_pipelines_tests.erp.financials.account import NOVEMBER, OCTOBER, Account
from sync_pipelines_tests.erp.financials.ledger import Ledger

D = Decimal


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(has_details=True)
    for number in range(1, 15):
        ledger.add(number, "10.00", date(2026, 10, number), competence=date(2026, 9, 1), description="Nota 1")
    return ledger


def test_a_detail_is_read_once_and_again_within_seven_days(account: Account, ledger: Ledger) -> None:
    assert account.synced().inserted == 14
    assert sorted(ledger.asked, key=int) == [str(number) for number in range(1, 15)]
    assert account.lines(date(2026, 9, 1)) == {"vendas_produtos": D(140)}
    ledger.asked.clear()
    nights = []
    for _ in range(7):
        assert account.synced().unchanged == 14
        nights.append(len(ledger.asked))
        ledger.asked.clear()
    assert sum(nights) == 14  # each once a week
    assert max(nights) < 8
    before = account.everything()
    assert account.sync(days=0.1).months[OCTOBER].counts.unchanged == 14
    assert account.everything() == before
    # A change in the list, in the stored row, and a person who wants all.
    ledger.asked.clear()
    ledger.change(1, number="77")
    account.erp.execute(
        "update sync_private.titles set competence_month = '2026-01-01' where vendor_id = '2'"
    )
    assert account.sync(days=0.01).months[OCTOBER].counts.changed == 2
    assert sorted(ledger.asked) == ["1", "2"]
    ledger.asked.clear()
    assert account.sync(days=0.01, full=True).months[OCTOBER].counts.unchanged == 14
    assert Counter(ledger.asked) == {str(number): 1 for number in range(1, 15)}
    # What only the detail says changes without a trace in the list, and is found within a week.
    ledger.change(3, splits=(Split("11", D("10.00")),))
    assert account.sync(days=7).months[OCTOBER].counts.changed == 1
    assert account.lines(date(2026, 9, 1)) == {"vendas_produtos": D(130), "vendas_servicos": D(10)}


@pytest.mark.parametrize("error", [TransientError("the line is down"), ThrottledError("too many calls")])
def test_what_came_is_stored_and_the_rest_is_asked_for_by_the_next_sync(
    account: Account, ledger: Ledger, error: SyncError
) -> None:
    ledger.add(30, "5.00", date(2026, 11, 3))

    def fail(number: str) -> None:
        if number in ("4", "9"):
            raise error

    ledger.before_title = fail
    outcome = account.sync()
    october = outcome.months[OCTOBER]
    is_throttled = isinstance(error, ThrottledError)
    # A line that is down for one title is not down for the next; who limits calls is left alone.
    assert (october.status, october.counts.inserted, october.counts.unread) == (
        "error",
        *((3, 11) if is_throttled else (12, 2)),
    )
    assert isinstance(october.error, type(error))
    assert outcome.months[NOVEMBER].status == "success"
    unread = f"{october.counts.unread} título(s) sem resposta do ERP contam como antes, ou ainda não contam."
    assert account.dre(outcome).message.endswith(unread)
    assert len(ledger.asked) == (4 if is_throttled else 13)
    ledger.before_title = lambda _number: None
    assert account.synced().unchanged == (4 if is_throttled else 13)
    assert account.value("select count(*) from sync_private.titles") == 15


def test_a_title_that_has_no_detail_is_a_reject(account: Account, ledger: Ledger) -> None:
    account.synced()
    ledger.change(5, number="changed")
    ledger.has_title_call = False
    outcome = account.sync(days=0.1)
    assert outcome.months[OCTOBER].counts.rejected == 1
    assert account.rejects() == [("5", "detail", "title_has_a_detail")]
    assert account.lines(date(2026, 9, 1)) == {"vendas_produtos": D(140)}
