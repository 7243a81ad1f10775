"""The requests of a HAR, grouped by the address that they are sent to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imported_profiles import carried_out, imported, planned, refusal
from profiles import full

from tui_connector.guide.profiles.importing import plan_into
from tui_connector.machine import Machine
from tui_connector.profile.document import Document
from tui_connector.profile.importers.detection import read
from tui_connector.sandbox.server import Sandbox, SandboxOptions


def entry(
    method: str, url: str, response: Any = None, *, headers: dict[str, str] | None = None, body: Any = None,
    kind: str = "application/json",
) -> dict[str, Any]:  # fmt: skip
    request: dict[str, Any] = {
        "method": method,
        "url": url,
        "headers": [{"name": name, "value": value} for name, value in {":authority": "x", **(headers or {})}.items()],
        "cookies": [{"name": "PHPSESSID", "value": "cookieCANARY"}],
    }
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    content = {"mimeType": kind, "text": json.dumps(response)}
    return {
        "startedDateTime": "2026-11-29T00:00:00Z",
        "request": request,
        "response": {"status": 200, "content": content},
    }


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


async def test_the_requests_of_a_browser_become_a_profile_that_the_store_accepts(
    machine: Machine, tmp_path: Path
) -> None:
    settings = {"oauth/consumer/enable_integration_as_bearer": "1"}
    async with Sandbox(SandboxOptions(products=50, settings=settings), machine.now) as store:
        headers = {
            "Authorization": f"Bearer {full(store)['access-token']}",
            "User-Agent": "Mozilla/5.0",
            "X-Trace": "1",
        }
        base = f"{store.url}/rest/all/V1"
        paged = "searchCriteria[currentPage]"
        text = har(
            entry("GET", f"{store.url}/static/logo.png", kind="image/png"),
            *(
                entry("GET", f"{base}/products?{paged}={page}", {"items": [], "total_count": 0}, headers=headers)
                for page in (1, 2, 3)
            ),
            entry("GET", f"{base}/products/24-MB01", {"sku": "24-MB01"}, headers=headers),
            entry("GET", f"{base}/modules", ["Magento_Store"], headers=headers),
            entry(
                "PUT",
                f"{base}/products/24-MB01",
                headers=headers,
                body={"product": {"sku": "24-MB01", "name": "Joust"}},
            ),
            entry("OPTIONS", f"{base}/products"),
        )
        found = await imported(text, machine, tmp_path)
    assert found.failed == []
    assert sorted(found.succeeded) == ["modules", "product", "products", "products-out"]
    assert [*found.plan.parts["clients"]] == ["magento"]
    told = "\n".join(map(str, found.plan.not_imported))
    assert "2 requests: the same as products" in told
    assert "1 request for image/png: it belongs to a page, not to an API" in told
    assert "cookies are the secrets of a browser's session" in told
    assert "CANARY" not in told + found.text


def test_each_origin_has_a_client_and_masked_secrets_are_to_be_set(machine: Machine, tmp_path: Path) -> None:
    text = har(
        entry("GET", "https://a.example/rest/V1/orders", headers={"Authorization": "Bearer •••"}),
        entry("GET", "https://b.example/api/x?api_key=queryCANARY", {"rows": [1], "n": 1}),
        entry("GET", "https://b.example/api/y?limit=5", {"a": 1}, headers={"X-Api-Key": "headerCANARY"}),
    ).replace("\\u2022\\u2022\\u2022", _mark())
    plan = planned(text, machine, tmp_path)
    draft = plan.document.draft
    assert sorted(draft["clients"]) == ["b-example", "b-example-2", "magento"]
    assert [each["items"] for each in draft["incoming"].values()] == ["items", "rows", "[@]"]
    assert sorted(plan.secrets.values()) == ["headerCANARY", "queryCANARY"]
    assert plan.missing_secrets() == ["imported/integration/access-token"]
    assert "CANARY" not in plan.document.text()


def _mark() -> str:
    from tui_connector.secrets.mask import MARK

    return json.dumps(MARK)[1:-1]


@pytest.mark.parametrize(
    "text",
    ['{"log": {"entries": []}}', '{"log": {"entries": [1, null, {"request": 5}, {"request": {"url": "data:x"}}]}}'],
)
def test_a_har_without_requests_is_refused(text: str) -> None:
    assert refusal(text).code == "import-empty"


async def test_an_imported_incoming_has_a_file_in_each_environment(machine: Machine, tmp_path: Path) -> None:
    first, second = (f"https://a.example/rest/V1/{path}" for path in ("products", "orders"))
    path = (await carried_out(planned(har(entry("GET", first, {"items": []})), machine, tmp_path), machine)).path
    path.write_text(f"{path.read_text()}\n[environments.uat]\n[environments.test.clients]\n")
    await carried_out(plan_into(read(har(entry("GET", second, {"items": []}))), path, machine), machine)
    draft = Document.read(path).draft
    assert draft["incoming"]["orders"]["sink"]["path"].endswith("imported/orders.jsonl")
    for environment in ("uat", "test"):
        ((name, part),) = draft["environments"][environment]["incoming"].items()
        assert (name, [*part]) == ("orders", ["sink"])
        assert part["sink"]["path"].endswith(f"imported/{environment}/orders.jsonl")
