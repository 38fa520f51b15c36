"""The client of the Edge Functions: as whom each is called, and what its answers mean."""

from __future__ import annotations

from uuid import uuid4

import jwt
import pytest

from sync_pipelines.erp.analyses.tokens import CALLERS, LIFETIME, Caller, UserToken
from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, TransientError
from sync_pipelines.lib.redaction import redact
from sync_pipelines_tests.erp.analyses.project import FUNCTION, USER, Project

RTC = {
    "municipio": 3550308,
    "uf": "SP",
    "itens": [
        {
            "numero": 1,
            "ncm": "19022000",
            "descricao": "ITEM",
            "quantidade": 1,
            "unidade": "UN",
            "valorUnitario": 100,
            "cst": "000",
            "cClassTrib": "000001",
        }
    ],
}


def test_a_user_token_is_that_of_the_projects_own_sign_in(project: Project) -> None:
    strategy = UserToken(project.fake.jwt_secret, project.syncs.clock)
    user = uuid4()
    token = strategy.token(user)
    claims = jwt.decode(
        token,
        project.fake.jwt_secret,
        ["HS256"],
        audience="authenticated",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["sub"], claims["role"], claims["exp"] - claims["iat"]) == (
        str(user),
        "authenticated",
        LIFETIME.total_seconds(),
    )
    assert token not in redact(f"x {token} y") and project.fake.jwt_secret not in repr(strategy)


def test_credits_are_analysed_as_the_user_where_there_is_no_service_key(project: Project) -> None:
    project.add("2.00")
    outcome = project.analyse(erp_functions_key=None, erp_functions_jwt_secret=project.fake.jwt_secret)
    assert outcome.status == "success"
    assert {(call.caller.kind, call.caller.user_id) for call in project.fake.calls if call.caller} == {
        ("user", USER)
    }


def test_only_the_credit_analysis_takes_the_service_key() -> None:
    """Trap 62."""
    assert [name for name, callers in CALLERS.items() if Caller.SERVICE in callers] == [FUNCTION]


def test_the_reform_is_calculated_as_the_user(project: Project) -> None:
    connection = project.syncs.session(project.connection_id).connection
    with project.access().open(connection) as service:
        assert service is not None
        with pytest.raises(PermanentError, match="set ERP_FUNCTIONS_JWT_SECRET"):
            service.calculate_rtc(RTC)
    with project.access(erp_functions_jwt_secret=project.fake.jwt_secret).open(connection) as functions:
        assert functions is not None
        answer = functions.calculate_rtc(RTC)
        assert {"cbs", "ibsUf", "ibsMun", "is", "total"} <= set(answer["totals"])
        project.fake.fail("calculate-rtc_unauthorized", times=1)
        with pytest.raises(
            RefusedError, match=r"calculate-rtc refused our token \(401\)\. Check ERP_FUNCTIONS_JWT"
        ):
            functions.calculate_rtc(RTC)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("unauthorized", RefusedError, "refused our token"),
        ("not_deployed", PermanentError, "Check ERP_FUNCTIONS_URL"),
        ("server_error", TransientError, "answered 500"),
        ("not_successful", TransientError, "without success"),
        ("truncated", TransientError, "no JSON object"),
        ("throttled", TransientError, "429"),
        ("worker_limit", TransientError, "more time or memory"),
    ],
)
def test_an_answer_that_is_no_success_is_an_error(
    project: Project, fault: str, kind: type[SyncError], words: str
) -> None:
    project.fake.fail(f"{FUNCTION}_{fault}")
    with project.access().open(project.syncs.session(project.connection_id).connection) as functions:
        assert functions is not None
        with pytest.raises(kind, match=words) as caught:
            functions.analyze_credits(uuid4(), [])
    assert project.fake.service_key not in str(caught.value)


def test_the_token_is_checked_without_an_effect(project: Project) -> None:
    connection = project.syncs.session(project.connection_id).connection
    with project.access().open(connection) as functions:
        assert functions is not None and functions.check_token() == "ERP_FUNCTIONS_KEY"
    with (
        project.access(erp_functions_key="another-key-of-another-project").open(connection) as functions,
        pytest.raises(RefusedError),
    ):
        assert functions is not None
        functions.check_token()
    assert project.value("select count(*) from public.credit_analysis_summary") == 0
