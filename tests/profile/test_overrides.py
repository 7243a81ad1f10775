"""Environments: overrides by path, their problems at the override, and secrets that stay with their store."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from user_errors import user_error

from tui_connector.profile.document import Document
from tui_connector.profile.environments import differences
from tui_connector.profile.model import Profile
from tui_connector.profile.on_failure import OnFailure
from tui_connector.profile.problems import check, environment_data, read_profile
from tui_connector.profile.text_checker import check_file

BASE = """format = 1
name = "Acme"
[authentications.a]
kind = "bearer"
token = { keyring = "acme/a/token" }
[authentications.admin]
kind = "request"
uri = "/rest/V1/integration/admin/token"
parameters = { username = "api", password = { keyring = "acme/admin/password" } }
client = "magento"
[clients.magento]
authentications = ["a"]
timeout = "30s"
[[clients.magento.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/V1"
[[clients.magento.plugins]]
kind = "append-headers"
headers = { X-Store = "nl" }
[[clients.magento.plugins]]
kind = "append-headers"
headers = { X-Other = "1" }
[incoming.products]
client = "magento"
request = { uri = "products" }
items = "items"
sink = { kind = "jsonl", path = "products.jsonl" }
"""
OTHER_STORE = '[environments.staging]\nclients.magento.plugins.base-uri.uri = "https://staging.example/rest/V1"\n'
LINES = BASE.count("\n")


def staging(overrides: str, name: str = "staging") -> Profile:
    profile, problems = check(BASE + overrides, name)
    assert problems == []
    assert profile is not None
    return profile


def problems(overrides: str) -> list[str]:
    """The problems, with their line counted from the first one of the overrides."""
    profile, found = check(BASE + overrides)
    assert profile is None
    return [f"{each.line - LINES}:{each.column}: {each.path}: {each.message} [{each.code}]" for each in found]


@pytest.mark.parametrize(
    "overrides",
    [
        OTHER_STORE,
        '[environments.staging.clients.magento.plugins.base-uri]\nuri = "https://staging.example/rest/V1"\n',
        '[environments.staging.clients.magento.plugins.0]\nuri = "https://staging.example/rest/V1"\n',
        '[environments.staging.clients.magento]\nplugins.base-uri = { kind = "base-uri", '
        'uri = "https://staging.example/rest/V1" }\n',
    ],
    ids=["dotted", "tables", "index", "whole kind"],
)
def test_a_value_is_overridden_by_its_path(overrides: str) -> None:
    profile = staging(overrides)
    assert profile.base_uri("magento") == "https://staging.example/rest/V1"
    assert [each.kind for each in profile.clients["magento"].plugins] == [
        "base-uri",
        "append-headers",
        "append-headers",
    ]
    assert profile.environment == profile.environment_label == "staging"
    base = staging(overrides, "default")
    assert base.base_uri("magento") == "https://acme.example/rest/V1"
    assert (base.environment, base.environment_label, base.label) == ("", "default", "Acme (default)")


def test_tables_merge_and_whole_kinds_replace() -> None:
    merged = staging(
        '[environments.staging]\nincoming.products.sink.path = "staging.jsonl"\nclients.magento.timeout = "9s"\n'
    )
    assert merged.incoming["products"].sink is not None
    assert merged.incoming["products"].sink.kind == "jsonl"
    assert merged.clients["magento"].authentications == ["a"]
    replaced = staging(
        '[environments.staging.incoming.products]\nsink = { kind = "sqlite", path = "s.db", table = "p" }\n'
    )
    assert replaced.incoming["products"].sink is not None
    assert replaced.incoming["products"].sink.kind == "sqlite"
    token = staging('[environments.staging.authentications.a]\ntoken = { env = "STAGING_TOKEN" }\n')
    assert next(each.source.key for each in token.secrets()) == "env:STAGING_TOKEN"
    basic = staging(
        '[environments.staging.authentications.a]\nkind = "basic"\nusername = "u"\npassword = { ask = true }\n'
    )
    assert basic.authentications["a"].kind == "basic"


def test_an_environment_alerts_in_another_way() -> None:
    def of(base: str, override: str) -> OnFailure:
        profile, problems = check(
            f"{BASE}[on-failure]\n{base}\n[environments.staging.on-failure]\n{override}", "staging"
        )
        assert problems == []
        assert profile is not None
        assert profile.on_failure is not None
        return profile.on_failure

    request = 'request = { method = "post", uri = "https://a.example/hook" }\ntimeout = "9s"'
    webhook = of('command = ["./notify.sh"]\nenvironment = ["PAGER_URL"]', request)
    assert (webhook.command, webhook.environment) == (None, None)
    assert webhook.request is not None
    script = of(request, 'command = ["./notify.sh"]')
    assert (script.request, script.command) == (None, ["./notify.sh"])
    other = of(request, 'request.uri = "https://b.example/hook"')
    assert other.request is not None
    assert (other.request.method, other.request.uri, other.timeout) == ("post", "https://b.example/hook", "9s")


@pytest.mark.parametrize(
    ("overrides", "found"),
    [
        (
            '[environments.staging]\nclients.magneto.timeout = "9s"\n',
            "2:9: environments.staging.clients.magneto: there is no client 'magneto' to override: "
            "did you mean 'magento'? [unknown-name]",
        ),
        (
            '[environments.staging.incoming]\norders = { request = { uri = "orders" } }\n',
            "2:1: environments.staging.incoming.orders: there is no incoming 'orders' to override: "
            "the profile has 'products' [unknown-name]",
        ),
        (
            '[environments.staging]\nclients.magento.plugins.base-url.uri = "https://x.example"\n',
            "2:25: environments.staging.clients.magento.plugins.base-url: clients.magento.plugins has no element "
            "'base-url' to override; did you mean 'base-uri'? [unknown-name]",
        ),
        (
            '[environments.staging]\nclients.magento.plugins.append-headers.headers.X-Store = "de"\n',
            "2:25: environments.staging.clients.magento.plugins.append-headers: clients.magento.plugins has several "
            "elements 'append-headers': write the index, 1 or 2 [unknown-name]",
        ),
        (
            "[environments.staging]\nformat = 1\n",
            "2:1: environments.staging.format: an environment cannot override format [environment-override]",
        ),
        (
            '[environments.staging]\nname = "S"\n[environments.staging.environments.x]\n',
            "3:1: environments.staging.environments: an environment cannot override environments "
            "[environment-override]",
        ),
        (
            '[environments.staging.clients.magento]\ntimeout = "30"\n',
            "2:1: environments.staging.clients.magento.timeout: write a number and a unit",
        ),
        (
            '[environments.staging.clients.magento]\ntimeot = "30s"\n',
            "2:1: environments.staging.clients.magento.timeot: unknown key; did you mean 'timeout'? [unknown-key]",
        ),
        (
            "[environments.staging]\nclients.magento.authentications = ['b']\n",
            "2:36: environments.staging.clients.magento.authentications.0: unknown authentication 'b'",
        ),
        ("[environments]\nstaging = 1\n", "2:1: environments.staging: must be a table [wrong-type]"),
        ("[environments.default]\n", "1:1: environments.default: 'default' is the name of the base values"),
        ('[environments."a b"]\n', "1:1: environments.a b: 'a b' is not a valid name"),
        ("[environments.staging]\nproduction = 'yes'\n", "2:1: environments.staging.production: must be true or false"),
    ],
)
def test_a_wrong_override_is_a_problem_at_its_place(overrides: str, found: str) -> None:
    assert [line[: len(found)] for line in problems(overrides)] == [found]


def test_all_problems_of_all_environments_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    text = BASE.replace('timeout = "30s"', "timeout = 0")
    path.write_text(
        f"{text}[environments.one]\nclients.magento.timeout = -1\nnmae = 'x'\n"
        "[environments.two]\nclients.x.title = ''\n"
    )
    found = {(each.line - LINES, each.path) for each in check_file(path)[0] if each.line > LINES}
    assert found == {
        (2, "environments.one.clients.magento.timeout"),
        (3, "environments.one.nmae"),
        (5, "environments.two.clients.x"),
    }
    assert [each.path for each in check_file(path)[0] if each.line <= LINES] == ["clients.magento.timeout"]


def test_an_unknown_environment_names_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(BASE + OTHER_STORE)
    with user_error("unknown-environment", match="It has: staging"):
        read_profile(path, "stagng")


def keys(profile: Profile) -> dict[str, str]:
    return {each.name: each.source.key for each in profile.secrets()}


def test_an_environment_with_another_store_has_keyring_entries_of_its_own() -> None:
    both = BASE.replace('authentications = ["a"]', 'authentications = ["a", "admin"]').replace(
        'client = "magento"\n[clients', 'client = "login"\nheader = "X-Admin"\n[clients.login]\n[clients'
    )
    profile, found = check(both + OTHER_STORE, "staging")
    assert found == []
    assert profile is not None
    assert keys(profile) == {
        "a/token": "keyring:acme/a/token@staging",
        "admin/password": "keyring:acme/admin/password@staging",
    }


def test_an_environment_with_the_same_store_shares_the_entries() -> None:
    shared = keys(staging('[environments.staging]\nincoming.products.sink.path = "other.jsonl"\n'))
    assert shared["a/token"] == "keyring:acme/a/token"


def test_the_entry_that_an_environment_names_is_used_as_it_is() -> None:
    own = keys(staging(f'{OTHER_STORE}authentications.a.token = {{ keyring = "acme/a/token" }}\n'))
    assert own["a/token"] == "keyring:acme/a/token"


def test_a_login_of_another_environment_does_not_get_the_password_of_production() -> None:
    """The login's own address stays the same: its token would be sent to the other store."""
    text = (
        BASE.replace('uri = "/rest/V1/integration', 'uri = "https://login.example/V1/integration')
        .replace('authentications = ["a"]', 'authentications = ["admin"]')
        .replace('client = "magento"\n[clients', 'client = "default"\n[clients')
    )
    profile, found = check(text + OTHER_STORE, "staging")
    assert found == []
    assert profile is not None
    assert keys(profile)["admin/password"] == "keyring:acme/admin/password@staging"


@pytest.mark.parametrize("source", ['{ env = "TOKEN" }', '{ command = ["op", "read", "x"] }'])
def test_a_variable_is_not_sent_to_another_store_unless_that_is_said(source: str) -> None:
    text = BASE.replace('{ keyring = "acme/a/token" }', source)
    profile, found = check(text + OTHER_STORE)
    assert profile is None
    assert [(each.line - LINES, each.code) for each in found] == [(1, "shared-secret")]
    assert "would be sent to https://staging.example" in found[0].message
    assert "set environments.staging.authentications.a.token" in found[0].message
    said, found = check(f"{text}{OTHER_STORE}authentications.a.token = {source}\n", "staging")
    assert found == []
    assert said is not None


def test_a_typed_secret_is_asked_for_in_each_environment() -> None:
    text = BASE.replace('{ keyring = "acme/a/token" }', "{ ask = true }")
    assert check(text + OTHER_STORE)[1] == []


def test_production_is_set_for_all_clients_of_an_environment() -> None:
    profile = staging(
        '[environments.live]\nproduction = true\nclients.magento.plugins.base-uri.uri = "https://live.example/rest/V1"\n',
        "live",
    )
    assert profile.clients["magento"].production
    assert not staging(OTHER_STORE).clients["magento"].production


def test_a_store_marked_as_production_once_is_marked_everywhere() -> None:
    assert [line.partition(" [")[0] for line in problems("[environments.live]\nproduction = true\n")] == [
        f"{11 - LINES}:1: clients.magento: https://acme.example is marked as production in live, but not here: "
        "set production = true"
    ]
    text = BASE.replace('timeout = "30s"', "production = true")
    found = check(f"{text}[environments.staging]\nclients.magento.production = false\n")[1]
    assert [(each.line - LINES, each.code) for each in found] == [(1, "unmarked-production")]
    assert check(text + OTHER_STORE + "production = false\n")[1] == []


def test_the_difference_between_two_environments_is_listed_by_path() -> None:
    text = f'{BASE}{OTHER_STORE}incoming.products.sink = {{ kind = "stdout" }}\n'
    data = tomllib.loads(text)
    found = [
        (each.dotted, each.first, each.second)
        for each in differences(environment_data(data, ""), environment_data(data, "staging"))
    ]
    assert found == [
        ("authentications.a.token.keyring", "acme/a/token", "acme/a/token@staging"),
        ("clients.magento.plugins.0.uri", "https://acme.example/rest/V1", "https://staging.example/rest/V1"),
        ("incoming.products.sink", {"kind": "jsonl", "path": "products.jsonl"}, {"kind": "stdout"}),
    ]


def test_what_is_added_to_an_environment_is_written_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text('format = 1\n[environments.a]  # ours\nclients.m.timeout = "3s"  # slow\n\n[incoming]\n')
    document = Document.read(path)
    document.set(("environments", "a", "clients", "m", "tls", "verify"), False)
    document.set(("environments", "a", "incoming", "p", "pagination"), {"kind": "offset", "size": 3})
    document.set(("environments", "b"), {"production": True, "authentications": {"x": {"token": {"env": "X"}}}})
    assert document.text() == (
        'format = 1\n[environments.a]  # ours\nclients.m.timeout = "3s"  # slow\nclients.m.tls.verify = false\n'
        'incoming.p.pagination = { kind = "offset", size = 3 }\n\n'
        '[environments.b]\nproduction = true\nauthentications.x.token = { env = "X" }\n\n[incoming]\n'
    )
