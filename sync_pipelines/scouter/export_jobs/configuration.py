"""Whether the integration is switched on, as the application's screen stores it."""

from __future__ import annotations

from typing import NamedTuple

from psycopg import errors

from sync_pipelines.lib import postgres


class Configuration(NamedTuple):
    """The row of `gestao_scouter_config`; `exists` is false without a row, `project_url` None without row or table."""

    active: bool
    sync_enabled: bool
    project_url: str | None
    exists: bool = True

    def refusal(self) -> str | None:
        """Why nothing may be pushed, in a sentence for the users of the screen; None if a push may start."""
        if not self.exists:
            return "Não há configuração do Gestão Scouter: crie-a em Config > Integrações."
        if not self.active:
            return "A configuração do Gestão Scouter está inativa: ative-a em Config > Integrações."
        if not self.sync_enabled:
            return "A sincronização com o Gestão Scouter está desligada: ligue-a em Config > Integrações."
        return None


def read_configuration(connection: postgres.Connection) -> Configuration:
    """The newest active row of `gestao_scouter_config`, without its key. Without the table a push may start.

    Do not call it inside a transaction: a missing table would abort the transaction.
    """
    try:
        row = connection.execute(
            "select active, sync_enabled, project_url from public.gestao_scouter_config"
            " order by active desc, updated_at desc nulls last limit 1"
        ).fetchone()
    except errors.UndefinedTable:
        return Configuration(True, True, None)
    return Configuration(*row) if row else Configuration(False, False, None, exists=False)
