"""The company of an ERP account in `company_profile`."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from sync_pipelines.erp.company.pipeline import ASSET, ForeignCompanyError, sync_company
from sync_pipelines.erp.vendors.vendor import Company
from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines_tests.erp.account import Account, Syncs

USER = UUID(int=1)
SAID = Company(
    cnpj="12.ABC.345/01DE-35",
    legal_name="PADARIA DO TESTE LTDA",
    trade_name="PADARIA DO TESTE",
    cnae="1091-1/02",
    state="sp",
    city="São Paulo",
    regime="simples",
)
Erp = psycopg.Connection[Any]


def profiles(erp: Erp) -> list[tuple[Any, ...]]:
    return erp.execute(
        "select cnpj_principal, razao_social, nome_fantasia, cnae_principal, uf_sede, municipio_sede, regime_tributario"
        " from public.company_profile order by created_at, id"
    ).fetchall()


def test_a_user_without_a_profile_gets_one_and_the_next_sync_changes_nothing(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(erp, USER, "omie", credentials={})
    first = sync_company(syncs.session(one, Account(SAID)))
    assert profiles(erp) == [
        (
            "12ABC34501DE35",
            "PADARIA DO TESTE LTDA",
            "PADARIA DO TESTE",
            "1091-1/02",
            "SP",
            "São Paulo",
            "simples",
        )
    ]
    assert (first.counts.read, first.counts.inserted, first.status) == (1, 1, "success")
    again = sync_company(syncs.session(one, Account(SAID)))
    assert (again.counts.inserted, again.counts.changed, again.counts.unchanged) == (0, 0, 1)
    proof = syncs.records.proofs.newest(ASSET)[syncs.session(one).key]
    assert proof.holds and proof.run_id == "a-run"


def test_an_empty_field_of_the_erp_leaves_what_is_filled(erp: Erp, syncs: Syncs) -> None:
    company = add_company(
        erp,
        USER,
        "12ABC34501DE35",
        razao_social="A",
        nome_fantasia="B",
        regime_tributario="real",
        uf_sede="RJ",
    )
    one = add_connection(erp, USER, "omie", credentials={}, company_id=company)
    said = Company(cnpj="12ABC34501DE35", legal_name="  ", trade_name=None, state="", regime=None, city="Rio")
    assert sync_company(syncs.session(one, Account(said))).counts.changed == 1
    assert profiles(erp) == [("12ABC34501DE35", "A", "B", None, "RJ", "Rio", "real")]


def test_codes_that_are_only_written_otherwise_stay_as_they_are(erp: Erp, syncs: Syncs) -> None:
    add_company(
        erp, USER, "12.abc.345/01DE-35", razao_social="PADARIA DO TESTE LTDA", cnae_principal="1091102"
    )
    one = add_connection(erp, USER, "omie", credentials={})
    said = Company(cnpj=SAID.cnpj, legal_name=SAID.legal_name, cnae=SAID.cnae)
    assert sync_company(syncs.session(one, Account(said))).counts.unchanged == 1
    assert profiles(erp)[0][0] == "12.abc.345/01DE-35"


def test_two_companies_of_a_user_never_mix(erp: Erp, syncs: Syncs) -> None:
    """Trap 58."""
    other = add_company(erp, USER, "11222333000181", razao_social="OUTRA")
    add_company(erp, USER, "12ABC34501DE35", razao_social="ESTA")
    one = add_connection(erp, USER, "omie", credentials={}, company_id=other)
    outcome = sync_company(syncs.session(one, Account(SAID)))
    assert outcome.status == "error" and "pertence a outra empresa" in outcome.message
    assert [row[1] for row in profiles(erp)] == ["OUTRA", "ESTA"]
    assert "12ABC" not in outcome.message


def test_a_profile_of_another_company_is_not_turned_into_this_one(erp: Erp, syncs: Syncs) -> None:
    other = add_company(erp, USER, "11222333000181", razao_social="OUTRA")
    one = add_connection(erp, USER, "omie", credentials={}, company_id=other)
    outcome = sync_company(syncs.session(one, Account(SAID)))
    assert outcome.status == "error" and outcome.counts.rejected == 1
    assert [row[1] for row in profiles(erp)] == ["OUTRA"]


def test_another_branch_of_the_company_keeps_its_cnpj_and_place(erp: Erp, syncs: Syncs) -> None:
    company = add_company(erp, USER, "12ABC345000199", razao_social="VELHO", uf_sede="RJ")
    one = add_connection(erp, USER, "omie", credentials={}, company_id=company)
    outcome = sync_company(syncs.session(one, Account(SAID)))
    assert outcome.status == "success" and outcome.warnings
    assert profiles(erp) == [
        ("12ABC345000199", "PADARIA DO TESTE LTDA", "PADARIA DO TESTE", "1091-1/02", "RJ", None, "simples")
    ]


def test_the_profiles_of_other_users_are_not_looked_at(erp: Erp, syncs: Syncs) -> None:
    add_company(erp, uuid4(), "12ABC34501DE35", razao_social="DE OUTRO USUÁRIO")
    one = add_connection(erp, USER, "omie", credentials={})
    assert sync_company(syncs.session(one, Account(SAID))).counts.inserted == 1
    assert [row[1] for row in profiles(erp)] == ["DE OUTRO USUÁRIO", "PADARIA DO TESTE LTDA"]


def test_an_account_without_a_cnpj_fills_the_profile_of_its_connection_only(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(erp, USER, "omie", credentials={})
    said = Company(legal_name="SEM CNPJ", cnpj="123")
    assert sync_company(syncs.session(one, Account(said))).status == "skipped"
    assert profiles(erp) == []
    company = add_company(erp, USER, None)
    erp.execute("update public.erp_connections set company_id = %s", (company,))
    assert sync_company(syncs.session(one, Account(said))).counts.changed == 1


def test_an_answer_without_a_word_of_the_company_is_no_unchanged_company(erp: Erp, syncs: Syncs) -> None:
    one = add_connection(
        erp, USER, "contaazul", credentials={}, company_id=add_company(erp, USER, "12ABC34501DE35")
    )
    with pytest.raises(PermanentError, match="named no company"):
        sync_company(syncs.session(one, Account(Company(cnpj="", legal_name=None))))
    assert syncs.records.proofs.newest(ASSET) == {}


def test_of_several_companies_of_an_installation_the_connections_own_is_taken(erp: Erp, syncs: Syncs) -> None:
    others = [Company(cnpj="11.222.333/0001-81", legal_name="OUTRA LTDA"), Company(legal_name="SEM CNPJ")]
    account = Account(SAID, says_besides=others)
    one = add_connection(erp, USER, "sankhya", credentials={})
    unknown = sync_company(syncs.session(one, account))
    assert (unknown.status, type(unknown.error)) == ("error", ForeignCompanyError)
    assert "tem 3 empresas" in unknown.message
    assert profiles(erp) == []
    # A branch of the second company.
    company = add_company(erp, USER, "11222333000262")
    erp.execute("update public.erp_connections set company_id = %s", (company,))
    assert sync_company(syncs.session(one, account)).counts.changed == 1
    assert [row[:2] for row in profiles(erp)] == [("11222333000262", "OUTRA LTDA")]
    erp.execute("update public.company_profile set cnpj_principal = '99888777000110'")
    assert sync_company(syncs.session(one, account)).status == "error"


def test_a_row_that_the_database_refuses_is_an_error_of_the_module(erp: Erp, syncs: Syncs) -> None:
    erp.execute("alter table public.company_profile add constraint short check (length(razao_social) < 5)")
    one = add_connection(erp, USER, "omie", credentials={})
    with pytest.raises(PermanentError, match="SQLSTATE 23514") as caught:
        sync_company(syncs.session(one, Account(SAID)))
    assert "PADARIA" not in str(caught.value)


def test_a_trigger_that_alters_the_profile_is_found_and_nothing_is_written(erp: Erp, syncs: Syncs) -> None:
    erp.execute(
        "create function spoil() returns trigger language plpgsql as $$ begin new.razao_social = 'X';"
        " return new; end $$; create trigger spoil before insert on public.company_profile"
        " for each row execute function spoil()"
    )
    one = add_connection(erp, USER, "omie", credentials={})
    with pytest.raises(TransientError, match="trigger"):
        sync_company(syncs.session(one, Account(SAID)))
    assert profiles(erp) == []
    assert not syncs.records.proofs.newest(ASSET)[syncs.session(one).key].holds
