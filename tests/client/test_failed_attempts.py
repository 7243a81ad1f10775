"""Which failed attempts were sent again, and which requests failed for good."""

from __future__ import annotations

from exchanges import exchange, lost

from tui_connector.client.exchange import Exchange, Exchanges
from tui_connector.client.failed_attempts import FailedAttempts


def recorded(*exchanges: Exchange) -> FailedAttempts:
    log = Exchanges(100, 1_000_000, 10)
    for each in exchanges:
        log.add(each)
    return log.attempts


def test_of_a_call_that_is_retried_only_the_last_attempt_counts() -> None:
    first, second = lost(1, call=1), exchange(2, call=1, attempt=2, status=503)
    attempts = recorded(first, second, exchange(3, call=1, attempt=3))
    assert (attempts.failed, attempts.retried) == (0, 2)
    assert attempts.next_of(first) == 2
    assert attempts.next_of(second) == 3
    attempts = recorded(first, second)
    assert (attempts.failed, attempts.retried) == (1, 1)
    assert attempts.next_of(second) is None
    attempts.clear()
    assert (attempts.failed, attempts.retried) == (0, 0)


def test_a_run_that_waited_for_the_store_sends_the_request_again_with_another_call() -> None:
    page, other = lost(1), exchange(2, uri="https://acme.example/rest/V1/products?page=2")
    attempts = recorded(page, other, exchange(3, call=3))
    assert (attempts.failed, attempts.retried) == (0, 1)
    assert attempts.next_of(page) == 3
    bodies = [exchange(number, method="POST", request_body=b'{"sku": "%d"}' % number) for number in (1, 2, 3)]
    posted = [lost(4, method="POST", request_body=bodies[0].request_body), *bodies[1:]]
    assert recorded(*posted).failed == 1  # others were sent to the same address
    assert recorded(*posted, bodies[0]).failed == 0


def test_a_login_or_probe_that_is_sent_again_to_a_store_that_was_down_is_a_retry() -> None:
    login = {"purpose": "login", "method": "POST", "request_body": b'{"username": "api", "password": "***"}'}
    first, second = lost(1, **login), exchange(2, status=503, **login)
    attempts = recorded(first, second, exchange(3, **login))
    assert (attempts.failed, attempts.retried) == (0, 2)
    assert (attempts.next_of(first), attempts.next_of(second)) == (2, 3)
    attempts = recorded(*(lost(number, **login) for number in range(1, 6)))
    assert (attempts.failed, attempts.retried) == (1, 4)
    assert recorded(lost(1, purpose="probe"), exchange(2, purpose="probe")).failed == 0
    assert recorded(exchange(1, status=401, **login), exchange(2, **login)).failed == 1  # with another password


def test_another_request_to_the_same_address_repeats_nothing() -> None:
    for failed, other in (
        (lost(1, purpose="test"), exchange(2, purpose="test")),
        (lost(1, purpose="test"), exchange(2, purpose="probe")),
        (lost(1, method="POST"), exchange(2, method="POST")),
        (lost(1), exchange(2, by_hand=True)),
    ):
        assert (recorded(failed, other).failed, recorded(failed, other).retried) == (1, 0)
    log = Exchanges(100, 1_000_000, 10)
    log.add(lost(1))
    log.attempts.begin_session()
    log.add(exchange(1, attempt=2))  # a history: each session counts from 1
    assert (log.attempts.failed, log.attempts.retried) == (1, 0)


def test_what_is_kept_is_bounded_and_what_is_counted_is_not() -> None:
    attempts = FailedAttempts(3)
    for number in range(1, 11):
        attempts.record(lost(number, uri=f"https://acme.example/{number}"))
    assert (attempts.failed, attempts.retried) == (10, 0)
    for number in range(11, 21):
        attempts.record(lost(number, uri="https://acme.example/10"))
    assert (attempts.failed, attempts.retried) == (10, 10)
    assert attempts.next_of(lost(18, uri="https://acme.example/10")) == 19


def test_a_guess_that_finds_the_store_leaves_no_failure_at_the_address_that_was_typed() -> None:
    typed, other = "https://acme.example/admin/rest/V1/currency", "http://acme.example/rest/V1/currency"

    def search(number: int, uri: str, status: int | None) -> Exchange:
        sent = {"uri": uri, "purpose": "probe", "typed_uri": typed}
        return lost(number, **sent) if status is None else exchange(number, status=status, **sent)

    for status in (None, 404, 503):
        first, guess = search(1, typed, status), search(2, f"{other}/2", status)
        attempts = recorded(first, guess)
        assert (first.failed, guess.failed, guess.expected) == (True, False, True)
        assert (attempts.failed, attempts.retried, attempts.next_of(first)) == (1, 0, None), "no guess has found it"
        attempts = recorded(first, guess, search(3, other, 200))
        assert (attempts.failed, attempts.retried) == (0, 0)
        assert attempts.next_of(first) == 3
    again = recorded(first, search(2, typed, 200))
    assert (again.failed, again.retried) == (0, 1), "the same address was tested again"
