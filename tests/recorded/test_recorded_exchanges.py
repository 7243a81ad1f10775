"""Every recorded exchange through the log: masked, printed, found, as HAR out and in."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import recordings as real
from recordings import recordings
from rich.style import Style

from tui_connector.client.exchange import Exchange, Exchanges
from tui_connector.client.message import Request, RequestInfo
from tui_connector.client.printer import text
from tui_connector.client.wire import AttemptRecord, to_exchange
from tui_connector.log import har
from tui_connector.log import recording as recorded
from tui_connector.log.filter import parse
from tui_connector.log.har import export
from tui_connector.log.recording import Notice, Recording
from tui_connector.magento.diagnosis import diagnose_exchange
from tui_connector.secrets.mask import Mask, returns_token
from tui_connector.tui.log.exchange_text import RelatedExchanges, exchange_text
from tui_connector.tui.log.rows import columns_for, row

AT = datetime(2026, 11, 23, 22, tzinfo=UTC)
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SECRET = re.compile(
    r"FAKE\.JWT|FAKE-[\w-]*(?:secret|access-token|consumer-key)|FAKESESSION|fake-password|FAKESIG|YWRtaW46"
)


def _plain(_: str) -> Style:
    return Style()


@pytest.fixture(scope="session")
def log() -> list[Exchange]:
    """The recordings as the wire would have recorded them, each with a mask that has learned nothing."""
    return [_recorded(number) for number in range(len(recordings()))]


def _recorded(index: int) -> Exchange:
    each = recordings()[index]
    about = RequestInfo(purpose="test", secret_response=returns_token(each.target))
    headers = tuple(each.sent_headers.items())
    request = Request(each.method, f"https://shop.example{each.target}", headers, each.sent.encode(), about)
    seen = AttemptRecord(index + 1, "shop", request, headers, AT + timedelta(seconds=index), 0.0, ended=0.1)
    seen.status, seen.reason, seen.headers = each.status, each.reason, each.headers
    body = each.body.encode()
    return to_exchange(seen, body, len(body), mask=Mask(), kept=2_000_000)


def test_no_secret_is_left_in_the_recording(log: list[Exchange], capsys: pytest.CaptureFixture[str]) -> None:
    left = {}
    secrets = 0
    for each, exchange in zip(recordings(), log, strict=True):
        raw = f"{each.sent_headers} {each.sent} {each.headers} {each.body} {each.target}"
        secrets += len(_SECRET.findall(raw))
        printed = text(exchange, "full") + text(exchange, "curl", profile="shop")
        if found := _SECRET.findall(printed):
            left[each.number] = found
    assert not left
    with capsys.disabled():
        print(f"\n{len(log)} exchanges: {secrets} secrets in them, none left")


@pytest.mark.parametrize("formatter", ["simple", "long", "full", "curl"])
def test_every_exchange_is_printed(log: list[Exchange], formatter: str) -> None:
    for each, exchange in zip(recordings(), log, strict=True):
        printed = text(exchange, formatter, profile="shop", client="shop")
        assert _UNSAFE.search(printed) is None, each.number
        path = each.target.partition("?")[0]
        if formatter == "simple":
            assert unquote(path) in unquote(printed), each.number  # "%2F" stays what it is
        else:
            assert path in printed, each.number
        if formatter == "curl":
            printed = printed.replace(shlex.quote(each.sent), "BODY")  # it would take seconds to split a large one
            assert "curl" in shlex.split(printed, comments=True), each.number
        if formatter == "simple":
            assert "\n" not in printed
            assert str(each.status) in printed


def test_a_har_brings_all_of_them_back(log: list[Exchange]) -> None:
    data = b"".join(export(log))
    back = list(har.entries(data, Mask()))
    assert not [each for each in back if isinstance(each, Notice)]
    assert [replace(each, original=None) for each in back if isinstance(each, Exchange)] == [
        replace(each, original=None) for each in log
    ]


@pytest.mark.parametrize(
    ("typed", "holds"),
    [
        ("~s 401", lambda each: each.status == 401),
        ("~s >=500", lambda each: each.status >= 500),
        ("~m post,PUT ~e", lambda each: each.method in ("POST", "PUT") and each.status >= 400),
        ("~u admin/token", lambda each: "admin/token" in each.target),
        ("~h phpsessid", lambda each: "PHPSESSID" in str(each.headers)),
    ],
)
def test_the_filter_finds_what_an_own_search_finds(
    log: list[Exchange], typed: str, holds: Callable[[real.Recording], bool]
) -> None:
    found = [exchange.number for exchange in log if parse(typed).matches(exchange)]
    assert found == [number for number, each in enumerate(recordings(), 1) if holds(each)]
    assert found


@pytest.mark.parametrize("width", [76, 120])
def test_every_exchange_has_its_row_and_its_page(log: list[Exchange], width: int) -> None:
    for each, exchange in zip(recordings(), log, strict=True):
        around = RelatedExchanges(finding=diagnose_exchange(exchange))
        for raw in (False, True):
            page = exchange_text(exchange, around, width=width, raw=raw)
            assert not any(_UNSAFE.search(line) for line in page.lines), each.number
            assert _SECRET.search("\n".join(page.lines)) is None
        shown = "".join(part.text for part in row(exchange, columns_for(width, dates=False), _plain, marked=False))
        assert f" {each.status}" in shown
        assert "\n" not in shown


def test_a_masked_exchange_has_the_same_finding(log: list[Exchange]) -> None:
    """The screen diagnoses the record, which has no secret any more."""
    other = {}
    for each, exchange in zip(recordings(), log, strict=True):
        without = replace(exchange, token=None)  # the token that stands for the real one has another form
        plain, masked = diagnose_exchange(each.exchange(exchange.number, exchange.at)), diagnose_exchange(without)
        if (plain and plain.id) != (masked and masked.id):
            other[each.number] = (plain and plain.id, masked and masked.id)
    assert other.keys() <= {"028"}, other  # 'Bearer ' with nothing behind it, which the program does not send


def test_a_recording_brings_all_of_them_back(log: list[Exchange], tmp_path: Path) -> None:
    exchanges = Exchanges()
    recording = Recording(tmp_path / "log.jsonl")
    recording.start(exchanges)
    for exchange in log:
        exchanges.record(exchange)
    recording.close()
    back = list(recorded.read(tmp_path / "log.jsonl", Mask()))
    assert [replace(each, original=None) for each in back if isinstance(each, Exchange)] == [
        replace(each, original=None) for each in log
    ]
