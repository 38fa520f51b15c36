import random
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_pipelines.hitss.dre.cells import CellRules
from sync_pipelines.hitss.dre.columns import FINANCIAL, HEADERS
from sync_pipelines.hitss.dre.lines import EMPTY_MONTH, MonthContent, ParsedExport, parse_lines, rounded
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.sandbox.hitss.export import ExportProfile, generate

POSITIONS = {header: index for index, header in enumerate(HEADERS)}
DENOMINACAO = FINANCIAL.index("denominacao_conta")
PEOPLE = ("ResponsavelArea", "ResponsavelDelivery", "ResponsavelDevengado", "Recurso")
GOOD: dict[str, object] = {
    "Relatorio": "Realizado",
    "Tipo": "Mercado",
    "Cliente": "CLIENTE FICTICIO SA",
    "LinhaNegocio": "FABRICA",
    "ResponsavelArea": "CHEFIA FICTICIA",
    "ResponsavelDelivery": "ENTREGA FICTICIA",
    "ResponsavelDevengado": "OUTRA FICTICIA",
    "IdHoms": "4711",
    "CodigoProjeto": "ABCDEF123",
    "Projeto": "ABCDEF123 - Projeto",
    "FilialFaturamento": "SP",
    "Imposto": 5.65,
    "ContaResumo": "CLT",
    "DenominacaoConta": "Hora Extra",
    "IdRecurso": 12345678.0,
    "Recurso": "PESSOA FICTICIA",
    "Lancamento": -330.67,
    "Periodo": "8/2025",
    "Natureza": "CUSTO",
}


def row(**changes: object) -> list[object]:
    return list({**GOOD, **changes}.values())


def parse(rows: Iterable[Sequence[object]], *accepted: str) -> ParsedExport:
    rules = CellRules("2016-09-01", "2025-08-01", accepted=accepted)
    return parse_lines(rows, POSITIONS, rules)


def identities(parsed: ParsedExport) -> set[tuple[object, ...]]:
    return {line[:3] for month in parsed.lines for line in parsed.rows(month)}


few = generate(ExportProfile(scale=0.02))


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rng: random.Random) -> None:
    mixed = list(few)
    rng.shuffle(mixed)
    one, other = parse(few), parse(mixed)
    assert not one.rejects
    assert one.contents() == other.contents()
    assert {month: sorted(map(str, one.rows(month))) for month in one.lines} == {
        month: sorted(map(str, other.rows(month))) for month in other.lines
    }


@pytest.mark.parametrize("times", range(1, 7))
def test_repeated_rows_all_stay_with_their_own_number(times: int) -> None:
    parsed = parse([row(), *[row(Cliente="REPETIDO")] * times])
    assert parsed.contents()["2025-08-01"].full.rows == times + 1
    lines = list(parsed.rows("2025-08-01"))
    assert sorted(int(line[2]) for line in lines if line[5] == "REPETIDO") == list(range(1, times + 1))
    assert len(identities(parsed)) == times + 1


def test_copies_of_different_people_keep_their_numbers_in_any_order() -> None:
    rows = [row(Recurso=name) for name in ("A", "B", "B", "C")]
    assert list(parse(rows).rows("2025-08-01")) == list(parse(rows[::-1]).rows("2025-08-01"))


@pytest.mark.parametrize("column", HEADERS)
def test_only_people_leave_the_money_alone(column: str) -> None:
    changed = {"Imposto": 5.0, "IdRecurso": 7.0, "Lancamento": -330.68, "Relatorio": "Orçado"}
    values = {"ContaResumo": "Outros", "Periodo": "7/2025", **changed}
    if column == "Natureza":
        before, after = row(), row(ContaResumo="Receita Devengada", Natureza="RECEITA")
    else:
        before, after = row(), row(**{column: values.get(column, "OUTRO TEXTO")})
    one, other = parse([before]).contents(), parse([after]).contents()
    old, new = one["2025-08-01"], other.get("2025-08-01", EMPTY_MONTH)
    assert old.full != new.full
    assert ((old.realizado, old.orcado) == (new.realizado, new.orcado)) is (column in PEOPLE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Orçado", unicodedata.normalize("NFD", "Orçado")),
        ("Orçado", "ORCADO"),
        ("Orçado", " orçado\u00a0"),
    ],
)
def test_a_report_is_known_however_it_is_written(one: str, other: str) -> None:
    assert parse([row(Relatorio=one)]).contents() == parse([row(Relatorio=other)]).contents()


@pytest.mark.parametrize(
    "conta", ["Desoneração da Folha", "DESONERACAO  DA FOLHA ", "Desonerac\u0327a\u0303o da\u00a0folha"]
)
def test_an_account_is_published_by_its_known_name(conta: str) -> None:
    (line,) = parse([row(ContaResumo=conta)]).lines["2025-08-01"]
    assert line.conta == "Desoneração da Folha"


@pytest.mark.parametrize(
    "dirt",
    [
        "DESONERAÇÃO".encode().decode("latin-1"),
        "DESONERAÇĂO",
        "Reembolso\u00a0Táxi",
        "uma\ttabulação",
        "Provisão -  dois espaços ",
        "x" * 139,
        '"aspas\\barra\nlinha',
    ],
)
def test_dirt_is_stored_as_it_came_and_is_another_line(dirt: str) -> None:
    parsed = parse([row(DenominacaoConta=dirt), row(DenominacaoConta=" ".join(dirt.split()) + "!")])
    texts = {line.values[DENOMINACAO] for line in parsed.lines["2025-08-01"]}
    assert dirt in texts
    assert len(texts) == 2


def test_an_empty_text_and_a_missing_cell_are_the_same() -> None:
    one, other = (parse([row(IdRecurso=absent, IdHoms=absent, Recurso=absent)]) for absent in ("", None))
    assert one.contents() == other.contents()
    assert not one.rejects


def test_rows_without_any_value_are_passed_over_and_keep_the_numbering() -> None:
    blank: list[list[object]] = [[""] * 19, [None] * 19, []]
    parsed = parse([row(), *blank, row(Lancamento="1.234,56"), *blank])
    assert parsed.rows_read == 2
    assert [reject.row for reject in parsed.rejects] == [6]


@pytest.mark.parametrize("amount", ["1.234,56", "1,234.56", "-330,67", "R$ 10,00", "", None, True, " "])
def test_an_amount_that_is_no_number_is_rejected_with_its_row(amount: object) -> None:
    cells = row(Lancamento=amount)
    parsed = parse([row(), cells, row()])
    (reject,) = parsed.rejects
    assert (reject.row, reject.month, reject.raw) == (3, "2025-08-01", tuple(cells))
    (problem,) = reject.problems
    assert (problem.column, problem.value) == ("Lancamento", amount)
    assert parsed.rows_read == 3 == len(parsed.lines["2025-08-01"]) + 1


@pytest.mark.parametrize(
    ("column", "cell", "rule"),
    [
        ("Periodo", "13/2024", "period"),
        ("Periodo", 45505.0, "period"),
        ("Periodo", "9/2025", "window"),
        ("Periodo", "", "required"),
        ("Relatorio", "Forecast", "known value"),
        ("Relatorio", 1.0, "text"),
        ("Natureza", "INVESTIMENTO", "known value"),
        ("Natureza", "RECEITA", "Natureza of ContaResumo"),
        ("ContaResumo", "Impostos", "known value"),
        ("ContaResumo", " ", "required"),
        ("Imposto", "5,65", "percent"),
        ("IdRecurso", "12345678", "integer"),
        ("IdRecurso", 1.5, "integer"),
        ("Cliente", 12.0, "text"),
        ("Recurso", True, "text"),
    ],
)
def test_each_rule_names_its_column(column: str, cell: object, rule: str) -> None:
    (reject,) = parse([row(**{column: cell})]).rejects
    assert [(p.column, p.value, p.rule) for p in reject.problems] == [(column, cell, rule)]


def test_every_bad_cell_of_a_row_is_named() -> None:
    (reject,) = parse([row(Lancamento="x", Periodo="13/2024", Natureza="?")]).rejects
    assert [problem.column for problem in reject.problems] == ["Lancamento", "Periodo", "Natureza"]
    assert reject.month is None


@pytest.mark.parametrize("column", ["Imposto", "IdRecurso"])
@pytest.mark.parametrize("blank", [" ", "\u00a0", "\t"])
def test_a_blank_text_for_a_number_is_not_blamed_on_another_column(column: str, blank: str) -> None:
    parsed = parse([row(**{column: blank})])
    assert [p.column for reject in parsed.rejects for p in reject.problems] in ([], [column])


@pytest.mark.parametrize("width", range(19))
def test_a_row_that_ends_early_is_rejected_and_nothing_else_is(width: int) -> None:
    parsed = parse([row()[:width], row()])
    assert len(parsed.lines["2025-08-01"]) == 1
    assert parsed.rows_read == (1 if width == 0 else 2)
    assert {p.guard for reject in parsed.rejects for p in reject.problems} <= {None}


def test_accepted_values_are_loaded_under_their_own_name() -> None:
    (line,) = parse([row(ContaResumo="Impostos")], "known_values").lines["2025-08-01"]
    assert line.conta == "Impostos"
    (line,) = parse([row(Natureza="RECEITA")], "natureza_matches_conta").lines["2025-08-01"]
    assert (line.conta, line.values[FINANCIAL.index("natureza")]) == ("CLT", "RECEITA")


@pytest.mark.parametrize(
    ("amount", "half_up"),
    [
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("2.675", "2.68"),
        ("1.125", "1.13"),
        ("-1.125", "-1.13"),
        ("7", "7"),
    ],
)
def test_ties_go_away_from_zero(amount: str, half_up: str) -> None:
    assert rounded(amount) == half_up


def test_the_two_ways_to_round_a_tie_differ() -> None:
    ties = [Decimal(f"{n}.125") for n in range(10)]
    up, even = (
        sum(tie.quantize(Decimal("0.01"), way) for tie in ties) for way in (ROUND_HALF_UP, ROUND_HALF_EVEN)
    )
    assert sum(Decimal(rounded(str(tie))) for tie in ties) == up != even


AMOUNTS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=14),
    st.integers(-(10**9), 10**9).map(lambda n: Decimal(n * 10 + 5).scaleb(-3)),
)


@settings(max_examples=5, deadline=None)
@given(amounts=st.lists(AMOUNTS, min_size=50, max_size=200))
def test_rounding_agrees_with_postgres(postgres_server: PostgresServer, amounts: list[Decimal]) -> None:
    texts = [format(amount, "f") for amount in amounts]
    query = "select array_agg(round(amount, 2)) from unnest(%s::numeric[]) as amounts (amount)"
    with psycopg.connect(postgres_server.url()) as connection:
        found = connection.execute(query, (texts,)).fetchone()
    assert found == ([Decimal(rounded(text)) for text in texts],)


def test_control_totals_are_exact_and_rounded() -> None:
    amounts = [0.005, 0.005, -1.125, 10.123456789]
    content = parse([row(Lancamento=amount) for amount in amounts]).contents()["2025-08-01"]
    total = content.totals["Realizado CUSTO"]
    assert total.rows == 4
    assert total.exact == sum(Decimal(repr(amount)) for amount in amounts)
    assert total.rounded == Decimal("0.01") * 2 - Decimal("1.13") + Decimal("10.12")


def test_a_content_survives_the_ledger() -> None:
    content = parse(few).contents()["2025-08-01"]
    assert MonthContent.from_json(content.as_json()) == content


def test_the_generated_export_has_the_dirt_that_these_rules_are_for() -> None:
    copies = Counter(map(tuple, few))
    assert max(copies.values()) > 1
    assert any("\u00a0" in str(cell) for line in few for cell in line)
