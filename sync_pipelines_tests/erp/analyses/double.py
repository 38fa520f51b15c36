"""`analyze-credits` with its effects on the database, on a socket: the least that the tests beside it need.

Each item with a PIS is one credit of half of it, found by the rule PIS.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

KEY = "service-key-of-the-tests"
LINK = "/analise-notas-fiscais"
Fault = Callable[[dict[str, Any]], tuple[int, bytes] | None]


@dataclass
class Functions:
    """Serves the function over a database. `faults` are asked before and `late` after the effect, by call number."""

    url: str
    calls: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    faults: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    late: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    on_call: Callable[[], None] = lambda: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, content = self._answer(headers.get("authorization", ""), json.loads(body))
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, token: str, body: dict[str, Any]) -> tuple[int, bytes]:
        number = len(self.calls)
        self.calls.append(body)
        self.tokens.append(token)
        if token == f"Bearer {KEY}x":
            return 401, b'{"error": "Unauthorized"}'
        if "parsed_xmls" not in body:
            return 400, b'{"error": "parsed_xmls"}'
        if number in self.faults:
            return self.faults[number]
        count = self._effect(body)
        self.on_call()
        if number in self.late:
            return self.late[number]
        return 200, json.dumps({"success": True, "credits_count": count}).encode()

    def _effect(self, body: dict[str, Any]) -> int:
        user, one = UUID(body["user_id"]), UUID(body["xml_import_id"])
        with psycopg.connect(self.url) as db:
            rule = db.execute("select id from public.credit_rules where rule_code = 'PIS'").fetchone()
            db.execute(
                "delete from public.identified_credits where user_id = %s and xml_import_id = %s", (user, one)
            )
            items = [item for xml in body["parsed_xmls"] for item in xml["itens"] if item["valor_pis"]]
            for item in items:
                db.execute(
                    "insert into public.identified_credits (user_id, xml_import_id, rule_id, potential_recovery,"
                    " confidence_level) values (%s, %s, %s, %s, 'high')",
                    (user, one, rule and rule[0], Decimal(str(item["valor_pis"])) / 2),
                )
            total = sum((Decimal(str(item["valor_pis"])) / 2 for item in items), Decimal(0))
            db.execute(
                "delete from public.credit_analysis_summary where user_id = %s and analysis_date = '2026-11-22'",
                (user,),
            )
            db.execute(
                "insert into public.credit_analysis_summary (user_id, analysis_date, total_potential,"
                " credits_found_count, total_xmls_analyzed) values (%s, '2026-11-22', %s, %s, %s)",
                (user, total, len(items), len(body["parsed_xmls"])),
            )
            if items:
                db.execute(
                    "insert into public.notifications (user_id, title, message, type, category, action_url)"
                    " values (%s, %s, %s, 'success', 'sistema', %s)",
                    (
                        user,
                        f"💰 {len(items)} créditos tributários identificados!",
                        f"Potencial de R$ {total}.",
                        LINK,
                    ),
                )
        return len(items)
