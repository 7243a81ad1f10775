"""What a copy brings along with a secret is removed, and a secret is never changed."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.secrets.cleaning import SecretKind, clean, secret_kind, what_surrounds

TOKEN = "canary0123456789canary0123456789"
JWT = "eyJraWQiOiIxIn0.eyJ1aWQiOjEsInV0eXBpZCI6Mn0.c2ln-bmF0_dXJl"
MARKS = ["\u200b", "\ufeff", "\u2060", "\u00ad", "\u200e", "\u200f", "\u202a", "\u202c", "\u2066", "\u2069", "\u200d"]

tokens = st.text(string.ascii_letters + string.digits + "-._~+/", min_size=1).flatmap(
    lambda text: st.sampled_from(["", "=", "=="]).map(lambda end: text + end)
)


@pytest.mark.parametrize("token", [TOKEN, JWT, "dGhlIHRva2VuIENBTkFSWQ=="])
@pytest.mark.parametrize(
    "copied",
    [
        "{}\n",
        "{}\r\n",
        "  {}\t",
        "\u00a0{}\u00a0",
        "\u3000{}\u2003",
        '"{}"',
        "'{}'",
        "`{}`",
        "\u201c{}\u201d",
        "\u201e{}\u201c",
        "\u00ab{}\u00bb",
        '"{}',
        '"{}",',
        "{};",
        "Bearer {}",
        "bearer  {}",
        "Bearer: {}",
        "Authorization: Bearer {}",
        "authorization:  bearer {}",
        '"Authorization": "Bearer {}"',
        "-H 'Authorization: Bearer {}'",
        "ACCESS_TOKEN={}",
        'ACCESS_TOKEN="{}"',
        "export ACCESS_TOKEN={}",
        "export ACCESS_TOKEN='{}'",
        "set TOKEN={}",
        "$env:TOKEN = '{}'",
        "access_token = {}",
        "token={}",
        "ACCESS_TOKEN: {}",
        "Access Token: {}",
        "Access token\t: {}",
        "Jeton d\u2019acc\u00e8s : {}",
        "\u8bbf\u95ee\u4ee4\u724c\uff1a {}",
        '"access_token": "{}"',
        '"access_token":"{}",',
        '{{"access_token": "{}"}}',
        "'access_token' => '{}',",
        "\ufeffTOKEN=\u201cBearer {}\u201d\r\n",
    ],
)
def test_a_token_is_extracted_from_copied_text(copied: str, token: str) -> None:
    assert clean(copied.format(token), SecretKind.TOKEN) == token


@pytest.mark.parametrize("mark", MARKS)
def test_invisible_characters_are_removed(mark: str) -> None:
    for copied in (f"{mark}{TOKEN}", f"{TOKEN}{mark}", f"{TOKEN[:9]}{mark}{TOKEN[9:]}", f"{mark} {TOKEN} {mark}\n"):
        assert clean(copied, SecretKind.TOKEN) == TOKEN


@given(tokens)
def test_a_token_is_never_changed(token: str) -> None:
    assert clean(token, SecretKind.TOKEN) == token


@given(st.text())
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    for kind in SecretKind:
        once = clean(text, kind)
        assert clean(once, kind) == once


@pytest.mark.parametrize(
    "token", ["123456:AAECANARY_x-y", "sv=2020-08-04&sig=CANARY%3D", "key-" + TOKEN, "a:b", "p$x=="]
)
def test_a_token_of_another_form_is_not_cut(token: str) -> None:
    assert clean(token, SecretKind.TOKEN) == token


@given(st.text(st.characters(exclude_categories=["Cf", "Cc", "Cs", "Zl", "Zp"]), min_size=1))
def test_a_password_is_never_changed(password: str) -> None:
    assert clean(password, SecretKind.TEXT) == password
    assert clean(f"{password}\r\n", SecretKind.TEXT) == password
    assert clean(f"\ufeff{password}\u200b", SecretKind.TEXT) == password


@pytest.mark.parametrize(
    "password", ['"CANARY"', " CANARY ", "Bearer CANARY", "A=CANARY", "a: CANARY", "\u00a0CANARY'"]
)
def test_blanks_quotes_and_words_belong_to_a_password(password: str) -> None:
    assert clean(password, SecretKind.TEXT) == password


@pytest.mark.parametrize("copied", ["CANARY a ", "\tCANARY a\r\n", "\ufeff CANARY a\u200b \n", "\u00a0CANARY a"])
def test_blanks_around_the_value_of_a_header_are_removed(copied: str) -> None:
    assert clean(copied, SecretKind.KEY) == "CANARY a"


@pytest.mark.parametrize("value", ['"CANARY"', "Bearer CANARY", "A=CANARY", "a: CANARY", "Signature a='CANARY',"])
def test_quotes_and_words_belong_to_the_value_of_a_header(value: str) -> None:
    assert clean(value, SecretKind.KEY) == value


def test_the_place_says_which_kind_it_is() -> None:
    assert secret_kind("integration/access-token-secret") is SecretKind.TOKEN
    assert secret_kind("a/token") is SecretKind.TOKEN
    assert secret_kind("admin/otp/totp") is SecretKind.TOKEN
    assert secret_kind("gateway/value") is SecretKind.KEY
    assert secret_kind("admin/password") is SecretKind.TEXT
    assert secret_kind("clients/magento/proxy/password") is SecretKind.TEXT


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("CANARY", ""),
        ("", ""),
        (" ", ""),
        ('""', ""),
        ("CAN ARY'", ""),
        (" CANARY", "begins with a space"),
        ("CANARY\u00a0", "ends with a space"),
        (" CANARY\t", "begins and ends with a space"),
        ("'CANARY'", "is in quotes"),
        ("\u201cCANARY\u201d", "is in quotes"),
    ],
)
def test_what_may_have_been_copied_with_a_password_is_said(password: str, words: str) -> None:
    assert what_surrounds(password) == words
