"""`sandbox --replay`: a recorded run, or the HAR of another tool, served as a store."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fork_server
import pytest
from exchanges import exchange, lost
from program import Ended, Program
from recordings import needed, recordings

from tui_connector.client.exchange import RecordedBody
from tui_connector.client.message import Failure
from tui_connector.log.records import line


@dataclass
class Replay:
    """A running replay."""

    about: dict[str, Any]
    lines: IO[str]

    @property
    def url(self) -> str:
        return str(self.about["url"])

    def get(self, target: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"{self.url}{target}", timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def data(self, target: str) -> tuple[int, Any]:
        status, body = self.get(target)
        return status, json.loads(body)

    def next_report(self) -> str:
        return str(json.loads(self.lines.readline())["not-replayed"])


@contextmanager
def replay(file: Path, environment: Mapping[str, str]) -> Iterator[Replay]:
    with fork_server.piped("sandbox", "--replay", file, "--port", "0", "--json", env=environment) as (process, lines):
        yield Replay(json.loads(lines.readline()), lines)
        process.terminate()


@pytest.fixture
def refused(clean_environment: dict[str, str]) -> Any:
    """Runs `sandbox --replay FILE`, which ends with an error."""

    def run(*arguments: str | Path) -> Ended:
        code, out, err = fork_server.run("sandbox", "--port", "0", "--replay", *arguments, env=clean_environment)
        assert (code, out) == (2, b"")
        return Ended(arguments, code, "", err.decode())

    return run


def _moved(profile: Path, before: str, after: str) -> None:
    profile.write_text(profile.read_text().replace(before, after))


def _items(out: str) -> list[Any]:
    return [json.loads(each) for each in out.splitlines()]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "har"])
def test_a_recorded_run_is_repeated_offline_with_the_same_result(
    program: Program, profiles: Path, store: dict[str, Any], environment: dict[str, str], tmp_path: Path, form: str
) -> None:
    profile, file = profiles / "acme.toml", tmp_path / "run.jsonl"
    pages = 'pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 7 }'
    _moved(profile, 'pagination = { kind = "keyset", filter = "entity_id", field = "id" }', pages)
    first = program("run", "acme", "--full", "--out", "-", "--record", str(file), "--whole-bodies")
    assert (first.returncode, len(_items(first.stdout))) == (0, 30)
    if form == "jsonl.gz":
        file = file.with_name("run.jsonl.gz")
        file.write_bytes(gzip.compress((tmp_path / "run.jsonl").read_bytes()))
    elif form == "har":
        assert program("log", str(file), "--export", "har", "--out", str(tmp_path / "run.har")).returncode == 0
        file = tmp_path / "run.har"
    with replay(file, environment) as replayed:
        assert replayed.about["stores"] == [store["url"]]
        assert replayed.about["incomplete"] == []
        _moved(profile, store["url"], replayed.url)
        second = program("run", "acme", "--full", "--out", "-", environ={**environment, "ACCESS_TOKEN": "of nobody"})
    assert (second.returncode, second.stdout) == (0, first.stdout)


def test_a_failed_run_fails_again_with_the_same_finding(
    program: Program, profiles: Path, store: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    profile, file = profiles / "acme.toml", tmp_path / "run.jsonl"
    refused = {**environment, "ACCESS_TOKEN": "a-CANARY-of-another-store-123456"}
    first = program("run", "acme", "--out", "-", "--record", str(file), environ=refused)
    assert first.returncode == 3
    with replay(file, environment) as replayed:
        _moved(profile, store["url"], replayed.url)
        second = program("run", "acme", "--out", "-", environ=environment)
    assert second.returncode == 3
    assert second.stderr.replace(replayed.url, store["url"]) == first.stderr


def test_a_login_whose_token_was_masked_is_repeated(
    program: Program, profiles: Path, store: dict[str, Any], environment: dict[str, str], tmp_path: Path
) -> None:
    profile, file = profiles / "acme.toml", tmp_path / "run.jsonl"
    (profiles / "acme.toml").write_text(
        f"""format = 1
name = "Acme"
[authentications.admin]
kind = "request"
uri = "/rest/V1/integration/admin/token"
method = "post"
parameters = {{ username = "{store["admin"]["username"]}", password = {{ env = "PASSWORD" }} }}
client = "default"
header = "Authorization"
source = "body"
template = "Bearer &{{@[0]}}"
[clients.default]
[[clients.default.plugins]]
kind = "base-uri"
uri = "{store["url"]}/rest/V1"
[[clients.default.plugins]]
kind = "content-type"
[clients.magento]
authentications = ["admin"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "{store["url"]}/rest/V1"
[incoming.products]
client = "magento"
request = {{ uri = "products" }}
items = "items"
identifier = "sku"
pagination = {{ kind = "keyset", filter = "entity_id", field = "id", page-size = 5 }}
"""
    )
    known = {**environment, "PASSWORD": store["admin"]["password"]}
    first = program("run", "acme", "--out", "-", "--record", str(file), "--whole-bodies", environ=known)
    assert (first.returncode, first.stderr.count("complete")) == (0, 1)
    with replay(file, environment) as replayed:
        assert replayed.about["masked"]
        _moved(profile, store["url"], replayed.url)
        other = {**environment, "PASSWORD": "another CANARY password"}
        second = program("run", "acme", "--full", "--out", "-", environ=other)
    assert (second.returncode, second.stdout) == (0, first.stdout)


CHROME = {
    "log": {
        "version": "1.2",
        "creator": {"name": "WebInspector", "version": "537.36"},
        "pages": [],
        "entries": [
            {
                "_initiator": {"type": "script"},
                "_priority": "High",
                "_resourceType": "fetch",
                "cache": {},
                "connection": "443",
                "request": {
                    "method": "GET",
                    "url": "https://shop.example/rest/V1/products?searchCriteria%5BpageSize%5D=2",
                    "httpVersion": "http/2.0",
                    "headers": [
                        {"name": ":authority", "value": "shop.example"},
                        {"name": "authorization", "value": "Bearer CANARYabcdefghijklmnop"},
                    ],
                    "queryString": [{"name": "searchCriteria%5BpageSize%5D", "value": "2"}],
                    "cookies": [],
                    "headersSize": -1,
                    "bodySize": 0,
                },
                "response": {
                    "status": 200,
                    "statusText": "",
                    "httpVersion": "http/2.0",
                    "headers": [
                        {"name": "content-type", "value": "application/json; charset=utf-8"},
                        {"name": "content-encoding", "value": "br"},
                        {"name": "content-length", "value": "12"},
                    ],
                    "cookies": [],
                    "content": {"size": 23, "mimeType": "application/json", "text": '{"items":[{"sku":"a"}]}'},
                    "redirectURL": "",
                    "headersSize": -1,
                    "bodySize": -1,
                    "_transferSize": 310,
                    "_error": None,
                },
                "serverIPAddress": "192.0.2.1",
                "startedDateTime": "2026-11-29T10:00:00.000Z",
                "time": 84.1,
                "timings": {"blocked": 1, "dns": -1, "ssl": -1, "connect": -1, "send": 0.1, "wait": 80, "receive": 3},
            },
            {
                "request": {"method": "POST", "url": "https://shop.example/rest/V1/carts", "headers": []},
                "response": {"status": 0, "statusText": "", "headers": [], "content": {"size": 0}},
                "startedDateTime": "2026-11-29T10:00:01.000Z",
            },
            {
                "request": {"method": "GET", "url": "https://shop.example/media/a.png", "headers": []},
                "response": {"status": 200, "headers": [], "content": {"size": 5_000, "mimeType": "image/png"}},
                "startedDateTime": "2026-11-29T10:00:02.000Z",
            },
        ],
    }
}


def test_the_har_of_a_browser_is_served(
    clean_environment: dict[str, str], tmp_path: Path, may_hold_canary: set[Path]
) -> None:
    file = tmp_path / "shop.example.har"
    may_hold_canary.add(file)
    file.write_text(json.dumps(CHROME))
    with replay(file, clean_environment) as replayed:
        assert (replayed.about["requests"], replayed.about["stores"]) == (2, ["https://shop.example"])
        assert (replayed.about["skipped"], replayed.about["incomplete"]) == ([2], [3])
        assert replayed.data("/rest/V1/products?searchCriteria[pageSize]=2") == (200, {"items": [{"sku": "a"}]})
        status, body = replayed.data("/media/a.png")
        assert (status, body["parameters"]["reason"]) == (501, "its body is not in the file")
        assert "cannot be replayed: its body is not in the file" in replayed.next_report()
        status, body = replayed.data("/rest/V1/products?searchCriteria[pageSize]=3")
        assert (status, body["parameters"]["number"]) == (501, 1)
        assert "does not contain GET /rest/V1/products" in replayed.next_report()


def test_what_cannot_be_replayed_is_said_at_the_start(clean_environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    truncated = RecordedBody(b'{"items": [', 190_000, 9_000, "application/json", cut=True)
    binary = RecordedBody(b"\xff\xd8\xff", 3, 3, "image/jpeg")
    recorded = [exchange(1, body=truncated), exchange(2, body=binary), lost(3, Failure.DNS), exchange(4, status=99)]
    file.write_bytes(b"".join(map(line, recorded)))
    with fork_server.piped("sandbox", "--replay", file, "--port", "0", env=clean_environment) as (process, lines):
        said = [lines.readline().strip() for _ in range(9)]
        process.terminate()
    assert said[0].startswith(f"A replay of {file}, not a store: http://127.0.0.1:")
    assert said[2] == "2 recorded requests to https://acme.example"
    assert said[3].startswith("1 request (#1): the response was not recorded completely")
    assert said[4].startswith("1 request (#2): the response is binary")
    assert said[5].startswith("1 request (#3): skipped, because no response was recorded")
    assert said[6].startswith("1 request (#4): skipped, because it is not a valid HTTP exchange")


def test_files_that_are_no_recording_are_refused_with_the_place(refused: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.har"
    broken.write_text('{"log": {"entries": [\n{"request": nothing}]}}')
    message = refused(broken).stderr
    assert "it is not valid JSON" in message
    assert str(broken) in message
    assert "line 2, column 13" in message
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"format": 1, "uri": 5}\nnot JSON\n')
    message = refused(lines).stderr
    assert f"{lines}:1:" in message
    assert f"{lines}:2:" in message
    assert "there is no recorded request to replay" in message
    assert "No such file" in refused(tmp_path / "absent.jsonl").stderr
    odd = tmp_path / "odd.jsonl"
    odd.write_bytes(line(exchange(1, uri="https://[")) + line(exchange(2, method="GET /a HTTP/1.1\r\nX:")))
    assert "not a valid HTTP exchange" in refused(odd).stderr
    assert "--seed cannot be combined" in refused(odd, "--seed", "2").stderr


def test_whole_bodies_need_a_recording(program: Program) -> None:
    ended = program("run", "acme", "--whole-bodies")
    assert (ended.returncode, "requires --record" in ended.stderr) == (2, True)


def test_recordings_of_a_real_store_are_served_as_they_are(clean_environment: dict[str, str], tmp_path: Path) -> None:
    needed()
    file, at = tmp_path / "real.jsonl", exchange().at
    first = {each.target: each for each in reversed(recordings()) if each.method == "GET" and "[" not in each.target}
    file.write_bytes(b"".join(line(each.exchange(number, at)) for number, each in enumerate(first.values())))
    with replay(file, clean_environment) as replayed:
        assert replayed.about["requests"] == len(first) > 50
        unmasked = [each for number, each in enumerate(first.items()) if number not in replayed.about["masked"]]
        assert len(unmasked) > 40
        for target, each in unmasked:
            reply = replayed.get(target)
            assert (reply[0], reply[1].strip()) == (each.status, each.body.strip()), target
