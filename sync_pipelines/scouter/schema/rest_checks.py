"""The checks of the connection that ask the destination's REST API. Users of the screen read their messages."""

from __future__ import annotations

from collections.abc import Sequence

from sync_pipelines.lib.http.postgrest import Answer, PostgrestClient, Problem
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.schema.columns import TABLE
from sync_pipelines.scouter.schema.connection_report import Check, ConnectionReport
from sync_pipelines.scouter.schema.probe import probe


def check_rest_api(client: PostgrestClient, columns: Sequence[str], report: ConnectionReport) -> None:
    """Add the checks of connection, access, structure, key and writing; `columns` are those that a push writes."""
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
    """Whether a PostgREST answered that accepts our key. What the key may do is checked later."""
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
    """Whether `id` is a unique key, and whether the columns of a push can be written. No row is written."""
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
