"""Which of the companies that an ERP names is the connection's: an installation may be that of several."""

from __future__ import annotations

from collections.abc import Sequence

from sync_pipelines.erp.company.load import MismatchError
from sync_pipelines.erp.company.validate import are_of_one_company, normalised
from sync_pipelines.erp.session import SyncSession
from sync_pipelines.erp.vendors.vendor import Company
from sync_pipelines.lib.failures import PermanentError


def own_company(session: SyncSession, named: Sequence[Company]) -> Company:
    """The only one that the ERP names, else the one of the profile that the connection is linked to.

    Raises MismatchError if that is none or several of them: nothing of the account may be stored then. Raises
    PermanentError if the ERP names none.
    """
    if not any(any(one) for one in named):  # an answer without a word of it is none either
        raise PermanentError(f"{session.vendor.name} named no company for the account.")
    if len(named) == 1:
        return named[0]
    linked = _linked_cnpj(session)
    own = [one for one in named if linked and are_of_one_company(normalised(one.cnpj), linked)]
    if len(own) != 1:
        raise MismatchError(
            f"A conta do ERP tem {len(named)} empresas, e a conexão não diz qual é a sua. Nada foi alterado: ligue a"
            " conexão a uma empresa que tenha o CNPJ de uma delas."
        )
    return own[0]


def _linked_cnpj(session: SyncSession) -> str:
    """The CNPJ of the profile that the connection is linked to; empty without one."""
    one = session.connection
    found = session.database.execute(
        "select cnpj_principal from public.company_profile where id = %s and user_id = %s",
        (one.company_id, one.user_id),
    ).fetchone()
    return normalised(found[0]) if found else ""
