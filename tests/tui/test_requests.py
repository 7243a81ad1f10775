"""The list of the request log on the whole screen, as its user works with it."""

from __future__ import annotations

import json

import pytest
from exchanges import exchange, lost
from watched_log import filled, refusal, watching

from tui_connector.client.body_refusal import BodyRefusal
from tui_connector.client.exchange import Exchange, InFlight, PendingRetry, Timings
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


async def test_the_selected_request_is_the_shown_one_however_fast_others_come(machine: Machine) -> None:
    async with watching(machine, filled(exchange(1))) as watched:
        await watched.until(lambda: watched.panel.detail.exchange is watched.panel.selected)
        for number in range(2, 6):
            watched.log.record(exchange(number))
            await watched.selects(number)
            await watched.pilot.pause()
            assert watched.panel.detail.exchange is watched.panel.selected


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


async def test_a_guess_at_an_address_is_muted_and_not_selected_once_another_one_has_the_store(
    machine: Machine,
) -> None:
    note, typed = "https: Magento REST API?", "https://acme.example/rest/V1/directory/currency"
    search = {"purpose": "probe", "typed_uri": typed, "note": note}
    async with watching(machine, filled(lost(1, uri=typed, **search)), size=(80, 24)) as watched:
        for number in (2, 3):
            watched.log.record(lost(number, uri=f"https://acme.example/{number}", **search))
        await watched.shows("Requests 3 (3 probes) · 1 failed")
        await watched.shows("2 probes about the store, 2 wrong guesses")
        await watched.selects(1)
        watched.log.record(exchange(4, uri="http://acme.example/rest/V1/directory/currency", **search))
        await watched.shows("Requests 4 (4 probes)──")
        await watched.shows("→ #4")
        await watched.shows("▸ #2–4")
        await watched.pilot.press("e")
        await watched.shows("errors only")
        await watched.until(lambda: watched.numbers() == [1])


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
        await watched.type("probe")  # a search opens the row that has the match
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
        await watched.shows("  ".join(["Esc Show all", *wanted.split("  ")[: keys - 2]]))
    async with watching(machine, filled(exchange(1)), size=(width, 30)) as watched:  # a file, without a profile
        await watched.shows("/ Search  f Filter  e Errors  i Explain")


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


async def test_marks_are_counted_and_a_cleared_log_is_empty(machine: Machine) -> None:
    async with watching(machine, filled(*map(exchange, range(1, 6)))) as watched:
        await watched.pilot.press("g", "m", "m")
        await watched.shows("2 marked")
        assert {number for number, _ in watched.panel.view.marks} == {1, 2}
        await watched.pilot.press("C")
        await watched.shows("Its requests are not stored anywhere else.")
        await watched.pilot.press("y")
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
        assert all(any("503" in line and later in line for line in watched.screen()) for later in ("→ #2", "→ #4"))
        await watched.pilot.press("e")
        await watched.shows("failed for good (e: with 2 retried)")
        await watched.until(lambda: not watched.says("→ #"))
        await watched.pilot.press("e")
        await watched.shows("errors only (e: all)")
        await watched.shows("→ #4")
        await watched.pilot.press("e", "e")
        await watched.shows("failed for good")
        log.add(exchange(5, call=3, attempt=3, uri=uri.format("second")))
        await watched.shows("Nothing failed for good. e: 3 failed attempts, each sent again")
        await watched.pilot.press("e", "e")
        await watched.shows("Requests 5 · 3 retried")
        log.add(exchange(6, call=6, status=503, uri=uri.format("third")))
        log.set_retry(6, PendingRetry("", 2, 3, machine.monotonic() + 60))
        await watched.shows("→ retrying")
        await watched.shows("Requests 6 · 4 retried")
        log.add(exchange(7, call=7, status=500, uri=uri.format("fourth")))
        await watched.pilot.press("e")
        await watched.shows("failed for good")
        await watched.until(lambda: watched.says("orders/fourth") and not watched.says("→ retrying"))
        log.started(InFlight(8, "GET", uri.format("third"), machine.monotonic(), call=6, resends=True))
        log.set_retry(6, None)
        await watched.shows("Requests 7 · 1 failed · 4 retried")
        assert not watched.says("orders/third")  # it is being sent again
        log.record(exchange(8, call=6, attempt=2, status=503, uri=uri.format("third")))
        await watched.shows("orders/third")
