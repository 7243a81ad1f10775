"""`request`, `header` and `check` from a shell or a job: what goes where, and how they end."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from program import Program
from requirements import require


def test_the_answer_goes_to_standard_output_and_the_log_to_standard_error(program: Program) -> None:
    ended = program("request", "acme", "GET", "modules")
    assert ended.returncode == 0, ended.stderr
    assert "Magento_Catalog" in json.loads(ended.stdout)
    assert "GET /rest/" in ended.stderr
    assert " HTTP/1.1" in ended.stderr
    assert 'Authorization: OAuth oauth_consumer_key="•••"' in ended.stderr
    assert "200 OK" in ended.stderr


def test_nothing_printed_holds_a_secret(program: Program, environment: dict[str, str], store: dict[str, Any]) -> None:
    for log in ("simple", "long", "full", "curl"):
        ended = program("request", "acme", "GET", "modules", "--log", log)
        for secret in store["integrations"]["full"].values():
            assert secret not in ended.stdout + ended.stderr


def test_a_body_is_sent_as_it_is(program: Program, store: dict[str, Any]) -> None:
    product = {"product": {"sku": "NEW-1", "name": "Ünlü “x”", "price": 3.5, "attribute_set_id": 4}}
    ended = program("request", "acme", "POST", "products", "--data", json.dumps(product), "--log", "none")
    assert ended.returncode == 0, ended.stdout
    assert json.loads(ended.stdout)["name"] == "Ünlü “x”"
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("searchCriteria[pageSize]=1&current_page=2", "Magento ignores 'current_page' outside searchCriteria"),
        ("searchCriteria[pageSize]=1&search_criteria[currentPage]=2", "write searchCriteria only"),
        (
            "searchCriteria[pageSize]=1&searchCriteria[sortOrders][0][field]=creatd_at",
            "no field creatd_at of this list is known",
        ),
        ("searchCriteria[pageSize]=1", ""),
    ],
)
def test_a_free_request_is_sent_as_typed_and_what_magento_ignores_is_pointed_out(
    program: Program, query: str, note: str
) -> None:
    ended = program("request", "acme", "GET", f"products?{query}", "--log", "none")
    assert ended.returncode == 0, ended.stderr
    assert len(json.loads(ended.stdout)["items"]) == 1
    assert note in ended.stderr
    assert bool(note) == bool(ended.stderr)


def test_the_body_comes_from_standard_input_or_a_file(program: Program, tmp_path: Path) -> None:
    text = json.dumps({"sourceItems": [{"sku": "24-MB01", "source_code": "default", "quantity": 3, "status": 1}]})
    (tmp_path / "body.json").write_text(text)
    for data, stdin in (("-", text), (f"@{tmp_path / 'body.json'}", None)):
        ended = program("request", "acme", "POST", "inventory/source-items", "--data", data, stdin=stdin)
        assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["GET", "noSuchThing"], 1, "404"),
        (["GET", "modules", "--client", "nowhere"], 2, "no client named 'nowhere'"),
        (["GET", "http://elsewhere.example/x"], 2, "another host"),
        (["G€T", "modules"], 2, "'G€T' is not an HTTP method"),
        (["GET", "modules/\udcff"], 2, "not UTF-8"),
        (["POST", "products", "--data", "{not json"], 2, "--data is not valid JSON"),
        (["POST", "products", "--data", "@/no/such/file"], 2, "/no/such/file"),
        (["POST", "products", "--data", '"\udcff"'], 2, "--data is not UTF-8"),
        (["POST", "products", "--data", "@\udcff"], 2, "--data: No such file"),
        (["G\udcffT", "modules"], 2, "is not an HTTP method"),
        (["GET /x", "modules"], 2, "is not an HTTP method"),
    ],
)
def test_what_does_not_work_is_one_paragraph_and_an_exit_code(
    program: Program, arguments: list[str], status: int, words: str
) -> None:
    ended = program("request", "acme", *arguments)
    assert ended.returncode == status, ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_header_needs_a_method_too(program: Program) -> None:
    ended = program("header", "acme", "G€T", "modules")
    assert ended.returncode == 2
    assert "'G€T' is not an HTTP method" in ended.stderr


def test_an_unknown_profile_is_said_with_the_nearest(program: Program) -> None:
    ended = program("request", "acne", "GET", "modules")
    assert ended.returncode == 2
    assert "Did you mean acme?" in ended.stderr


def test_a_token_that_the_store_refuses_ends_with_3(program: Program, environment: dict[str, str]) -> None:
    wrong = {**environment, "ACCESS_TOKEN": "canary" + "0" * 26}
    ended = program("request", "acme", "GET", "modules", environ=wrong)
    assert ended.returncode == 3
    assert "Specified token does not exist" in ended.stderr
    assert wrong["ACCESS_TOKEN"] not in ended.stderr


def test_a_token_that_is_not_utf8_is_said_before_anything_is_sent(
    program: Program, environment: dict[str, str]
) -> None:
    ended = program("check", "acme", environ={**environment, "ACCESS_TOKEN": "caf\udce9"})
    assert ended.returncode == 2, ended.stderr
    assert "ACCESS_TOKEN contains a line break, a control character or a character that is not UTF-8" in ended.stdout
    assert "Traceback" not in ended.stderr


def test_several_clients_are_listed_where_none_is_chosen(program: Program, profiles: Path) -> None:
    path = profiles / "acme.toml"
    more = '\n[clients.second]\nplugins = [{ kind = "base-uri", uri = "http://127.0.0.1:9/rest/V1" }]\n'
    path.write_text(path.read_text() + more)
    ended = program("request", "acme", "GET", "modules")
    assert ended.returncode == 2
    assert "magento, second" in ended.stderr
    assert program("request", "acme", "GET", "modules", "--client", "magento").returncode == 0


NO_SINK = {
    "id": "sink-missing",
    "summary": "The incoming products has no sink",
    "evidence": [],
    "remedy": "Add one, or run it with --out FILE.",
}


def test_check_says_in_json_what_is_wrong(program: Program, environment: dict[str, str]) -> None:
    good = program("check", "acme", "--json")
    assert good.returncode == 0, good.stdout
    assert json.loads(good.stdout) == {"ok": True, "findings": [], "warnings": [NO_SINK]}
    bad = program("check", "acme", "--json", environ={**environment, "CONSUMER_KEY": "canary" + "1" * 26})
    assert bad.returncode == 3
    report = json.loads(bad.stdout)
    assert report["ok"] is False
    finding = report["findings"][0]
    assert {"id", "summary", "evidence", "remedy"} <= set(finding)
    assert finding["evidence"]
    assert "consumer key" in finding["summary"]


def test_a_wrong_setup_ends_with_2_and_a_store_that_is_not_reached_with_4(
    program: Program, environment: dict[str, str], profiles: Path
) -> None:
    without = {name: value for name, value in environment.items() if name != "ACCESS_TOKEN"}
    unset = program("check", "acme", "--json", environ=without)
    assert [finding["id"] for finding in json.loads(unset.stdout)["findings"]] == ["not-sent"]
    assert unset.returncode == 2
    for uri in ("http://127.0.0.1:9/rest/V1", "https://nowhere.invalid/rest/V1"):
        plugins = f'plugins = [{{ kind = "base-uri", uri = "{uri}" }}]\n'
        (profiles / "gone.toml").write_text(f'format = 1\nname = "Gone"\n[clients.gone]\n{plugins}')
        gone = program("check", "gone", "--json")
        assert json.loads(gone.stdout)["findings"][0]["id"].startswith("unreachable-")
        assert gone.returncode == 4
        assert program("request", "gone", "GET", "modules").returncode == 4
    with (profiles / "acme.toml").open("a") as file:
        file.write(f"\n[clients.gone]\n{plugins}")
    both = program("check", "acme", "--json", environ={**environment, "ACCESS_TOKEN": "canary" + "0" * 26})
    assert len(json.loads(both.stdout)["findings"]) == 2
    assert both.returncode == 3


def test_check_names_every_problem_of_a_profile_with_its_place(program: Program, profiles: Path) -> None:
    (profiles / "broken.toml").write_text('format = 1\nnmae = "x"\n[clients.a]\ntimeout = "30"\n')
    ended = program("check", "broken", "--json")
    assert ended.returncode == 2
    lines = json.loads(ended.stdout)["findings"][0]["evidence"]
    assert any("broken.toml:2:1" in line and "'name'" in line for line in lines)
    assert any("broken.toml:4:" in line and "timeout" in line for line in lines)


def test_check_prints_one_object_for_a_profile_that_is_not_toml(program: Program, profiles: Path) -> None:
    (profiles / "broken.toml").write_text('format = 1\nname = "x\n')
    ended = program("check", "broken", "--json")
    assert ended.returncode == 2
    (finding,) = json.loads(ended.stdout)["findings"]
    assert (finding["id"], finding["code"]) == ("profile", "toml-syntax")
    assert "broken.toml:2:" in finding["evidence"][0]


def test_a_header_that_is_a_guess_says_so_until_the_dialect_is_known(program: Program) -> None:
    for uri in ("modules", "products/24-MB01"):
        assert program("header", "acme", "GET", uri).stderr == ""
    guessed = program("header", "acme", "GET", "products/A%2FB-1")
    assert guessed.stdout.startswith("Authorization: OAuth ")
    assert "Run `tui-connector check acme` once" in guessed.stderr
    checked = program("check", "acme")
    assert "✔ client magento: signing dialect laminas (Magento 2.4.6 and 2.4.7)" in checked.stdout, checked.stdout
    assert program("header", "acme", "GET", "products/A%2FB-1").stderr == ""


def test_the_header_works_once_with_curl(program: Program, store: dict[str, Any]) -> None:
    require("curl")
    uri = f"{store['url']}/rest/all/V1/modules"
    header = program("header", "acme", "GET", uri)
    assert header.returncode == 0, header.stderr
    curl = shutil.which("curl")
    assert curl
    command = [curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", header.stdout.strip(), uri]
    responses = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert responses == ["200", "401"]  # a signature is good for one request


def test_profiles_lists_what_is_saved_and_what_is_broken(program: Program, profiles: Path) -> None:
    (profiles / "broken.toml").write_text("format = ")
    ended = program("profiles", "--json")
    rows = {row["name"]: row for row in json.loads(ended.stdout)}
    assert rows["acme"]["problem"] is None
    assert rows["broken"]["problem"]
    assert "acme" in program("profiles").stdout


def test_the_schema_accepts_the_profile(program: Program, profiles: Path) -> None:
    import tomllib

    import jsonschema

    schema = json.loads(program("schema").stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(tomllib.loads((profiles / "acme.toml").read_text()), schema)


def test_config_state_and_cache_follow_xdg_and_nothing_else_is_written(
    program: Program, environment: dict[str, str]
) -> None:
    assert program("check", "acme").returncode == 0
    home = Path(environment["HOME"])
    allowed = {Path(environment[name]).name for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    assert {path.name for path in home.iterdir()} <= allowed


def test_what_was_asked_is_in_the_history_without_bodies(program: Program, profiles: Path) -> None:
    program("request", "acme", "GET", "modules", "--log", "none")
    program("request", "acme", "GET", "nowhere", "--log", "none")
    ended = program("log", "acme")
    assert (ended.returncode, ended.stderr) == (0, "")
    first, second = ended.stdout.splitlines()
    assert "GET /rest/all/V1/modules  200" in first
    assert "GET /rest/all/V1/nowhere  404" in second
    assert "Magento_Catalog" not in program("log", "acme", "--format", "full").stdout
    with (profiles / "acme.toml").open("a") as file:
        file.write('\n[log]\nhistory = "bodies"\n')
    program("request", "acme", "GET", "modules", "--log", "none")
    assert "Magento_Catalog" in program("log", "acme", "--format", "full", "--filter", "~s 200").stdout
