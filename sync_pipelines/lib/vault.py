"""Secrets from a Supabase project's Vault, as an alternative to the environment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import psycopg

from sync_pipelines.lib import redaction
from sync_pipelines.lib.failures import PermanentError, from_postgres
from sync_pipelines.lib.postgres import Connection


def read_vault(
    connection: Connection, names: Sequence[str], *, what: str, harmless: Collection[str] = ()
) -> dict[str, str]:
    """The secrets of these names that the Vault has, registered with the redactor; others are absent.

    `what` names the database; `harmless` are the URL parameters that are no secrets. Raises PermanentError if there
    is no Vault, or if our role may not read it.
    """
    try:
        rows = connection.execute(
            "select name, decrypted_secret from vault.decrypted_secrets"
            " where name = any(%s) and decrypted_secret <> ''",
            (list(names),),
        ).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction):
        raise PermanentError(
            f"{what} has no Vault (vault.decrypted_secrets): enable the extension supabase_vault, or set the"
            " secrets in the environment."
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise PermanentError(
            f"Our role may not read the Vault of {what}: grant it usage on the schema vault and select on"
            " vault.decrypted_secrets."
        ) from None
    except psycopg.Error as error:
        raise from_postgres(error, what=what) from None
    found: dict[str, str] = dict(rows)
    for secret in found.values():
        redaction.register(secret, harmless=harmless)
    return found


def one_of(secrets: Mapping[str, str], names: Sequence[str], *, what: str) -> str:
    """The secret under the first of the names that exists. Raises PermanentError with the names if none does."""
    for name in names:
        if name in secrets:
            return secrets[name]
    raise PermanentError(f"The Vault of {what} holds none of {', '.join(names)}.")
