"""Secrets from a Supabase project's Vault, as an alternative to the environment."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from sync_pipelines.lib import redaction
from sync_pipelines.lib.failures import PermanentError, from_postgres
from sync_pipelines.lib.postgres import Connection


def read_vault(connection: Connection, names: Sequence[str], *, what: str) -> dict[str, str]:
    """The secrets of these names that the Vault has, registered with the redactor; others are absent.

    `what` names the database. Raises PermanentError where there is no Vault or our role may not read it.
    """
    try:
        rows = connection.execute(
            "select name, decrypted_secret from vault.decrypted_secrets"
            " where name = any(%s) and decrypted_secret is not null",
            (list(names),),
        ).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        raise PermanentError(
            f"{what} has no Vault (vault.decrypted_secrets): set the secrets in the environment."
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise PermanentError(
            f"Our role may not read the Vault of {what}: grant it vault.decrypted_secrets."
        ) from None
    except psycopg.Error as error:
        raise from_postgres(error, what=what) from None
    found: dict[str, str] = dict(rows)
    for secret in found.values():
        redaction.register(secret)
    return found


def one_of(secrets: dict[str, str], names: Sequence[str], *, what: str) -> str:
    """The first of several names that is there; PermanentError naming them when none is."""
    for name in names:
        if name in secrets:
            return secrets[name]
    raise PermanentError(f"The Vault of {what} holds none of {', '.join(names)}.")
