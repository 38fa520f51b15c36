"""The test of the connection to Gestão Scouter, check by check.

Replaces the Edge Function `validate-gestao-scouter-config`, whose test of the connection sent no request. The messages
are in Portuguese, because the users of the application's screen read them. They contain neither the address nor the
key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.export_jobs.configuration import Configuration
from sync_pipelines.scouter.schema.connection_report import Check, ConnectionReport
from sync_pipelines.scouter.schema.credentials import ROLE, read_claims
from sync_pipelines.scouter.schema.rest_checks import check_rest_api
from sync_pipelines.settings.types import LOOPBACK


@dataclass(frozen=True)
class ConnectionTest:
    """Tests an address and a key; `columns` are those that a push writes."""

    url: str | None
    key: str | None
    client_factory: Callable[[], PostgrestClient]
    columns: Sequence[str]
    configuration: Configuration
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def run(self) -> ConnectionReport:
        """Run all checks; those of the REST API only if address and key can be used."""
        report = ConnectionReport()
        if not self.url and not self.key and not self.configuration.exists:
            report.is_configured = False
            report.checks["credentials"] = Check(
                False, "Nenhuma configuração do Gestão Scouter foi encontrada."
            )
            return report
        report.checks["credentials"] = self._credentials()
        report.checks["configuration"] = self._configuration()
        if not report.checks["credentials"].valid:
            return report
        report.checks |= self._key()
        report.checks["https"] = self._https()
        if not report.checks["https"].valid:
            return report
        try:
            with self.client_factory() as client:
                check_rest_api(client, self.columns, report)
        except SyncError as error:
            report.checks["connection"] = Check(
                False, f"Não foi possível falar com o Gestão Scouter: {error}"
            )
        return report

    def _credentials(self) -> Check:
        missing = [
            name
            for name, value in (("GESTAO_SCOUTER_URL", self.url), ("GESTAO_SCOUTER_SERVICE_KEY", self.key))
            if not value
        ]
        if missing:
            return Check(False, f"Falta configurar {' e '.join(missing)}.")
        if not str(self.url).startswith(("http://", "https://")):
            return Check(False, "GESTAO_SCOUTER_URL deve começar com https://.")
        known = read_claims(str(self.key))
        if not known.is_token and not known.is_opaque:
            return Check(False, "A chave não parece ser uma service role key (nem um JWT, nem sb_secret_…).")
        return Check(True, "Endereço e chave presentes.")

    def _key(self) -> dict[str, Check]:
        known = read_claims(str(self.key))
        if not known.is_token:
            message = "A chave é do tipo novo (sb_secret_…): papel e validade não podem ser lidos dela."
            return {"role": Check(False, message, is_warning=True)}
        role = Check(True, "A chave é da service role.")
        if known.role != ROLE:
            role = Check(False, f"O papel da chave é {known.role or 'nenhum'}; precisa ser {ROLE}.")
        expiry = Check(True, "A chave não expira." if known.expires is None else "A chave está na validade.")
        if known.expires is not None and known.expires <= self.clock():
            expiry = Check(False, f"A chave expirou em {known.expires:%d/%m/%Y %H:%M} UTC.")
        return {"role": role, "expiry": expiry}

    def _https(self) -> Check:
        parts = urlsplit(str(self.url))
        if parts.scheme == "https" or parts.hostname in LOOPBACK:
            return Check(True, "A conexão é cifrada, ou não sai desta máquina.")
        return Check(False, "O endereço usa http://; a chave viajaria às claras. Use https://.")

    def _configuration(self) -> Check:
        row = self.configuration
        if not row.exists:
            return Check(False, "Não há linha em gestao_scouter_config no TabuladorMax.", is_warning=True)
        if not (row.active and row.sync_enabled):
            off = "inativa" if not row.active else "com a sincronização desligada"
            return Check(False, f"A configuração está {off}: nenhuma exportação começa.", is_warning=True)
        if not _is_same(row.project_url or "", self.url or ""):
            message = "O project_url de gestao_scouter_config não é o endereço de GESTAO_SCOUTER_URL, que é o que vale."
            return Check(False, message, is_warning=True)
        return Check(True, "A configuração está ativa e aponta para o mesmo projeto.")


def _is_same(project_url: str, address: str) -> bool:
    """Whether two addresses belong to the same project. A person typed `project_url`, so it may be no address."""
    try:
        first, second = urlsplit(project_url.strip()), urlsplit(address.strip())
    except ValueError:
        return False
    paths = {one.path.rstrip("/").removesuffix("/rest/v1") for one in (first, second)}
    return first.netloc.lower() == second.netloc.lower() and len(paths) == 1
