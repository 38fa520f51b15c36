"""The company of a connection, and the connections whose titles make its income statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sync_pipelines.erp.company.validate import REGIMES
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.session import SyncSession

_PROFILES = (
    "select id, regime_tributario, cnpj_principal from public.company_profile where user_id = %s order by id"
)
_FED_BEFORE = (
    "select distinct p.id, p.user_id from sync_private.dre_lines as c join public.company_profile as p"
    " on p.id = c.company_id where c.company_id <> %s and c.connections && %s::uuid[] order by p.id"
)
_CONNECTIONS = (
    "select id, erp_type::text, company_id from public.erp_connections where user_id = %s order by id"
)


class Company(NamedTuple):
    """A company of a user. `connections` are those that feed its statement, by id with their partition key."""

    id: UUID
    user_id: UUID
    #: By the application's word; None if the profile does not say.
    regime: str | None
    cnpj: str | None
    connections: Mapping[UUID, str]
    #: All connections of the user, whichever company they are of.
    connections_of_user: frozenset[UUID]
    #: Whether the user has no other one.
    is_only: bool


def company_of(session: SyncSession) -> Company | str:
    """The company of the connection, else the only one of its user; a sentence in Portuguese where there is none."""
    one = session.connection
    profiles = {
        profile: about for profile, *about in session.database.execute(_PROFILES, (one.user_id,)).fetchall()
    }
    if one.company_id is not None and one.company_id not in profiles:
        return "A empresa ligada à conexão não é deste usuário: corrija a empresa da conexão."
    if one.company_id is None and len(profiles) != 1:
        count = (
            f"o usuário tem {len(profiles)} empresas" if profiles else "o usuário não tem empresa cadastrada"
        )
        return (
            f"A conexão não está ligada a uma empresa, e {count}: ligue a conexão à empresa da conta do ERP."
        )
    return _company(session, one.company_id or next(iter(profiles)), profiles, user=one.user_id)


def other_companies(session: SyncSession, company: Company) -> list[Company]:
    """Other companies for whom we wrote lines of titles of connections that are now of this one, of any user."""
    found = session.database.execute(_FED_BEFORE, (company.id, list(company.connections))).fetchall()
    others = []
    for one, user in found:
        profiles = {
            profile: about for profile, *about in session.database.execute(_PROFILES, (user,)).fetchall()
        }
        other = _company(session, one, profiles, user=user)
        # A connection that another user has now is not one that was removed: its lines go back.
        known = other.connections_of_user | company.connections.keys()
        others.append(other._replace(connections_of_user=known))
    return others


def _company(
    session: SyncSession, company: UUID, profiles: Mapping[UUID, Sequence[str | None]], *, user: UUID
) -> Company:
    is_only = len(profiles) == 1
    regime, cnpj = profiles[company]
    rows = session.database.execute(_CONNECTIONS, (user,)).fetchall()
    return Company(
        id=company,
        user_id=user,
        regime=regime if regime in REGIMES else None,
        cnpj=cnpj,
        connections={
            number: ErpConnection(number, user, erp_type=erp_type, name="", status="").key
            for number, erp_type, of in rows
            if of == company or (of is None and is_only)
        },
        connections_of_user=frozenset(number for number, _, _ in rows),
        is_only=is_only,
    )
