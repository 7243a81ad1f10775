"""The detail of the selected request on the whole screen, as its user reads it."""

from __future__ import annotations

import json

import pytest
from exchanges import exchange, lost
from watched_log import SIGNED, filled, refusal, watching

from tui_connector.client.exchange import RecordedBody, Timings
from tui_connector.machine import Machine
from tui_connector.tui.log.actions import is_known_caller


@pytest.mark.parametrize("size", [(80, 24), (160, 40)])
async def test_while_the_newest_request_is_read_it_stays_and_the_list_follows_again_afterwards(
    machine: Machine, size: tuple[int, int]
) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 11))), size=size) as watched:
        await watched.pilot.press("enter")
        await watched.until(lambda: watched.panel.detail.has_focus)
        watched.log.record(exchange(11))
        await watched.until(lambda: watched.panel.view.new_count == 1)
        assert watched.selected() == 10
        await watched.pilot.press("slash")  # a search in it is still reading it
        await watched.type("json")
        await watched.pilot.press("enter")
        await watched.until(lambda: watched.panel.detail.has_focus)
        assert watched.selected() == 10
        await watched.pilot.press("escape")
        await watched.selects(11)
        assert not watched.says("not following")
        await watched.pilot.press("up", "enter")
        await watched.until(lambda: watched.panel.detail.has_focus)
        await watched.pilot.press("escape")  # another one than the newest was selected before
        await watched.shows("not following (G: follow)")
        assert watched.selected() == 10


@pytest.mark.parametrize("size", [(80, 40), (120, 36), (200, 50)])
async def test_the_divider_between_list_and_detail_moves(machine: Machine, size: tuple[int, int]) -> None:
    def room() -> int:
        view = watched.panel.view.outer_size
        return view.width if watched.panel.has_class("side") else view.height

    async with watching(machine, filled(*map(exchange, range(1, 60))), size=size) as watched:
        before = room()
        await watched.pilot.press("greater_than_sign", "greater_than_sign")
        await watched.until(lambda: room() >= before + 4)
        await watched.until(lambda: watched.panel.view.is_vertical_scroll_end)
        larger = room()
        await watched.pilot.press(*["less_than_sign"] * 20)
        await watched.until(lambda: 5 < room() < larger)
        await watched.shows("▸ #59")


async def test_b_says_that_there_is_no_body(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1, method="DELETE", status=204, body=RecordedBody()))) as watched:
        await watched.pilot.press("enter", "b")
        await watched.told("Neither the request nor the response has a body")


async def test_b_opens_the_selected_request_at_the_body_of_its_response(machine: Machine) -> None:
    body = json.dumps({"items": list(range(60)), "total_count": 60}).encode()
    async with watching(machine, filled(exchange(1, body=body)), size=(80, 24)) as watched:
        await watched.pilot.press("b")
        await watched.until(lambda: watched.panel.detail.has_focus)
        await watched.until(lambda: watched.panel.detail.scroll_offset.y > 0)
        await watched.shows('"items": [')
        at_body = watched.panel.detail.scroll_offset.y
        await watched.pilot.press("end", "escape", "b")
        await watched.until(lambda: watched.panel.detail.scroll_offset.y == at_body)


async def test_the_detail_shows_bodies_pretty_and_raw_html_by_title_and_binary_as_hex(machine: Machine) -> None:
    page = b"<html><head><title>503 Backend fetch failed</title></head><body>long</body></html>"
    png = bytes(range(256))
    log = filled(
        exchange(1, body=b'{"items":[{"sku":"caf\\u00e9"}]}'),
        exchange(2, status=503, body=RecordedBody(page, len(page), len(page), "text/html")),
        exchange(3, body=RecordedBody(png, 256, 256, "image/png")),
        exchange(4, body=RecordedBody(b'{"items": [{"a', 90_000, 5_000, "application/json", cut=True)),
    )
    async with watching(machine, log) as watched:
        await watched.shows("Incomplete: only the first 14 B of 90.0 KB were kept.")
        await watched.shows('"items": [')
        await watched.pilot.press("up")
        await watched.shows("256 B, not text: 00 01 02")
        await watched.pilot.press("up")
        await watched.shows("HTML page “503 Backend fetch failed”")
        await watched.pilot.press("up", "enter")
        await watched.shows('"sku": "café"')
        await watched.pilot.press("b", "down", "down", "z")
        await watched.shows('{"items":[{"sku":"caf\\u00e9"}]}')
        detail = watched.panel.detail
        assert detail._text.lines[detail._cursor_line] == '{"items":[{"sku":"caf\\u00e9"}]}'


async def test_an_error_with_a_short_page_says_so_in_its_row_and_shows_the_page_after_enter(machine: Machine) -> None:
    page = b"<html><head><title>Service Temporarily Unavailable</title></head><body>Back at 5 pm</body></html>"
    log = filled(
        exchange(1, status=503, body=RecordedBody(page, len(page), len(page), "text/html")),
        exchange(2, status=502, body=RecordedBody(b"no healthy upstream\n", 20, 20, "text/plain")),
    )
    async with watching(machine, log) as watched:
        await watched.shows("✘ no healthy upstream")
        assert any("#1" in line and "HTML page “Service Temporarily" in line for line in watched.screen())
        await watched.pilot.press("up")
        await watched.shows("✘ HTML page “Service Temporarily Unavailable”")
        assert not watched.says("Back at 5 pm")
        await watched.pilot.press("enter")
        await watched.shows("Back at 5 pm")


async def test_detail_uses_the_clients_format_until_enter(machine: Machine) -> None:
    body = json.dumps({"first": "AAA", "filling": "x" * 2_000, "last": "ZZZ"}).encode()
    views = ["simple", "long", "full", "curl", None]
    log = filled(*(exchange(number, body=body, formatter=view) for number, view in enumerate(views, 1)))
    async with watching(machine, log, size=(140, 60)) as watched:
        await watched.shows("the first 1.0 KB of 2.0 KB are shown")
        await watched.shows("Enter shows all of it")
        assert watched.says("AAA")
        assert not watched.says("ZZZ")
        await watched.pilot.press("up")
        await watched.shows("curl -sS")
        assert not watched.says("X-Cache")
        await watched.pilot.press("up")
        await watched.shows("ZZZ")
        await watched.pilot.press("up")
        await watched.shows("2.0 KB are shown")
        await watched.pilot.press("up")
        await watched.shows("X-Cache")  # not the simple format, which the row is already
        await watched.shows("2.0 KB are shown")
        await watched.pilot.press("enter")
        await watched.shows("ZZZ")
        await watched.pilot.press("escape", "down")
        await watched.until(lambda: watched.selected() == 2 and not watched.says("ZZZ"))


async def test_chosen_view_applies_to_all_requests(machine: Machine) -> None:
    log = filled(exchange(1, formatter="full"), exchange(2))
    async with watching(machine, log) as watched:
        await watched.shows("X-Cache")
        await watched.pilot.press("v", "v")
        await watched.shows("curl · decoded")
        await watched.shows("curl -sS")
        await watched.pilot.press("up", "enter")
        await watched.selects(1)
        await watched.shows("curl -sS")
        await watched.pilot.press("v")
        await watched.shows("simple · decoded")
        await watched.shows("v shows more")
        assert not watched.says("X-Cache")


async def test_detail_shows_attempts_and_login_of_a_request(machine: Machine) -> None:
    bearer = (("Authorization", "Bearer •••(100)"),)
    login = exchange(1, purpose="login", uri="https://acme.example/rest/V1/integration/admin/token")
    log = filled(
        login,
        exchange(2, call=7, status=503, request_headers=bearer),
        exchange(3),
        exchange(
            4, call=7, attempt=2, login=1, request_headers=bearer, timings=Timings(None, None, 0.001, 0.2, 0.01, 0.213)
        ),
        exchange(5, request_headers=bearer),
    )
    async with watching(machine, log) as watched:
        await watched.shows("#5 · ")
        assert not watched.says("login     #1")  # this bearer token is another one
        await watched.pilot.press("up")
        await watched.shows("#2 503 in 136 ms  →  #4 200 in 213 ms")
        await watched.shows("login     #1 200")
        await watched.shows("connection reused")
        await watched.shows("attempt 2")


async def test_explain_shows_finding_and_remedy(machine: Machine) -> None:
    modules = exchange(3, purpose="probe", uri="https://acme.example/rest/V1/modules", request_headers=SIGNED)
    log = filled(exchange(1, request_headers=SIGNED), refusal(2), modules, lost(4))
    async with watching(machine, log) as watched:
        await watched.pilot.press("up", "up", "i")
        await watched.shows("lacks the permission")
        await watched.shows("In Magento: System")
        await watched.pilot.press("i")
        await watched.until(lambda: not watched.says("lacks the permission"))
        await watched.pilot.press("up", "i")
        await watched.told("No problem found with #1.")
        await watched.pilot.press("G", "i")
        await watched.until(lambda: watched.panel._explanation_shown)
        watched.log.record(exchange(5))
        await watched.until(lambda: watched.panel.view.new_count == 1)  # what is explained stays
        await watched.pilot.press("i")
        await watched.selects(5)


def test_only_a_later_probe_proves_that_the_store_knows_the_caller() -> None:
    modules = {"purpose": "probe", "uri": "https://acme.example/rest/V1/modules"}
    refused = refusal(3)
    others = exchange(4, request_headers=SIGNED), exchange(5, **modules), exchange(6, status=401, **modules)
    before = exchange(1, request_headers=SIGNED), exchange(2, request_headers=SIGNED, **modules)
    assert is_known_caller(refused, filled(*before, refused, *others)) is None
    assert is_known_caller(refused, filled(refused, exchange(7, request_headers=SIGNED, **modules)))
    anonymous = refusal(3, request_headers=())
    assert is_known_caller(anonymous, filled(anonymous, exchange(7, request_headers=SIGNED, **modules))) is None


@pytest.mark.parametrize(
    "data", [b'{"a":"' + b"x" * 50_000_000 + b'"}', b"[" * 100_000, b"\xff\xfe" * 500_000], ids=["long", "deep", "odd"]
)
async def test_keys_work_with_bodies_of_any_kind(machine: Machine, data: bytes) -> None:
    body = RecordedBody(data, len(data), len(data), "application/json")
    async with watching(machine, filled(exchange(1, status=500, body=body), exchange(2)), size=(80, 24)) as watched:
        await watched.pilot.press("up")
        await watched.selects(1)
        await watched.pilot.press("i", "z", "z", "enter", "G", "g")
        await watched.until(lambda: watched.panel.detail.has_focus)
        await watched.until(lambda: not watched.panel.detail._building)
        await watched.pilot.press("escape", "escape", "down")  # the explanation, then the detail
        await watched.selects(2)


async def test_each_page_down_moves_the_detail_by_a_page_also_the_first(machine: Machine) -> None:
    body = json.dumps({"items": [{"sku": f"SKU-{n}"} for n in range(200)]}).encode()
    async with watching(machine, filled(exchange(1, body=body)), size=(80, 24)) as watched:
        detail = watched.panel.detail
        await watched.pilot.press("enter")
        await watched.shows("SKU-0")
        await watched.until(lambda: detail.has_focus and not watched.panel.view.display)
        page = detail.size.height - 1
        await watched.pilot.press("pagedown")
        await watched.until(lambda: detail.scroll_offset.y == page)
        await watched.pilot.press("pagedown")
        await watched.until(lambda: detail.scroll_offset.y == 2 * page)
        await watched.pilot.press("down", "pageup", "pageup")
        await watched.until(lambda: detail.scroll_offset.y == 0)
