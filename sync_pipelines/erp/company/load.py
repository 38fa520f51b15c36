"""The profile of a connection's company: which row of `company_profile` it is, written where it differs, and proved.

A user may have several companies, and they must not mix (contract of the ERPs, trap 58). The row is the one with the
CNPJ that the ERP says, else the one that the connection names. What an ERP says never turns one company into another:

| the ERP's CNPJ | the connection names | what is done |
|---|---|---|
| of one profile of the user | that profile, or none | it is updated |
| of another profile | a profile with another CNPJ | an error: the connection has the wrong company |
| of no profile | a profile without a CNPJ | it is updated and gets the CNPJ |
| of no profile | a profile of the same company, another branch | updated, but CNPJ, state and city |
| of no profile | a profile of another company | an error, as above |
| of no profile | none | a new profile of the user |
| not said | a profile | it is updated |
| not said | none | nothing: no row could be found again by the next sync |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from sync_pipelines.erp.company.validate import Profile, are_of_one_company, is_said, normalised
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.catalog import columns_of
from sync_pipelines.lib.postgres.digest import Proof, digest_of, row_hash

TABLE = "public.company_profile"
_CNPJ = "cnpj_principal"
#: What the profile of another branch of the company keeps.
_OF_THE_BRANCH = (_CNPJ, "uf_sede", "municipio_sede")
_LOCK = "select from public.company_profile where user_id = %s order by id for no key update"
Row = dict[str, str | None]


class MismatchError(Exception):
    """The ERP account is of another company than the connection; the sentence is in Portuguese, without a value."""


class Match(NamedTuple):
    """The row that a profile is written to: a new one if `stored` is None. `warning` is in Portuguese."""

    id: UUID
    stored: Row | None
    meant: Mapping[str, str]
    warning: str = ""


class Written(NamedTuple):
    """What became of the profile. `status` is inserted, changed or unchanged."""

    status: str
    proof: Proof
    warning: str


def load(session: SyncSession, profile: Profile) -> Written | None:
    """Write the profile where it differs, in one transaction; None if it has no row and no CNPJ to find it by.

    Raises MismatchError if it is of another company. Where the proof does not hold, nothing was written.
    """
    connection, user = session.database, session.connection.user_id
    with connection.transaction():
        session.fence(connection)
        # Two connections of a user may be of one company, which neither finds before the other has inserted it.
        connection.execute(
            "select pg_advisory_xact_lock(%s)", (postgres.lock_key("erp", "company", str(user)),)
        )
        names = _known(connection, [_CNPJ, *profile.columns])
        if _CNPJ not in names:
            raise PermanentError(f"{TABLE} has no column {_CNPJ}: is it the right project?")
        connection.execute(_LOCK, (user,))
        rows = _rows(connection, user, names)
        match = find(profile, rows, session.connection.company_id)
        if match is None:
            return None
        meant = {name: value for name, value in match.meant.items() if name in names}
        status = _write(connection, user, match, meant=meant)
        postgres.end_writes(connection)
        written = Written(status, _prove(_rows(connection, user, names).get(match.id), meant), match.warning)
        if not written.proof.holds:
            raise psycopg.Rollback
    return written


def find(profile: Profile, rows: Mapping[UUID, Row], company_id: UUID | None) -> Match | None:
    """The row of the profile among those of the user, as the table above says."""
    said = {**({_CNPJ: profile.cnpj} if profile.cnpj else {}), **profile.columns}
    if company_id is not None and company_id not in rows:
        raise MismatchError("A empresa ligada à conexão não é deste usuário. Corrija a empresa da conexão.")
    same = [one for one, row in rows.items() if profile.cnpj and normalised(row[_CNPJ]) == profile.cnpj]
    if same:
        return _of_same_cnpj(same, rows, company_id, said=said)
    if company_id is None:
        return Match(uuid4(), None, said) if profile.cnpj else None
    stored = rows[company_id]
    linked = normalised(stored[_CNPJ])
    if not profile.cnpj or not linked:
        return Match(company_id, stored, said)
    if not are_of_one_company(linked, profile.cnpj):
        raise MismatchError(
            "O CNPJ da conta do ERP é de outra empresa, não da empresa ligada à conexão. Nada foi alterado:"
            " corrija a empresa da conexão, ou as credenciais."
        )
    return Match(
        company_id,
        stored,
        {name: value for name, value in said.items() if name not in _OF_THE_BRANCH},
        warning="A conta do ERP é de outro estabelecimento da mesma empresa: CNPJ, UF e município do perfil ficam"
        " como estão.",
    )


def _of_same_cnpj(
    same: Sequence[UUID], rows: Mapping[UUID, Row], company_id: UUID | None, said: Mapping[str, str]
) -> Match:
    if company_id is not None and company_id in same:
        return Match(company_id, rows[company_id], said)
    if company_id is not None:
        raise MismatchError(
            "O CNPJ da conta do ERP pertence a outra empresa deste usuário, não à empresa ligada à conexão. Nada foi"
            " alterado: corrija a empresa da conexão, ou as credenciais."
        )
    if len(same) > 1:
        raise MismatchError(
            f"O usuário tem {len(same)} empresas com o CNPJ da conta do ERP. Nada foi alterado: ligue a conexão a uma"
            " delas."
        )
    return Match(same[0], rows[same[0]], said)


def _known(connection: postgres.Connection, names: Iterable[str]) -> list[str]:
    """Those of the columns that the table has: the application's own history added some of them late."""
    live = {column.name for column in columns_of(connection, TABLE)}
    return [name for name in names if name in live]


def _rows(connection: postgres.Connection, user: UUID, names: Sequence[str]) -> dict[UUID, Row]:
    """The profiles of a user, by id."""
    query = sql.SQL("select id, {} from {} where user_id = %s order by id").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), postgres.table(TABLE)
    )
    found = connection.execute(query, (user,)).fetchall()
    return {one: dict(zip(names, values, strict=True)) for one, *values in found}


def _write(connection: postgres.Connection, user: UUID, match: Match, meant: Mapping[str, str]) -> str:
    if match.stored is None:
        given = {"id": match.id, "user_id": user, **meant}
        statement = sql.SQL("insert into {} ({}) values ({})").format(
            postgres.table(TABLE),
            sql.SQL(", ").join(map(sql.Identifier, given)),
            sql.SQL(", ").join(map(sql.Placeholder, given)),
        )
        connection.execute(statement, given)
        return "inserted"
    stored = match.stored
    changes = {name: value for name, value in meant.items() if not is_said(name, stored[name], value)}
    if not changes:
        return "unchanged"
    statement = sql.SQL("update {} set {} where id = %(id)s").format(
        postgres.table(TABLE),
        sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes
        ),
    )
    connection.execute(statement, {**changes, "id": match.id})
    return "changed"


def _prove(live: Row | None, meant: Mapping[str, str]) -> Proof:
    """The live row beside what was meant; a code that is written otherwise counts as the same."""
    names = sorted(meant)
    source = {"digest": str(digest_of([row_hash([meant[name] for name in names])]))}
    if live is None:
        return Proof(source, {"digest": str(digest_of([]))})
    found = [meant[name] if is_said(name, live[name], meant[name]) else live[name] for name in names]
    return Proof(source, {"digest": str(digest_of([row_hash(found)]))})
