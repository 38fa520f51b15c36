"""The functions as a part of the sandbox: a process on the project's database, found again after a restart."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import httpx
import psycopg

from sync_pipelines.sandbox.erp.part import PART
from sync_pipelines.sandbox.upstreams import UpstreamProcess

[UPSTREAM] = [upstream for upstream in PART.upstreams if upstream.name == "erp_functions"]


def test_the_functions_keep_their_address_and_keys(new_erp: str, tmp_path: Path) -> None:
    process, seen = UpstreamProcess(UPSTREAM, tmp_path / "erp_functions"), []
    for _ in range(2):
        child = process.start({}, environment={"ERP_DATABASE_URL": new_erp}, detached=False)
        assert child is not None
        try:
            variables = process.variables()
            seen.append(variables)
            item = {"cst_icms": "00", "valor_icms": 10}
            answered = httpx.post(
                f"{variables['ERP_FUNCTIONS_URL']}/functions/v1/analyze-credits",
                headers={"Authorization": f"Bearer {variables['ERP_FUNCTIONS_KEY']}"},
                json={"parsed_xmls": [{"chave_nfe": "K", "itens": [item]}], "user_id": str(uuid4())},
            )
            assert answered.json()["credits_count"] == 1
            token = variables["SANDBOX_ERP_SCREEN_TOKEN"]
            scored = httpx.post(
                f"{variables['ERP_FUNCTIONS_URL']}/functions/v1/calculate-tax-score",
                headers={"Authorization": f"Bearer {token}"},
            )
            assert scored.json()["success"] is True
            [switchboard] = process.switches().values()
            assert httpx.post(switchboard, json={"name": "analyze-credits_hang"}).status_code == 201
        finally:
            process.stop()
            child.wait()
    assert seen[0] == seen[1]
    with psycopg.connect(new_erp) as connection:
        assert connection.execute("select count(*) from identified_credits").fetchone() == (2,)
    log = (tmp_path / "erp_functions" / "erp_functions.log").read_text()
    assert all(secret not in log for name, secret in seen[0].items() if name != "ERP_FUNCTIONS_URL")
