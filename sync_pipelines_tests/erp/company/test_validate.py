"""What an ERP says of its company, as columns."""

import pytest

from sync_pipelines.erp.company.validate import are_of_one_company, is_said, normalised, profile_of
from sync_pipelines.erp.vendors.vendor import Company


@pytest.mark.parametrize(
    ("written", "cnpj"),
    [
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("12abc34501de35", "12ABC34501DE35"),
        ("11.222.333/0001-81", "11222333000181"),
        ("111.222.333-44", None),
        ("", None),
        (None, None),
        ("11222333000A81x", None),
    ],
)
def test_a_cnpj_may_have_letters_and_nothing_else_counts_as_one(
    written: str | None, cnpj: str | None
) -> None:
    assert profile_of(Company(cnpj=written)).cnpj == cnpj


def test_what_an_erp_leaves_empty_is_no_column() -> None:
    said = profile_of(Company(legal_name=" A  B\x00 ", trade_name=" ", state="sp", regime="lucro_presumido"))
    assert said.columns == {"razao_social": "A B", "uf_sede": "SP"}


@pytest.mark.parametrize("regime", ["simples", "presumido", "real", "mei"])
def test_a_regime_is_one_of_the_applications_words(regime: str) -> None:
    assert profile_of(Company(regime=regime)).columns == {"regime_tributario": regime}


def test_codes_are_compared_without_their_punctuation() -> None:
    assert is_said("cnpj_principal", "12.abc.345/01DE-35", "12ABC34501DE35")
    assert is_said("cnae_principal", "1091102", "1091-1/02")
    assert not is_said("cnae_principal", None, "1091-1/02")
    assert not is_said("razao_social", "Padaria", "PADARIA")


def test_head_office_and_branch_are_one_company() -> None:
    assert are_of_one_company("12ABC34501DE35", normalised("12.ABC.345/0001-99"))
    assert not are_of_one_company("12ABC34501DE35", "11222333000181")
