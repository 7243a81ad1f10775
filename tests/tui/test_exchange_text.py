"""The log panel and a headless run print an exchange alike, line by line; the panel only adds to it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from exchanges import exchange, exchanges, lost
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client.exchange import Exchange, RecordedBody
from tui_connector.client.printer import Role, text
from tui_connector.magento.diagnosis import diagnose_exchange
from tui_connector.tui.log.exchange_text import ExchangeText, Extra, RelatedExchanges, comparison, exchange_text

FORMATS = ("simple", "long", "full", "curl")
BODY = json.dumps({"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "A"}})
EXCHANGES = {
    "a success": exchange(1),
    "a refusal": exchange(2, status=401, reason="Unauthorized", body=BODY.encode(), attempt=2),
    "a long body": exchange(3, method="POST", request_body=b'{"a": 1}', body=b"x" * 5_000),
    "no response": lost(4),
    "a web page": exchange(5, status=503, body=RecordedBody(b"<title>x</title>", 16, 16, "text/html")),
    "an image": exchange(6, body=b"\x89PNG\x00\x01\x02" * 20),
    "a token": exchange(7, body=RecordedBody(b"", 32, 32, note="a token, not kept")),
    "a body kept in part": exchange(8, body=RecordedBody(b"[1, 2", 900, 900, "application/json", cut=True)),
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


def test_the_panel_adds_the_finding_and_the_related_requests_before_the_request() -> None:
    page = in_panel(EXCHANGES["a refusal"], "long")
    own = "\n".join(lines_of(page, extra=True))
    assert "→ In Magento: " in own or "→ Give the client an HTTP authentication" in own
    assert "attempts  #90 401 in 136 ms  →  #2 401 in 136 ms" in own
    assert "login     #91 200 in 136 ms" in own
    assert page.lines[-len(BODY.splitlines()) :] == BODY.splitlines()
    styles = [page.style(number) for number in range(len(page.lines))]
    assert styles.index(Extra.FINDING) < styles.index(Extra.RELATED) < styles.index(Role.REQUEST)


def test_a_response_that_came_late_says_why_it_is_below_a_later_request() -> None:
    def own(above: Exchange) -> str:
        page = exchange_text(lost(78), RelatedExchanges(above=above), width=80, view="long")
        return "\n".join(lines_of(page, extra=True))

    assert "listed    below #83, sent 5 s later: its response came first" in own(exchange(83))
    assert "listed" not in own(exchange(77))
    assert "listed" not in own(exchange(79, at=lost(78).at))  # at the same time
    assert "listed" not in own(exchange(83, at=exchange(1).at))  # of an earlier session


def test_an_explanation_does_not_repeat_the_message_of_the_store() -> None:
    body = json.dumps({"message": "No such entity with %1 = %2", "parameters": ["sku", "NOPE"]}).encode()
    page = in_panel(exchange(404, method="PUT", status=404, body=body), "long")
    told = [line for line in page.lines if "No such entity with sku = NOPE" in line]
    assert told == ["✘ No such entity with sku = NOPE"]
    assert any("does not exist in the store" in line for line in lines_of(page, extra=True))


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


def decoded(each: Exchange, width: int = 80) -> ExchangeText:
    return exchange_text(each, RelatedExchanges(), width=width, view="long")


def test_the_query_is_shown_decoded_one_parameter_per_line() -> None:
    uri = "https://acme.example/rest/V1/products/A%2FB%20C?searchCriteria%5BpageSize%5D=3&x=a+b%26c&flag"
    page = decoded(exchange(uri=uri))
    start = page.lines.index("GET /rest/V1/products/A%2FB C HTTP/1.1")
    assert page.lines[start + 1 : start + 4] == ["  searchCriteria[pageSize] = 3", "  x = a b&c", "  flag"]
    raw = exchange_text(exchange(uri=uri), RelatedExchanges(), width=80, view="long", raw=True)
    assert "GET /rest/V1/products/A%2FB%20C?searchCriteria%5BpageSize%5D=3&x=a+b%26c&flag HTTP/1.1" in raw.lines


def test_search_criteria_are_told_in_one_line_and_aligned_where_there_is_room() -> None:
    query = (
        "searchCriteria[filter_groups][0][filters][0][field]=qty&searchCriteria[filter_groups][0][filters][0][value]=5"
    )
    each = exchange(uri=f"https://acme.example/rest/V1/products?{query}&searchCriteria[pageSize]=3")
    page = decoded(each, 120)
    assert "where     qty = 5" in page.lines
    many = ",".join(f"SKU-{number}" for number in range(300))
    long = exchange(uri=f"https://acme.example/rest/V1/products?{query.replace('value]=5', f'value]={many}')}")
    for width in (45, 120):
        shortened = decoded(long, width)
        assert max(map(len, shortened.lines)) <= 3 * width + 10
        assert any("more characters (z: all)" in line for line in shortened.lines)
        searched = exchange_text(long, RelatedExchanges(), width=width, view="long", whole=True)
        assert any("SKU-299" in line for line in searched.lines)
    narrow = decoded(replace(each, uri=f"{each.uri}&searchCriteria[filter_group]=lost"), 45)
    start = narrow.lines.index("GET /rest/V1/products HTTP/1.1")
    assert narrow.lines[start + 1 : start + 5] == [
        "  where  qty = 5",
        "  page   3 per page",
        "  searchCriteria[filter_group] = lost",
        "  z shows the parameters as sent",
    ]
    rows = [line for number, line in enumerate(page.lines) if page.style(number) is Role.PARAMETER]
    assert {row.index(" = ") for row in rows} == {len("  searchCriteria[filter_groups][0][filters][0][field]")}
    assert not any(line.startswith("where") for line in decoded(exchange(uri="https://acme.example/x?y=1")).lines)


def test_the_body_of_the_response_is_the_first_section_and_the_others_follow() -> None:
    page = decoded(exchange(method="POST", request_body=b'{"a":1}', body=b'{"b":2}'))
    told, line = [], 0
    for _ in range(5):
        line = page.next_section(line)
        told.append(next(each for each in page.lines[line:] if each).partition(" ")[0])
    assert told == ["{", "POST", "{", "HTTP/1.1", "{"]  # the response's body first


def test_a_repeated_exchange_is_compared_as_far_as_it_is_recorded() -> None:
    whole = exchange(1, body=RecordedBody(b"123456789", 9))
    part = exchange(2, body=RecordedBody(b"123", 9, cut=True))
    assert comparison(whole, part) == "with #1: same response · 136 ms instead of 136 ms"
    assert "also 200, body of 3 B instead of 9 B" in comparison(whole, exchange(3, body=b"123"))
    large, larger = (exchange(number, body=b"1" * (67_300 + number)) for number in (1, 13))
    assert "also 200, body of 67.3 KB, 12 B more than before" in comparison(large, larger)
    assert "also 200, body of 67.3 KB, 12 B less than before" in comparison(larger, large)
    assert "401 instead of 200" in comparison(whole, exchange(3, status=401))
    assert "no response instead of 200" in comparison(whole, lost(3))
    assert comparison(lost(2), lost(3)).startswith("with #2: again no response · ")


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ('{"items":[{"sku":"a"}],"total_count":9}', '{"items":[],"total_count":9}', "(0 items instead of 1)"),
        ('[{"sku":"a"}]', '[{"sku":"a"},{"sku":"b"}]', "(2 items instead of 1)"),
        ('{"items":[{"sku":"a","price":1}]}', '{"items":[{"sku":"a","price":2}]}', "(first difference: items.0.price)"),
        (
            '{"items":[{"sku":"a","tags":[1]}]}',
            '{"items":[{"sku":"a","tags":[]}]}',
            "(0 items instead of 1 in items.0.tags)",
        ),
        ('{"a":1,"b":2}', '{"a":1}', "(first difference: b)"),
        ('{"a":1}', '{"a":"1"}', "(first difference: a)"),
        ('{"a":1}', '{"a": 1}', "also 200, body of 8 B instead of 7 B ·"),
        ('"ab"', '"cd"', "also 200, body differs ·"),
        ("[" * 90_000, "[" * 80_000, "body of 80.0 KB instead of 90.0 KB ·"),
        ("a", "bc", "body of 2 B instead of 1 B ·"),
    ],
)
def test_it_is_said_in_what_two_responses_differ(before: str, now: str, said: str) -> None:
    assert said in comparison(exchange(1, body=before.encode()), exchange(2, body=now.encode()))


def test_the_waterfall_has_one_scale_and_fits() -> None:
    for width in (20, 40, 78, 118, 200):
        page = decoded(exchange(), width)
        [line] = [line for number, line in enumerate(page.lines) if page.style(number) is Extra.WATERFALL]
        assert [line.index(name) for name in ("connect", "TLS", "send", "wait", "receive")]
        assert len(line) <= max(width, 70)
        assert ("━" in line) is (width > 78)


def test_a_refusal_never_has_the_style_of_success_even_where_a_probe_expects_it() -> None:
    for status, expected in ((200, Role.SUCCESS), (404, Role.REFUSED), (503, Role.ERROR)):
        page = decoded(exchange(status=status, reason="X", purpose="probe"))
        assert page.style(page.lines.index(f"HTTP/1.1 {status} X")) is expected
