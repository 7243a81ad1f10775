"""Responses of success that refuse: the log knows what the run of an outgoing knows."""

from __future__ import annotations

import asyncio
import json

import pytest
from grants import everything
from http_server import Received, reply, serving
from profiles import profile

from tui_connector.client.body_refusal import refusal
from tui_connector.client.message import Request, Response
from tui_connector.client.session import Session
from tui_connector.guide.workbench import Workbench
from tui_connector.log.records import line, read_line
from tui_connector.magento.diagnosis import diagnose_exchange
from tui_connector.secrets.mask import Mask

PRICE = {"message": "Invalid attribute %fieldName = %fieldValue.", "parameters": ["Price", "-5"]}
JSON, HTML = (("Content-Type", "application/json"),), (("Content-Type", "text/html; charset=UTF-8"),)
REPORT = {"message": "Internal Error. Report ID: webapi-1"}
REJECTED = {
    "bulk_uuid": "0a1b2c3d-0000",
    "request_items": [
        {"id": 0, "status": "accepted"},
        {"id": 1, "status": "rejected", "error_message": "No such entity"},
    ],
}
OPERATIONS = {
    "operations_list": [
        {"id": 0, "status": 1, "result_message": "Service execution success"},
        {"id": 1, "status": 3, "result_message": "The product that was requested doesn't exist."},
        {"id": 2, "status": 4, "result_message": None},
    ]
}


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "expected"),
    [
        ("POST", "products/base-prices", [PRICE], JSON, "Invalid attribute Price = -5."),
        ("POST", "products/base-prices", [PRICE] * 3, JSON, "Invalid attribute Price = -5. (+ 2 more errors)"),
        ("POST", "products/base-prices", [], JSON, ""),
        ("PUT", "products/A", {"sku": "A", "custom_attributes": [{"attribute_code": "message"}]}, JSON, ""),
        ("POST", "products/special-price", False, JSON, "200 and false"),
        ("POST", "customers/isEmailAvailable", False, JSON, ""),
        ("GET", "customers/7/permissions/readonly", False, JSON, ""),
        ("GET", "reviews", [PRICE], JSON, ""),
        ("POST", "coupons/deleteByIds", {"failed_items": ["4"], "missing_items": []}, JSON, "items that have failed"),
        ("PUT", "../async/bulk/V1/products/bySku", REJECTED, JSON, "Operation 1: No such entity"),
        ("GET", "bulk/0a1b2c3d-0000/detailed-status", OPERATIONS, JSON, "Operation 1: The product that was"),
        ("GET", "products", b"<html><title>Home</title></html>", HTML, "an HTML page (Home), not with data"),
        ("GET", "products", b"Please\nlog in", HTML, "200 and text (Please log in), not with data"),
        ("GET", "products", b'{"items": []}', HTML, ""),
        ("GET", "products", b"true", HTML, ""),
        ("GET", "../../magento_version", b"Magento/2.4 (Community)", HTML, ""),
        ("PUT", "customers/1", REPORT, JSON, "200 and an error: Internal Error. Report ID: webapi-1"),
        ("GET", "customers/1", REPORT, JSON, "200 and an error: Internal Error. Report ID: webapi-1"),
        ("PUT", "products/A", {"message": "No %1", "parameters": ["X"], "trace": "#0"}, JSON, "an error: No X"),
        ("PUT", "products/A", {"messages": {"error": [{"code": 500, "message": "Fatal"}]}}, JSON, "an error: Fatal"),
        ("POST", "my/route", {"success": False, "error": "Too late", "data": None}, JSON, "an error: Too late"),
        ("POST", "my/route", {"status": "error"}, JSON, 'an error: {"status": "error"}'),
        ("POST", "my/route", {"id": 4, "status": "failed", "error": "Too late"}, JSON, ""),
        ("POST", "my/route", {"success": True, "message": "Saved", "error": None}, JSON, ""),
        ("PUT", "products/A", b"Allowed memory size of 1 byte exhausted", JSON, "200 and text (Allowed memory size"),
        ("PUT", "products/A", b'Notice: Undefined index\n{"sku": "A"}', JSON, ""),
        ("POST", "../../async/saved", b"OK", (("Content-Type", "text/plain"),), ""),
        ("POST", "orders", b"4", JSON, ""),
        ("GET", "products", b"<?xml version='1.0'?><response/>", (("Content-Type", "text/xml"),), ""),
    ],
)
def test_what_a_response_of_success_refuses(
    method: str, path: str, body: object, headers: tuple[tuple[str, str], ...], expected: str
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = refusal(Request(method, f"https://acme.example/rest/V1/{path}"), Response(200, headers, data, 1))
    assert (expected in found.message) if found is not None and expected else (found is None) is not bool(expected)


@pytest.mark.parametrize(
    ("body", "is_refused"),
    [
        ({"message": "Product created"}, False),
        ({"code": 200, "message": "OK"}, False),
        ({"ok": False, "message": "Too late"}, True),
        ({"error": {"code": 9, "message": "Too late"}}, True),
        ({"status": "success"}, False),
    ],
)
def test_a_store_that_is_not_magento_may_respond_with_a_message(body: object, is_refused: bool) -> None:
    found = refusal(
        Request("POST", "https://acme.example/api/products"), Response(200, JSON, json.dumps(body).encode(), 1)
    )
    assert (found is not None) is is_refused


def test_a_page_that_was_requested_is_no_refusal() -> None:
    request = Request("GET", "https://acme.example/", (("Accept", "text/html"),))
    assert refusal(request, Response(200, HTML, b"<html></html>", 1)) is None


@pytest.mark.parametrize("rows", [1, 2_000])  # the second one is judged in a thread
async def test_a_write_that_is_refused_with_200_is_a_failure_in_the_log(workbench: Workbench, rows: int) -> None:
    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", json.dumps([PRICE] * rows).encode(), "Content-Type: application/json"))

    async with serving(response) as shop:
        saved, log = profile(f"{shop.url}/rest/V1", None), workbench.exchanges
        async with Session(
            saved.clients, saved.authentications, vault=workbench.vault, exchanges=log, machine=workbench.machine,
            grants=everything(saved, workbench),
        ) as opened:  # fmt: skip
            await opened.client("shop")(Request("POST", "products/base-prices", JSON, b'{"prices": []}'))
    [exchange] = log.failures
    assert exchange.status == 200
    assert exchange.failed
    finding = diagnose_exchange(exchange)
    assert finding is not None
    assert finding.id == "row-refused"
    assert "Invalid attribute Price = -5" in finding.summary
    assert read_line(line(exchange), Mask()).refusal == exchange.refusal
