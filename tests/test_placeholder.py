"""What an author of templates writes, and what an unfriendly answer or profile may make of it."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from tui_connector.placeholder import (
    STEPS,
    Budget,
    Json,
    PlaceholderError,
    RunTemplateText,
    Scope,
    Template,
    TemplateJson,
    TemplateText,
    UriTemplateText,
    as_data,
    render,
)

PRODUCT: dict[str, Json] = {
    "sku": "24-MB01",
    "price": 34.5,
    "visible": True,
    "stock": None,
    "custom-attributes": {"colour": "red"},
    "media": [{"file": "a.jpg"}, {"file": "b.jpg"}],
}
RUN: dict[str, Json] = {"run": {"started_at": "2026-01-01 00:00:00"}, "steps": {"find": {"body": {"id": 7}}}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
plain_text = st.text().filter(lambda text: not any(opening in text for opening in ("&{", "?{", "@{")))
encodable = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


def value(template: str, data: Json = PRODUCT) -> Json:
    return Template.parse(template).value(Scope(as_data(data), RUN))


def text(template: str, data: Json = PRODUCT) -> str:
    return Template.parse(template).text(Scope(as_data(data), RUN))


def uri(template: str, data: Json = PRODUCT) -> str:
    return Template.parse(template).uri(Scope(as_data(data), RUN))


def header(template: str, data: Json = PRODUCT) -> str:
    return Template.parse(template).header(Scope(as_data(data), RUN))


def refused(template: str, data: Json = PRODUCT, way: str = "value") -> PlaceholderError:
    with pytest.raises(PlaceholderError) as caught:
        getattr(Template.parse(template), way)(Scope(as_data(data), RUN))
    return caught.value


class TestValues:
    @pytest.mark.parametrize(
        ("template", "gives"),
        [
            ("&{sku}", "24-MB01"),
            ("&{price}", 34.5),
            ("&{visible}", True),
            ("&{media[*].file}", ["a.jpg", "b.jpg"]),
            ("&{{code: sku, files: media[].file}}", {"code": "24-MB01", "files": ["a.jpg", "b.jpg"]}),
            ('&{"custom-attributes".colour}', "red"),
            ("?{nothing.at.all}", None),
            ("@{steps.find.body.id}", 7),
            ("sku: &{sku}, since @{run.started_at}", "sku: 24-MB01, since 2026-01-01 00:00:00"),
            ("&{price}&{visible}?{stock}", "34.5true"),
            ("files=&{media}", 'files=[{"file":"a.jpg"},{"file":"b.jpg"}]'),
            ("no placeholder", "no placeholder"),
            ("", ""),
        ],
    )
    def test_a_lone_placeholder_keeps_its_type_and_others_become_text(self, template: str, gives: Json) -> None:
        assert value(template) == gives

    @pytest.mark.parametrize(
        ("template", "gives"),
        [
            ("&{'}'}", "}"),
            ('&{`"}"`}', "}"),
            ("&{`}`}", "}"),
            ("&{\"}\" || '{'}", "{"),
            (r"&{'it\'s }'}", "it's }"),
            ("&&{sku}", "&24-MB01"),
            ("\\&{sku}", "\\24-MB01"),
            ("searchCriteria={}", "searchCriteria={}"),
            ("{sku} $&{sku}} & ? @ ${HOME}", "{sku} $24-MB01} & ? @ ${HOME}"),
            ("it's &{sku}", "it's 24-MB01"),
        ],
    )
    def test_braces_are_matched_with_quotes_in_mind(self, template: str, gives: str) -> None:
        assert value(template) == gives

    def test_a_bare_answer_is_a_list_of_one(self) -> None:
        assert header("Bearer &{@[0]}", "CANARY") == "Bearer CANARY"
        assert header("Bearer &{@[0]}", ["CANARY"]) == "Bearer CANARY"
        assert header("Bearer &{token}", {"token": "CANARY"}) == "Bearer CANARY"

    def test_a_structure_is_filled_in_but_not_its_names(self) -> None:
        body: Json = {"&{sku}": ["&{price}", {"sku": "&{sku}", "literal": 1}], "gone": "?{stock}"}
        scope = Scope(PRODUCT, RUN)
        assert render(body, scope) == {"&{sku}": [34.5, {"sku": "24-MB01", "literal": 1}], "gone": None}

    def test_it_says_whether_it_needs_an_entity(self) -> None:
        assert Template.parse("&{sku}").uses_data
        assert Template.parse("x?{sku}").uses_data
        assert not Template.parse("@{run.started_at}").uses_data
        with pytest.raises(PlaceholderError, match="no entity"):
            Template.parse("&{sku}").value(Scope(run=RUN))

    @given(st.lists(plain_text, min_size=2, max_size=5), json_values)
    def test_text_around_placeholders_is_kept(self, parts: list[str], data: Json) -> None:
        template = "&{@}".join(parts)
        assume(template.count("&{") == len(parts) - 1 and not any(x in template for x in ("?{", "@{")))
        assume(data is not None)
        found = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        assert Template.parse(template).text(Scope(data)) == found.join(parts)

    @given(st.sampled_from(["&{@}", "?{sku}", "@{run}", "&{", "&&{x}"]) | st.text())
    def test_what_was_put_in_is_never_read_again(self, hostile: str) -> None:
        assert Template.parse("<&{@[0]}>").text(Scope([hostile])) == f"<{hostile}>"
        assert render(["&{@[0]}"], Scope([hostile])) == [hostile]

    @given(st.text(alphabet="&?@{}'\"`\\ab.[]()|!:,*", max_size=40))
    def test_any_text_is_read_or_refused_in_words(self, source: str) -> None:
        try:
            Template.parse(source).value(Scope({"a": [1, {"b": "x"}], "b": "y"}, RUN))
        except PlaceholderError as raised:
            error = raised
        else:
            return
        assert 0 <= error.offset < len(source)
        assert error.template == source
        assert error.message


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("template", "offset", "says"),
        [
            ("a &{", 2, "not closed"),
            ("ab ?{'}", 3, "not closed"),
            ("&{}", 0, "empty"),
            ("x&{ }", 1, "not JMESPath"),
            ("&{a[}", 0, "not JMESPath"),
            ("&{a{b:c}}", 0, "not JMESPath"),
            ("&{products.0.sku}", 0, r"Write products\[0\]\.sku\."),
            ("&{0.sku}", 0, r"Write \[0\]\.sku\."),
            ("&{a.custom-attributes}", 0, 'Write a."custom-attributes"'),
            ("&{lenght(a)}", 0, r"no function lenght\(\).*length"),
            ("&{" + "(" * 2_000 + "}", 0, "more than 1,000 characters"),
            ("&{" + "(" * 900 + "}", 0, "nested deeper than 50"),
            ("&{" + "!" * 900 + "a}", 0, "nested deeper than 50"),
            ("&{" + "a | " * 60 + "a}", 0, "nested deeper than 50"),
        ],
    )
    def test_at_load_it_says_where_and_what_to_write(self, template: str, offset: int, says: str) -> None:
        with pytest.raises(PlaceholderError, match=says) as caught:
            Template.parse(template)
        assert caught.value.offset == offset

    @pytest.mark.parametrize(
        ("template", "says"),
        [
            ("&{skv}", "no skv.*Nearest: sku"),
            ("x &{media[0].fiel}", "no fiel, at character 3 of x .*Nearest: file"),
            ("&{stock}", "stock is null"),
            ("&{media.file}", r"file is asked of a list of 2\. Write \[0\]\.file"),
            ("&{media[9]}", r"\[9\] is asked of a list of 2"),
            ("&{sku.__class__}", "__class__ is asked of a text"),
            ("&{__class__}", "no __class__"),
            ("&{length(price)}", r"length\(\) takes string or array or object, not number"),
            ("&{length(sku, sku)}", r"1 argument for function length\(\), received 2"),
            ("&{contains(sku, price)}", "cannot be worked out"),
            ("&{media[::0]}", "cannot be worked out"),
            ("&{to_number('nan')}", "no JSON value"),
            ("&{[&sku]}", "no JSON value"),
            ("&{to_string(&sku)}", "no JSON value"),
            ("@{steps.fnd.body}", "no fnd.*Nearest: find"),
        ],
    )
    def test_with_the_data_it_names_the_nearest(self, template: str, says: str) -> None:
        error = refused(template)
        assert error.expression
        assert error.expression in template
        with pytest.raises(PlaceholderError, match=says):
            raise error

    def test_no_message_holds_a_value(self) -> None:
        secret: Json = {"token": "CANARY-1", "list": ["CANARY-2"], "deep": {"x": "CANARY-3\n"}}
        for template in (
            "&{tokn}",
            "&{token.x}",
            "&{abs(token)}",
            "&{sum(list)}",
            "&{list[3]}",
            "&{max_by(list, &@)}x&{no}",
        ):
            assert "CANARY" not in str(refused(template, secret))
        for template in ("&{deep}", "&{deep.x}", "&{list}"):
            assert "CANARY" not in str(refused(template, secret, "header"))


class TestHostile:
    doubled = " | ".join(["@", *["[@,@]"] * 40])

    @pytest.mark.parametrize(
        "expression",
        [
            doubled,
            f"to_string({doubled})",
            f"({doubled}) == ({doubled})",
            f"contains({doubled}, `1`)",
            f"contains([{doubled}], {doubled})",
            " | ".join(["@", *["{a:@,b:@}"] * 40]),
            " | ".join(["@", *["[@,@][]"] * 40]),
            " | ".join(["@", *["map(&[@,@][],[@])[]"] * 24]),
            " | ".join(["to_string(@)", *["join('',[@,@])"] * 40]),
            " | ".join(["@", *["[@,@,@,@,@,@,@,@,@][]"] * 5, "length(sort(@[*].to_string(@)))"]),
        ],
    )
    @pytest.mark.parametrize("data", [["v"], [{"k": "v" * 100_000}], [[str(n) for n in range(50_000)]]])
    def test_blow_up_is_refused_after_few_steps(self, expression: str, data: Json) -> None:
        budget = Budget()
        with pytest.raises(PlaceholderError, match=r"steps|characters|items"):
            Template.parse(f"&{{{expression}}}").value(Scope(data), budget)
        assert budget.spent <= STEPS + 110_000  # at most one list is paid for beyond the limit

    def test_what_is_only_shared_and_thrown_away_is_allowed(self) -> None:
        assert value("&{" + " | ".join(["@", *["[@,@]"] * 40, "length(@)"]) + "}") == 2

    def test_a_large_part_of_the_data_is_no_blow_up(self) -> None:
        image = "x" * 2_000_000
        assert value("&{content}", {"content": image}) == image
        assert "1,000,000 characters" in str(refused("data:image/png,&{content}", {"content": image}))

    def test_one_structure_shares_one_budget(self) -> None:
        many: Json = ["&{length(items[*].id)}"] * 100
        with pytest.raises(PlaceholderError, match="steps"):
            render(many, Scope({"items": [{"id": n} for n in range(5_000)]}))

    @given(st.text(alphabet="@[],|*&(){}ab:=!`1'", max_size=60), json_values)
    def test_no_expression_escapes_its_budget(self, expression: str, data: Json) -> None:
        budget = Budget()
        with contextlib.suppress(PlaceholderError):
            Template.parse(f"&{{{expression}}}").value(Scope(data), budget)
        assert budget.spent < STEPS

    def test_old_literals_are_read_without_a_warning(self) -> None:
        assert value("&{`word`}") == "word"


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
    def test_a_value_stays_in_its_segment(self, sku: str, segment: str) -> None:
        assert uri("products/&{sku}/media?q=&{sku}", {"sku": sku}) == f"products/{segment}/media?q={segment}"

    @pytest.mark.parametrize("sku", ["", ".", "..", None, {"a": 1}, ["a"], "\ud800"])
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
        "answer",
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
    def test_a_bad_token_never_becomes_a_header(self, answer: Json) -> None:
        assert "CANARY" not in str(refused("Bearer &{@[0]}", answer, "header"))

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


class TestFields:
    class Headers(BaseModel):
        plain: TemplateText = "x"
        run: RunTemplateText = "@{run.started_at}"
        body: TemplateJson = None

    def test_a_field_is_checked_at_load(self) -> None:
        with pytest.raises(ValidationError, match="not closed"):
            self.Headers(plain="a &{b")
        with pytest.raises(ValidationError, match=r"Only @\{…\} can be used"):
            self.Headers(run="&{sku}")
        with pytest.raises(ValidationError, match="no entity here"):
            self.Headers(run="x ?{sku}")
        with pytest.raises(ValidationError, match="not JMESPath"):
            self.Headers(body={"a": [{"b": "&{c[}"}]})
        assert self.Headers(plain="&{sku}", body={"&{": 1}).plain == "&{sku}"

    def test_its_schema_says_it_is_a_template(self) -> None:
        fields: Any = self.Headers.model_json_schema()["properties"]
        for name in ("plain", "run"):
            assert fields[name]["type"] == "string"
            assert fields[name]["format"] == "template"
