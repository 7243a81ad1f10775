"""A profile is shared: no place in it accepts a secret that is written out, whatever the secret's name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui_connector.cli.opening import read
from tui_connector.errors import UserError
from tui_connector.profile.problems import check_data
from tui_connector.profile.text_secrets import without_literal_secrets
from tui_connector.secrets.mask import MARK, Mask
from tui_connector.secrets.names import is_secret_name, is_secret_parameter

VALUE = "CANARY-literal-7f3a9k"
HEADERS = [
    *("X-Api-Key", "Authorization", "Cookie", "X-Private-Key", "X-Consumer-Key", "X-Client-Key", "X-Signature"),
    *("X-Session-Id", "X-Jwt", "X-Auth", "X-CSRF", "X-Otp", "Ocp-Apim-Subscription-Key", "X-Functions-Key", "X-Pin"),
    *("X-Vault-Token", "X-Amz-Security-Token", "X-Master-Key", "X-Shopify-Hmac-Sha256", "X-App-Key", "Jenkins-Crumb"),
]
PARAMETERS = [
    *("password", "pwd", "passwd", "pass", "userPass", "passphrase", "api_key", "apiKey", "apikey", "private_key"),
    *("client_key", "client_secret", "secret", "token", "access_token", "refresh_token", "id_token", "credential"),
    *("pin", "otp", "totp", "jwt", "sig", "signature", "hmac", "sid", "SID", "PHPSESSID", "jsessionid", "session_id"),
    *("form_key", "oauth_verifier", "code_verifier", "SAMLResponse", "rp_token", "X-Amz-Signature", "AWSAccessKeyId"),
    *("subscription-key", "assertion", "authcode", "login[password]", "cc_number", "cvv", "csrf", "bearer"),
]
HARMLESS = [
    *("keyword", "author", "authority", "customer_token_count", "token_type", "url_key", "public_key", "sort_key"),
    *("passenger", "compass", "inside", "side", "pinned", "shipping", "searchCriteria[pageSize]", "fields", "X-Store"),
    *("Content-Type", "User-Agent", "X-Trace", "sku", "signed", "design", "discard", "store_code", "hashtag", "state"),
    *("code", "key", "passwordExpiresAt", "session_lifetime", "auth_method", "scope", "grant_type", "username"),
]
START = """format = 1
name = "Shop"
[clients.shop]
"""
PLACES = {
    "set-headers": '[[clients.shop.plugins]]\nkind = "set-headers"\nheaders = { NAME = VALUE }\n',
    "append-headers": '[[clients.shop.plugins]]\nkind = "append-headers"\nheaders = { NAME = VALUE }\n',
    "default-headers": '[[clients.shop.plugins]]\nkind = "default-headers"\nheaders = { NAME = VALUE }\n',
    "query-defaults": '[[clients.shop.plugins]]\nkind = "query-defaults"\nparameters = { NAME = VALUE }\n',
    "login": '[authentications.a]\nkind = "request"\nparameters = { username = "me", NAME = VALUE }\n',
    "incoming header": '[incoming.i]\nclient = "shop"\nrequest = { uri = "items", headers = { NAME = VALUE } }\n',
    "incoming query": '[incoming.i]\nclient = "shop"\nrequest = { uri = "items", parameters = { NAME = VALUE } }\n',
    "outgoing body": '[outgoing.o]\nclient = "shop"\nrequest = { method = "post", uri = "items", parameters = '
    "{ a = [{ NAME = VALUE }] } }\n",
}
WITH_HEADERS = [place for place in PLACES if "header" in place]
ADDRESSES = {
    "incoming": '[incoming.i]\nclient = "shop"\nrequest = { uri = "ADDRESS" }\n',
    "outgoing": '[outgoing.o]\nclient = "shop"\nrequest = { method = "post", uri = "ADDRESS" }\n',
    "login": '[authentications.a]\nkind = "request"\nuri = "ADDRESS"\nparameters = { username = "me" }\n',
    "token": '[authentications.a]\nkind = "oauth2"\ntoken-uri = "https://x.example/ADDRESS"\nclient-id = "me"\n'
    'client-secret = { env = "A" }\n',
}  # fmt: skip


def refused(tmp_path: Path, text: str) -> str:
    """What is said of the profile; nothing where it is accepted."""
    path = tmp_path / "shop.toml"
    path.write_text(START + text)
    try:
        read(path)
    except UserError as failed:
        return str(failed)
    finally:
        path.unlink()  # its author wrote the secret into it
    return ""


def filled(text: str, name: str, value: str = VALUE) -> str:
    return text.replace("NAME", json.dumps(name)).replace("VALUE", json.dumps(value))


@pytest.mark.parametrize("place", PLACES)
def test_every_name_in_every_place(tmp_path: Path, place: str) -> None:
    names = HEADERS if place in WITH_HEADERS else PARAMETERS
    for name in names:
        message = refused(tmp_path, filled(PLACES[place], name))
        assert "does not belong in a profile" in message, (place, name, message)
        assert "keyring" in message, name
        assert VALUE not in message
        line = START.count("\n") + filled(PLACES[place], name).split(json.dumps(VALUE))[0].count("\n") + 1
        assert f"shop.toml:{line}:" in message, (name, message)


@pytest.mark.parametrize("place", PLACES)
def test_values_that_are_no_secrets_are_accepted(tmp_path: Path, place: str) -> None:
    for name in HARMLESS:
        if place not in WITH_HEADERS or "[" not in name:
            message = refused(tmp_path, filled(PLACES[place], name, "entity_id"))
            assert "does not belong" not in message, (place, name, message)


@pytest.mark.parametrize("place", ["incoming query", "outgoing body", "incoming header"])
def test_a_placeholder_under_the_name_of_a_secret_is_accepted(tmp_path: Path, place: str) -> None:
    name = "X-Session-Id" if "header" in place else "password"
    value = "@{run.started_at}" if "incoming" in place else "&{password}"
    assert "does not belong" not in refused(tmp_path, filled(PLACES[place], name, value))


@pytest.mark.parametrize("place", ADDRESSES)
def test_an_address_holds_no_secret(tmp_path: Path, place: str) -> None:
    for name in PARAMETERS:
        if "[" not in name:
            message = refused(tmp_path, ADDRESSES[place].replace("ADDRESS", f"items?page=1&{name}={VALUE}"))
            assert "does not belong in a profile" in message, (place, name, message)
            assert VALUE not in message
    for address in (f"a/key/{'0af3' * 16}/b", f"items?code={VALUE}", f"items;jsessionid={VALUE}"):
        assert "does not belong in a profile" in refused(tmp_path, ADDRESSES[place].replace("ADDRESS", address))
    for address in ("items?keyword=x&code=nl&state=CA&key=sku", "products/key/24-MB01?customer_token_count=3"):
        assert "does not belong" not in refused(tmp_path, ADDRESSES[place].replace("ADDRESS", address))


def test_search_criteria_are_no_secrets(tmp_path: Path) -> None:
    criteria = "searchCriteria[filterGroups][0][filters][0][field]=code&searchCriteria[currentPage]=1"
    text = ADDRESSES["incoming"].replace("ADDRESS", f"items?{criteria}")
    assert "does not belong" not in refused(tmp_path, text)


@pytest.mark.parametrize("uri", [f"https://me:{VALUE}@shop.example", f"https://shop.example/admin/key/{'0af3' * 16}/"])
def test_a_base_uri_and_a_proxy_hold_no_secret(tmp_path: Path, uri: str) -> None:
    base = f'[[clients.shop.plugins]]\nkind = "base-uri"\nuri = "{uri}"\n'
    for text in (base, f'[clients.other]\nproxy = {{ uri = "{uri}" }}\n'):
        message = refused(tmp_path, text)
        assert message
        assert VALUE not in message


@pytest.mark.parametrize("template", [f"Bearer {VALUE}", VALUE, f"Token token={VALUE}"])
def test_a_template_holds_no_token(tmp_path: Path, template: str) -> None:
    text = f'[authentications.a]\nkind = "request"\nparameters = {{ username = "me" }}\ntemplate = "{template}"\n'
    message = refused(tmp_path, text)
    assert "shop.toml:7:1: authentications.a.template: the template uses nothing from the response" in message
    assert "keyring" in message
    assert VALUE not in message
    assert "template" not in refused(tmp_path, text.replace(template, "Token &{token}"))


def test_the_mask_knows_each_name_that_a_profile_refuses() -> None:
    mask = Mask()
    for name in HEADERS:
        assert VALUE not in mask.header(name, VALUE)
    for name in PARAMETERS:
        assert VALUE not in mask.uri(f"https://x.example/a?b=1&{name}={VALUE}#c")
        assert MARK in mask.body(f"a=1&{name}={VALUE}".encode(), "application/x-www-form-urlencoded").decode()
    for name in HARMLESS:
        assert not is_secret_name(name), name
        assert not is_secret_parameter(name, "entity_id"), name
        assert mask.uri(f"https://x.example/?{name}=entity_id") == f"https://x.example/?{name}=entity_id"


@pytest.mark.parametrize("begun", ["client = ", "client =", "token = ", 'token = "', "request = {", "x = [", "[a", "'"])
def test_any_text_that_is_being_typed_can_be_kept(begun: str) -> None:
    assert without_literal_secrets(f"format = 1\n[incoming.orders]\n{begun}") is not None


@pytest.mark.parametrize(
    ("name", "message"), [("", "must not be empty"), ("1-TOKEN", "must be the name of an environment variable")]
)
def test_an_invalid_name_of_a_variable_is_described_without_its_pattern(name: str, message: str) -> None:
    data = {"format": 1, "name": "Shop", "authentications": {"a": {"kind": "bearer", "token": {"env": name}}}}
    _, problems = check_data(data)
    assert [words.startswith(message) for path, words in problems if path[-1] == "env"] == [True]
