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
from sync_pipelines.sandbox.part import Database, Option, Options, Part, Upstream
from sync_pipelines.sandbox.serving import kept_secret

_DATABASE = "ERP_DATABASE_URL"
_KEY = "ERP_CREDENTIALS_KEY"


def _build(connection: psycopg.Connection[Any], _options: Options) -> None:
    build_erp(connection)
    add_accounts(connection)


def _variables(home: Path, given: Mapping[str, str]) -> Mapping[str, str]:
    """The secret that seals the credentials, kept below `home`; nothing where `given` names a real project."""
    if given.get(_DATABASE) or given.get(_KEY):
        return {}
    folder = home / "erp"
    folder.mkdir(mode=0o700, exist_ok=True)
    return {_KEY: kept_secret(folder / "credentials_key", lambda: secrets.token_hex(32))}


def _connect(environment: Mapping[str, str]) -> None:
    with psycopg.connect(environment[_DATABASE]) as connection:
        add_credentials(connection, environment[_KEY])


def _arguments(options: Options) -> Sequence[str]:
    return ("--invoices", str(int(options["invoices"])))


PART = Part(
    name="erp",
    databases=(Database("erp", setting=_DATABASE, build=_build, history=History("erp")),),
    upstreams=(
        Upstream(
            name="erp_functions",
            module="sync_pipelines.sandbox.erp.serve_functions",
            variables=("ERP_FUNCTIONS_URL", "ERP_FUNCTIONS_KEY", "ERP_FUNCTIONS_JWT_SECRET"),
            depends_on=(_DATABASE,),
            address="ERP_FUNCTIONS_URL",
        ),
        Upstream(
            name="omie",
            module="sync_pipelines.sandbox.erp.serve_omie",
            variables=("OMIE_URL",),
            arguments=_arguments,
            # Made-up invoices must not reach a real project.
            depends_on=(_DATABASE,),
            address="OMIE_URL",
        ),
        Upstream(
            name="bling",
            module="sync_pipelines.sandbox.erp.serve_bling",
            variables=("BLING_URL", "BLING_AUTH_URL"),
            arguments=_arguments,
            depends_on=(_DATABASE,),
            address="BLING_URL",
        ),
    ),
    options=(Option("invoices", A_MONTH, "Invoices a month of each ERP's company, about.", flag="invoices"),),
    variables=_variables,
    connect=_connect,
)
