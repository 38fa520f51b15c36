"""The test of the connection to Gestão Scouter, check by check, answered as the application's screen expects it.

Replaces the function `validate-gestao-scouter-config`, whose test of the connection made no request. Its messages are
read by the application's users, so they are in Portuguese. They hold neither the address nor the key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.lib.http.postgrest import Answer, PostgrestClient, Problem
from sync_pipelines.scouter.export_jobs.table import Configuration
from sync_pipelines.scouter.mapping.field_mapping import KEY
from sync_pipelines.scouter.schema.credentials import ROLE, claims
from sync_pipelines.scouter.schema.destination import TABLE, probe
from sync_pipelines.settings.types import LOOPBACK


class Check(NamedTuple):
    """One thing that was looked at. What is not valid is an error, or only a warning."""

    valid: bool
    message: str
    is_warning: bool = False


@dataclass
class ConnectionReport:
    """The checks by name, in the order in which they were made; `is_configured` false: there was nothing to test."""

    checks: dict[str, Check] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    is_configured: bool = True

    @property
    def errors(self) -> list[str]:
        return [one.message for one in self.checks.values() if not one.valid and not one.is_warning]

    @property
    def valid(self) -> bool:
        return self.is_configured and not self.errors

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        if not self.is_configured:
            return 404
        return 200 if self.valid else 400

    def document(self) -> dict[str, Any]:
        """The answer's body."""
        return {
            "valid": self.valid,
            "checks": {
                name: {"valid": one.valid, "message": one.message} for name, one in self.checks.items()
            },
            "errors": self.errors,
            "warnings": [
                *self.warnings,
                *(one.message for one in self.checks.values() if not one.valid and one.is_warning),
            ],
        }


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
        """All checks; those that need an answer only where there is something to ask with."""
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
                _ask(client, self.columns, report)
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
        known = claims(str(self.key))
        if not known.is_token and not known.is_opaque:
            return Check(False, "A chave não parece ser uma service role key (nem um JWT, nem sb_secret_…).")
        return Check(True, "Endereço e chave presentes.")

    def _key(self) -> dict[str, Check]:
        known = claims(str(self.key))
        if not known.is_token:
            told = "A chave é do tipo novo (sb_secret_…): papel e validade não podem ser lidos dela."
            return {"role": Check(False, told, is_warning=True)}
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
            told = "O project_url de gestao_scouter_config não é o endereço de GESTAO_SCOUTER_URL, que é o que vale."
            return Check(False, told, is_warning=True)
        return Check(True, "A configuração está ativa e aponta para o mesmo projeto.")


def _ask(client: PostgrestClient, columns: Sequence[str], report: ConnectionReport) -> None:
    answer = client.request("GET", f"/{TABLE}", params=(("select", f"{KEY},updated_at"), ("limit", "1")))
    problem = client.problem(answer)
    report.checks["connection"] = _connection(problem, answer)
    if not report.checks["connection"].valid:
        return
    no_column = problem is not None and problem.code == "42703"
    report.checks["tableAccess"] = (
        Check(True, "A tabela leads pode ser lida.")
        if problem is None or no_column
        else Check(False, f"A tabela leads não pode ser lida: {_reason(problem)}.")
    )
    if problem is None and answer.json() == []:
        report.warnings.append("A tabela leads do Gestão Scouter está vazia.")
    structure = Check(not no_column, "As colunas id e updated_at existem.")
    if no_column:
        structure = Check(False, "A tabela leads não tem as colunas id e updated_at.")
    if report.checks["tableAccess"].valid:
        report.checks["tableStructure"] = structure
        report.checks |= _write_checks(client, columns)


def _connection(problem: Problem | None, answer: Answer) -> Check:
    """Whether a PostgREST answered that knows our key; whether we may do anything there is another question."""
    if problem is None:
        if isinstance(answer.json(), list):
            return Check(True, "O Gestão Scouter respondeu.")
        return Check(
            False, "Quem respondeu não é a API REST de um projeto: confira o endereço em GESTAO_SCOUTER_URL."
        )
    if problem.kind not in ("transient", "fatal") or problem.code == "42501":
        return Check(True, "O Gestão Scouter respondeu.")
    if problem.status == 401:
        return Check(
            False, f"O Gestão Scouter recusou a chave ({_shown(problem)}): ela é de outro projeto ou expirou."
        )
    return Check(False, f"O Gestão Scouter respondeu {_shown(problem)}.")


def _write_checks(client: PostgrestClient, columns: Sequence[str]) -> dict[str, Check]:
    """Whether `id` is a key, and whether a push's columns may be written: no row is touched."""
    key = client.probe(TABLE, [KEY], on_conflict=KEY)
    unique = Check(True, "id é uma chave única.")
    if key is not None and key.code == "42P10":
        unique = Check(False, "id não é chave única de leads no Gestão Scouter (42P10).")
    elif key is not None:
        unique = Check(False, f"Não foi possível verificar a chave id ({_shown(key)}).", is_warning=True)
    checks = {"onConflict": unique}
    probed = probe(client, columns)
    writable = Check(True, f"As {len(columns)} colunas podem ser gravadas.")
    if probed.unknown:
        writable = Check(False, f"A gravação não encontra as colunas {', '.join(probed.unknown)} (PGRST204).")
    elif probed.problem and probed.problem.code != "42P10":
        writable = Check(False, f"A gravação em leads seria recusada: {_reason(probed.problem)}.")
    return checks | {"write": writable}


def _reason(problem: Problem) -> str:
    if problem.code == "42501":
        return "a chave não tem permissão (42501); use a service role key e verifique os grants da tabela"
    if problem.code in ("PGRST205", "42P01"):
        return f"a tabela não existe ou o cache do schema não a conhece ({_shown(problem)})"
    return _shown(problem)


def _shown(problem: Problem) -> str:
    return f"{problem.status} {problem.code}" if problem.code else f"{problem.status}, sem código"


def _is_same(project_url: str, address: str) -> bool:
    """Whether two addresses are of one project; what a person typed may be no address at all."""
    try:
        first, second = urlsplit(project_url.strip()), urlsplit(address.strip())
    except ValueError:
        return False
    paths = {one.path.rstrip("/").removesuffix("/rest/v1") for one in (first, second)}
    return first.netloc.lower() == second.netloc.lower() and len(paths) == 1
