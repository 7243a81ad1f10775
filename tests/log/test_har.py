"""HAR: what other tools read, what comes back, and files of other tools."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exchanges import exchange, exchanges, lost
from haralyzer import HarParser  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from user_errors import user_error

from tui_connector.client.exchange import Exchange, RecordedBody, Timings
from tui_connector.log.files import is_har
from tui_connector.log.har import entries, export, read
from tui_connector.log.recording import Notice
from tui_connector.secrets.mask import MARK, Mask

LOG = [
    exchange(1, request_headers=(("Authorization", f"Bearer {MARK}(32)"), ("Cookie", f"PHPSESSID={MARK}"))),
    exchange(2, method="POST", status=400, request_body=b'{"a":"\xc3\xa9"}', body=b"\x89PNG\r\n\x00\xff"),
    exchange(3, body=RecordedBody(b'{"items":[', 2_000_000, 90_000, "application/json", cut=True), attempt=2, call=2),
    exchange(4, purpose="login", body=RecordedBody(f'"{MARK}" (32 characters)'.encode(), 34, 34, "application/json")),
    exchange(5, timings=Timings(None, None, 0.001, 0.2, 0.0, 0.2345), note="login renewed (60 min)", formatter="long"),
    lost(6),
]


def _har(log: list[Exchange]) -> bytes:
    return b"".join(export(log))


def _back(data: bytes) -> list[Exchange]:
    found = list(entries(data, Mask()))
    assert not [each for each in found if isinstance(each, Notice)]
    return [each for each in found if isinstance(each, Exchange)]


def test_out_and_in_is_the_same_log() -> None:
    assert _back(_har(LOG)) == LOG


@given(st.lists(exchanges, max_size=3))
def test_out_and_in_again_changes_nothing(log: list[Exchange]) -> None:
    once = _back(_har(log))
    assert _back(_har(once)) == once
    for before, after in zip(log, once, strict=True):
        if before.status is None or before.status > 0:
            unmasked = {"uri", "reason", "request_headers", "headers", "request_body", "body", "failure_text", "note"}
            same = replace(before, original=None, **{name: getattr(after, name) for name in unmasked})
            assert same == after


def test_an_independent_reader_reads_it() -> None:
    parsed = HarParser(json.loads(_har(LOG)))
    (page,) = parsed.pages
    assert (parsed.version, parsed.creator["name"]) == ("1.2", "tui-connector")
    assert [each.response.status for each in page.entries] == [200, 400, 200, 200, 200, 0]
    assert [each.request.method for each in page.entries] == ["GET", "POST", "GET", "GET", "GET", "GET"]
    assert [each.startTime for each in page.entries] == [each.at for each in LOG]
    assert page.entries[0].response.text == '{"items": []}'
    assert page.entries[1].response.textEncoding == "base64"
    assert page.entries[0].request.headers[0] == {"name": "Authorization", "value": f"Bearer {MARK}(32)"}
    assert parsed.match_status_code(page.entries[1], "4.*")


def test_timings_are_as_the_specification_wants_them() -> None:
    spans = [each["timings"] for each in json.loads(_har(LOG))["log"]["entries"]]
    whole = [each["time"] for each in json.loads(_har(LOG))["log"]["entries"]]
    for each, total in zip(spans, whole, strict=True):
        assert min(each["send"], each["wait"], each["receive"]) >= 0
        assert sum(value for name, value in each.items() if name != "ssl" and value > 0) == pytest.approx(total)
    assert (spans[4]["connect"], spans[4]["ssl"], spans[4]["dns"]) == (-1, -1, -1)
    assert spans[0]["connect"] == pytest.approx(30)  # TLS is part of it
    assert spans[0]["ssl"] == pytest.approx(20)


def test_masked_places_are_named() -> None:
    first, *_, fourth, _, _ = json.loads(_har(LOG))["log"]["entries"]
    assert first["_masked"] == ["request.headers.Authorization", "request.headers.Cookie"]
    assert first["request"]["cookies"] == [{"name": "PHPSESSID", "value": MARK}]
    assert fourth["_masked"] == ["response.content"]


def _entry(**changes: Any) -> dict[str, Any]:
    """An entry as Chromium writes it."""
    return {
        "_priority": "High",
        "startedDateTime": "2026-11-23T10:00:00.123Z",
        "time": 103.4,
        "request": {
            "method": "POST",
            "url": "https://shop.example/rest/V1/products?token=CANARY-query",
            "httpVersion": "http/2.0",
            "headers": [
                {"name": ":authority", "value": "shop.example"},
                {"name": "authorization", "value": "Bearer CANARY-bearer"},
                {"name": "cookie", "value": "PHPSESSID=CANARY-cookie"},
            ],
            "cookies": [{"name": "PHPSESSID", "value": "CANARY-cookie"}],
            "postData": {"mimeType": "application/json", "text": '{"password":"CANARY-password"}'},
            "headersSize": -1,
            "bodySize": 30,
        },
        "response": {
            "status": 200,
            "statusText": "",
            "headers": [{"name": "set-cookie", "value": "x=CANARY-set; path=/"}],
            "content": {"size": 20, "mimeType": "application/json", "text": '{"access_token":"CANARY-answer"}'},
            "bodySize": 99,
        },
        "timings": {"blocked": 1, "dns": 2, "connect": 30, "ssl": 20, "send": 1, "wait": 50, "receive": 19.4},
        **changes,
    }


def _file(*listed: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "x"}, "entries": list(listed)}}).encode()


def test_a_browsers_har_is_read_and_its_secrets_are_masked() -> None:
    (found,) = _back(_file(_entry()))
    assert "CANARY" not in repr(found)
    assert (found.number, found.call, found.method, found.status) == (1, 1, "POST", 200)
    assert [name for name, _ in found.request_headers] == ["authorization", "cookie"]
    assert found.uri == f"https://shop.example/rest/V1/products?token={MARK}"
    assert found.body.data.decode() == f'{{"access_token":"{MARK}"}}'
    assert found.timings == Timings(0.012, 0.02, 0.001, 0.05, 0.0194, 0.1034)
    assert found.at.isoformat() == "2026-11-23T10:00:00.123000+00:00"


def test_a_login_response_is_masked_without_a_secret_name() -> None:
    entry = _entry()
    entry["request"]["url"] = "https://shop.example/rest/V1/integration/admin/token"
    entry["response"]["content"]["text"] = '"CANARYtokenCANARYtokenCANARYtoken"'
    (found,) = _back(_file(entry))
    assert "CANARY" not in repr(found)
    entry["response"]["status"] = 401
    entry["response"]["content"]["text"] = '{"message":"The account sign-in was incorrect"}'
    (found,) = _back(_file(entry))
    assert b"sign-in was incorrect" in found.body.data


def test_hars_without_bodies_with_parameters_and_with_base64() -> None:
    without = _entry()
    del without["response"]["content"]["text"], without["request"]["postData"]
    form = _entry()
    form["request"]["postData"] = {
        "mimeType": "application/x-www-form-urlencoded",
        "params": [{"name": "username", "value": "a b"}, {"name": "password", "value": "CANARY"}],
    }
    binary = _entry()
    binary["response"]["content"] |= {"encoding": "base64", "text": base64.b64encode(b"\x00\xff").decode()}
    nothing = _entry(response={"status": 0, "_error": "net::ERR_CONNECTION_REFUSED"})
    first, second, third, fourth = _back(_file(without, form, binary, nothing))
    assert (first.body.data, first.body.size, first.body.note) == (b"", 20, "not in the file")
    assert second.request_body.data.decode() == f"username=a+b&password={MARK}"
    assert third.body.data == b"\x00\xff"
    assert (fourth.status, fourth.failure_text, fourth.failed) == (None, "net::ERR_CONNECTION_REFUSED", True)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (None, "it is not an object"),
        ({}, "request.url is missing"),
        (_entry(request={"url": 5}), "request.url is not text"),
        (_entry(request="GET /"), "request.url is missing"),
    ],
)
def test_an_entry_without_an_address_is_left_out_and_named(entry: Any, words: str) -> None:
    good, notice = entries(_file(entry, _entry()), Mask())
    assert isinstance(good, Exchange)
    assert isinstance(notice, Notice)
    assert notice.text == f"1 of 2 entries skipped (number 1): {words}"


def _changed(*path: str, to: Any) -> dict[str, Any]:
    entry = _entry()
    inner = entry
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return entry


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (_changed("startedDateTime", to="yesterday"), "startedDateTime is not a date and time"),
        (_changed("startedDateTime", to="NaN-NaN-NaNTNaN:NaN:NaN.NaN-NaN:NaN"), "startedDateTime is not a date"),
        (_changed("startedDateTime", to={"$date": 1}), "startedDateTime is not text"),
        (_changed("timings", to=[]), "timings is not an object"),
        (_changed("time", to="fast"), "time is not a number"),
        (_changed("time", to=float("nan")), "time is not a number"),
        (_changed("timings", "wait", to="-"), "timings.wait is not a number"),
        (_changed("response", "status", to="OK"), "response.status is not a number"),
        (_changed("response", "statusText", to=7), "response.statusText is not text"),
        (_changed("response", "bodySize", to="?"), "response.bodySize is not a number"),
        (_changed("response", "content", to="{}"), "response.content is not an object"),
        (_changed("response", "content", "text", to={"a": 1}), "response.content.text is not text"),
        (_changed("response", "content", "size", to=True), "response.content.size is not a number"),
        (_changed("response", to=None) | {"response": "none"}, "response is not an object"),
        (
            _changed("request", "headers", to=[{"name": 1}, {"name": "a", "value": "b"}]),
            "request.headers contain",
        ),
        (_changed("request", "headers", to="Accept: */*"), "request.headers is not a list"),
        (_changed("request", "postData", to="a=b"), "request.postData is not an object"),
        (_changed("request", "method", to=3), "request.method is not text"),
    ],
)
def test_one_unreadable_fact_is_left_out_and_the_request_stays(entry: Any, words: str) -> None:
    kept, whole, notice = entries(_file(entry, _entry()), Mask())
    assert isinstance(kept, Exchange)
    assert isinstance(whole, Exchange)
    assert kept.uri == whole.uri
    assert isinstance(notice, Notice)
    assert notice.text.startswith(f"1 of 2 entries shown without their unreadable parts: {words}")


def test_what_is_written_in_another_form_is_read() -> None:
    entry = _changed("response", "status", to="404 Not Found")
    entry["response"]["headers"] = [{"name": "Content-Length", "value": 512}, {"name": "X-None", "value": None}]
    entry["request"]["headers"] = {"Accept": "application/json"}
    entry["_error"] = {"type": "net", "code": -105}
    (found,) = _back(_file(entry))
    assert found.status == 404
    assert found.headers == (("Content-Length", "512"), ("X-None", ""))
    assert found.request_headers == (("Accept", "application/json"),)
    assert found.failure_text == '{"type": "net", "code": -105}'


def test_a_redacted_body_is_shown_unchanged() -> None:
    entry = _entry()
    entry["response"]["content"] = {"size": 2048, "mimeType": "image/png", "encoding": "base64", "text": "[removed]"}
    found, notice = entries(_file(entry), Mask())
    assert isinstance(found, Exchange)
    assert found.body.data == b"[removed]"
    assert found.body.note == "marked as base64 but is not: shown unchanged"
    assert isinstance(notice, Notice)
    assert "response.content.text is not valid base64" in notice.text


def test_a_file_with_many_faults_has_one_notice() -> None:
    listed = [_changed("time", to="x") for _ in range(40)] + [None] * 30
    *found, notice = entries(_file(*listed), Mask())
    assert [type(each) for each in found] == [Exchange] * 40
    assert isinstance(notice, Notice)
    assert notice.text == (
        "30 of 70 entries skipped (number 41, 42, 43, 44, 45, …): it is not an object (30 ×); "
        "40 of 70 entries shown without their unreadable parts: time is not a number (40 ×)"
    )


@pytest.mark.parametrize(
    ("timings", "time", "connect"),
    [
        (
            {"dns": 5, "connect": 40, "ssl": 25, "send": 0.5, "wait": 40, "receive": 1},
            86.5,
            0.020,
        ),  # inside, as HAR 1.2
        ({"connect": 40, "ssl": 35, "send": 0.5, "wait": 30, "receive": 1}, 106.5, 0.040),  # beside
        ({"connect": 75, "ssl": 35, "send": 0.5, "wait": 30, "receive": 1}, 106.5, 0.040),
        ({"connect": 10, "ssl": 35, "send": 1, "wait": 1, "receive": 1}, None, 0.010),  # it cannot be inside
        ({"blocked": 3, "connect": 40, "ssl": 25, "send": 1, "wait": 1, "receive": 1}, 46.2, 0.015),
        ({"connect": 40, "ssl": -1, "send": 1, "wait": 1, "receive": 1}, 43, 0.040),
    ],
)
def test_tls_outside_connect_is_recognised_by_the_total_time(
    timings: dict[str, float], time: float | None, connect: float
) -> None:
    (found,) = _back(_file(_entry(timings=timings, time=time)))
    assert found.timings.connect == pytest.approx(connect)


def test_without_a_whole_time_it_is_the_sum() -> None:
    (found,) = _back(_file(_entry(timings={"send": 1, "wait": 2, "receive": 3}, time=None)))
    assert found.timings.total == pytest.approx(0.006)


def test_a_connection_is_reused_only_where_the_tool_says_so() -> None:
    told, silent = {"connect": -1, "send": 1, "wait": 2, "receive": 3}, {"send": 1, "wait": 2, "receive": 3}
    (first, second) = _back(_file(_entry(timings=told), _entry(timings=silent)))
    assert (first.timings.reused, second.timings.reused) == (True, False)
    assert _back(_har([second])) == [second]


@pytest.mark.parametrize(
    ("changes", "body_size", "wire", "note"),
    [
        ({"_fromCache": "disk"}, 500, 0, "from the browser's cache"),
        ({"_fromCache": "memory"}, -1, 0, "from the browser's cache"),
        ({"_fetchType": "Memory Cache"}, 500, 0, "from the browser's cache"),
        ({"_fetchType": "Network Load"}, 500, 500, ""),
        ({}, 0, 0, ""),  # a 304
        ({}, -1, None, ""),
    ],
)
def test_bytes_from_a_cache_did_not_cross_the_network(
    changes: dict[str, str], body_size: int, wire: int | None, note: str
) -> None:
    entry = _entry(**changes)
    entry["response"] |= {"bodySize": body_size, "content": {"size": 23_866, "mimeType": "text/css", "text": ""}}
    (found,) = _back(_file(entry))
    assert (found.body.size, found.body.wire_size, found.note) == (23_866, wire, note)
    assert _back(_har([found])) == [found]


@pytest.mark.parametrize(
    ("data", "words", "place"),
    [
        (b"", "it is empty", (None, None)),
        (_file(_entry())[:-20], "it is truncated", (1, None)),
        (_file(_entry())[:300], "it is truncated", (1, None)),
        (b'{"log":\n{"entries" []}}', "it is not valid JSON: Expecting ':' delimiter", (2, 12)),
        (b"<html>", "it is not valid JSON", (1, 1)),
        (b"[]", "not HAR", (None, None)),
        (b'{"log":{"entries":{}}}', "not HAR", (None, None)),
        (b"[" * 100_000, "nested too deeply", (None, None)),
        (b'{"log":' + b"9" * 6_000 + b"}", "cannot be read", (None, None)),
    ],
)
def test_an_invalid_har_is_reported_with_its_position(
    data: bytes, words: str, place: tuple[int | None, int | None], tmp_path: Path
) -> None:
    path = tmp_path / "x.har"
    path.write_bytes(data.replace(b"CANARY", b"secret"))
    with user_error("har", match=r"x\.har") as failed:
        list(read(path))
    assert words in str(failed.value)
    assert failed.value.line == place[0]
    assert place[1] in (None, failed.value.column)


_keys = st.sampled_from(
    ["request", "response", "url", "headers", "content", "text", "timings", "status", "name", "value"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(_keys, inner),
)


@given(_json)
def test_any_json_is_read_or_left_out(value: Any) -> None:
    list(entries(_file(value, {"request": {"url": "x"}, "response": value}, {"request": value}), Mask()))


def test_20_mb_of_another_tool_in_utf_16(tmp_path: Path) -> None:
    entry = _entry()
    entry["response"]["content"]["text"] = json.dumps([{"sku": "24-MB01", "name": "Joust Duffle Bag"}] * 2_000)
    path = tmp_path / "big.har"
    path.write_bytes(json.dumps({"log": {"entries": [entry] * 110}}).replace("CANARY", "secret").encode("utf-16"))
    assert path.stat().st_size > 20_000_000
    assert sum(isinstance(each, Exchange) for each in read(path)) == 110


@pytest.mark.parametrize("packed", ["gz", "bz2", "xz", "zip"])
def test_a_compressed_har_opens(packed: str, tmp_path: Path) -> None:
    path = tmp_path / f"run.har.{packed}"
    if packed == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("export/run.har", _har(LOG))
            archive.writestr("readme.txt", "exported")
    else:
        opener = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}[packed]
        with opener(path, "wb") as file:
            file.write(_har(LOG))
    assert is_har(path)
    assert list(read(path)) == LOG
