"""The client of the application's Edge Functions (contract of the ERPs, section 3).

A call is made once: who calls knows what a second one would do. No body of an answer reaches an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sync_pipelines.erp.analyses import answers
from sync_pipelines.erp.analyses.answers import CreditAnswer, NcmAnswer, OpportunitiesAnswer, ScoreAnswer
from sync_pipelines.erp.analyses.tokens import CALLERS, Caller, ServiceKey, TokenStrategy, UserToken
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.lib import exact_json
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.failures import PermanentError, RefusedError, TransientError, from_http_status
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.lib.http.json import JsonAnswer, JsonClient
from sync_pipelines.lib.redaction import register
from sync_pipelines.settings.erp import ErpSettings

ANALYZE_CREDITS, CALCULATE_RTC = "analyze-credits", "calculate-rtc"
ANALYZE_NCM, PROCESS_DRE = "analyze-ncm-from-xmls", "process-dre"
MATCH_OPPORTUNITIES, CALCULATE_TAX_SCORE = "match-opportunities", "calculate-tax-score"
_URL = "ERP_FUNCTIONS_URL"
#: An Edge Function is ended by its platform after 150 s.
_LIMITS = Timeouts(connect=10.0, read=150.0, total=160.0)
#: The platform's own status for a function that it ended.
_WORKER_LIMIT = 546
#: `calculate-rtc` answers with all items of an invoice.
_LARGEST_ANSWER = 8 << 20


@dataclass
class EdgeFunctions:
    """The functions of one project, called about one user. Threads may share it."""

    base_url: str
    user_id: UUID
    http: JsonClient
    strategies: Mapping[Caller, TokenStrategy]
    #: Ends the calls from outside.
    cancellation: Cancellation

    def abort(self) -> None:
        """End the calls under way, each with an error."""
        self.http.abort()

    def analyze_credits(self, import_id: UUID, parsed_xmls: Sequence[Mapping[str, Any]]) -> CreditAnswer:
        """Replace the credits of an import by those of its invoice; none clears them. Raises SyncError."""
        body = {
            "parsed_xmls": list(parsed_xmls),
            "xml_import_id": str(import_id),
            "user_id": str(self.user_id),
        }
        credits = self._call(ANALYZE_CREDITS, body).get("credits_count")
        if not isinstance(credits, int) or isinstance(credits, bool):
            raise TransientError(f"{ANALYZE_CREDITS} did not say how many credits it found.")
        return CreditAnswer(credits)

    def calculate_rtc(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The taxes of the reform for the items of an invoice, as the function answers them. Raises SyncError.

        The numbers of `body` may be Decimal; the function knows doubles only.
        """
        return self._call(CALCULATE_RTC, json.loads(exact_json.dumps(body)))

    def analyze_ncm(self) -> NcmAnswer:
        """Replace all rows of the user's NCM analysis by what the invoices say. Raises SyncError."""
        return answers.ncm_answer(self._call(ANALYZE_NCM, {}), ANALYZE_NCM)

    def process_dre(self, body: Mapping[str, Any]) -> None:
        """Work out one income statement, and copy figures of it to the user's profiles. Raises SyncError.

        The numbers of `body` may be Decimal; the function knows doubles only.
        """
        self._call(PROCESS_DRE, json.loads(exact_json.dumps(body)))

    def match_opportunities(self, company_id: UUID) -> OpportunitiesAnswer | None:
        """Replace the user's new opportunities by those of a company; None if its profile is not complete enough.

        Raises SyncError.
        """
        strategy, answer = self._post(MATCH_OPPORTUNITIES, {"company_id": str(company_id)})
        body = answer.body
        if answer.status == 400 and isinstance(body, Mapping) and body.get("error") == "complete_profile":
            return None
        said = _success(answer, MATCH_OPPORTUNITIES, strategy.setting)
        return answers.opportunities_answer(said, MATCH_OPPORTUNITIES)

    def calculate_tax_score(self) -> ScoreAnswer:
        """Calculate the user's score, which adds a row to its history. Raises SyncError."""
        return answers.score_answer(self._call(CALCULATE_TAX_SCORE, {}), CALCULATE_TAX_SCORE)

    def check_token(self) -> str:
        """Whether `analyze-credits` takes our token: the name of its setting. Raises SyncError.

        The call lacks the list that the function requires: it checks the token, answers 400 and does nothing.
        """
        strategy, answer = self._post(ANALYZE_CREDITS, {"user_id": str(self.user_id)})
        if answer.status != 400:
            _success(answer, ANALYZE_CREDITS, strategy.setting)
        return strategy.setting

    def _call(self, name: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        strategy, answer = self._post(name, body)
        return _success(answer, name, strategy.setting)

    def _post(self, name: str, body: Mapping[str, Any]) -> tuple[TokenStrategy, JsonAnswer]:
        self.cancellation.check()
        strategy = self.strategy(name)
        headers = {"Authorization": f"Bearer {strategy.token(self.user_id)}"}
        return strategy, self.http.post_json(f"{self.base_url}/functions/v1/{name}", body, headers=headers)

    def strategy(self, name: str) -> TokenStrategy:
        """As whom a function is called. Raises PermanentError if no setting allows it."""
        for caller in CALLERS[name]:
            if (found := self.strategies.get(caller)) is not None:
                return found
        settings = " or ".join(_SETTINGS[caller] for caller in CALLERS[name])
        raise PermanentError(f"The function {name} cannot be called: set {settings}.")


_SETTINGS = {Caller.SERVICE: "ERP_FUNCTIONS_KEY", Caller.USER: "ERP_FUNCTIONS_JWT_SECRET"}


def _success(answer: JsonAnswer, name: str, setting: str) -> Mapping[str, Any]:
    """The body of an answer that says success. Raises SyncError for any other."""
    what = f"The function {name}"
    if answer.status in (401, 403):
        raise RefusedError(
            f"{what} refused our token ({answer.status}). Check {setting}: it has to be that of the same project.",
            answer.status,
        )
    if answer.status == _WORKER_LIMIT:
        raise TransientError(f"{what} needed more time or memory than its platform allows ({answer.status}).")
    if answer.status != 200:
        raise from_http_status(answer.status, what=what, retry_after=answer.retry_after, setting=_URL)
    if not isinstance(answer.body, Mapping):
        raise TransientError(f"{what} answered with something that is no JSON object, or with a part of it.")
    if answer.body.get("success") is not True:
        raise TransientError(f"{what} answered without success.")
    return answer.body


@dataclass(frozen=True)
class FunctionsAccess:
    """How the functions are reached. Address and secrets are read when a client is made."""

    settings: ErpSettings
    #: Of JsonClient, such as a test's transport.
    options: Mapping[str, Any] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @contextmanager
    def open(
        self, connection: ErpConnection, within: Cancellation | None = None
    ) -> Iterator[EdgeFunctions | None]:
        """The functions for the user of a connection; `within` ends the calls. None if ERP_FUNCTIONS_URL is not set."""
        base_url = self.settings.erp_functions_url
        if base_url is None:
            yield None
            return
        cancellation = Cancellation(within)
        with JsonClient(
            name="The function",
            url_setting=_URL,
            largest=_LARGEST_ANSWER,
            **{"timeouts": _LIMITS, "sleep": cancellation.sleep, **self.options},
        ) as http:
            cancellation.on_cancel(http.abort)
            yield EdgeFunctions(
                base_url,
                connection.user_id,
                http=http,
                strategies=self._strategies(),
                cancellation=cancellation,
            )

    def _strategies(self) -> dict[Caller, TokenStrategy]:
        found: dict[Caller, TokenStrategy] = {}
        if (key := self.settings.erp_functions_key) is not None:
            register(key.get_secret_value())
            found[Caller.SERVICE] = ServiceKey(key.get_secret_value())
        if (secret := self.settings.erp_functions_jwt_secret) is not None:
            register(secret.get_secret_value())
            found[Caller.USER] = UserToken(secret.get_secret_value(), self.clock)
        return found
