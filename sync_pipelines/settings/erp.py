"""The settings of the ERP sync: the application's database, functions and XML bucket, the vendors' addresses."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from sync_pipelines.lib.storage.landing import LandingStore
from sync_pipelines.settings.core import Settings
from sync_pipelines.settings.databases import Database
from sync_pipelines.settings.types import HeaderSecret, HttpsUrl, PostgresUrl, Upstream

#: Characters of the secret that the application encrypts credentials with: the AES key is its first 32 bytes.
_KEY_CHARACTERS = 32


class ErpSettings(Settings):
    """What the system `erp` needs beyond what every system has."""

    erp_database_url: Annotated[
        PostgresUrl | None, Database(absent="the system erp is absent", choices=("erp_dre_by_company",))
    ] = None
    erp_credentials_key: SecretStr | None = None
    erp_functions_url: Annotated[HttpsUrl | None, Upstream()] = None
    erp_functions_key: HeaderSecret | None = None
    erp_functions_jwt_secret: SecretStr | None = None
    #: A folder or a bucket; the application reads the bucket `xml-imports`.
    erp_xml_store_url: str | None = None
    erp_reform_by: Literal["estimate", "function"] = "estimate"
    omie_url: Annotated[HttpsUrl, Upstream()] = "https://app.omie.com.br/api/v1"
    bling_url: Annotated[HttpsUrl, Upstream()] = "https://api.bling.com.br/Api/v3"
    bling_auth_url: Annotated[HttpsUrl | None, Upstream()] = None
    contaazul_url: Annotated[HttpsUrl, Upstream()] = "https://api-v2.contaazul.com"
    contaazul_auth_url: Annotated[HttpsUrl | None, Upstream()] = None
    tiny_url: Annotated[HttpsUrl, Upstream()] = "https://api.tiny.com.br/api2"
    sankhya_url: Annotated[HttpsUrl, Upstream()] = "https://api.sankhya.com.br"
    #: Names of categories whose titles go between accounts of the company, comma between several.
    erp_transfer_categories: str = ""
    #: Whether `company_dre` holds a row for each company of a user and month; the migration changes its unique key.
    erp_dre_by_company: bool = False
    #: The project's address, which publishes the keys that sign its users' tokens.
    erp_project_url: Annotated[HttpsUrl | None, Upstream()] = None
    #: Screens that a browser may call `erp-sync` from, and the reverse proxies before the receiver.
    erp_screen_origins: str = ""
    erp_trusted_proxies: str = ""

    @field_validator("erp_credentials_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < _KEY_CHARACTERS:
            raise ValueError(
                "must have at least 32 characters; it is the secret of the application's functions"
            )
        return value

    @field_validator("erp_xml_store_url")
    @classmethod
    def _xml_store(cls, value: str | None) -> str | None:
        return cls.checked_store(value) if value is not None else None

    @field_validator(
        "omie_url",
        "bling_url",
        "bling_auth_url",
        "contaazul_url",
        "contaazul_auth_url",
        "tiny_url",
        "sankhya_url",
        "erp_functions_url",
        "erp_project_url",
    )
    @classmethod
    def _without_query(cls, value: str | None) -> str | None:
        """Paths are added to it: what follows a path would swallow them."""
        if value is not None and (urlsplit(value).query or urlsplit(value).fragment):
            raise ValueError("must end with the host or a path")
        return value.rstrip("/") if value is not None else None

    @property
    def erp_url(self) -> str:
        """The application's database. Raises SettingsError when it is not set."""
        return self.require("erp_database_url")

    @property
    def transfer_categories(self) -> frozenset[str]:
        """ERP_TRANSFER_CATEGORIES as names."""
        return frozenset(filter(None, (name.strip() for name in self.erp_transfer_categories.split(","))))

    @property
    def credentials_key(self) -> str | None:
        """The secret that seals credentials; None where rows are expected to hold them in clear."""
        return self.erp_credentials_key.get_secret_value() if self.erp_credentials_key is not None else None

    @property
    def xml_store(self) -> LandingStore:
        """Where the XML of invoices is kept: ERP_XML_STORE_URL, else the landing store."""
        if self.erp_xml_store_url is None:
            return self.landing_store
        return self.store_at(self.erp_xml_store_url)
