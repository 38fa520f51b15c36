"""Vendors and functions that cost our process nothing: `python -m benchmarks.erp.world READY_FILE OMIE BLING NOTES`.

Fakes without limits and without latency, with so many companies of each ERP, each with about NOTES invoices in the four
months up to today (or twelve, if they are many), and the application's rows of their connections in the database
`ERP_DATABASE_URL`. The ready file holds the settings. It serves until SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import psycopg

from sync_pipelines.lib.processes import write_private
from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.bling_limits import UNLIMITED as BLING_UNLIMITED
from sync_pipelines.sandbox.erp.company import BRASILIA, ErpCompany
from sync_pipelines.sandbox.erp.database import add_company, add_connection
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.erp.omie import OmieFake
from sync_pipelines.sandbox.erp.omie_limits import UNLIMITED as OMIE_UNLIMITED
from sync_pipelines.sandbox.erp.sealing import sealed
from sync_pipelines.sandbox.erp.year import made_up_company

SECRET = "a secret of the benchmark, of more than 32 characters"
MONTHS, ITEMS, PRODUCTS = 4, 5, 40
#: The sandbox numbers no more notes of a month apart; of a larger account a year is read.
MOST_A_MONTH, A_YEAR = 900, 12


def company_of(seed: int, notes: int, lines: int = ITEMS) -> ErpCompany:
    """A company with about so many invoices of `lines` items in the months that a sync reads, or in a year."""
    months = MONTHS if notes // MONTHS <= MOST_A_MONTH else A_YEAR
    return made_up_company(
        seed,
        until=datetime.now(BRASILIA).date(),
        months=months,
        a_month=max(notes // months, 10),
        products=PRODUCTS,
        lines=lines,
    )


def main() -> None:
    ready, *numbers = sys.argv[1:]
    omie_companies, bling_companies, notes = map(int, numbers)
    url, ended = os.environ["ERP_DATABASE_URL"], threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with ExitStack() as stack:
        omie = stack.enter_context(OmieFake(rules=OMIE_UNLIMITED))
        bling = stack.enter_context(BlingFake(rules=BLING_UNLIMITED))
        functions = stack.enter_context(FunctionsFake(url))
        with psycopg.connect(url) as database:
            for seed in range(1, omie_companies + 1):
                company = company_of(seed, notes)
                account = omie.add(company)
                keys = {"app_key": account.app_key, "app_secret": account.app_secret}
                _connect(database, "omie", company, credentials=keys)
            for seed in range(omie_companies + 1, omie_companies + bling_companies + 1):
                company = company_of(seed, notes)
                _connect(database, "bling", company, credentials=bling.add(company).credentials)
        settings = {
            "ERP_CREDENTIALS_KEY": SECRET,
            "ERP_FUNCTIONS_URL": functions.url,
            "ERP_FUNCTIONS_KEY": functions.service_key,
            "OMIE_URL": omie.url,
            "BLING_URL": bling.url,
            "BLING_AUTH_URL": bling.auth_url,
        }
        write_private(Path(ready), json.dumps(settings))
        ended.wait()


def _connect(
    database: psycopg.Connection[tuple[object, ...]],
    erp_type: str,
    company: ErpCompany,
    credentials: Mapping[str, object],
) -> None:
    """A user with the company and a connection to its account, due at once."""
    user = uuid4()
    company_id = add_company(database, user, company.profile.cnpj)
    add_connection(database, user, erp_type, credentials=sealed(credentials, SECRET), company_id=company_id)


if __name__ == "__main__":
    main()
