"""A Supabase Vault as far as we read it: encoded secrets, and a view that decodes them."""

from __future__ import annotations

import psycopg

VAULT = """
create schema vault;
create table vault.secrets (
    id uuid primary key default gen_random_uuid(), name text unique, description text not null default '',
    secret text not null, created_at timestamptz not null default now()
);
create view vault.decrypted_secrets as
select id, name, description, secret, convert_from(decode(secret, 'base64'), 'utf8') as decrypted_secret
from vault.secrets;
"""


def make_vault(url: str, **secrets: str) -> None:
    """Create the Vault of a database with these secrets."""
    with psycopg.connect(url) as connection:
        connection.execute(VAULT)
        for name, secret in secrets.items():
            connection.execute(
                "insert into vault.secrets (name, secret)"
                " values (%s, encode(convert_to(%s, 'utf8'), 'base64'))",
                (name, secret),
            )
