"""Templates in addresses and headers: what is put there never leaves its place."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from template_checks import PRODUCT, encodable, header, refused, uri

from tui_connector.templates import Json, PlaceholderError, UriTemplateText


class TestUri:
    @pytest.mark.parametrize(
        ("sku", "segment"),
        [
            ("a/b", "a%2Fb"),
            ("../../admin", "..%2F..%2Fadmin"),
            ("a?b#c", "a%3Fb%23c"),
            ("a%2Fb", "a%252Fb"),
            ("\u202e", "%E2%80%AE"),
            ("a b+c", "a%20b%2Bc"),
            ("\\", "%5C"),
        ],
    )
    @pytest.mark.bad_input(40)
    def test_a_value_stays_in_its_segment(self, sku: str, segment: str) -> None:
        assert uri("products/&{sku}/media?q=&{sku}", {"sku": sku}) == f"products/{segment}/media?q={segment}"

    @pytest.mark.parametrize("sku", ["", ".", "..", None, {"a": 1}, ["a"], "\ud800"])
    @pytest.mark.bad_input(40)
    def test_a_value_that_would_lead_elsewhere_is_refused(self, sku: Json) -> None:
        refused("products/&{sku}", {"sku": sku}, "uri")

    @pytest.mark.parametrize("data", [{"a": ".", "b": "."}, {"a": "", "b": ""}, {"a": ".", "b": ""}])
    def test_so_are_several_that_do_so_together(self, data: Json) -> None:
        refused("x/&{a}&{b}/y", data, "uri")
        refused("x/%2e&{a}", {"a": "."}, "uri")

    @pytest.mark.parametrize(
        "template",
        [
            "&{sku}://shop.example/",
            "https://&{sku}/",
            "https://shop.example&{sku}",
            "https://shop.example:80&{sku}/",
            "https://&{sku}@shop.example/",
            "//&{sku}/x",
            "&{sku}:x",
            "a%&{sku}",
            "a%2&{sku}",
            "a\\&{sku}",
        ],
    )
    def test_a_placeholder_never_chooses_the_host_whatever_the_data(self, template: str) -> None:
        refused(template, PRODUCT, "uri")
        with pytest.raises(ValidationError):
            TypeAdapter(UriTemplateText).validate_python(template)

    def test_query_values_may_be_empty_or_json(self) -> None:
        assert uri("p?a=?{stock}&b=&{media}&c={}#&{sku}") == (
            "p?a=&b=%5B%7B%22file%22%3A%22a.jpg%22%7D%2C%7B%22file%22%3A%22b.jpg%22%7D%5D&c={}#24-MB01"
        )

    @given(encodable, st.sampled_from(["https://shop.example/rest/\0/x", "/rest/\0", "rest/a\0b/c?d=\0", "?e=\0&f=1"]))
    def test_what_goes_in_comes_out_and_nothing_else_moves(self, sku: str, shape: str) -> None:
        template = shape.replace("\0", "&{sku}")
        try:
            result = uri(template, {"sku": sku})
        except PlaceholderError:
            assert sku in ("", ".", "..")
            return
        plain, filled = urlsplit(shape.replace("\0", "X")), urlsplit(result)
        assert (filled.scheme, filled.netloc) == (plain.scheme, plain.netloc)
        assert filled.path.count("/") == plain.path.count("/")
        assert filled.query.count("&") == plain.query.count("&")
        assert unquote(result) == shape.replace("\0", sku)
        assert result.isascii()


class TestHeader:
    @pytest.mark.parametrize(
        "response",
        [
            [],
            None,
            "",
            {"token": "CANARY"},
            [["CANARY"]],
            [{"token": "CANARY"}],
            "CANARY\r\nX-Evil: 1",
            "CANARY\n",
            "CANARY ",
            "\x1b[0mCANARY",
            "CANÄRY",
            "CANARY\x00",
            "CANARY\x7f",
        ],
    )
    def test_a_bad_token_never_becomes_a_header(self, response: Json) -> None:
        assert "CANARY" not in str(refused("Bearer &{@[0]}", response, "header"))

    @pytest.mark.parametrize("template", ["?{stock}", "Bearer ?{stock}", "", " x", "?{stock}\t"])
    def test_an_empty_or_unclean_header_is_refused(self, template: str) -> None:
        refused(template, PRODUCT, "header")

    @given(st.text())
    def test_a_header_is_clean_or_refused(self, token: str) -> None:
        try:
            made = header("Bearer &{@[0]}", token)
        except PlaceholderError:
            return
        assert made == f"Bearer {token}"
        assert all(letter == "\t" or " " <= letter <= "~" for letter in made)
        assert made == made.strip()

    def test_numbers_and_booleans_are_text(self) -> None:
        assert header("&{price} &{visible}") == "34.5 true"
