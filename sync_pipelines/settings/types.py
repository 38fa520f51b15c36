"""The types of settings: what a value must look like, checked as it is read, with a sentence that never repeats it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from sync_pipelines.lib.archive.retention import Policy

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_POSTGRES_SCHEMES = {"postgresql", "postgres"}


def _postgres_url(value: SecretStr) -> SecretStr:
    # Not urlsplit: it takes a bracket in a password for an IPv6 address.
    scheme = value.get_secret_value().partition("://")[0].split("+")[0]
    if scheme not in _POSTGRES_SCHEMES:
        raise ValueError("must be a connection URL such as postgresql://user:password@host:5432/database")
    return value


def _require_https(text: str) -> None:
    try:
        parts = urlsplit(text)
    except ValueError:  # its message quotes the host, and what stands there may be a password
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a whole https:// address")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("is http:// to another machine; secrets travel with it, use https://")


def _https_url(value: str) -> str:
    _require_https(value)
    return value


def _secret_https_url(value: SecretStr) -> SecretStr:
    _require_https(value.get_secret_value())
    return value


def _header_secret(value: SecretStr) -> SecretStr:
    """What a header can carry. The line break that ends a mounted file, or a pasted blank, is no part of a secret."""
    text = value.get_secret_value().strip()
    if not text or not all("!" <= char <= "~" for char in text):
        raise ValueError(
            "must be letters, digits and signs without blanks; was it copied whole, and nothing else?"
        )
    return SecretStr(text)


def _existing_bundle(value: Path) -> Path:
    if not value.is_file():
        raise ValueError("names a file that does not exist; it should be a PEM file of CA certificates")
    return value


def _retention(value: str) -> str:
    Policy.parse(value)
    return value


#: A connection URL of Postgres; it holds a password.
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]
#: An address on another machine; http:// on this one only.
HttpsUrl = Annotated[str, AfterValidator(_https_url)]
#: An address whose query says who asks.
SecretHttpsUrl = Annotated[SecretStr, AfterValidator(_secret_https_url)]
#: A token or key that travels in a header.
HeaderSecret = Annotated[SecretStr, AfterValidator(_header_secret)]
#: A PEM file of certificates of a private authority.
CaBundle = Annotated[Path, AfterValidator(_existing_bundle)]
#: Such as `7 daily, 4 weekly, 12 monthly, at least 3`.
Retention = Annotated[str, AfterValidator(_retention)]
#: Such as `2016-09`.
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


class Upstream:
    """Marks the address of a service of others: SYNC_ENV=production refuses one that points at this machine."""
