"""The log panel and a headless run print an exchange alike, line by line; the panel only adds to it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from exchanges import exchange, exchanges, lost
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client.exchange import Exchange, KeptBody
from tui_connector.client.printer import Role, text
from tui_connector.magento.diagnosis import diagnose_exchange
from tui_connector.tui.log.exchange_text import ExchangeText, Extra, RelatedExchanges, exchange_text

FORMATS = ("simple", "long", "full", "curl")
BODY = json.dumps({"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "A"}})
EXCHANGES = {
    "a success": exchange(1),
    "a refusal": exchange(2, status=401, reason="Unauthorized", body=BODY.encode(), attempt=2),
    "a long body": exchange(3, method="POST", request_body=b'{"a": 1}', body=b"x" * 5_000),
    "no response": lost(4),
    "a web page": exchange(5, status=503, body=KeptBody(b"<title>x</title>", 16, 16, "text/html")),
    "an image": exchange(6, body=b"\x89PNG\x00\x01\x02" * 20),
    "a token": exchange(7, body=KeptBody(b"", 32, 32, note="a token, not kept")),
    "a body kept in part": exchange(8, body=KeptBody(b"[1, 2", 900, 900, "application/json", cut=True)),
}


def lines_of(page: ExchangeText, *, extra: bool) -> list[str]:
    return [line for number, line in enumerate(page.lines) if isinstance(page.style(number), Extra) is extra]


def in_panel(each: Exchange, view: str) -> ExchangeText:
    around = RelatedExchanges(
        attempts=(replace(each, number=90), each), login=exchange(91), finding=diagnose_exchange(each), profile="acme"
    )
    return exchange_text(each, around, width=80, view=view, more="v shows more", raw=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("view", FORMATS)
@pytest.mark.parametrize("name", EXCHANGES)
def test_the_panel_and_a_headless_run_print_the_same_lines(name: str, view: str) -> None:
    printed = text(EXCHANGES[name], view, profile="acme").split("\n")
    assert lines_of(in_panel(EXCHANGES[name], view), extra=False) == printed


@given(exchanges, st.sampled_from(FORMATS))
def test_any_exchange_is_printed_alike(each: Exchange, view: str) -> None:
    printed = text(each, view, profile="acme").split("\n")
    shown = lines_of(in_panel(each, view), extra=False)
    assert shown == [line.expandtabs(4) for line in printed]


def test_the_panel_adds_the_finding_the_bar_and_the_related_requests_before_the_request() -> None:
    page = in_panel(EXCHANGES["a refusal"], "long")
    own = "\n".join(lines_of(page, extra=True))
    assert "→ In Magento: " in own or "→ Give the client an HTTP authentication." in own
    assert "░▒" in own
    assert "attempts  #90 401 in 136 ms  →  #2 401 in 136 ms" in own
    assert "login     #91 200 in 136 ms" in own
    assert page.lines[-len(BODY.splitlines()) :] == BODY.splitlines()
    styles = [page.style(number) for number in range(len(page.lines))]
    assert styles.index(Extra.FINDING) < styles.index(Extra.BAR) < styles.index(Role.REQUEST)


def test_a_pretty_view_indents_json_and_knows_where_the_response_is() -> None:
    each = exchange(method="POST", request_body=b'{"a":1}', body=b'{"items":[{"sku":"24-MB01"}]}')
    page = exchange_text(each, RelatedExchanges(), width=80, view="long")
    assert page.response is not None
    assert page.lines[page.response.start] == "{"
    assert '      "sku": "24-MB01"' in page.lines[page.response.start : page.response.stop]


def test_request_line_and_status_line_are_those_of_http() -> None:
    printed = text(EXCHANGES["a refusal"], "long").split("\n")
    assert "GET /rest/V1/products?searchCriteria%5BpageSize%5D=3 HTTP/1.1" in printed
    assert "HTTP/1.1 401 Unauthorized" in printed
