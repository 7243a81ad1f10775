"""An outgoing as a chain of steps: what a profile may contain, and where problems are reported."""

from __future__ import annotations

import contextlib
import tomllib
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tui_connector.client.message import Request
from tui_connector.client.model import RequestTemplate
from tui_connector.errors import InvalidValue
from tui_connector.profile.document import UNSET, Document
from tui_connector.profile.model import schema
from tui_connector.profile.problems import check, check_data
from tui_connector.templates import PlaceholderError, Scope

CHAIN = """\
format = 1
name = "Shop"

[outgoing.products]
client = "default"

# is it there?
[[outgoing.products.steps]]
name = "find"
request = { uri = "products/&{sku}", expected = [404] }

[[outgoing.products.steps]]
name = "create"
when = "steps.find.status == `404`"   # else it is changed
request = { method = "post", uri = "products", parameters = { product = "&{@}" } }

# what the store has, with what is new
[[outgoing.products.steps]]
name = "change"
when = "steps.find.status == `200`"
request = { method = "put", uri = "products/@{steps.find.body.sku}", parameters = { product = "@{entity}" } }
"""


def test_each_step_has_a_request_and_may_have_a_condition() -> None:
    saved, problems = check(CHAIN)
    assert saved is not None, problems
    outgoing = saved.outgoing["products"]
    assert [(step.name, step.when) for step in outgoing.steps] == [
        ("find", None),
        ("create", "steps.find.status == `404`"),
        ("change", "steps.find.status == `200`"),
    ]
    assert outgoing.steps[0].request.is_expected(404)
    responses: dict[str, Any] = {"find": {"status": 200, "headers": {}, "body": {"sku": "a/b"}}}
    request = outgoing.request_for({"sku": "a/b", "price": 1}, {"run": {}, "steps": responses}, "change")
    assert (request.method, request.uri) == ("PUT", "products/a%2Fb")
    assert request.body == b'{"product": {"sku": "a/b", "price": 1}}'


def test_what_was_found_can_be_sent_back_with_what_is_new() -> None:
    merged = '"@{merge(steps.find.body, entity)}"'
    saved, problems = check(CHAIN.replace('"@{entity}"', merged))
    assert saved is not None, problems
    found: dict[str, Any] = {"find": {"status": 200, "headers": {}, "body": {"sku": "a", "price": 1, "weight": 2}}}
    request = saved.outgoing["products"].request_for({"sku": "a", "price": 3}, {"steps": found}, "change")
    assert request.body == b'{"product": {"sku": "a", "price": 3, "weight": 2}}'


FOUND = "steps.find.status == `404`"


@pytest.mark.parametrize(
    ("right", "wrong", "at", "told"),
    [
        (
            'client = "default"',
            'request = { uri = "x" }\nclient = "default"',
            "request = { uri",
            "cannot be combined with steps",
        ),
        (
            'name = "create"',
            'name = "find"',
            "name = ",
            "steps.1.name (item 2 of 3): an earlier step is also named 'find'",
        ),
        ('name = "create"', 'name = "not-there"', "name = ", "use letters, digits and _"),
        ('name = "create"\n', "", "[[outgoing", "steps.1.name (item 2 of 3): is missing"),
        ("when = ", "whne = ", "whne = ", "unknown key; did you mean 'when'?"),
        (FOUND, "steps.fnd.status", "when = ", "steps.1.when (item 2 of 3): unknown step 'fnd'; did you mean 'find'?"),
        (FOUND, "steps.find.stauts", "when = ", "a response has no 'stauts'; did you mean 'status'?"),
        (FOUND, "step.find.status", "when = ", "the run has no 'step'; did you mean 'steps'?"),
        (FOUND, "steps.change.status", "when = ", "the step 'change' does not come before this one"),
        (FOUND, "steps.create.status", "when = ", "the step 'create' does not come before this one"),
        (FOUND, "steps.find.status == 404", '404"', "Write steps.find.status == `404`."),
        (FOUND, "steps.find[", '"', "invalid JMESPath"),
        ("products/&{sku}", "products/@{steps.find.body}", "uri = ", "no step comes before this request"),
        ("@{steps.find.body.sku}", "@{steps.fimd.body.sku}", "uri = ", "unknown step 'fimd'; did you mean 'find'?"),
        ("@{entity}", "@{steps.finds.body}", "product = ", "parameters.product (item 3 of 3): unknown step 'finds'"),
        ("&{@}", "&{@", '&{@"', "&{ is not closed"),
        ("&{@}", "&{sku ==}", '}"', "&{sku ==}: invalid JMESPath"),
        ("expected = [404]", "expected = [999]", "999]", "must be at most 599"),
    ],
)
def test_each_problem_has_its_position(right: str, wrong: str, at: str, told: str) -> None:
    assert right in CHAIN
    text = CHAIN.replace(right, wrong, 1)
    saved, problems = check(text)
    assert saved is None
    (problem,) = problems
    assert told in str(problem)
    assert text.splitlines()[problem.line - 1][problem.column - 1 :].startswith(at)


def test_one_of_request_and_steps_is_needed() -> None:
    neither = "3:1: outgoing.o.request: is missing; use steps instead to send several"
    empty = "5:1: outgoing.o.steps: must not be empty"
    for text, told in {"": neither, "steps = []\n": empty, 'steps = []\nrequest = { uri = "x" }\n': empty}.items():
        saved, problems = check(f'format = 1\nname = "x"\n[outgoing.o]\nclient = "default"\n{text}')
        assert saved is None
        assert [str(each) for each in problems] == [told]


WORDS = ["steps", "find", "change", ".", "status", "body", "entity", "`404`", "404", "==", "&&", "[0]", "[?", "]", "*"]
anything = st.lists(st.sampled_from([*WORDS, "@{", "&{", "?{", "}", "@", "'", '"', "(", "keys(", ")", " "]), max_size=9)


@settings(max_examples=examples(150), deadline=None)
@given(when=anything, uri=anything, parameter=anything)
def test_any_step_is_accepted_or_refused_with_a_message(when: list[str], uri: list[str], parameter: list[str]) -> None:
    request = {"uri": "".join(uri), "parameters": {"a": ["".join(parameter)]}}
    step = {"name": "change", "when": "".join(when) or "@", "request": request}
    outgoing = {"client": "default", "steps": [{"name": "find", "request": {"uri": "x"}}, step]}
    saved, problems = check_data({"format": 1, "name": "x", "outgoing": {"o": outgoing}})
    assert (saved is None) == bool(problems)
    if saved is not None:
        responses: dict[str, Any] = {"find": {"status": 404, "headers": {}, "body": {}}}
        with contextlib.suppress(PlaceholderError):
            saved.outgoing["o"].request_for({"find": 1}, {"run": {}, "steps": responses}, "change")
        with contextlib.suppress(InvalidValue):
            saved.outgoing["o"].steps[1].is_skipped(saved.outgoing["o"].scope([{}], {}))


def test_a_single_request_has_no_responses_to_read() -> None:
    request = 'request = { uri = "x/@{steps.find.body.id}", parameters = { a = "@{entity.sku}", since = "@{run.x}" } }'
    saved, problems = check(f'format = 1\nname = "x"\n[outgoing.o]\nclient = "default"\n{request}\n')
    assert saved is None
    assert [str(each).partition(": no step")[0] for each in problems] == ["5:13: outgoing.o.request.uri"]


@pytest.mark.parametrize("method", ["", 'method = "get", ', 'method = "HEAD", ', 'method = "delete", '])
@pytest.mark.parametrize("parameters", ['"text"', '["a"]', "5", '"a &{sku}"'])
def test_query_parameters_are_a_table(method: str, parameters: str) -> None:
    request = f'request = {{ {method}uri = "x", parameters = {parameters} }}'
    text = f'format = 1\nname = "x"\n[outgoing.o]\nclient = "default"\n{request}\n'
    column = request.index("parameters") + 1
    assert [str(each) for each in check(text)[1]] == [
        f"5:{column}: outgoing.o.request.parameters: must be a table: GET, HEAD and DELETE send it in the query"
    ]
    assert check(text.replace(parameters, "{ a = 1 }"))[1] == []


def test_a_placeholder_as_query_parameters_must_give_a_table() -> None:
    request = RequestTemplate(uri="x", parameters="&{filter}")
    assert request.request(Scope({"filter": {"a": [1]}})).uri == "x?a%5B0%5D=1"
    assert RequestTemplate(uri="x", parameters="?{filter}").request(Scope({})) == Request("GET", "x")
    for found in ("text", ["a"]):
        with pytest.raises(PlaceholderError, match="it does not result in a table") as refused:
            request.request(Scope({"filter": found}))
        assert "text" not in str(refused.value)
    assert RequestTemplate(uri="x", method="post", parameters=["a"]).request(Scope()).body == b'["a"]'


def test_a_date_in_parameters_must_be_quoted() -> None:
    request = 'request = { uri = "x", parameters = { a = 2026-01-01 } }'
    text = f'format = 1\nname = "x"\n[incoming.p]\nclient = "default"\n{request}\n'
    assert [str(each) for each in check(text)[1]] == [
        "5:39: incoming.p.request.parameters.a: must be a JSON value: put dates in quotes"
    ]


def test_the_schema_knows_chains() -> None:
    reader = Draft7Validator(schema())
    assert list(reader.iter_errors(tomllib.loads(CHAIN))) == []
    for right, wrong in [
        ('client = "default"', 'client = "default"\nrequest = { uri = "x" }'),
        ("when = ", "whne = "),
        ('name = "create"\n', ""),
    ]:
        assert list(reader.iter_errors(tomllib.loads(CHAIN.replace(right, wrong, 1))))
    step = schema()["definitions"]["ChainStep"]["properties"]
    assert all(each.get("title") and each.get("description") for each in step.values())


def test_steps_are_written_as_tables_one_below_the_other() -> None:
    steps = tomllib.loads(CHAIN)["outgoing"]["products"]["steps"]
    steps[1]["request"]["parameters"]["product"] = "&{{sku: sku, name: name, price: price, attribute_set_id: `4`}}"
    text = Document.new({"outgoing": {"products": {"client": "default", "steps": steps}}}).text()
    assert '\n[[outgoing.products.steps]]\nname = "find"\nrequest = { uri = ' in text
    assert '\n\n[outgoing.products.steps.request]\nmethod = "post"\nuri = ' in text
    assert tomllib.loads(text)["outgoing"]["products"]["steps"] == steps


def test_a_step_moves_with_its_comments_and_goes_with_them() -> None:
    document = Document(CHAIN)
    path = ("outgoing", "products", "steps")
    find, create, change = document.draft["outgoing"]["products"]["steps"]
    document.set(path, [find, change, create])
    text = document.text()
    assert text.index("# what the store has") < text.index('name = "change"') < text.index("# else it is changed")
    document.set(path, [find, create])
    assert document.text() == CHAIN[: CHAIN.index("\n# what the store has")]
    document.set((*path, 1, "when"), UNSET)
    assert "# is it there?\n[[outgoing.products.steps]]" in document.text()
    assert "# else" not in document.text()
