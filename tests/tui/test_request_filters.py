"""The filter and the searches of the request log on the whole screen, as its user types them."""

from __future__ import annotations

import json

from exchanges import exchange, lost
from textual.widgets import Input
from watched_log import filled, refusal, watching

from tui_connector.client.exchange import RecordedBody
from tui_connector.client.message import Request, Response
from tui_connector.log.search import search_for
from tui_connector.machine import Machine
from tui_connector.tui.log.no_match import not_searched
from tui_connector.tui.log.sending import LogContext


async def test_filter_applies_while_typing_and_can_be_toggled(machine: Machine) -> None:
    log = filled(*map(exchange, range(1, 10)), refusal(10), exchange(11, status=500), lost(12))
    async with watching(machine, log) as watched:
        await watched.pilot.press("f")
        await watched.shows("Typing  Enter Apply  Esc Cancel")
        await watched.type("~s 4xx")
        await watched.until(lambda: watched.numbers() == [10])
        await watched.type(" | ~s 5xx")
        await watched.until(lambda: watched.numbers() == [10, 11])
        await watched.pilot.press("enter")
        await watched.shows("filter ~s 4xx | ~s 5xx: 2 of 12 match")
        await watched.pilot.press("F")
        await watched.until(lambda: len(watched.numbers()) == 12)
        await watched.shows("off (F: on)")
        await watched.selects(11)  # what is around the match is read
        await watched.pilot.press("F", "G")
        await watched.until(lambda: watched.numbers() == [10, 11])
        log.record(refusal(13))
        await watched.until(lambda: watched.numbers() == [10, 11, 13])
        await watched.pilot.press("f", "space", "x", "escape")
        await watched.until(lambda: watched.numbers() == [10, 11, 13])
        await watched.pilot.press("f", "ctrl+u")
        await watched.type("401 unauthorized not run")
        await watched.shows("Read as 401 & !run · Enter: apply")
        await watched.pilot.press("enter")
        await watched.shows("filter 401 unauthorized not run, read as 401 & !run: 0 of 13 match")


async def test_quickly_typed_filter_applies_as_a_whole(machine: Machine) -> None:
    log = filled(*map(exchange, range(1, 10)), refusal(10))
    async with watching(machine, log) as watched:
        await watched.pilot.press("f")
        typed = watched.app.screen.query_one("#log-typed", Input)
        for text in ("~", "~s", "~s 4xx"):
            typed.value = text
        await watched.until(lambda: watched.numbers() == [10])


async def test_invalid_filter_shows_the_position(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1))) as watched:
        await watched.pilot.press("f")
        await watched.shows("post  404  products")
        await watched.type("products (~q")
        await watched.shows("~q is unknown")
        [told] = [line for line in watched.screen() if "~q is unknown" in line]
        [typed] = [line for line in watched.screen() if "products (~q" in line]
        assert told.index("^") == typed.index("~q")
        for typed, hint in (
            ("status >= 400", "\nEnter: apply · Esc: cancel · F1: help"),
            ("stauts >= 400", "\nFinds a search criterion; did you mean status >= 400? Tab: replace · Enter: apply"),
            ("stauts >= 400", "No match in 1 request. F: disable the filter · f: change it"),
            ("stauts > 400", "Did you mean status > 400? a: apply"),
            (f"entity_id {'1' * 300}", "did you mean entity_id = 11111111111111111…? Tab: replace · Enter: apply"),
            ("colour = red", "No request here has a search criterion or parameter colour."),
            ("stauts:4xx", "\nFinds this text; did you mean status:4xx? Tab: replace · Enter: apply"),
            ("status > 4", "Finds a search criterion of requests · Enter: apply · Esc: cancel · F1: help"),
        ):
            watched.app.screen.query_one("#log-typed", Input).value = typed
            await watched.shows(hint)
        line = watched.app.screen.query_one("#log-typed", Input)
        line.value = "get status 200"
        await watched.shows("\nEnter: apply as get status = 200 · in quotes, it finds the text")
        await watched.pilot.press("tab")
        await watched.until(lambda: line.value == "get status = 200" and line.has_focus)
        await watched.until(lambda: watched.numbers() == [1])
        line.value = "get status 200"
        await watched.pilot.press("enter")
        await watched.told("Applied as get status = 200. In quotes, it finds the text.")
        await watched.shows("filter get status = 200: 1 of 1 match")
        await watched.pilot.press("f")
        line.value = "staus = 200"
        await watched.pilot.press("enter")
        await watched.shows("Did you mean status = 200? a: apply")
        await watched.pilot.press("a")
        await watched.shows("filter status = 200: 1 of 1 match")


async def test_no_hint_of_the_filter_is_cut_at_80_columns(machine: Machine) -> None:
    uri = "https://acme.example/rest/V1/products?searchCriteria[filter_groups][0][filters][0][field]=entity_id"
    log = filled(*(exchange(number, uri=uri) for number in range(1, 31)), refusal(31))
    async with watching(machine, log, size=(80, 24)) as watched:

        async def says(words: str) -> None:
            await watched.until(lambda: words in " ".join(" ".join(watched.screen()).replace("│", " ").split()))

        await watched.pilot.press("f")
        line = watched.app.screen.query_one("#log-typed", Input)
        for typed, hint in (
            ("entitty_id > 700", "did you mean entity_id > 700? Tab: replace · Enter: apply"),
            ("get entitty_id > 70012345678901234567", "? Tab: replace · Enter: apply"),
            (f"products {'x' * 50} (~q", "~q is unknown"),
            ("entitty_id > 700", "No match in 31 requests. F: disable the filter · f: change it"),
            ("entitty_id > 700", "Did you mean entity_id > 700? a: apply"),
        ):
            line.value = typed
            await says(hint)
        await watched.pilot.press("enter", "e")
        await says("No match in 1 failure. F: disable the filter · f: change it · e: all")


async def test_esc_closes_prompt_and_detail_but_not_the_log(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1), exchange(2)), size=(80, 24)) as watched:
        await watched.pilot.press("f")
        await watched.shows("~b body · F1: help")
        await watched.pilot.press("tilde")
        await watched.shows("~p path ~u URI ~m method ~s status ~t time ~z size ~w who ~h header ~b body")
        await watched.pilot.press("escape", "enter")
        await watched.until(lambda: watched.panel.detail.has_focus)
        await watched.pilot.press("escape", "escape", "escape", "up")
        await watched.selects(1)
        await watched.shows("not following (G: follow)")


async def test_search_in_the_list_wraps_around(machine: Machine) -> None:
    log = filled(*(exchange(n, status=500 if n in (3, 7) else 200) for n in range(1, 11)))
    async with watching(machine, log) as watched:
        await watched.pilot.press("slash")
        await watched.type("~s 500")
        await watched.pilot.press("enter")
        await watched.selects(3)
        await watched.pilot.press("n")
        await watched.selects(7)
        await watched.pilot.press("n")
        await watched.selects(3)
        await watched.pilot.press("N")
        await watched.selects(7)
        await watched.pilot.press("slash", "ctrl+u")
        await watched.type("status >= 400")  # as in a filter
        await watched.pilot.press("enter")
        await watched.selects(3)


async def test_what_the_search_of_the_list_found_is_shown_however_far_down_it_is(machine: Machine) -> None:
    body = json.dumps({"items": [{"sku": "x" * 2_000, "increment_id": "000000021"}]}).encode()
    async with watching(machine, filled(exchange(1), exchange(2, body=body), exchange(3))) as watched:
        await watched.pilot.press("slash")
        await watched.type("increment_id")
        await watched.pilot.press("enter")
        await watched.selects(2)
        await watched.shows("increment_id: 1 match · full")
        await watched.shows('"increment_id": "000000021"')
        await watched.pilot.press("enter", "slash", "ctrl+u")
        await watched.type('"sku"')
        await watched.pilot.press("enter", "escape", "g", "n")  # repeats what was searched last
        await watched.selects(2)
        await watched.shows('search "sku": match 1 of 1')
        await watched.pilot.press("escape")
        await watched.shows("long · decoded")


async def test_each_esc_closes_the_innermost_of_what_the_log_shows(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1), refusal(2), exchange(3)), size=(160, 40)) as watched:
        assert not watched.says("F Filter off")
        await watched.pilot.press("f")
        await watched.type("~s 401")
        await watched.pilot.press("enter")
        await watched.shows("filter ~s 401: 1 of 3 match")
        await watched.shows("F Filter off")
        await watched.pilot.press("slash")
        await watched.type("products")
        await watched.pilot.press("enter")
        await watched.shows("search products: match 1 of 1 ")  # of those that the filter lists
        await watched.pilot.press("enter")
        await watched.until(lambda: watched.panel.detail.has_focus)
        before = watched.screen()
        await watched.pilot.press("i")
        await watched.until(lambda: watched.panel._explanation_shown)
        await watched.until(lambda: watched.screen() != before)
        await watched.pilot.press("escape")
        await watched.until(lambda: not watched.panel._explanation_shown)
        assert watched.panel.detail.has_focus
        await watched.pilot.press("escape")
        await watched.until(lambda: watched.panel.view.has_focus)
        assert watched.says("search products")
        await watched.pilot.press("escape")
        await watched.until(lambda: not watched.says("search products"))
        assert watched.numbers() == [2]
        await watched.pilot.press("escape")
        await watched.until(lambda: watched.numbers() == [1, 2, 3])


async def test_a_status_that_is_not_found_says_how_many_requests_have_none(machine: Machine) -> None:
    lost_ones = "2 requests had no response, so no status (filter: status = none)."
    async with watching(machine, filled(exchange(1), lost(2), lost(3))) as watched:
        await watched.pilot.press("f")
        await watched.type("status >= 400")
        await watched.shows("No match in 3 requests. F: disable the filter · f: change it")
        await watched.shows(lost_ones)
        await watched.pilot.press("ctrl+u")
        await watched.type("status = none")
        await watched.until(lambda: watched.numbers() == [2, 3])
        await watched.pilot.press("ctrl+u")
        await watched.type("orders")
        await watched.shows("No match in 3 requests. F: disable the filter · f: change it")
        assert not watched.says("no response, so")
        await watched.pilot.press("enter", "F", "slash")
        await watched.type("stauts >= 400")
        await watched.shows("Did you mean status >= 400? Tab: replace · Enter: find")
        await watched.pilot.press("enter")
        await watched.told("No match for stauts >= 400; did you mean status >= 400?")
        await watched.pilot.press("slash", "ctrl+u")
        await watched.type("404")
        await watched.pilot.press("enter")
        await watched.told(f"No match for 404. {lost_ones}")


async def test_an_empty_list_says_whether_nothing_failed_or_no_failure_matches(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1), exchange(2))) as watched:
        await watched.pilot.press("f")
        await watched.type("put")
        await watched.pilot.press("enter", "e")
        await watched.shows("No failures. e: show all")
        assert not watched.says("No match in")
        await watched.pilot.press("slash")
        await watched.type("nowhere")
        await watched.pilot.press("enter")
        await watched.told("No match for nowhere. Searched only failures (e: all) and what the filter lists (F: all).")
        watched.log.record(refusal(3, uri="https://acme.example/rest/V1/orders"))
        await watched.shows("No match in 1 failure. F: disable the filter · f: change it · e: all")
        watched.log.record(exchange(4, call=4, status=503))
        watched.log.record(exchange(5, call=4, attempt=2))
        await watched.shows("No match in 2 failures.")
        await watched.pilot.press("e")
        await watched.shows("No match in 5 requests. F: disable the filter · f: change it")
        await watched.pilot.press("e")  # what failed for good
        await watched.shows("No match in 1 failure. F: disable the filter · f: change it · e: with 1 retried")
        await watched.shows("filter put: 0 of 1 match")


async def test_typing_replaces_the_last_filter_or_search_and_enter_keeps_it(machine: Machine) -> None:
    log = filled(*(exchange(n, status=404 if n in (3, 7) else 200) for n in range(1, 11)))
    async with watching(machine, log) as watched:
        await watched.pilot.press("f")
        await watched.type("~s 404")
        await watched.pilot.press("enter", "f", "enter")
        await watched.until(lambda: watched.numbers() == [3, 7])
        await watched.pilot.press("f")
        await watched.type("put")
        await watched.shows("No match in 10 requests. F: disable the filter · f: change it")
        await watched.pilot.press("ctrl+u")
        await watched.type("404")
        await watched.until(lambda: watched.numbers() == [3, 7])
        await watched.shows("filter 404: 2 of 10 match")
        await watched.pilot.press("enter", "F", "slash")
        await watched.type("nowhere")
        await watched.shows("search nowhere: 0 of 10 match")  # while it is typed
        await watched.pilot.press("enter")
        await watched.told("No match for nowhere.")
        await watched.pilot.press("slash")
        await watched.type("404")
        await watched.pilot.press("enter")
        await watched.selects(3)


async def test_search_in_the_list_finds_text_in_rows_headers_and_bodies(machine: Machine) -> None:
    page = "https://acme.example/rest/V1/products?searchCriteria%5BcurrentPage%5D=7"
    criteria = "searchCriteria[filter_groups][0][filters][0][{}]={}"
    condition = [criteria.format(*each) for each in (("field", "id"), ("value", 500), ("condition_type", "gt"))]
    log = filled(
        exchange(1, request_headers=(("Authorization", "Bearer •••(9)"),)),
        exchange(2, body=b'{"sku": "caf\\u00e9"}'),
        exchange(3, uri=page),
        exchange(4, uri=f"https://acme.example/rest/V1/products?{'&'.join(condition)}"),
        *map(exchange, range(5, 60)),
    )
    async with watching(machine, log) as watched:
        for text, number in (("authorization", 1), ("café", 2), ("page 7", 3), ("id>500", 4)):
            await watched.pilot.press("slash", "ctrl+u")
            await watched.shows("Searches rows, headers and bodies")
            await watched.type(text)
            await watched.pilot.press("enter")
            await watched.selects(number)
        await watched.shows("id > 500: 1 match")  # of the detail's `where id > 500`
        await watched.pilot.press("slash", "ctrl+u")
        await watched.type("id > 400")  # which is true of it
        await watched.pilot.press("enter")
        await watched.shows("#4 GET products")
        await watched.shows("id > 500: 1 match")
        await watched.pilot.press("slash", "ctrl+u")
        await watched.type("nowhere")
        await watched.pilot.press("enter")
        await watched.told("No match for nowhere.")
        await watched.pilot.press("escape", "slash")
        await watched.shows("Searches rows, headers and bodies")


async def test_search_in_the_detail_shows_each_place(machine: Machine) -> None:
    items = [{"sku": f"SKU-{n}", "name": "needle" if n in (20, 70) else "hay"} for n in range(100)]
    log = filled(exchange(1, body=b'{"is": "elsewhere"}'), exchange(2, body=json.dumps({"items": items}).encode()))
    async with watching(machine, log, size=(80, 24)) as watched:
        await watched.selects(2)
        for key, why in (
            ("F", "no filter to turn off"),
            ("n", "/ searches."),
        ):
            await watched.pilot.press(key)
            await watched.until(lambda why=why: any(why in each.message for each in watched.app._notifications))
        await watched.pilot.press("enter", "slash")
        await watched.type("needle")
        await watched.pilot.press("enter")
        await watched.shows("SKU-20")
        await watched.pilot.press("n")
        await watched.shows("SKU-70")
        await watched.pilot.press("n")
        await watched.shows("SKU-20")
        await watched.pilot.press("slash", "ctrl+u")
        await watched.type("elsewhere")
        await watched.pilot.press("enter")
        await watched.shows("not in this view; Esc, n: in 1 other")
        await watched.pilot.press("escape", "n")
        await watched.selects(1)


async def test_a_search_says_which_bodies_it_could_not_search_completely(machine: Machine) -> None:
    part = RecordedBody(b'{"items": [{"sku": "SKU-1"}, {"s', 85_000, 5_000, "application/json", cut=True)
    log = filled(
        exchange(1, body=b'{"sku": "SKU-7"}'), *(exchange(number, body=part) for number in (2, 3)), exchange(4)
    )

    async def send(_: object, __: Request) -> Response:
        raise AssertionError("nothing is sent")

    async with watching(machine, log, size=(120, 50), context=LogContext(machine, send=send)) as watched:
        await watched.pilot.press("slash")
        await watched.type("SKU-7")
        await watched.pilot.press("enter")
        await watched.selects(1)
        await watched.shows("search SKU-7: match 1 of 1 (n: next request · Esc: end)")
        await watched.shows("2 bodies not searched in full (filter ~i to list them)")
        assert not watched.app._notifications  # the title says it
        await watched.pilot.press("slash", "ctrl+u")
        await watched.type("~i")  # steps through them
        await watched.pilot.press("enter")
        await watched.selects(2)
        await watched.pilot.press("n")
        await watched.selects(3)
        await watched.pilot.press("f")
        await watched.type("SKU")
        await watched.pilot.press("enter", "slash", "ctrl+u")
        await watched.type("nowhere")
        await watched.pilot.press("enter")
        await watched.told("No match for nowhere. 2 bodies not searched in full (add ~i to the filter to list them).")
        assert len(watched.app._notifications) == 1
        await watched.shows("search nowhere")
        assert not watched.says("to list them) · 2 bodies")  # once for filter and search
        watched.app.clear_notifications()
        await watched.pilot.press("f", "ctrl+u")
        await watched.type("!~i")  # of what it lists, all is searched
        await watched.pilot.press("enter", "n")
        await watched.told("No match for nowhere. Searched only what the filter lists (F: all).")
        assert not watched.says("not searched in full")
        await watched.pilot.press("f", "ctrl+u", "enter", "slash", "ctrl+u")
        await watched.type("~m get")
        await watched.pilot.press("enter")
        await watched.until(lambda: not watched.says(" · 2 bodies not searched in full"))
        log.record(exchange(5, body=RecordedBody(size=900, media_type="application/json")))
        await watched.pilot.press("slash", "ctrl+u")
        await watched.type("SKU-7")
        await watched.shows("2 bodies not searched in full, 1 not kept (filter ~i to list them)")
        await watched.pilot.press("escape", "escape", "g", "down")
        await watched.shows("x requests it again, and keeps the whole body")
        assert not_searched(search_for("a"), filled(exchange(1, body=RecordedBody(size=9)))) == (
            "1 body not kept (filter ~i to list it)"
        )
        await watched.pilot.press("w")
        await watched.shows("Only the first 32 B of 85.0 KB of the body")


async def test_messages_have_rows_of_their_own_above_the_footer(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1)), size=(80, 24), notifications=True) as watched:
        before = watched.screen()
        for text in ("nowhere", "elsewhere"):  # the second message takes the place of the first
            await watched.pilot.press("slash", "ctrl+u")
            assert not watched.says("No match")
            await watched.type(text)
            await watched.shows(f"search  {text}")
            await watched.pilot.press("enter")
            await watched.until(lambda text=text: f"No match for {text}." in watched.screen()[-2])  # type: ignore[misc]
        await watched.pilot.press("escape", "i")
        await watched.until(lambda: "No problem found with #1." in watched.screen()[-2])
        assert watched.screen()[:5] == before[:5]
        assert watched.screen()[-1] == before[-1]
        watched.app.notify(f"{'x' * 70} 1,000 items", markup=False)
        await watched.until(lambda: watched.screen()[-2].strip(" ▌▐▊┃│").startswith("1,000 items"))
        assert "xxx" in watched.screen()[-3]


async def test_the_next_match_is_scrolled_to_also_in_a_request_that_was_explained_before(machine: Machine) -> None:
    body = json.dumps({"message": "x", "trace": [f"line {number}" for number in range(300)] + ["NEEDLE"]}).encode()
    log = filled(exchange(1, status=500, body=body), exchange(2), exchange(3, body=b'{"a": "NEEDLE"}'))
    async with watching(machine, log, size=(120, 36)) as watched:
        await watched.pilot.press("g")
        await watched.pilot.press("i")
        await watched.shows("The store failed")
        await watched.pilot.press("slash")
        await watched.type("NEEDLE")
        await watched.pilot.press("enter")
        await watched.selects(3)
        await watched.pilot.press("n")
        await watched.selects(1)
        await watched.shows('"NEEDLE"')
        assert not watched.says("The store failed")
