"""The ERPs in the sandbox: the tax application's project, its Edge Functions, and the vendors' APIs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from sync_pipelines.migrations.history import History
from sync_pipelines.sandbox.erp.database import build_erp
from sync_pipelines.sandbox.erp.demo import A_MONTH
from sync_pipelines.sandbox.erp.demo_rows import add_accounts, add_credentials
from sync_pipelines.sandbox.erp.ledger_categories import TRANSFER_NAMES
from sync_pipelines.sandbox.part import Database, Option, Options, Part, Upstream
from sync_pipelines.sandbox.serving import kept_secret

_DATABASE = "ERP_DATABASE_URL"
_KEY = "ERP_CREDENTIALS_KEY"
#: Users of the demo have several companies, each with its own income statement.
BY_COMPANY = History("erp_dre_by_company", database="erp")


def _build(connection: psycopg.Connection[Any], _options: Options) -> None:
    build_erp(connection)
    add_accounts(connection)


def _variables(home: Path, given: Mapping[str, str]) -> Mapping[str, str]:
    """What the demo's accounts need beside addresses; nothing where `given` names a real project.

    That is the secret which seals their credentials, kept below `home`, the names of their transfers, and a row of the
    income statement for each company.
    """
    if given.get(_DATABASE) or given.get(_KEY):
        return {}
    folder = home / "erp"
    folder.mkdir(mode=0o700, exist_ok=True)
    return {
        _KEY: kept_secret(folder / "credentials_key", lambda: secrets.token_hex(32)),
        BY_COMPANY.name.upper(): "true",
        "ERP_TRANSFER_CATEGORIES": ",".join(TRANSFER_NAMES),
    }


def _connect(environment: Mapping[str, str]) -> None:
    with psycopg.connect(environment[_DATABASE]) as connection:
        add_credentials(connection, environment[_KEY])


def _arguments(options: Options) -> Sequence[str]:
    return ("--invoices", str(int(options["invoices"])))


def _vendor(name: str, address: str, *further: str) -> Upstream:
    """A vendor's fake; `address` and `further` are the settings of its addresses."""
    return Upstream(
        name=name,
        module=f"sync_pipelines.sandbox.erp.serve_{name}",
        variables=(address, *further),
        arguments=_arguments,
        # Made-up invoices must not reach a real project.
        depends_on=(_DATABASE,),
        address=address,
    )


PART = Part(
    name="erp",
    databases=(
        Database("erp", setting=_DATABASE, build=_build, history=History("erp"), choices=(BY_COMPANY,)),
    ),
    upstreams=(
        Upstream(
            name="erp_functions",
            module="sync_pipelines.sandbox.erp.serve_functions",
            variables=(
                "ERP_FUNCTIONS_URL",
                "ERP_FUNCTIONS_KEY",
                "ERP_FUNCTIONS_JWT_SECRET",
                "SANDBOX_ERP_SCREEN_TOKEN",
            ),
            depends_on=(_DATABASE,),
            address="ERP_FUNCTIONS_URL",
        ),
        _vendor("omie", "OMIE_URL"),
        _vendor("bling", "BLING_URL", "BLING_AUTH_URL"),
        _vendor("contaazul", "CONTAAZUL_URL", "CONTAAZUL_AUTH_URL"),
        _vendor("tiny", "TINY_URL"),
        _vendor("sankhya", "SANKHYA_URL"),
    ),
    options=(Option("invoices", A_MONTH, "Invoices a month of each ERP's company, about.", flag="invoices"),),
    variables=_variables,
    connect=_connect,
)
