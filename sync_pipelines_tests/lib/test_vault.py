from __future__ import annotations

from collections.abc import Callable

import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.redaction import redact
from sync_pipelines.lib.vault import one_of, read_vault
from sync_pipelines.sandbox.vault import make_vault

WHAT = "the fabricio database"
NewDatabase = Callable[[str | None], str]


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    return new_database(None)


def read(url: str, *names: str, role: str | None = None) -> dict[str, str]:
    with postgres.connect(url, what=WHAT, read_only=True) as connection:
        if role is not None:
            connection.execute("select set_config('role', %s, false)", (role,))
        return read_vault(connection, names, what=WHAT, harmless={"tela"})


def test_the_secrets_asked_for_are_read_and_known_to_the_redactor(url: str) -> None:
    make_vault(
        url,
        SENHA="cofre-ficticio-1",
        ENDERECO="https://h.example/x?tela=painel-de-teste&dono=pessoa.do.cofre",
        ALHEIO="nao-pedido-1",
        VAZIO="",
    )
    assert read(url, "SENHA", "ENDERECO", "VAZIO", "AUSENTE").keys() == {"SENHA", "ENDERECO"}
    said = redact("cofre-ficticio-1 of pessoa.do.cofre, painel-de-teste, nao-pedido-1")
    assert said == "*** of ***, painel-de-teste, nao-pedido-1"


def test_a_project_without_a_vault_says_so(url: str) -> None:
    with pytest.raises(PermanentError, match=r"^the fabricio database has no Vault.*supabase_vault"):
        read(url, "SENHA")


def test_a_vault_that_we_may_not_read_says_what_to_grant(url: str) -> None:
    make_vault(url, SENHA="cofre-ficticio-2")
    with pytest.raises(
        PermanentError, match=r"may not read the Vault of the fabricio.*grant it usage"
    ) as caught:
        read(url, "SENHA", role="anon")
    assert "cofre" not in str(caught.value)


def test_the_first_name_that_is_there_counts_and_a_missing_secret_is_told_by_its_names_only() -> None:
    secrets = {"b": "cofre-ficticio-3", "c": "cofre-ficticio-4"}
    assert one_of(secrets, ["a", "b", "c"], what=WHAT) == "cofre-ficticio-3"
    with pytest.raises(
        PermanentError, match=r"^The Vault of the fabricio database holds none of x, y"
    ) as caught:
        one_of(secrets, ["x", "y"], what=WHAT)
    assert "cofre" not in str(caught.value)
