"""No secret stays in what is recorded, however it is written and wherever it stands."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode
from xml.sax.saxutils import escape, quoteattr

import pytest
from examples import examples
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tui_connector.secrets.mask import MARK, Mask, encoded_searches, returns_token

_LETTERS = st.sampled_from("abcdefghijkmnopqrstuvwxyzABCDEFGHIJKLMNPQRSTUVWXYZ0123456789")
_SIGNS = st.sampled_from("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ äß€😀\n")
_RUN = st.text(_LETTERS, min_size=4, max_size=12)
secrets = st.builds(
    lambda run, before, after: before + run + after,
    _RUN,
    st.text(_LETTERS | _SIGNS, max_size=12),
    st.text(_LETTERS | _SIGNS, max_size=12),
).filter(lambda secret: len(secret) >= 6 and secret == secret.strip())


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_basic(secret: str) -> str:
    return base64.b64encode(f"user:{secret}".encode()).decode()


def _entities(text: str) -> str:
    return "".join(f"&#{ord(each)};" if not each.isalnum() else each for each in text)


ENCODERS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "percent": lambda text: quote(text, safe=""),
    "percent, small": lambda text: re.sub("%..", lambda match: match[0].lower(), quote(text, safe="")),
    "percent, few": lambda text: quote(text, safe="/:@!$&'()*+,;=-._~"),
    "form": quote_plus,
    "JSON": _json,
    "JSON of PHP": lambda text: _json(text).replace("/", "\\/"),
    "JSON, no ASCII": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "upper case": lambda text: text.encode().upper().decode(),
    "lower case": lambda text: text.encode().lower().decode(),
    "HTML": html.escape,
    "XML": escape,
    "entities": _entities,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(f"x{text}y".encode()).decode(),
    "Basic": _in_basic,
}
_encoders = st.sampled_from(list(ENCODERS))


def _traces(secret: str) -> list[str]:
    """What must not be found: the longest run of its letters, which is in every quoted form, and base64's own."""
    runs = re.findall(r"[A-Za-z0-9]+", secret)
    return [max(runs, key=len)]


@example("0000000~", "base64 for addresses", "entities", "", "")
@settings(max_examples=examples(300))
@given(secrets, _encoders, _encoders, st.text(max_size=8), st.text(max_size=8))
def test_a_known_secret_is_hidden_in_each_encoding_and_in_one_within_another(
    secret: str, inner: str, outer: str, before: str, after: str
) -> None:
    assume(("base64" not in outer and outer != "Basic") or inner == "plain")
    mask = Mask()
    mask.learn(secret, "a secret")
    written = ENCODERS[outer](ENCODERS[inner](secret))
    around = f"{before} {written} {after}"
    for masked in (mask.text(around), mask.body(around.encode("utf-8", "surrogatepass")).decode(errors="replace")):
        assert MARK in masked
        assert written not in masked
        if "base64" not in inner + outer and "Basic" not in inner + outer:
            assert not any(trace in masked.replace(before, "").replace(after, "") for trace in _traces(secret))


@given(secrets, st.sampled_from([name for name in ENCODERS if name[:5] not in ("Basic", "base6")]), st.integers(0, 60))
def test_a_cut_never_leaves_half_of_a_secret(secret: str, encoder: str, at: int) -> None:
    mask = Mask()
    mask.learn(secret, "a secret")
    written = ENCODERS[encoder](secret).encode()
    data = b"l" * 30 + written + b"l" * 30
    kept = mask.body(mask.truncate(data, at + 5))
    for length in range(6, len(written) + 1):
        if at + 5 < len(data):
            assert written[:length] not in kept
    # the beginning of a secret, where the network cut the response off
    half = b"l" * 30 + secret.encode()[: max(6, at % len(secret.encode()))]
    assert secret.encode()[:6] not in mask.body(mask.truncate(half, 1_000))


VALUES = st.text(_LETTERS | st.sampled_from("àé€"), min_size=6, max_size=20)
NAMES = st.sampled_from(
    [
        *("password", "newPassword", "access_token", "consumer_secret", "userPass", "otp", "api_key", "apiKey", "cvv"),
        *("X-Auth-Token", "jwt", "PHPSESSID", "oauth_token_secret", "cc_number", "client_secret", "form_key"),
    ]
)

PLACES: dict[str, Callable[[str, str], str]] = {
    "JSON": lambda name, value: json.dumps({"a": 1, name: value, "z": [2]}),
    "JSON, spaced": lambda name, value: json.dumps({"a": {f"the {name} of it": value}}, indent=2),
    "JSON, deep": lambda name, value: json.dumps({"a": [{name: {"x": [value, {"y": value}]}}], "b": 1}),
    "JSON in JSON": lambda name, value: json.dumps({"request": json.dumps({"a": 1, name: value, "b": "x"})}),
    "JSON in JSON in JSON": lambda name, value: json.dumps([json.dumps([json.dumps({name: value, "b": "x"})])]),
    "JSON in HTML": lambda name, value: html.escape(json.dumps({name: value})),
    "JSON, cut off": lambda name, value: json.dumps({"a": 1, name: value})[:-3],
    "JavaScript": lambda name, value: f"var x = {{ {name}: '{value}', y: 1 }};",
    "repr": lambda name, value: repr({name: value, "b": None}),
    "print_r": lambda name, value: f"Array\n(\n    [{name}] => {value}\n)\n",
    "form": lambda name, value: urlencode({"a": "1", name: value, "b": "2"}),
    "form of fields": lambda name, value: f"login%5B{name}%5D={value}&b=2",
    "address": lambda name, value: f"https://x.example/?a=1&{name}={value}#b",
    "address in JSON": lambda name, value: json.dumps({"href": f"https://x.example/?{name}={value}&x=1"}),
    "address in an address": lambda name, value: "https://x.example/?to=" + quote(f"/?a=1&{name}={value}&b=2", safe=""),
    "XML": lambda name, value: f"<r><ns:{name} a='1'>{value}</ns:{name}><b>1</b></r>",
    "XML, CDATA": lambda name, value: f"<{name}><![CDATA[{value}<&]]></{name}>",
    "XML attribute": lambda name, value: f"<r a='1' {name}={quoteattr(value)}/>",
    "XML in JSON": lambda name, value: json.dumps({"x": f'<r {name}="{value}"><{name}>{value}</{name}></r>'}),
    "XML in HTML": lambda name, value: html.escape(f"<{name}>{value}</{name}>"),
    "HTML form": lambda name, value: f'<input type="hidden" name="{name}" id="x" value="{value}"/>',
    "HTML form, turned": lambda name, value: f'<input value="{value}" name="login[{name}]">',
    "multipart": lambda name, value: (
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\nX: y\r\n\r\n{value}\r\n--b--\r\n'
    ),
    "headers": lambda name, value: f"GET /\nAuthorization: Bearer {value}\nCookie: {name}={value}; b={value}\n",
    "OAuth": lambda _, value: f'OAuth oauth_consumer_key="{value}", oauth_token="{value}", oauth_signature="{value}"',
    "JWT": lambda _, value: f"it was eyJhbGciOiJIUzI1NiJ9.{value}.{value}!",
}


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=40, deadline=None)
@given(name=NAMES, value=VALUES)
def test_an_unknown_secret_is_masked_by_its_name(place: str, name: str, value: str) -> None:
    assume(value.isascii() or place != "JWT")
    assume(value.lower() not in name.lower() and value not in ("number", "hidden"))
    written = PLACES[place](name, value)
    for masked in (Mask().body(written.encode()).decode(), Mask().text(written)):
        assert value not in masked
        assert MARK in masked
    wide = written.encode("utf-16")
    assert value not in Mask().body(wide).decode("utf-16")
    if place.startswith("JSON") and "HTML" not in place and "cut" not in place:
        json.loads(Mask().body(written.encode()))


@given(NAMES, st.text(min_size=1, max_size=20))
def test_any_text_under_a_secret_name_is_hidden_and_json_stays_json(name: str, value: str) -> None:
    for document in ({name: value, "n": 1}, {"a": json.dumps({name: value})}, [{name: [value]}]):
        masked = json.loads(Mask().body(json.dumps(document).encode()))
        assert json.dumps(value)[1:-1] not in json.dumps(masked).replace(name, "").replace('"n"', "") or len(value) < 4


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "url_key", "compass"]), inner),
    max_leaves=10,
)


@given(_json_values)
def test_what_holds_no_secret_is_not_touched(value: object) -> None:
    for data in (json.dumps(value).encode(), json.dumps(value, indent=1, ensure_ascii=False).encode()):
        assume(b"eyJ" not in data)
        assert Mask().body(data, "application/json") == data


@pytest.mark.parametrize(
    "text",
    [
        '{"message":"The token is invalid","trace":null}',
        '{"message":"The consumer isn\'t authorized to access %resources.","parameters":{"resources":"X::token"}}',
        '{"password":"","token":null}',
        '{"name":"Compass","footprint":"12 cm","url_key":"compass-bag","cc_last4":"1234","hotplate":1}',
        "Specified token does not exist",
        '{"token_type":"bearer","expires_in":3600}',
        '{"paths":{"/V1/integration/admin/token":{"post":{"tags":["x"]}},"/V1/me/password":{ "get" : {}}}}',
        '{"paths": {\n "/V1/customers/{id}/password/resetLinkToken/{resetPasswordLinkToken}": {\n  "get": {"a": 1}}}}',
    ],
)
def test_what_the_store_says_stays_readable(text: str) -> None:
    assert Mask().body(text.encode()).decode() == text


@pytest.mark.parametrize(
    "document",
    [
        {"/V1/integration/admin/token": "CANARY-1"},
        {"/token": {"value": "CANARY-1"}},
        {"/token": ["CANARY-1"]},
        {"/token": {"post": "CANARY-1"}},
        {"/token": {"post": {"password": "CANARY-1"}}},
        {"token": {"post": {"x": "CANARY-1"}}},
        {"a/token": {"post": {"x": "CANARY-1"}}},
        {"/a": {"post": {}}, "token": {"x": "CANARY-1"}},
    ],
)
def test_only_the_path_of_an_api_is_not_the_name_of_a_secret(document: object) -> None:
    for indent in (None, 1):
        assert b"CANARY" not in Mask().body(json.dumps(document, indent=indent).encode())


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_body(data: bytes) -> None:
    mask = Mask()
    mask.learn("a-CANARY-secret", "x")
    assert mask.body(mask.body(data)) == mask.body(data)
    assert mask.truncate(data, 100) == data[:100]


@pytest.mark.parametrize(
    "data",
    [
        b"token" * 40_000,
        b'"token' * 40_000,
        b'{"token":' * 20_000,
        b'name="token"\n' * 20_000,
        b"<token " * 30_000,
        b"[" * 100_000 + b'"token":1',
        b'{"password":' + b"[" * 100_000,
        b"\\" * 200_000 + b'"password\\":',
        b"%25" * 60_000 + b"token%3D",
        b'"password":"' + b"x" * 1_000_000,
        b"password=&" * 30_000,
    ],
    ids=lambda data: repr(data[:14]),
)
def test_hostile_bodies_are_masked_in_one_pass(data: bytes) -> None:
    mask = Mask()
    mask.learn("a\\\\\\CANARY\\\\secret", "x")
    mask.body(data)


def test_headers_keep_their_shape() -> None:
    mask = Mask()
    assert mask.header("Authorization", "Bearer abc") == f"Bearer {MARK}(3)"
    assert mask.header("authorization", "abc") == MARK
    assert mask.header("Set-Cookie", "PHPSESSID=abc; path=/") == f"PHPSESSID={MARK}; path=/"
    assert mask.header("Cookie", "a=b; c=d") == f"a={MARK}; c={MARK}"
    assert mask.header("X-Api-Key", "abc") == MARK
    assert mask.header("Access-Control-Allow-Credentials", "true") == "true"
    assert mask.header("Location", "https://u:p@x/?a=b&token=c'd") == f"https://{MARK}@x/?a=b&token={MARK}"
    assert mask.header("Vary", "Cookie, Authorization") == "Vary: Cookie, Authorization".partition(": ")[2]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://x/rest/V1/integration/admin/token", True),
        ("https://x/index.php/rest/all/V1/integration/customer/token?x=1", True),
        ("https://x/rest/V1/tfa/provider/google/authenticate", True),
        ("https://x/oauth/token/access", True),
        ("https://x/rest/V1/products/token", False),
    ],
)
def test_uris_that_return_a_bare_token(uri: str, expected: bool) -> None:
    assert returns_token(uri) is expected


@given(NAMES, st.text(max_size=20), st.sampled_from(list(PLACES)))
def test_masking_what_was_masked_changes_nothing(name: str, value: str, place: str) -> None:
    mask = Mask()
    for header in (name, "Authorization", "Location", "Cookie", "Set-Cookie") if place != "headers" else ():
        once = mask.header(header, " ".join(PLACES[place](name, value).split()))
        assert mask.header(header, once) == once
    body = mask.body(PLACES[place](name, value).encode())
    assert mask.body(body) == body
    response = mask.body(value.encode(), secret_response=True)
    assert mask.body(response, secret_response=True) == response


def test_a_secret_is_masked_even_if_each_of_its_characters_takes_24_bytes() -> None:
    secret = "CANARY" + '"' * 18
    mask = Mask()
    mask.learn(secret, "a secret")
    text = secret
    for _ in range(5):
        text = html.escape(text)
    assert mask.mask_known(f"<p>{text}</p>") == f"<p>{MARK}</p>"


def test_a_header_that_was_harmless_is_masked_once_its_value_is_known() -> None:
    mask = Mask()
    assert mask.header("X-Echo", "a-CANARY-value") == "a-CANARY-value"
    mask.learn("a-CANARY-value", "a secret")
    assert mask.header("X-Echo", "a-CANARY-value") == MARK
    assert mask.header("X-Key", "abc") == "abc"
    mask.hide("X-Key")
    assert mask.header("X-Key", "abc") == MARK


_PAGES = "https://acme.example/rest/V1/products?searchCriteria[pageSize]=100&searchCriteria[currentPage]="


def test_an_address_that_differs_from_a_harmless_one_in_a_number_is_masked_all_the_same() -> None:
    mask = Mask()
    assert mask.uri(f"{_PAGES}1234567") == f"{_PAGES}1234567"
    mask.learn("7654321", "CANARY, a secret of digits only")
    assert mask.uri(f"{_PAGES}1234567") == f"{_PAGES}1234567"
    assert mask.uri(f"{_PAGES}7654321") == f"{_PAGES}{MARK}"
    assert mask.uri(f"{_PAGES}7654321&pin=1") == f"{_PAGES}{MARK}&pin={MARK}"
    mask.hide("searchCriteria[currentPage]")
    assert mask.uri(f"{_PAGES}1234567") == f"{_PAGES}{MARK}"


def test_a_number_as_long_as_a_code_is_masked_after_a_shorter_one_was_harmless() -> None:
    mask = Mask()
    assert mask.uri("https://acme.example/?code=12345") == "https://acme.example/?code=12345"
    assert mask.uri("https://acme.example/?code=123456") == f"https://acme.example/?code={MARK}"
    assert mask.uri("https://acme.example/?otp=1") == f"https://acme.example/?otp={MARK}"


_names = st.sampled_from(
    ["id", "page", "code", "state", "key", "otp", "pin", "token", "filter[value]", "a%5Bb%5D", "sid"]
)
_values = st.text("0123456789", max_size=12) | st.text("0123456789abcXYZ-", max_size=12)
_queries = st.lists(st.tuples(_names, _values), min_size=1, max_size=4)


@given(st.lists(_queries, min_size=2, max_size=4))
def test_what_was_harmless_before_changes_nothing_in_how_an_address_is_masked(
    queries: list[list[tuple[str, str]]],
) -> None:
    mask = Mask()
    for query in queries:
        uri = "https://acme.example/V1/x?" + "&".join(f"{name}={value}" for name, value in query)
        for each in (re.sub("[0-9]", "1", uri), uri):
            assert mask.uri(each) == Mask().uri(each)


def _naive(secret: str, text: str) -> str:
    """A reference that is slow and obvious: each usual writing, replaced."""
    forms = {encode(secret) for name, encode in ENCODERS.items() if name[:5] not in ("Basic", "base6", "entit")}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MARK)
    return text


_long_secrets = st.builds(
    lambda start, odd, times: "CANARY" + (start + odd) * times,
    st.text(_LETTERS, max_size=4), st.text(_SIGNS, min_size=2, max_size=6), st.integers(20, 900),
).filter(lambda secret: secret == secret.strip())  # fmt: skip


@settings(max_examples=examples(100), deadline=None)
@given(_long_secrets, st.sampled_from([name for name in ENCODERS if name[:5] not in ("Basic", "base6", "entit")]))
def test_a_long_secret_of_odd_characters_is_hidden_as_a_slow_reference_does(secret: str, encoder: str) -> None:
    mask = Mask()
    mask.learn(secret, "a token")
    secret = secret[:10_000]
    text = f"<p>before {ENCODERS[encoder](secret)} after</p>"
    assert mask.mask_known(text) == _naive(secret, text) == f"<p>before {MARK} after</p>"


@given(_long_secrets)
@settings(max_examples=30, deadline=None)
def test_no_pattern_is_made_of_a_text_that_a_store_could_make_long(secret: str) -> None:
    for known in encoded_searches(secret):
        assert not known.has_pattern or sum(not each.isalnum() for each in known._text) < 25


@pytest.mark.parametrize(
    "secret", ["!?!?!?!?!?", "'\"" * 400, "aaaaaaaaaa" * 800, "%25" * 300, "é" * 900, "\\" * 64 + "ab"]
)
def test_a_token_chosen_to_be_slow_is_hidden(secret: str) -> None:
    mask = Mask()
    mask.learn(secret, "token", received=True)
    body = json.dumps({"items": ["x"] * 1_000, "said": f"Invalid: <{secret}>"}).encode()
    assert json.dumps(secret)[1:-1].encode() not in mask.body(body)
    assert f"<{MARK}>".encode() in mask.body(body)


def test_the_beginning_of_a_secret_is_hidden_as_php_cuts_it() -> None:
    mask = Mask()
    secret = "CANARY-secret-0123456789"
    mask.learn(secret, "a secret")
    trace = f"#0 Login.php(12): Model->login('api', '{secret[:15]}...')\n#1 {{main}}"
    assert mask.body(trace.encode()).decode() == trace.replace(secret[:15], MARK)
    for cut in range(15, len(secret) + 1):  # whoever cuts it later
        assert mask.mask_known(f"token {secret[:cut]}… is wrong") == f"token {MARK}… is wrong"


def test_a_store_that_sends_tokens_without_end_fills_no_memory() -> None:
    mask = Mask()
    mask.learn("CANARY-of-the-user", "keyring")
    for number in range(500):
        mask.learn(f"CANARY-token-{number:04}-abc", "token", received=True)
    assert len(mask._known) < 500
    assert mask.text("CANARY-of-the-user and CANARY-token-0499-abc") == f"{MARK} and {MARK}"
