"""Companies of the sandbox, the official layouts of their documents, and an unmigrated database of the application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files

import httpx
import psycopg
import pytest
from lxml import etree

from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.database import build_erp
from sync_pipelines.sandbox.erp.functions import FunctionsFake
from sync_pipelines.sandbox.erp.year import made_up_company
from sync_pipelines_tests.sandbox.erp.functions_project import NOW, Project

_LAYOUTS = files("nfelib")


@pytest.fixture(scope="session")
def note_layout() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(_LAYOUTS / "nfe/schemas/v4_0/procNFe_v4.00.xsd")))


@pytest.fixture(scope="session")
def cancellation_layout() -> etree.XMLSchema:
    path = _LAYOUTS / "nfe_evento_cancel/schemas/v1_0/procEventoCancNFe_v1.00.xsd"
    return etree.XMLSchema(etree.parse(str(path)))


@pytest.fixture(scope="session")
def correction_layout() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(_LAYOUTS / "nfe_evento_cce/schemas/v1_0/procCCeNFe_v1.00.xsd")))


@pytest.fixture
def company() -> ErpCompany:
    """A year of an alphanumeric company of the normal regime."""
    return made_up_company(1, alphanumeric=True)


@pytest.fixture
def new_erp(new_database: Callable[[str | None], str]) -> str:
    """The address of the application's database as it left it, not migrated."""
    url = new_database(None)
    with psycopg.connect(url) as connection:
        build_erp(connection)
    return url


@pytest.fixture
def project(new_erp: str) -> Iterator[Project]:
    with (
        psycopg.connect(new_erp, autocommit=True) as database,
        FunctionsFake(new_erp, clock=NOW.timestamp) as fake,
        httpx.Client(base_url=fake.url) as http,
    ):
        yield Project(fake, database, http)
