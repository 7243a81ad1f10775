"""What is signed, and the signature, as each of Magento's generations makes them."""

from __future__ import annotations

import re
from functools import cmp_to_key
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oauthlib.common import Request as OAuthlibRequest
from oauthlib.oauth1.rfc5849 import signature as oauthlib_signature
from user_errors import user_error

from tui_connector.errors import InvalidValue
from tui_connector.magento.dialects import DIALECTS, Dialect, base_string, encoded, signature
from tui_connector.sandbox.oauth_signature import UnsignableRequest, parse_str, sign

HEADER = {
    "oauth_consumer_key": "a" * 32,
    "oauth_nonce": "deadbeef",
    "oauth_signature_method": "HMAC-SHA256",
    "oauth_timestamp": "1700000000",
    "oauth_token": "b" * 32,
}
BASE = "https://shop.test/rest/all/V1/"
PLAIN = BASE + "modules"
DATED = (
    BASE + "orders?searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bvalue%5D=2024-01-01%2000%3A00%3A00"
)
SLASH = BASE + "products/AB%2F12"

_GROUP = "searchCriteria%5Bfilter_groups%5D%5B{0}%5D%5Bfilters%5D%5B0%5D"
PAGE = "searchCriteria%5BpageSize%5D=1"
OF_248 = {
    "&".join(
        f"{_GROUP.format(number)}%5Bfield%5D=sku&{_GROUP.format(number)}%5Bvalue%5D=a%20b" for number in range(12)
    ): "L/ZUD7CH7dAnAwUawyZil3lRTgDL3K0Sz0STsp/NIT0=",
    f"{PAGE}&x=a+b": "BTDyRI6oEhaJ74jVTTn+V7d9HIox7CwDC7atCh7pQv8=",
    f"searchCriteria&{PAGE}": "uPpXMXHPOAsFQ1q7UryfyeKQkPhj7ikhb0ZR4tqiztk=",
    "searchCriteria": "HVEn7h0LrjaGjI6pcnckq1QQacdYaeRv0eq0mvwAHA0=",
    f"{PAGE}&x=a=b": "rY04RIcYAoOmujaKennifMQhwK9ZfjUyp/WMcXbkHYk=",
    f"{PAGE}&y%5Bz%5D=a=b": "uPpXMXHPOAsFQ1q7UryfyeKQkPhj7ikhb0ZR4tqiztk=",
    f"{PAGE}&a.b=1": "lzPDaD01tq4PGfZFC8VFt7L6wvjTn8dvgoD268zf8Bc=",
    f"{PAGE}&x%5B%5D=1&x%5B%5D=2": "1i5bqtREj+NaVcEtgutjN3pfgASu2EAI6R/fQQy1UA4=",
}

KEYS = st.lists(st.sampled_from(["filter_groups", "filters", "0", "1", "2", "9", "10", "11", "field"]), max_size=4)
NAMES = KEYS.map(lambda keys: "searchCriteria" + "".join(f"[{key}]" for key in keys)) | st.sampled_from(["fields", "x"])
VALUES = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
QUERIES = st.dictionaries(NAMES, VALUES, max_size=6).map(
    lambda query: "&".join(f"{encoded(name)}={encoded(value)}" for name, value in query.items())
)
PIECES = st.sampled_from(
    re.findall(
        r"\S+",
        "A z é ~ x 0 1 5 9 10 00 [ ] [] [0] [10] [a] = & + . %20 %2B %3D %26 %25 %5B %5D %2E %00 %C3%A9 %FF - _ "
        "searchCriteria oauth_token name= &x=",
    )
)
HOSTILE_QUERIES = st.lists(PIECES, max_size=14).map("".join)
"""Nobody types these; a signer and a verifier that read PHP's rules in the same way agree on them too."""


class TestSignatures:
    """Vectors from running the PHP classes of each generation; for 2.4.8 from requests that a 2.4.8-p1 accepted."""

    @pytest.mark.parametrize(
        ("uri", "dialect", "expected"),
        [
            (PLAIN, "rfc5849", "I+VZGvLxdqcoKDqn7WamWiOplFqsjOklofwt3bRifwA="),
            (PLAIN, "laminas", "I+VZGvLxdqcoKDqn7WamWiOplFqsjOklofwt3bRifwA="),
            (PLAIN, "m248", "I+VZGvLxdqcoKDqn7WamWiOplFqsjOklofwt3bRifwA="),
            (DATED, "rfc5849", "irniEoz5y0z6AM62dFmh0rwCsWNb0/tpdS1odhC76TE="),
            (DATED, "laminas", "irniEoz5y0z6AM62dFmh0rwCsWNb0/tpdS1odhC76TE="),
            (DATED, "m248", "irniEoz5y0z6AM62dFmh0rwCsWNb0/tpdS1odhC76TE="),
            (SLASH, "rfc5849", "+LWg6COL+UeH8g8C51n+uqGEtYI0vxwxuXvgNj455sE="),
            (SLASH, "laminas", "3YYz+CWk5kva7IP3HZmAjKZ0PyMGEIELdWUMx6RwsAQ="),
            (SLASH, "m248", "+LWg6COL+UeH8g8C51n+uqGEtYI0vxwxuXvgNj455sE="),
            *((f"{BASE}products?{query}", "m248", expected) for query, expected in OF_248.items()),
        ],
    )
    def test_are_those_that_php_made(self, uri: str, dialect: Dialect, expected: str) -> None:
        assert signature("GET", uri, HEADER, "CS", "TS", dialect) == expected

    @given(QUERIES, VALUES.filter(bool), st.sampled_from(DIALECTS))
    def test_are_those_that_the_sandbox_store_expects(self, query: str, sku: str, dialect: Dialect) -> None:
        agree(f"{BASE}products/{encoded(sku)}?{query}", dialect)

    @given(HOSTILE_QUERIES, st.sampled_from(DIALECTS))
    @example("A%00oauth_token", "m248")
    @example("oauth token=1&a[oauth_token]=2", "m248")
    @example("oauth_token%00x=1", "m248")
    def test_of_any_query_are_those_that_the_sandbox_store_expects(self, query: str, dialect: Dialect) -> None:
        agree(f"{BASE}products?{query}", dialect)

    @given(
        st.dictionaries(
            st.sampled_from(
                ["fields", "a", "b_c", "searchCriteria[pageSize]", "searchCriteria[sort_orders][0][field]"]
            ),
            VALUES.filter(lambda value: "\0" not in value),
            max_size=5,
        ),
        VALUES.filter(bool),
        st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    )
    def test_are_those_of_the_rfc_where_magento_keeps_to_it(self, query: dict[str, str], sku: str, method: str) -> None:
        uri = f"{BASE}products/{encoded(sku)}?" + "&".join(f"{encoded(n)}={encoded(v)}" for n, v in query.items())
        received = OAuthlibRequest(uri, method)
        received.params = [*HEADER.items(), *query.items()]
        received.signature = signature(method, uri, HEADER, "CANARY&1", "CANARY 2", "rfc5849")
        assert oauthlib_signature.verify_hmac_sha256(received, "CANARY&1", "CANARY 2")

    def test_need_an_absolute_uri(self) -> None:
        for uri in ("products", "/rest/V1/products", "//shop.test/x"):
            with pytest.raises(ValueError, match="absolute"):
                base_string("GET", uri, {}, "laminas")


class TestWhatIsSigned:
    """What the recordings of a Magento 2.4.7-p3 showed, and what its source says of the others."""

    def parameters(self, query: str, dialect: Dialect) -> list[str]:
        return unquote(base_string("GET", f"{BASE}x?{query}", {}, dialect).split("&")[2]).split("&")

    def path(self, path: str, dialect: Dialect) -> str:
        return unquote(base_string("GET", f"https://shop.test{path}", {}, dialect).split("&")[1])

    def test_eleven_filter_groups_are_in_natural_order(self) -> None:
        query = "&".join(f"g%5B{number}%5D=v" for number in (10, 2, 0, 1))
        natural = [f"g%5B{number}%5D=v" for number in (0, 1, 2, 10)]
        assert self.parameters(query, "laminas") == natural
        assert self.parameters(query, "rfc5849") == natural
        assert self.parameters(query, "m248") == [f"g%5B{number}%5D=v" for number in (0, 10, 1, 2)]

    def test_a_bare_parameter_is_left_out_before_248(self) -> None:
        query = "searchCriteria&fields=total_count"
        assert self.parameters(query, "laminas") == ["fields=total_count"]
        assert self.parameters(query, "rfc5849") == ["fields=total_count"]
        assert self.parameters(query, "m248") == ["fields=total_count", "searchCriteria="]

    def test_an_empty_value_is_signed(self) -> None:
        for dialect in DIALECTS:
            assert self.parameters("searchCriteria=&a=1", dialect) == ["a=1", "searchCriteria="]

    def test_laminas_decodes_the_path(self) -> None:
        assert self.path("/products/A%2FB", "laminas") == "https://shop.test/products/A/B"
        assert self.path("/products/A%2FB", "rfc5849") == "https://shop.test/products/A%2FB"
        assert self.path("/products/A%2FB", "m248") == "https://shop.test/products/A%2FB"

    def test_laminas_keeps_what_a_path_must_encode(self) -> None:
        for path in ("/products/A%25B", "/products/caf%C3%A9", "/products/a%20b", "/products/a(b)%28c%29"):
            assert self.path(path, "laminas") == f"https://shop.test{path}"

    def test_values_of_bracketed_names_are_encoded_once(self) -> None:
        for dialect in DIALECTS:
            assert self.parameters("a%5Bb%5D=x%20y&c=x%20y", dialect) == ["a%5Bb%5D=x%20y", "c=x%20y"]

    @pytest.mark.parametrize(
        ("query", "signed"),
        [
            ("x=a+b", ["x=a%20b"]),
            ("x%5Ba%5D=a+b", ["x%5Ba%5D=a%2Bb"]),
            ("x=a=b", ["x=a%3Db"]),
            ("x%5Ba%5D=a=b&y=1", ["y=1"]),
            ("a.b=1", ["a.b=1", "a_b=1"]),
            ("a%20b=1", ["a%20b=1", "a_b=1"]),
            ("%20a=1", ["%20a=1", "a=1"]),
            ("a%5Bb=1", ["a%5Bb=1", "a_b=1"]),
            ("x=1&x=2", ["x=2"]),
            ("x=1&x=a=b&x=2", ["x=2"]),
            ("x%5Ba%5D=2&x=1", ["x=1", "x%5Ba%5D=2"]),
            ("searchCriteria", ["searchCriteria="]),
            ("searchCriteria&searchCriteria%5BpageSize%5D=1", ["searchCriteria%5BpageSize%5D=1"]),
            ("searchCriteria%5BpageSize%5D=1&searchCriteria", ["searchCriteria=", "searchCriteria%5BpageSize%5D=1"]),
            ("01=a&-0=b", ["-0=b", "01=a"]),
            ("9223372036854775808=a", ["9223372036854775808=a"]),
        ],
    )
    def test_248_reads_single_values_as_php_does(self, query: str, signed: list[str]) -> None:
        assert self.parameters(query, "m248") == signed

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("x=1&x%5Ba%5D=2", r"'x' has a value of its own"),
            ("x=1&x[]=2", r"x\[…\]"),
            ("searchCriteria=&searchCriteria%5BpageSize%5D=1", "'searchCriteria' has a value of its own"),
            ("5=1", "'5' is a number"),
            ("a=1&-12=x", "'-12' is a number"),
            ("0=1", "is a number"),
            ("%31%30=1", "'10' is a number"),
        ],
    )
    def test_a_request_that_248_always_refuses_is_not_signed_for_it(self, query: str, words: str) -> None:
        with user_error("signature", match=words):
            base_string("GET", f"{BASE}x?{query}", {}, "m248")
        for older in ("rfc5849", "laminas"):
            assert base_string("GET", f"{BASE}x?{query}", {}, older)

    @pytest.mark.parametrize(
        ("query", "read"),
        [
            ("a[b][]=1&a[b][]=2&c", {b"a": {b"b": {b"0": b"1", b"1": b"2"}}, b"c": b""}),
            ("a[b]c=1", {b"a": {b"b": b"1"}}),
            ("a[b.c[d=1", {b"a_b_c_d": b"1"}),
            ("[a]=1&=2&a%00b=3", {b"a": b"3"}),
        ],
    )
    def test_the_sandbox_reads_a_query_as_php_does(self, query: str, read: object) -> None:
        assert parse_str(query) == read

    def test_a_plus_is_a_plus_before_248(self) -> None:
        assert self.parameters("a=x+y", "laminas") == ["a=x%2By"]
        assert self.parameters("a=x+y", "m248") == ["a=x%20y"]

    def test_oauth_parameters_in_the_query_are_not_signed(self) -> None:
        for dialect in DIALECTS:
            assert self.parameters("oauth_token=CANARY&a=1", dialect) == ["a=1"]

    @pytest.mark.parametrize(
        ("given_", "signed"),
        [
            ("HTTPS://Shop.test:443/x#part", "https://shop.test/x"),
            ("http://shop.test:80", "http://shop.test/"),
            ("http://shop.test:8080/x", "http://shop.test:8080/x"),
            ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ],
    )
    def test_the_address_is_written_as_the_rfc_says(self, given_: str, signed: str) -> None:
        for dialect in DIALECTS:
            assert unquote(base_string("get", given_, {}, dialect)) == f"GET&{signed}&"

    @given(st.lists(st.text(alphabet="a0159[]%.", min_size=1, max_size=6), unique=True, max_size=6))
    def test_the_natural_order_is_that_of_strnatcmp(self, names: list[str]) -> None:
        query = "&".join(f"{encoded(name)}=v" for name in names)
        expected = sorted(map(encoded, names), key=cmp_to_key(strnatcmp))
        assert self.parameters(query, "rfc5849") == ([f"{name}=v" for name in expected] or [""])


def agree(uri: str, dialect: Dialect) -> None:
    """Signer and verifier make the same of it: one signature, or none at all."""
    try:
        expected: str | int = sign(dialect, "POST", uri, HEADER, "CANARY&CANARY2")
    except UnsignableRequest as error:
        expected = error.status
    made: str | int
    try:
        made = signature("POST", uri, HEADER, "CANARY", "CANARY2", dialect)
    except InvalidValue as error:
        made = 500 if "number" in str(error) else 401
    assert made == expected


def strnatcmp(left: str, right: str) -> int:
    """PHP's comparison, one character at a time as the C code does it."""
    left, right = (re.sub(r"^0+(?=\d)", "", text) for text in (left, right))
    a = b = 0
    while a < len(left) and b < len(right):
        if left[a].isdigit() and right[b].isdigit():
            from_left = left[a] == "0" or right[b] == "0"
            bias = 0
            while True:
                digit_left, digit_right = left[a : a + 1], right[b : b + 1]
                if not digit_left.isdigit() and not digit_right.isdigit():
                    break
                if not digit_left.isdigit():
                    return -1
                if not digit_right.isdigit():
                    return 1
                order = (digit_left > digit_right) - (digit_left < digit_right)
                if order and from_left:
                    return order
                bias = bias or order
                a, b = a + 1, b + 1
            if bias:
                return bias
        elif left[a] != right[b]:
            return 1 if left[a] > right[b] else -1
        else:
            a, b = a + 1, b + 1
    return (len(left) - a > 0) - (len(right) - b > 0)
