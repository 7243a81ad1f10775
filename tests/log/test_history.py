"""What the last sessions of a profile were."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from exchanges import AT, exchange, lost

from tui_connector.client.exchange import Exchange, Exchanges
from tui_connector.client.message import Request, RequestInfo
from tui_connector.client.printer import failure_message
from tui_connector.log import history as module
from tui_connector.log.filter import parse
from tui_connector.log.history import History, Keep
from tui_connector.log.records import LogFailed
from tui_connector.log.request_summary import first_entity

PROFILE = Path("profiles/Acme store.toml")


def _session(state: Path, day: int, count: int, keep: Keep = "metadata", profile: Path = PROFILE) -> None:
    exchanges, history = Exchanges(), History(state, profile)
    history.start(exchanges, keep, AT + timedelta(days=day))
    for number in range(count):
        exchanges.record(exchange(number, body=b'{"email":"somebody@example.com"}'))
    history.close()


def test_sessions_are_stored_without_bodies_for_their_owner(tmp_path: Path) -> None:
    _session(tmp_path, 0, 2)
    _session(tmp_path, 1, 3)
    _session(tmp_path, 2, 0)  # nothing was asked
    newest, oldest = History(tmp_path, PROFILE).sessions()
    assert newest.began == AT + timedelta(days=1)
    found = list(newest.read())
    assert [each.number for each in found if isinstance(each, Exchange)] == [0, 1, 2]
    assert all(isinstance(each, Exchange) and each.body.data == b"" and each.body.size == 32 for each in found)
    assert b"somebody" not in b"".join(path.read_bytes() for path in (*newest.files(), *oldest.files()))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(newest.path.parent.stat().st_mode) == 0o700


def test_what_is_answered_while_the_file_is_opened_is_kept_once(tmp_path: Path) -> None:
    exchanges, history = Exchanges(), History(tmp_path, PROFILE)
    exchanges.record(exchange(1))
    with History._starting, ThreadPoolExecutor() as thread:
        started = thread.submit(history.start, exchanges, "metadata", AT, exchanges)
        exchanges.record(exchange(2))
        History._starting.release()
        started.result(10)
        History._starting.acquire()
    exchanges.record(exchange(3))
    history.close()
    [session] = History(tmp_path, PROFILE).sessions()
    assert [each.number for each in session.read() if isinstance(each, Exchange)] == [1, 2, 3]


def test_the_row_of_a_failure_still_says_what_the_store_said(tmp_path: Path) -> None:
    exchanges, history = Exchanges(), History(tmp_path, PROFILE)
    earlier = exchange(1, status=404, body=b'{"message":"No such entity with sku = %1","parameters":["24-X"]}')
    history.start(exchanges, "metadata", earlier.at + timedelta(minutes=5), earlier=[earlier])
    exchanges.record(lost(2))
    history.close()
    [session] = History(tmp_path, PROFILE).sessions()
    assert session.began == earlier.at
    found = [each for each in session.read() if isinstance(each, Exchange)]
    assert [failure_message(each) for each in found] == ["No such entity with sku = 24-X", "no response within 30 s"]
    assert not any(each.body.data for each in found)


def test_rows_and_counts_are_those_of_the_live_log(tmp_path: Path) -> None:
    """Of logins that were repeated until the store was back, and of what runs sent, although no body is kept."""
    live, history = Exchanges(), History(tmp_path, PROFILE)
    history.start(live, "metadata", AT)
    login = {"purpose": "login", "method": "POST", "request_body": b'{"username": "api", "password": "***"}'}
    stock = {"method": "POST", "uri": "https://acme.example/rest/V1/inventory/source-items"}
    first, second = (
        {"original": Request("POST", "x", about=RequestInfo(run={"run": run})), **stock} for run in ("1", "2")
    )
    sku = b'{"sourceItems": [{"sku": "24-MB01", "quantity": 5}]}'
    for each in (
        *(lost(number, **login) for number in (1, 2, 3)),
        exchange(4, **login),
        lost(5, request_body=sku, **first),
        exchange(6, request_body=sku.replace(b"01", b"02"), **first),
        exchange(7, request_body=sku, **first),
        lost(8, request_body=sku, **first),
        exchange(9, request_body=sku, **second),  # another run
        exchange(10, request_body=b'{"customer": {"email": "somebody@example.com"}}', **first),
    ):
        live.record(each)
    history.close()
    assert (live.attempts.failed, live.attempts.retried) == (1, 4)
    [session] = History(tmp_path, PROFILE).sessions()
    again = Exchanges()
    for read in session.read():
        assert isinstance(read, Exchange)
        again.add(read)
    assert (again.attempts.failed, again.attempts.retried) == (1, 4)
    for before, after in zip(live, again, strict=True):
        assert live.attempts.next_of(before) == again.attempts.next_of(after)
    entities = [first_entity(each) for each in live]
    assert [first_entity(each) for each in again] == [*entities[:9], ""]  # no person's address
    assert first_entity(again[6]) == "sku 24-MB01"
    assert parse("24-mb02").matches(again[5])


def test_two_users_of_one_log_record_it_once_until_both_have_closed(tmp_path: Path) -> None:
    exchanges = Exchanges()
    run, page = History(tmp_path, PROFILE), History(tmp_path, PROFILE)
    run.start(exchanges, "metadata", AT)
    page.start(exchanges, "metadata", AT + timedelta(hours=1))
    run.close()
    exchanges.record(exchange(1))
    page.close()
    exchanges.record(exchange(2))
    [session] = History(tmp_path, PROFILE).sessions()
    assert [each.number for each in session.read() if isinstance(each, Exchange)] == [1]


def test_all_screens_of_a_process_write_to_one_session(tmp_path: Path) -> None:
    """The guide, then the page of the profile, meanwhile the list of earlier sessions, and a command that they run."""
    guide, page, listed = Exchanges(), Exchanges(), Exchanges()
    for log, minutes, number in ((guide, 0, 1), (page, 5, 2), (page, 60, 3)):
        history = History(tmp_path, PROFILE)
        history.start(log, "metadata", AT + timedelta(minutes=minutes))
        log.record(exchange(number))
        other = History(tmp_path, PROFILE)
        other.start(listed, "metadata", AT + timedelta(minutes=minutes + 1))
        listed.record(exchange(number + 10))
        name = other.session
        other.close()
        log.record(exchange(number + 20))
        history.close()
        listed.record(exchange(99))
    [session] = History(tmp_path, PROFILE).sessions()
    assert session.began == AT
    assert name == session.path.name
    numbers = [each.number for each in session.read() if isinstance(each, Exchange)]
    assert numbers == [1, 11, 21, 2, 12, 22, 3, 13, 23]
    _session(tmp_path, 1, 1)  # the next day
    assert _days(tmp_path) == [1, 0]


@pytest.mark.parametrize(("session", "began"), [("20260102T030405.000006Z.jsonl", 0), ("../x.jsonl", 1)])
def test_a_process_continues_the_session_of_another_one(tmp_path: Path, session: str, began: int) -> None:
    log, history = Exchanges(), History(tmp_path, PROFILE)
    history.start(log, "metadata", AT, session=session)
    log.record(exchange(1))
    assert (history.session == session) is (began == 0)
    history.close()
    later, history = Exchanges(), History(tmp_path, PROFILE)
    history.start(later, "metadata", AT, session=session)
    history.close()
    assert later.next_number() == 2  # the session has #1 already
    assert [each.path.parent for each in History(tmp_path, PROFILE).sessions()] == [history.directory]


def test_the_profile_decides(tmp_path: Path) -> None:
    _session(tmp_path, 0, 1, "off")
    assert History(tmp_path, PROFILE).sessions() == []
    _session(tmp_path, 0, 1, "bodies")
    (found,) = History(tmp_path, PROFILE).sessions()[0].read()
    assert isinstance(found, Exchange)
    assert b"somebody" in found.body.data


@pytest.mark.parametrize(
    ("keep", "by_hand", "size", "is_kept"),
    [
        ("metadata", False, 20, False),
        ("metadata", True, 20, True),
        ("requests", False, 20, True),
        ("requests", False, 65_537, False),
        ("bodies", False, 65_537, True),
    ],
)
def test_bodies_of_requests_are_kept_to_be_resent(
    tmp_path: Path, keep: Keep, by_hand: bool, size: int, is_kept: bool
) -> None:
    exchanges, history = Exchanges(), History(tmp_path, PROFILE)
    history.start(exchanges, keep, AT)
    exchanges.record(exchange(1, method="POST", by_hand=by_hand, request_body=b"x" * size))
    history.close()
    (found,) = History(tmp_path, PROFILE).sessions()[0].read()
    assert isinstance(found, Exchange)
    assert found.request_body.data == (b"x" * size if is_kept else b"")
    assert found.body.data == (b'{"items": []}' if keep == "bodies" else b"")


def test_another_profile_of_the_same_name_has_a_history_of_its_own(tmp_path: Path) -> None:
    _session(tmp_path, 0, 1)
    assert History(tmp_path, Path("elsewhere") / PROFILE.name).sessions() == []


def test_old_sessions_go_by_age_count_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (0, 1, 2, 31):
        _session(tmp_path, day, 1)
    assert [(each.began - AT).days for each in History(tmp_path, PROFILE).sessions()] == [31, 2, 1]
    monkeypatch.setattr(module, "SESSIONS", 2)
    _session(tmp_path, 32, 1)
    assert [(each.began - AT).days for each in History(tmp_path, PROFILE).sessions()] == [32, 31]
    monkeypatch.setattr(module, "BYTES", 0)
    _session(tmp_path, 33, 1)
    assert [(each.began - AT).days for each in History(tmp_path, PROFILE).sessions()] == [33]


def test_a_long_session_keeps_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SESSION_BYTES", 20_000)
    _session(tmp_path, 0, 200)
    (session,) = History(tmp_path, PROFILE).sessions()
    assert session.size <= 20_000
    numbers = [each.number for each in session.read() if isinstance(each, Exchange)]
    assert numbers == list(range(200 - len(numbers), 200))


def test_a_state_directory_that_cannot_be_written_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("a file where the directory should be")
    with pytest.raises(LogFailed, match="cannot be saved"):
        History(tmp_path, PROFILE).start(Exchanges(), "metadata", AT)


def test_what_else_lies_there_is_left_alone(tmp_path: Path) -> None:
    _session(tmp_path, 0, 1)
    (session,) = History(tmp_path, PROFILE).sessions()
    (session.path.parent / "notes.txt").write_text("mine")
    (session.path.parent / "20269999T999999.000000Z.jsonl").write_text("")
    assert History(tmp_path, PROFILE).sessions() == [session]


def _days(state: Path) -> list[int]:
    return [(each.began - AT).days for each in History(state, PROFILE).sessions()]


TEN_YEARS = 3_650


def test_a_clock_ten_years_ahead_for_a_while_deletes_nothing(tmp_path: Path) -> None:
    for day in (0, 1, 20, TEN_YEARS, TEN_YEARS, TEN_YEARS + 1, TEN_YEARS + 2):
        _session(tmp_path, day, 1)
    assert _days(tmp_path)[-3:] == [20, 1, 0]
    _session(tmp_path, 2 * TEN_YEARS, 1)
    assert _days(tmp_path)[-3:] == [20, 1, 0]
    for day in (21, 31):  # right again
        _session(tmp_path, day, 1)
    assert _days(tmp_path)[-4:] == [31, 21, 20, 1]


def test_a_clock_that_stays_ahead_is_believed_after_a_week(tmp_path: Path) -> None:
    for day in (0, 1, 400, 404, 408):
        _session(tmp_path, day, 1)
    assert _days(tmp_path) == [408, 404, 400]


def test_sessions_from_the_future_push_out_none_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (TEN_YEARS, TEN_YEARS + 1, TEN_YEARS + 2):
        _session(tmp_path, day, 1)
    monkeypatch.setattr(module, "SESSIONS", 3)
    for day in (0, 1, 2):
        _session(tmp_path, day, 1)
    assert _days(tmp_path) == [2, 1, 0]


def test_a_clock_that_starts_in_1970_deletes_nothing(tmp_path: Path) -> None:
    for day in (0, 1, -20_000, -20_000, 2):
        _session(tmp_path, day, 1)
    assert _days(tmp_path)[:3] == [2, 1, 0]
