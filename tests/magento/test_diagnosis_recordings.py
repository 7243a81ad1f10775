"""Every refusal recorded at a real store, through the diagnosis: the right finding, in English and in translation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tui_connector.client.exchange import Exchange, RecordedBody, Timings
from tui_connector.magento.diagnosis import diagnose_exchange

PLACE = Path(os.environ.get("TUI_CONNECTOR_RECORDINGS", Path(__file__).parents[3] / "shared" / "magento-recordings"))

EXPECTED = {
    "two-factor-store": "001",
    "login-refused": "002 005 006 013 014 015 016 017 018 019 020 021 458 463 467",
    "two-factor-provider": "003 475",
    "login-fields": "007 008 009 010 464",
    "no-route": "024 025 179 281 446",
    "unauthorized": "027 031 033 052 053 056 093 304 460",
    "token-malformed": "028",
    "not-authenticated": "032 086 394 443",
    "oauth-signature": "040",
    "clock": "043 072",
    "oauth-nonce": "044",
    "oauth-nonce-used": "046",
    "oauth-consumer-key": "048",
    "oauth-access-token": "049",
    "oauth-dialect": "060 062 063 068",
    "field-missing": "081 083 246 327 328",
    "bad-json": "084 331 332 333",
    "no-entity": "092 178 185 196 198 201 208 212 237 269 366 382 383 386 388 442",
    "rest-version": "112 114",
    "wrong-type": "124 209 316",
    "search-criteria": "130 206 223 252 444",
    "filter-field": "155 160 445",
    "fields": "170 172",
    "sort-direction": "164",
    "request-line": "184",
    "accept": "239",
    "method": "243 244 245",
    "customers-only": "305",
    "data-refused": "309 312 313 314 323 345 361 368 369 370 371 375 389 429 430",
    "store-crashed": "311 413",
    "field-unknown": "319 321",
    "url-key": "322 385",
    "content-type": "334 335 338",
    "store-error": "391",
    "limit-items": "401",
    "maintenance": "405 406 407 408 409",
    "uri-too-long": "412",
    "body-too-large": "415",
    "too-many-requests": "431 432 434",
    "try-again": "447",
    "oauth-revoked": "461",
    "two-factor": "462",
    "one-time-code-missing": "465",
    "one-time-code-wrong": "471",
    "two-factor-mail": "480",
}
"""The finding's id, and the numbers of the recordings that it is right for."""

OF_ONE_ALONE = ("unauthorized",)
"""One request alone cannot tell: the finding says which two it may be, and probes tell them apart."""

GENERAL = ("refused", "data-refused", "not-found", "oauth-refused", "store-error", "login-refused")
"""What may be said of a message that cannot be read: true, and less."""

CUT = ("392",)
"""Answers that the recording holds only in part."""


def recordings() -> Iterator[tuple[str, Exchange]]:
    for file in sorted(PLACE.glob("[0-9]*.json")):
        yield file.name[:3], exchange_of(json.loads(file.read_text()))


def exchange_of(recording: dict[str, Any]) -> Exchange:
    """The recording as the log would have it."""
    request, response = recording["request"], recording["response"]
    sent = request["body"] or ""
    return Exchange(
        number=1,
        attempt=1,
        call=1,
        client="shop",
        purpose="test",
        formatter=None,
        at=datetime.now(UTC),
        original=None,
        method=request["method"],
        uri=f"https://shop.example{request['path']}",
        request_headers=tuple(request["headers"].items()),
        request_body=RecordedBody((sent if isinstance(sent, str) else json.dumps(sent)).encode()),
        status=response["status"],
        reason="",
        headers=tuple((name, value) for name, value in response["headers"]),
        body=RecordedBody(response["body"].encode()),
        failure=None,
        failure_text="",
        timings=Timings(),
    )


def translated(exchange: Exchange) -> Exchange:
    """The same response of a store in another language: the message, and not what stands beside it."""
    try:
        data = json.loads(exchange.body.data)
    except ValueError:
        return exchange
    if not isinstance(data, dict) or "message" not in data:
        return exchange
    for part in (data, *data.get("errors", [])):
        part["message"] = "Wniosek nie odpowiada żadnej ścieżce"
    return replace(exchange, body=RecordedBody(json.dumps(data).encode()))


@pytest.fixture(scope="session")
def found() -> dict[str, Exchange]:
    if not PLACE.is_dir():
        pytest.skip(f"needs the recordings: TUI_CONNECTOR_RECORDINGS ({PLACE})")
    return dict(recordings())


def test_every_recorded_refusal_gets_the_right_finding(
    found: dict[str, Exchange], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = {number: name for name, numbers in EXPECTED.items() for number in numbers.split()}
    wrong, unrecognised, ambiguous = {}, 0, 0
    for number, exchange in found.items():
        finding = diagnose_exchange(exchange)
        name = finding.id if finding is not None else None
        if number not in CUT and name != expected.get(number):
            wrong[number] = name
        unrecognised += name == "refused"
        ambiguous += name in OF_ONE_ALONE
        if finding is not None:
            assert finding.summary
            assert finding.remedy
            assert finding.evidence
    refusals = sum((exchange.status or 0) >= 400 for exchange in found.values())
    assert not wrong
    assert unrecognised + ambiguous <= 0.15 * refusals
    with capsys.disabled():
        print(
            f"\n{refusals} recorded refusals: 0 wrong, {unrecognised} not recognised, {ambiguous} of which one request "
            f"alone cannot tell; {len(found) - refusals} successes: no finding"
        )


def test_translated_refusals_get_no_wrong_finding(
    found: dict[str, Exchange], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = {number: name for name, numbers in EXPECTED.items() for number in numbers.split()}
    same, general = 0, 0
    for number, name in expected.items():
        finding = diagnose_exchange(translated(found[number]))
        assert finding is not None
        assert finding.id in (name, *GENERAL), number
        same += finding.id == name
        general += finding.id != name
    with capsys.disabled():
        print(f"\nin translation: {same} of {len(expected)} the same finding, {general} a more general one")
