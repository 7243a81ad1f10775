"""Literal secrets in the text of a profile are moved out of it, also while the rest of the text is not valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_connector.guide.misplaced_secrets import plan_move
from tui_connector.guide.secret_sources import SecretPlace
from tui_connector.machine import TypedSecrets
from tui_connector.profile.correction import apply
from tui_connector.profile.text_checker import Checker

SECRET = "CANARY-token-of-the-shop"
FILE = Path("acme.toml")
TEXT = f"""format = 1
name = "Acme store"

[authentications.a]
kind = "bearer"
token = "{SECRET}"

[clients.m]
authentications = ["a"]

[[clients.m.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"
"""
STAGING = """
[environments.staging.clients.m.plugins.base-uri]
uri = "https://staging.example/rest/all/V1"

[environments.staging.authentications.a]
"""
LITERAL = f'"{SECRET}"'
REFERENCE = '{ keyring = "acme/a/access-token" }'
INVALID = {
    "an open quote in its table": ('kind = "bearer"\n', 'kind = "bearer"\ntitle = "The\n'),
    "an open quote in another table": ('name = "Acme store"', 'name = "Acme store'),
    "a client that does not exist": ('authentications = ["a"]', 'authentications = ["a", "b"]'),
    "another secret": ("[clients.m]", f'[authentications.b]\nkind = "bearer"\ntoken = {LITERAL}\n\n[clients.m]'),
}


def moved(text: str, target: SecretPlace = SecretPlace.KEYRING, **variables: str) -> str:
    """The text after its first secret was moved."""
    problem = next(each for each in Checker().check(text).literal_secrets if each.can_move)
    move = plan_move(text, problem, FILE, target, variables)
    assert move.secret == SECRET
    return apply(text, [move.edit])


@pytest.mark.parametrize("what", INVALID)
def test_a_secret_is_moved_while_something_else_is_wrong(what: str) -> None:
    text = TEXT.replace(*INVALID[what])
    assert text != TEXT
    assert moved(text) == text.replace(LITERAL, REFERENCE, 1)


@pytest.mark.parametrize(
    "written",
    [
        f'"{SECRET}',
        f'"{SECRET}" x',
        f"[{LITERAL}]",
        f'"""\n{SECRET}\n',
    ],
)
def test_what_cannot_be_moved_is_not_offered(written: str) -> None:
    assert not any(each.can_move for each in Checker().check(TEXT.replace(LITERAL, written)).problems)


def test_a_secret_where_the_profile_names_no_source_is_not_offered() -> None:
    text = TEXT.replace(LITERAL, REFERENCE)
    text += f'\n[incoming.i]\nclient = "m"\nrequest = {{ uri = "items", headers = {{ X-Api-Key = {LITERAL} }} }}\n'
    [problem] = Checker().check(text).literal_secrets
    assert not problem.can_move


@pytest.mark.parametrize(
    "written", [LITERAL, f"{{ token = {LITERAL} }}", f'"""{SECRET}"""', f"'{SECRET}'", f"{{ value = {LITERAL} }}"]
)
def test_however_it_is_written_the_whole_secret_is_replaced(written: str) -> None:
    assert moved(TEXT.replace(LITERAL, written)) == TEXT.replace(LITERAL, REFERENCE)


def test_a_secret_in_place_of_a_name_is_moved() -> None:
    generated = "u4xlx2atafcanaryu4xlx2atafcanary"
    text = TEXT.replace(LITERAL, f'{{ env = "{generated}" }}')
    [problem] = Checker().check(text).literal_secrets
    move = plan_move(text, problem, FILE)
    assert (move.secret, apply(text, [move.edit])) == (generated, TEXT.replace(LITERAL, REFERENCE))


def test_a_secret_of_an_environment_gets_a_name_of_its_own() -> None:
    text = TEXT.replace(LITERAL, REFERENCE) + STAGING + f"token = {LITERAL}\n"
    assert moved(text) == text.replace(LITERAL, '{ keyring = "acme/a/access-token@staging" }')
    [problem] = Checker().check(text).literal_secrets
    assert plan_move(text, problem, FILE).origins == ("https://staging.example",)
    variable = '{ env = "TUI_CONNECTOR_ACME_A_ACCESS_TOKEN_STAGING" }'
    assert moved(text, SecretPlace.ENVIRONMENT) == text.replace(LITERAL, variable)


def test_two_secrets_never_share_a_name() -> None:
    """An authentication was renamed as text, with its variable; another one has its name now."""
    renamed = '[authentications.b]\nkind = "bearer"\ntoken = { env = "TUI_CONNECTOR_ACME_A_ACCESS_TOKEN" }\n\n'
    text = TEXT.replace("[clients.m]", f"{renamed}[clients.m]")
    wanted = '{ env = "TUI_CONNECTOR_ACME_A_ACCESS_TOKEN_2" }'
    assert moved(text, SecretPlace.ENVIRONMENT) == text.replace(LITERAL, wanted)


def test_a_variable_that_is_set_does_not_replace_the_secret() -> None:
    is_set = {"TUI_CONNECTOR_ACME_A_ACCESS_TOKEN": "x"}
    wanted = '{ env = "TUI_CONNECTOR_ACME_A_ACCESS_TOKEN_2" }'
    assert moved(TEXT, SecretPlace.ENVIRONMENT, **is_set) == TEXT.replace(LITERAL, wanted)
    assert moved(TEXT, **is_set) == TEXT.replace(LITERAL, '{ keyring = "acme/a/access-token-2" }')


def test_the_prompts_of_a_renamed_authentication_keep_their_values() -> None:
    typed = TypedSecrets()
    typed.keep(FILE, "ask:a/token", "https://acme.example", "CANARY-1")
    typed.keep(FILE, "ask:ab/token", "https://acme.example", "CANARY-2")
    typed.copy_prompted(FILE, "a", "b")
    found = [typed.find(FILE, f"ask:{each}/token", "https://acme.example") for each in ("a", "b", "ab", "bb")]
    assert found == ["CANARY-1", "CANARY-1", "CANARY-2", None]


def test_a_value_without_an_origin_replaces_those_that_were_typed_before() -> None:
    typed = TypedSecrets()
    typed.keep(FILE, "env:TOKEN", "https://acme.example", "CANARY-1")
    typed.keep(FILE, "env:TOKEN", "", "CANARY-2")
    assert typed.find(FILE, "env:TOKEN", "https://acme.example") == "CANARY-2"
    typed.keep(FILE, "env:TOKEN", "https://acme.example", "CANARY-3")
    assert typed.find(FILE, "env:TOKEN", "https://acme.example") == "CANARY-3"
    assert typed.find(FILE, "env:TOKEN", "https://other.example") == "CANARY-2"
    assert typed.has(FILE, "env:TOKEN", ["https://other.example"])
