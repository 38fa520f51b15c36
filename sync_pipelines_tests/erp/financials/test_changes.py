"""What becomes of titles that change in the ERP: each keeps its row, and the statement follows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sync_pipelines.erp.invoices.guard import MASS_REJECTION
from sync_pipelines.erp.session import MASS_VANISHING
from sync_pipelines.erp.vendors.vendor import Category, Split, TitleState
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines_tests.erp.financials.account import AUGUST, NOVEMBER, OCTOBER, SEPTEMBER, Account
from sync_pipelines_tests.erp.financials.ledger import IN, OUT, Ledger

D = Decimal


def test_changes_of_every_kind(account: Account, ledger: Ledger) -> None:
    for number in range(1, 9):
        ledger.add(number, f"{number}00.00", date(2026, 10, number))
    ledger.add(1, "50.00", date(2026, 9, 1), side=OUT, category="20")
    account.synced()
    assert account.lines(OCTOBER) == {"vendas_produtos": D(3600)}
    ids = account.rows("select side, vendor_id, ctid::text from sync_private.titles order by 1, 2")
    ledger.change(1, listed_on=date(2026, 9, 30), issued_on=date(2026, 9, 30))  # another month of the list
    ledger.change(2, competence=date(2026, 8, 15))  # another month of the statement alone
    ledger.change(3, state=TitleState.RENEGOTIATED)
    ledger.change(4, amount=D("444.44"), splits=(Split("10", D("400.00")), Split("12", D("44.44"))))
    ledger.change(5, splits=(Split("30", D(500)),))  # between own accounts
    ledger.remove(6)
    ledger.change(7, description="Aluguel da filial")  # tells nothing that the category does not tell
    outcome = account.sync()
    october = outcome.months[OCTOBER].counts
    assert (october.changed, october.unchanged, october.vanished) == (4, 2, 1)
    assert outcome.months[SEPTEMBER].counts.changed == 1
    assert account.lines(AUGUST) == {"vendas_produtos": D(200)}
    assert "só entram" not in account.dre(outcome).message
    assert account.lines(SEPTEMBER) == {"vendas_produtos": D(100), "aluguel": D(50)}
    assert account.lines(OCTOBER) == {"vendas_produtos": D("1900.00"), "outras_receitas": D("44.44")}
    assert ledger.asked == ["6"]
    assert len(account.rows("select from sync_private.titles")) == len(ids)
    # The removed one is there again, the renegotiated one too.
    ledger.add(6, "600.00", date(2026, 10, 6))
    ledger.change(3, state=TitleState.SETTLED)
    assert account.sync().months[OCTOBER].counts.changed == 2
    assert account.lines(OCTOBER)["vendas_produtos"] == D("2800.00")
    before = account.everything()
    assert account.synced().unchanged == 9
    assert account.everything() == before


def test_a_category_that_is_renamed_or_mapped_otherwise_moves_all_its_months(
    account: Account, ledger: Ledger
) -> None:
    for month in (8, 9, 10, 11):
        ledger.add(month, "10.00", date(2026, month, 2), side=OUT, category="22")
    account.synced()
    assert account.lines(AUGUST) == {"outras_despesas": D(10)}
    at = next(place for place, one in enumerate(ledger.listed_categories) if one.vendor_id == "22")
    ledger.listed_categories[at] = ledger.listed_categories[at]._replace(name="Energia elétrica")
    outcome = account.sync()
    assert account.dre(outcome).counts.changed == 4
    assert account.lines(AUGUST) == {"energia_agua_internet": D(10)}
    ledger.listed_categories[at] = ledger.listed_categories[at]._replace(
        dre_code="IMPOSTOS_SOBRE_VENDAS", name="Outra coisa"
    )
    account.synced(NOVEMBER)  # all months are compared, whichever are read
    assert account.lines(AUGUST) == {"impostos_sobre_vendas": D(10)}
    # What the ERP lists no more is of the category that it was.
    del ledger.listed_categories[at]
    assert account.synced().changed == 0
    assert account.lines(AUGUST) == {"impostos_sobre_vendas": D(10)}


def test_a_category_that_was_made_again_is_the_one_that_the_erp_lists(
    account: Account, ledger: Ledger
) -> None:
    """Titles may name a category by its name: one that is listed no more stands behind one that is."""
    ledger.listed_categories = [Category("1", "Linha", IN, is_transfer=True), Category("2", "Outra", IN)]
    account.synced()
    ledger.listed_categories = [Category("3", "Linha", IN, dre_name="Receita de Serviços")]
    ledger.add(1, "10.00", date(2026, 10, 1), category="Linha")
    account.synced()
    assert account.lines(OCTOBER) == {"vendas_servicos": D(10)}


def test_far_too_many_stop_their_month_until_a_person_accepts_it(account: Account, ledger: Ledger) -> None:
    for number in range(20):
        ledger.add(number, "1.00", date(2026, 10, 1 + number))
    ledger.add(100, "1.00", date(2026, 9, 1))
    account.synced()
    for number in range(15):
        ledger.remove(number)
    ledger.change(100, amount=D(7), splits=())
    outcome = account.sync()
    assert isinstance(outcome.months[OCTOBER].error, PermanentError)
    assert MASS_VANISHING in outcome.months[OCTOBER].message
    assert outcome.months[SEPTEMBER].counts.changed == 1
    assert account.lines(OCTOBER) == {"vendas_produtos": D(20)}
    assert account.dre(outcome).message.endswith("10/2026: os títulos não foram lidos, e contam como antes.")
    assert ledger.asked == []
    assert account.synced(accept={MASS_VANISHING}).vanished == 15
    assert account.lines(OCTOBER) == {"vendas_produtos": D(5)}


def test_a_title_that_the_list_lacks_is_asked_for_before_it_is_given_up(
    account: Account, ledger: Ledger
) -> None:
    for number in range(1, 7):
        ledger.add(number, "10.00", date(2026, 10, number))
    account.synced()
    ledger.unlisted.add((IN, "1"))  # a list that moved while it was read
    ledger.change(
        2, listed_on=date(2026, 5, 9), issued_on=date(2026, 5, 9)
    )  # moved out of the months that are read
    ledger.remove(3)
    failing = [TransientError("the line is down")]

    def fail(number: str) -> None:
        if number == "3" and failing:
            raise failing.pop()

    ledger.before_title = fail
    outcome = account.sync()
    assert sorted(ledger.asked) == ["1", "2"]
    assert outcome.months[OCTOBER].counts.vanished == 0
    assert "1 título(s)" in outcome.months[OCTOBER].warnings["every_missing_title_was_asked_for"]
    assert account.lines(date(2026, 5, 1)) == {"vendas_produtos": D(10)}
    assert account.lines(OCTOBER) == {"vendas_produtos": D(50)}
    assert account.synced().vanished == 1
    assert account.lines(OCTOBER) == {"vendas_produtos": D(40)}
    # A vendor that cannot be asked: what its list lacks is gone.
    ledger.has_title_call = False
    ledger.unlisted.clear()
    ledger.remove(4)
    october = account.sync().months[OCTOBER]
    assert (october.status, october.counts.vanished) == ("success", 1)
    assert "sincronize esse mês" in october.warnings["every_missing_title_was_asked_for"]
    assert account.sync().months[OCTOBER].warnings == {}
    assert account.lines(OCTOBER) == {"vendas_produtos": D(30)}
    # A month before the first list has what later lists say of it, and no more.
    ledger.add(7, "1.00", date(2026, 10, 7), competence=date(2026, 4, 30))
    message = account.dre(account.sync(OCTOBER)).message
    assert "04/2026: só entram títulos que o ERP lista a partir de 05/2026" in message


def test_titles_of_later_belong_to_the_current_month_whichever_it_is(
    account: Account, ledger: Ledger
) -> None:
    ledger.add(1, "10.00", date(2027, 6, 1))
    ledger.add(2, "10.00", date(2026, 11, 1))
    account.synced()
    stored = "select vendor_id, month from sync_private.titles order by 1"
    assert account.rows(stored) == [("1", NOVEMBER), ("2", NOVEMBER)]
    december = date(2026, 12, 1)
    account.now = account.now.replace(month=12)
    # November alone does not list it, and does not give it up.
    before = account.rows("select content_hash, vanished_at from sync_private.titles order by vendor_id")
    assert account.synced(NOVEMBER).vanished == 0
    assert account.rows(stored) == [("1", december), ("2", NOVEMBER)]
    assert (
        account.rows("select content_hash, vanished_at from sync_private.titles order by vendor_id") == before
    )
    assert account.synced(NOVEMBER, december).unchanged == 2
    ledger.remove(1)
    assert account.synced(december).vanished == 1
    later = account.sync(date(2027, 2, 1)).months[date(2027, 2, 1)]
    assert (later.status, later.message) == (
        "skipped",
        "O mês ainda não começou: os seus títulos são lidos com o mês atual.",
    )


def test_a_page_that_fails_changes_nothing(account: Account, ledger: Ledger) -> None:
    ledger.page_size = 2
    for number in range(1, 8):
        ledger.add(number, "10.00", date(2026, 10, number))
    account.synced()
    before = account.everything()
    ledger.remove(1)

    def fail(page: int) -> None:
        if page == 2:
            raise TransientError("the line is down")

    ledger.before_page = fail
    outcome = account.sync()
    assert {one.status for one in outcome.months.values()} == {"error"}
    assert outcome.dre is None
    assert account.everything() == before


def test_rejects_are_kept_with_field_and_rule_and_the_stored_title_stays(
    account: Account, ledger: Ledger
) -> None:
    ledger.add(1, "10.00", date(2026, 10, 1))
    account.synced()
    ledger.add(1, None, date(2026, 10, 1))
    ledger.add(2, "-5.00", date(2026, 10, 2), description="Pagamento a Fulana de Tal")
    ledger.add(3, "10.00", None)
    ledger.add(4, "10.00", date(2026, 10, 4), splits=(Split("10", D("4.00")), Split("11", D("5.00"))))
    ledger.add(5, "10.00", date(2026, 10, 5), due_on=date(9999, 12, 31))
    ledger.add(6, "1E+20", date(2026, 10, 6))
    ledger.add("", "10.00", date(2026, 10, 7))
    ledger.add(7, "NaN", date(2026, 10, 8), splits=())
    ledger.add(9, "0.00", date(2026, 10, 9), description="Fulana de Tal")
    ledger.add(8, "10.00", date(2026, 10, 8), splits=(Split("10", D("3.33")), Split("11", D("6.66"))))
    outcome = account.sync()
    october = outcome.months[OCTOBER]
    assert (october.status, october.counts.rejected, october.counts.inserted) == ("success", 7, 2)
    assert outcome.months[NOVEMBER].counts.rejected == 1
    assert sorted(account.rejects()) == [
        ("", "vendor_id", "title_has_a_number"),
        ("1", "amount", "amount_is_a_number"),
        ("2", "amount", "amount_is_not_negative"),
        ("3", "listed_on", "title_has_a_date"),
        ("4", "splits", "splits_add_up"),
        ("5", "due_on", "date_is_plausible"),
        ("6", "amount", "amount_is_money"),
        ("7", "amount", "amount_is_a_number"),
    ]
    said = october.warnings["every_title_is_usable"]
    assert "7 título(s)" in said
    assert "1 conta(m) na DRE como da última vez" in said and "e 6 não entra(m)" in said
    # Who a title names stands in the raw page alone.
    kept = account.ops.execute("select r::text from ops.rejects as r").fetchall()
    assert "Fulana" not in str([kept, account.everything(), october])
    # The one that was stored before counts as it was; a cent that a percentage left goes to the largest part.
    assert account.lines(OCTOBER) == {"vendas_produtos": D("13.33"), "vendas_servicos": D("6.67")}


def test_titles_that_no_longer_can_be_read_are_no_success(account: Account, ledger: Ledger) -> None:
    """An ERP that writes its amounts otherwise: the statement would stand still, and be called up to date."""
    for number in range(12):
        ledger.add(number, "10.00", date(2026, 10, 1))
    account.synced()
    for number in range(12):
        ledger.change(number, amount=None, splits=())
    october = account.sync().months[OCTOBER]
    assert isinstance(october.error, PermanentError) and "12 of 12 titles" in str(october.error)
    assert len(account.rejects()) == 12
    october = account.sync(accept={MASS_REJECTION}).months[OCTOBER]
    assert october.status == "success"
    assert "12 conta(m) na DRE como da última vez" in october.warnings["every_title_is_usable"]
    assert account.lines(OCTOBER) == {"vendas_produtos": D(120)}
