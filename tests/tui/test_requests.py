"""The request log on the whole screen, as its user works with it."""

from __future__ import annotations

import json

import pytest
from exchanges import exchange, lost
from textual.widgets import Input
from watched_log import SIGNED, filled, refusal, watching

from tui_connector.client.body_refusal import BodyRefusal
from tui_connector.client.exchange import Exchange, InFlight, PendingRetry, RecordedBody, Timings
from tui_connector.client.message import Request, Response
from tui_connector.guide.requests.resend import NewRequests
from tui_connector.machine import Machine
from tui_connector.tui.log.sending import LogContext


async def test_list_follows_until_the_user_moves_up_and_again_after_g(machine: Machine) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 101)))) as watched:
        assert watched.selected() == 100
        watched.log.record(exchange(101))
        await watched.selects(101)
        await watched.pilot.press("up")
        for number in range(102, 107):
            watched.log.record(exchange(number))
        await watched.shows("not following, 5 new")
        assert watched.selected() == 100
        assert not watched.says("#106")
        await watched.pilot.press("G")
        await watched.shows("#106")
        assert watched.selected() == 106
        await watched.pilot.press("up")
        await watched.shows("not following (G: follow)")
        await watched.pilot.press("down")
        await watched.until(lambda: not watched.says("not following"))
        await watched.pilot.press("down")  # there is nothing below the newest but what comes next
        watched.log.record(exchange(107))
        await watched.selects(107)


async def test_requests_are_listed_by_number_whatever_the_order_of_their_responses(machine: Machine) -> None:
    log = filled(*map(exchange, range(1, 31)))
    async with watching(machine, log) as watched:
        for number in (31, 32, 33, 34):
            log.started(InFlight(number, "GET", f"https://acme.example/rest/V1/orders/{number}", 0.0))
        await watched.shows("#34")
        for number in (34, 32):
            log.record(exchange(number, status=200 if number == 34 else 500))
        await watched.selects(34)
        await watched.until(lambda: watched.numbers()[-3:] == [30, 32, 34])
        rows = watched.screen()
        found = [next(at for at, row in enumerate(rows) if f"#{number} " in row) for number in (30, 32, 34, 31, 33)]
        assert found == sorted(found)  # those without a response are last
        await watched.pilot.press("up")
        assert watched.selected() == 32
        log.record(exchange(33, status=500))
        log.record(exchange(35))
        await watched.shows("not following, 1 new")
        log.record(exchange(31))
        await watched.until(lambda: watched.numbers()[-6:] == [30, 31, 32, 33, 34, 35])
        assert watched.selected() == 32
        await watched.pilot.press("down")
        assert watched.selected() == 33
        await watched.pilot.press("e")
        await watched.until(lambda: watched.numbers() == [32, 33])
        assert watched.selected() == 33
        await watched.pilot.press("e", "G")
        await watched.selects(35)


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


async def test_after_a_failed_test_the_failed_request_is_selected_and_not_the_probes_that_look_for_the_reason(
    machine: Machine,
) -> None:
    async with watching(machine, filled(exchange(1, purpose="probe")), size=(80, 24)) as watched:
        watched.log.record(refusal(2, purpose="test"))
        for number in range(3, 30):
            watched.log.record(exchange(number, status=405, purpose="probe"))
        await watched.selects(2)
        await watched.shows("▸ #2")
        await watched.pilot.press("down")
        await watched.shows("27 probes: requests of the program itself")
        await watched.pilot.press("P", "G")
        watched.log.record(exchange(90, purpose="probe"))  # a minute later: another test
        await watched.selects(90)


async def test_probes_are_one_row_that_says_what_the_program_asked_and_that_opens(machine: Machine) -> None:
    version = exchange(2, purpose="probe", note="which version?")
    two_factor = exchange(3, status=404, purpose="probe", note="2FA on? 404: no")
    async with watching(machine, filled(exchange(1, purpose="test")), size=(80, 24)) as watched:
        watched.log.record(version)
        await watched.until(lambda: watched.numbers() == [1, 2])
        watched.log.record(two_factor)
        await watched.shows("  #2–3    2 probes about the store, 1 refused as expected · Enter: list")
        await watched.shows("Requests 3 (2 probes)")
        await watched.selects(1)
        await watched.pilot.press("down")
        await watched.shows("2FA on? 404: no → 404 (expected)")
        await watched.pilot.press("x")
        await watched.told("Enter lists these probes")
        await watched.pilot.press("enter")
        await watched.selects(2)
        assert watched.numbers() == [1, 2, 3]
        await watched.pilot.press("down", "i")
        await watched.shows("The program sent this itself, to learn about the store: 2FA on? 404: no")
        await watched.shows("404 is one of the answers it expects: nothing is wrong")
        await watched.pilot.press("P")
        await watched.until(lambda: watched.numbers() == [1, 3])
        await watched.pilot.press("slash")
        await watched.shows("Typing  Enter Find  Esc Cancel")
        await watched.type("version")  # a search opens the row that has the match
        await watched.pilot.press("enter")
        await watched.selects(2)
        await watched.pilot.press("escape", "escape", "P", "f")
        await watched.type("404")  # a filter lists each match
        await watched.pilot.press("enter")
        await watched.until(lambda: watched.numbers() == [3])


@pytest.mark.parametrize("moved", [False, True])
async def test_a_smaller_window_still_shows_the_newest_while_the_list_follows(machine: Machine, moved: bool) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 101))), size=(140, 45)) as watched:
        await watched.shows("#100")
        if moved:
            await watched.pilot.press("g")
            await watched.shows("#1 ")
        rows = watched.panel.view.size.height
        await watched.pilot.resize_terminal(80, 24)
        await watched.until(lambda: watched.panel.view.size.height < rows)
        await watched.until(lambda: watched.panel.view.is_vertical_scroll_end is not moved)
        assert watched.selected() == (1 if moved else 100)


async def test_selection_stays_while_the_oldest_are_discarded(machine: Machine) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 101)), count=100)) as watched:
        await watched.pilot.press("up", "up")
        assert watched.selected() == 98
        await watched.pilot.press("e")
        await watched.shows("No failures")
        await watched.pilot.press("e")
        await watched.selects(98)
        for number in range(101, 191):
            watched.log.record(exchange(number))
        await watched.shows("90 older discarded")
        assert watched.selected() == 98
        for number in range(191, 301):
            watched.log.record(exchange(number))
        await watched.selects(201)


async def test_failure_is_kept_after_many_successes(machine: Machine) -> None:
    log = filled(refusal(1), *map(exchange, range(2, 60)), count=20)
    async with watching(machine, log) as watched:
        assert 1 not in watched.numbers()
        await watched.pilot.press("e")
        await watched.shows("errors only")
        assert watched.numbers() == [1]
        await watched.shows("✘ The consumer isn't authorized")
        await watched.pilot.press("e")
        await watched.until(lambda: len(watched.numbers()) == 20)


@pytest.mark.parametrize("size", [(60, 24), (80, 24), (120, 36)])
async def test_a_refused_probe_is_marked_as_expected_and_counted_apart_from_failures(
    machine: Machine, size: tuple[int, int]
) -> None:
    uri = "https://acme.example/rest/all/V1/tfa/provider/google/authenticate"
    probe = exchange(2, method="POST", status=404, purpose="probe", uri=uri)
    async with watching(machine, filled(exchange(1), probe, refusal(3)), size=size) as watched:
        await watched.shows("Requests 3 (1 probe) · 1 failed")
        assert any("404" in line and "authenticate  expected" in line for line in watched.screen())
        assert not any("401" in line and "expected" in line for line in watched.screen()[2:])
        await watched.pilot.press("question_mark")
        await watched.shows("404 expected")
        await watched.pilot.press("escape", "C", "y")
        await watched.shows("Requests 0")
        assert not watched.says("expected")


async def test_a_write_that_is_refused_with_200_is_shown_counted_and_explained_as_a_failure(machine: Machine) -> None:
    refused = exchange(
        2,
        method="POST",
        body=b'[{"message":"Invalid attribute %fieldName = %fieldValue.","parameters":["Price","-5"]}]',
        refusal=BodyRefusal("row-refused", "Invalid attribute Price = -5."),
    )
    async with watching(machine, filled(exchange(1), refused, exchange(3))) as watched:
        await watched.shows("Requests 3 · 1 failed")
        assert any("POST  ✘200" in line and "Invalid attribute Price = -5." in line for line in watched.screen())
        await watched.pilot.press("e")
        await watched.until(lambda: watched.numbers() == [2])
        await watched.shows("✘ Invalid attribute Price = -5.")
        await watched.pilot.press("i")
        await watched.shows("refused a part of the request")
        await watched.pilot.press("e")
        await watched.until(lambda: watched.numbers() == [1, 2, 3])
        await watched.selects(2)  # what is around the failure is read


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
            ("stauts >= 400", "None of 1 matches; did you mean status ≥ 400? F: disable it · f: change"),
            ("stauts:4xx", "\nFinds this text; did you mean status:4xx? Tab: replace · Enter: apply"),
            ("status > 4", "Finds a search criterion of requests · Enter: apply · Esc: cancel · F1: help"),
        ):
            watched.app.screen.query_one("#log-typed", Input).value = typed
            await watched.shows(hint)
        line = watched.app.screen.query_one("#log-typed", Input)
        line.value = "get status 200"
        await watched.shows("\nFinds this text; did you mean status = 200? Tab: replace · Enter: apply")
        await watched.pilot.press("tab")
        await watched.until(lambda: line.value == "get status = 200" and line.has_focus)
        await watched.until(lambda: watched.numbers() == [1])


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


async def test_the_selected_request_stays_in_sight_in_a_lower_window(machine: Machine) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 41))), size=(120, 60)) as watched:
        await watched.pilot.press("g", *["j"] * 15)
        await watched.shows("▸ #16 ")
        await watched.pilot.resize_terminal(80, 20)
        await watched.shows("#16 GET products · long")
        await watched.shows("▸ #16 ")


async def test_numbers_of_seven_digits_have_their_column(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1_234_567)), size=(80, 24)) as watched:
        await watched.shows("▸ #1234567 GET ")


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
        await watched.shows("None of 3 matches. F: disable it · f: change")
        await watched.shows(lost_ones)
        await watched.pilot.press("ctrl+u")
        await watched.type("status = none")
        await watched.until(lambda: watched.numbers() == [2, 3])
        await watched.pilot.press("ctrl+u")
        await watched.type("orders")
        await watched.shows("None of 3 matches. F: disable it · f: change")
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


async def test_typing_replaces_the_last_filter_or_search_and_enter_keeps_it(machine: Machine) -> None:
    log = filled(*(exchange(n, status=404 if n in (3, 7) else 200) for n in range(1, 11)))
    async with watching(machine, log) as watched:
        await watched.pilot.press("f")
        await watched.type("~s 404")
        await watched.pilot.press("enter", "f", "enter")
        await watched.until(lambda: watched.numbers() == [3, 7])
        await watched.pilot.press("f")
        await watched.type("put")
        await watched.shows("None of 10 matches. F: disable it · f: change")
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


class _Sender(NewRequests):
    """Where requests could be sent to."""

    def __init__(self) -> None: ...


async def _send(_: Exchange, __: Request) -> Response:
    return Response(200, (), b"", 1)


@pytest.mark.parametrize(("width", "keys"), [(80, 5), (120, 9)])
async def test_the_footer_shows_what_matters_in_the_log_first(machine: Machine, width: int, keys: int) -> None:
    wanted = "/ Search  f Filter  x Resend  X Edit  e Errors  i Explain  + New  Enter Open  y Curl"
    context = LogContext(machine, send=_send, new=_Sender())
    async with watching(machine, filled(exchange(1)), size=(width, 30), context=context) as watched:
        await watched.shows("  ".join(wanted.split("  ")[:keys]))
        await watched.shows("q Back")
        await watched.shows("? Help  : Commands")
        await watched.pilot.press("f")
        await watched.type("get")
        await watched.pilot.press("enter")
        await watched.shows("filter get: 1 of 1 match")
        await watched.shows("  ".join(wanted.split("  ")[: min(keys, 7)]))  # a filter drops none of them
    async with watching(machine, filled(exchange(1)), size=(width, 30)) as watched:  # a file, without a profile
        await watched.shows("/ Search  f Filter  e Errors  i Explain")


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


async def test_search_in_the_detail_shows_each_place(machine: Machine) -> None:
    items = [{"sku": f"SKU-{n}", "name": "needle" if n in (20, 70) else "hay"} for n in range(100)]
    log = filled(exchange(1, body=b'{"is": "elsewhere"}'), exchange(2, body=json.dumps({"items": items}).encode()))
    async with watching(machine, log, size=(80, 24)) as watched:
        await watched.selects(2)
        for key, why in (("b", "Enter opens the selected one."), ("F", "no filter to turn off"), ("n", "/ searches.")):
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
        await watched.shows("2 bodies not searched in full (~i)")
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
        await watched.told("No match for nowhere. 2 bodies not searched in full (~i).")
        assert len(watched.app._notifications) == 1
        await watched.shows("search nowhere")
        assert not watched.says("in full (~i) · 2 bodies")  # once for filter and search
        await watched.pilot.press("f", "ctrl+u", "enter", "slash", "ctrl+u")
        await watched.type("~m get")
        await watched.pilot.press("enter")
        await watched.until(lambda: not watched.says(" · 2 bodies not searched in full (~i)"))
        await watched.pilot.press("escape", "g", "down")
        await watched.shows("x requests it again, and keeps the whole body")
        await watched.pilot.press("w")
        await watched.shows("Only the first 32 B of 85.0 KB of the body")


async def test_requests_without_a_response_leave_room_for_those_with_one(machine: Machine) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 21))), size=(80, 24)) as watched:
        for number in range(21, 30):
            watched.log.started(InFlight(number, "GET", f"https://acme.example/rest/V1/orders/{number}", 0.0))
        await watched.shows("9 in progress")
        await watched.shows("orders/21")  # that which waits longest
        assert watched.says("▸ #20 ")
        assert watched.says("  #18 ")
        await watched.pilot.press("f")
        await watched.type("path:products")  # a list of what matches has nothing else
        await watched.until(lambda: not watched.says("orders/21"))
        assert watched.says("9 in progress")


async def test_messages_lie_over_the_header_and_the_title_and_never_over_what_is_typed(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1)), size=(80, 24), notifications=True) as watched:
        before = watched.screen()
        for text in ("nowhere", "elsewhere"):  # the second message takes the place of the first
            await watched.pilot.press("slash", "ctrl+u")
            assert not watched.says("No match")
            await watched.type(text)
            await watched.shows(f"search  {text}")
            await watched.pilot.press("enter")
            await watched.until(lambda text=text: f"No match for {text}." in watched.screen()[0])
        await watched.pilot.press("escape", "i")
        await watched.until(lambda: "No problem found with #1." in watched.screen()[0])
        assert watched.screen()[2:] == before[2:]


async def test_b_says_that_there_is_no_body(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1, method="DELETE", status=204, body=RecordedBody()))) as watched:
        await watched.pilot.press("enter", "b")
        await watched.told("Neither the request nor the response has a body")


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
        await watched.shows("kept in part: the first 14 B of 90.0 KB")
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
    async with watching(machine, filled(exchange(1, request_headers=SIGNED), refusal(2), lost(3))) as watched:
        await watched.pilot.press("up", "i")
        await watched.shows("lacks the permission")
        await watched.shows("In Magento: System")
        await watched.pilot.press("i")
        await watched.until(lambda: not watched.says("lacks the permission"))
        await watched.pilot.press("up", "i")
        await watched.told("No problem found with #1.")
        await watched.pilot.press("G", "i")
        await watched.until(lambda: watched.panel._explanation_shown)
        watched.log.record(exchange(4))
        await watched.until(lambda: watched.panel.view.new_count == 1)  # what is explained stays
        await watched.pilot.press("i")
        await watched.selects(4)


async def test_marks_are_counted_and_a_cleared_log_is_empty(machine: Machine) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 6)))) as watched:
        await watched.pilot.press("g", "m", "m")
        await watched.shows("2 marked")
        assert {number for number, _ in watched.panel.view.marks} == {1, 2}
        await watched.pilot.press("C", "y")
        await watched.shows("No requests yet")
        assert len(watched.log) == 0


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_the_focus_never_moves_by_itself(machine: Machine, size: tuple[int, int]) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 30))), size=size) as watched:
        for keys, numbers in (((), range(30, 60)), (("enter",), range(60, 90)), (("slash", "a"), range(90, 120))):
            await watched.pilot.press(*keys)
            await watched.pilot.pause()
            before = watched.app.focused
            for number in numbers:
                watched.log.record(refusal(number))
            await watched.until(lambda: watched.panel.view._drawn_state[2] == watched.log.end)
            assert watched.app.focused is before


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


async def test_the_title_says_what_n_goes_to(machine: Machine) -> None:
    body = json.dumps({"items": [{"state": "complete"}, {"state": "new"}, {"state": "complete"}]}).encode()
    log = filled(exchange(1, body=body), exchange(2), exchange(3, body=body), exchange(4))
    async with watching(machine, log) as watched:
        await watched.pilot.press("slash")
        await watched.type("complete")
        await watched.pilot.press("enter")
        await watched.shows("search complete: match 1 of 2 (n: next request · Esc: end)")
        log.record(exchange(5, body=body))
        await watched.shows("search complete: match 1 of 3 (n: next request · Esc: end)")
        await watched.pilot.press("down")
        await watched.shows("search complete: 3 of 5 match (n: next request · Esc: end)")
        await watched.pilot.press("up")
        await watched.shows("complete: 2 matches")
        await watched.pilot.press("n")
        await watched.selects(3)
        await watched.pilot.press("enter")
        await watched.shows("complete: 1 of 2")
        await watched.pilot.press("n")
        await watched.shows("complete: 2 of 2")
        await watched.pilot.press("g")
        await watched.shows("complete: 2 matches")
        await watched.pilot.press("N")
        await watched.shows("complete: 2 of 2")
        assert watched.selected() == 3


async def test_d_goes_to_the_slowest_request_then_to_the_next_slowest(machine: Machine) -> None:
    seconds = {1: 0.3, 2: 2.0, 3: 0.1, 4: 1.0}
    log = filled(*(exchange(n, timings=Timings(total=took)) for n, took in seconds.items()))
    async with watching(machine, log) as watched:
        for number in (2, 4, 1, 3, 2):
            await watched.pilot.press("D")
            await watched.selects(number)
        await watched.pilot.press("down", "D")
        await watched.selects(2)


async def test_requests_that_were_selected_are_not_new(machine: Machine) -> None:
    log = filled(*map(exchange, range(1, 4)))
    async with watching(machine, log) as watched:
        await watched.pilot.press("up")
        log.record(exchange(4))
        log.record(exchange(5))
        await watched.shows("not following, 2 new (G: follow)")
        await watched.pilot.press("down", "down")
        await watched.shows("not following, 1 new (G: follow)")
        await watched.pilot.press("down")
        await watched.until(lambda: not watched.says("not following"))
        log.record(exchange(6))
        await watched.shows("not following, 1 new (G: follow)")
        await watched.pilot.press("G")
        await watched.selects(6)
        await watched.pilot.press("space")
        await watched.shows("not following (G: follow)")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_what_failed_for_good_is_told_from_what_was_retried(machine: Machine, size: tuple[int, int]) -> None:
    uri = "https://acme.example/rest/V1/orders/{}"
    log = filled(
        exchange(1, call=1, status=503, uri=uri.format("first")),
        exchange(2, call=1, attempt=2, uri=uri.format("first")),
        exchange(3, call=3, status=503, uri=uri.format("second")),
        exchange(4, call=3, attempt=2, status=500, uri=uri.format("second")),
    )
    async with watching(machine, log, size=size) as watched:
        await watched.shows("Requests 4 · 1 failed · 2 retried")
        assert sum("503" in line and "→ attempt 2" in line for line in watched.screen()) == 2
        await watched.pilot.press("e")
        await watched.shows("failed for good (e: with 2 retried)")
        await watched.until(lambda: not watched.says("→ attempt 2"))
        await watched.pilot.press("e")
        await watched.shows("errors only (e: all)")
        await watched.shows("→ attempt 2")
        await watched.pilot.press("e", "e")
        await watched.shows("failed for good")
        log.add(exchange(5, call=3, attempt=3, uri=uri.format("second")))
        await watched.shows("Nothing failed for good. e: 3 failed attempts, each sent again")
        await watched.pilot.press("e", "e")
        await watched.shows("Requests 5 · 3 retried")
        log.add(exchange(6, call=6, status=503, uri=uri.format("third")))
        log.set_retry(6, PendingRetry("", 2, 3, machine.monotonic() + 60))
        await watched.shows("→ retrying")
