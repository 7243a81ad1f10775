"""The filter language: what a user types, and what it finds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest
from exchanges import exchange, exchanges, lost
from hypothesis import assume, given
from hypothesis import strategies as st

from tui_connector.client.exchange import Exchange, Timings
from tui_connector.log.blocks import Block, BlockTexts
from tui_connector.log.expressions import And, Expression, Filter, Not, Or, Term
from tui_connector.log.field_condition import FieldCondition
from tui_connector.log.filter import BadFilter, help_rows, parse, reading
from tui_connector.log.search import search_for, text_found
from tui_connector.log.shown_text import query_text, row_text

LOG = [
    exchange(1, method="GET", uri="https://acme.example/rest/V1/products/A%2FB"),
    exchange(2, method="POST", uri="https://acme.example/rest/V1/orders", status=404, body=b'{"message":"No such"}'),
    exchange(3, method="PUT", uri="https://shop.example/rest/V1/products", status=500, purpose="test"),
    exchange(4, purpose="login", status=401, timings=Timings(total=1.5)),
    exchange(5, purpose="probe", status=404, headers=(("X-Magento-Cache", "HIT"),)),
    lost(6, timings=Timings(total=30.0)),
    exchange(7, body=b'{"url":"https:\\/\\/x\\/y","name":"Caf\\u00e9"}', request_body="ÜBER".encode()),
]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7]),
        ("a/b", [1]),
        ("a%2fb", [1]),
        ("acme.example", []),
        ("https://acme.example/rest/V1/orders", [2]),
        ("~u shop.EXAMPLE", [3]),
        ("POST", [2]),
        ("put", [3]),
        ("404", [2, 5]),
        ("4xx", [2, 4, 5]),
        ("500", [3]),
        ("products", [1, 3, 4, 5, 6, 7]),
        ("~p products", [1, 3, 4, 5, 6, 7]),
        ("hit", [5]),
        ("café", [7]),
        ('"no such"', [2]),
        ("~p such", []),
        ("login", [4]),
        ("'no response'", [6]),
        ("~m post", [2]),
        ("~m put,POST", [2, 3]),
        ("~s 404", [2, 5]),
        ("~s 4xx", [2, 4, 5]),
        ("~s 4xx,5XX", [2, 3, 4, 5]),
        ("~s >=500", [3]),
        ("~s <300", [1, 7]),
        ("~s none", [6]),
        ("~e", [2, 3, 4, 6]),
        ("~t 200ms", [4, 6]),
        ("~t 1500", [6]),
        ("~t 1.4s", [4, 6]),
        ("~t <0.2s", [1, 2, 3, 5, 7]),
        ("~w test,login", [3, 4]),
        ('~h "cache: hit"', [5]),
        ("~h x-cache !~s 200", [2, 3, 4]),
        ('~b "NO SUCH"', [2]),
        ("~b https://x/y", [7]),
        ("~b café", [7]),
        ("~b über", [7]),
        ("products ~m put", [3]),
        ("products&~m put", [3]),
        ("orders | shop | ~m put", [2, 3]),
        ("!(~s 2xx | ~e)", [5]),
        ("!!~m post", [2]),
        ("~m post | ~m put & ~s 500", [2, 3]),
        ("(~m post | ~m put) ~s 500", [3]),
        ("status >= 400", [2, 3, 4, 5]),
        ("status>=400 method:put", [3]),
        ("status:4xx", [2, 4, 5]),
        ("Status: 404,500", [2, 3, 5]),
        ("status:>=500", [3]),
        ("status == 404", [2, 5]),
        ("status != 404", [1, 3, 4, 6, 7]),
        ("!status:404", [1, 3, 4, 6, 7]),
        ("!path != products", [1, 3, 4, 5, 6, 7]),
        ("status=none", [6]),
        ("code = 500 | method = post", [2, 3]),
        ("time > 1 s", [4, 6]),
        ("duration>=1500ms status:none", [6]),
        ("took < 200 ms", [1, 2, 3, 5, 7]),
        ("size > 0.02KB", [2, 7]),
        ("~z 41", [7]),
        ("path: orders", [2]),
        ("url:shop.example", [3]),
        ("who:test,login", [3, 4]),
        ("header:'cache: hit'", [5]),
        ('body:"no such"', [2]),
        ("time > soon", []),
        ("status = pending", []),
        ("status => 400", [2, 3, 4, 5]),
        ("status =< 300", [1, 7]),
        ("status <> 404", [1, 3, 4, 6, 7]),
        ("status === 404", [2, 5]),
        ("status is 404", [2, 5]),
        ("status is  not 404", [1, 3, 4, 6, 7]),
        ("STATUS EQ 404", [2, 5]),
        ("status gteq 400", [2, 3, 4, 5]),
        ("method equals put", [3]),
        ("path contains orders", [2]),
        ("body is empty", []),  # a text
        ("status => 400 and method:put", [3]),
        ("~e and put", [3]),
        ("orders or shop or ~m put", [2, 3]),
        ("~m post or ~m put and ~s 500", [2, 3]),
        ("(~m post or ~m put) && ~s 500 || ~p orders", [2, 3]),
        ("and", []),  # texts
        ("404 not found", [2, 5]),
        ("status = 404 Not  Found or put", [2, 3, 5]),
        ("(404 not found) login", []),
        ("not 404 NOT FOUND", [1, 3, 4, 6, 7]),
        ("500 internal server error", [3]),
        ("404 internal server error", []),
        ("products not 404", [1, 3, 4, 6, 7]),
        ("products not ~m put", [1, 4, 5, 6, 7]),
        ("404 not orders", [5]),
        ("no such", [2]),
        ("no not such", []),  # as "was not saved"
        ("not 200", [2, 3, 4, 5, 6]),
        ("NOT status = 404", [1, 3, 4, 6, 7]),
        ("not ~e", [1, 5, 7]),
        ("status >= 400 and not probe", [2, 3, 4]),
        ("status >= 400 not probe", [2, 3, 4]),
        ("~e not put", [2, 4, 6]),
        ("put or not ~s 4xx", [1, 3, 6, 7]),
        ("not (~s 2xx or ~e)", [5]),
        ("not(~s 2xx | ~e)", [5]),
        ("(not 200) login", [4]),
        ("not not ~m post", [2]),
        ("!not ~m post", [2]),
        ("not !~m post", [2]),
        ("not 'no such'", [1, 3, 4, 5, 6, 7]),
        ("not orders", [1, 3, 4, 5, 6, 7]),  # begins as `or` does
    ],
)
def test_a_filter_finds(text: str, numbers: list[int]) -> None:
    wanted = parse(text)
    assert [each.number for each in LOG if wanted.matches(each)] == numbers


@pytest.mark.parametrize(
    "text",
    [
        '"not"',
        "'not' found",
        "not",
        "NOT",
        "(not)",
        "found not",
        "found and not",
        "found & not",
        "not & found",
        "not and found",
        "not or missing",
        "(found not) item",
        "~p not found",
        "path:not",
        "nothing | notfound | 'not found'",
        "item is not found",  # as "body is empty"
        "not found",  # a phrase of HTTP
        "Not  Found item",
        "item not found",
        "item not elsewhere | item not is",  # a row of words
    ],
)
def test_not_is_a_text_where_nothing_follows_that_it_could_negate(text: str) -> None:
    found = exchange(1, uri="https://acme.example/rest/V1/not/found", body=b'"item is not found"')
    assert parse(text).matches(found)


def _page(*filters: tuple[str, str, str], more: str = "") -> str:
    names = ("field", "value", "condition_type")
    query = [
        f"searchCriteria[filter_groups][{group}][filters][0][{name}]={value}"
        for group, each in enumerate(filters)
        for name, value in zip(names, each, strict=True)
    ]
    return "https://acme.example/rest/V1/products?" + quote("&".join(query) + more, safe="=&")


_SINCE = ("updated_at", "2026-01-01 00:00:00", "gteq")
PAGES = [
    exchange(1, uri=_page(("entity_id", "500", "gt"), ("entity_id", "600", "lteq"), more="&currentPage=3")),
    exchange(2, uri=_page(("entity_id", "50", "gt")), body=b'{"sku":"24-MB01","id":500}'),
    exchange(3, uri=_page(("status", "", "notnull"), _SINCE), method="POST", status=404, reason="Not Found"),
    exchange(4, uri=_page(("sku", "A,B", "in")), timings=Timings(total=1.5), attempt=2),
]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("entity_id>500", [1]),
        ("entity_id > 500", [1]),
        ("ENTITY_ID  >500", [1]),
        ("entity_id>500 entity_id≤600", [1]),
        ("entity_id>500 entity_id<=600", [1]),
        ("'products entity_id>500 entity_id≤600'", [1]),
        ("'products · entity_id > 500 · entity_id ≤ 600'", [1]),
        ("'entity_id > 500 and entity_id ≤ 600'", [1]),
        ("~p entity_id>500", [1]),
        ("~u 'entity_id ≤ 600'", [1]),
        ("GET 200 entity_id > 50", [1, 2]),
        ("GET 200 entity_id > 5 !entity_id>500", [2]),
        ("GET 404 entity_id > 50", []),
        ("entity_id > 5", [1, 2]),  # of both lists, all items have greater ids
        ("entity_id > 49.5", [1, 2]),
        ("entity_id > 100", [1]),
        ("entity_id >= 50", [1, 2]),
        ("entity_id > 501", []),
        ("entity_id <= 700", [1]),
        ("entity_id < 600", []),
        ("entity_id = 50", []),
        ("entity > 50", []),
        ("id>500", []),
        ("sku = B", [4]),
        ("sku = A,B", []),
        ("sku != A", []),
        ("status = null", []),
        ("status is null", []),
        ("status=404", [3]),
        ("duration > 1s", [4]),
        ("duration > 1 s", [4]),
        ("duration > 1500", []),
        ("time >= 1500ms", [4]),
        ("size > 20", [2]),
        ("size < 1KB method = post", [3]),
        ("pageSize = 3", []),
        ("searchCriteria[filter_groups][0][filters][0][field] = sku", [4]),
        ("updated_at > 2025-12-31", [3]),
        ("updated_at > '2026-01-01'", [3]),
        ("updated_at > 2026-01-02", []),
        ("updated_at > 5", []),  # a date is neither greater nor less than a number
        ("sku > 5", []),
        ("status >= 400 | updated_at < 5", [3]),
        ("page=3", [1]),
        ("currentPage = 3", [1]),
        ("status is not null", [3]),
        ("updated_at >= 2026-01-01 00:00:00", [3]),
        ("updated_at≥2026-01-01", [3]),
        ("sku in A,B", [4]),
        ("sku in 'A,B'", [4]),
        ("sku=24", []),
        ('\'"sku": "24-MB01"\'', [2]),
        ('\'"sku":"24-MB01"\'', [2]),
        ("#3", [3]),
        ("'1500 ms'", [4]),
        ("'attempt 2'", [4]),
        ("attempt", [4]),
        ("attempt > 1", [4]),
        ("attempt = 1", [1, 2, 3]),
        ("12:00:03", [3]),
        ("'404 not found'", [3]),
        ("(entity_id > 500 | sku in A,B) GET", [1, 4]),
        ("status != 200", [3]),
        ("entity_id = 200 | status = 200", [1, 2, 4]),
    ],
)
def test_what_rows_and_details_show_is_found_with_or_without_spaces(text: str, numbers: list[int]) -> None:
    wanted = parse(text)
    assert [each.number for each in PAGES if wanted.matches(each)] == numbers
    texts = BlockTexts()
    if wanted.possible is not None and numbers:
        assert wanted.possible(Block(PAGES, lambda: texts.of(0, PAGES)))


@pytest.mark.parametrize("brackets", ["[]", ("%5B", "%5D")])
def test_a_word_is_not_found_in_the_names_of_search_criteria(brackets: str) -> None:
    """Rows show "↑ entity_id": each list would be about orders, filters and values."""
    before, behind = brackets
    query = "searchCriteria[sortOrders][0][field]=entity_id&searchCriteria[pageSize]=3&fields=items[name]"
    page = exchange(1, uri=f"https://acme.example/rest/V1/products?{query}".replace("[", before).replace("]", behind))
    found = ("products", "entity_id", "path:entity_id", "sortOrders", "pagesize", "searchCriteria[pageSize]", "name")
    assert [each for each in found if not parse(each).matches(page)] == []
    assert [each for each in ("orders", "path:orders", "~p order", "criteria") if parse(each).matches(page)] == []


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("~s", 3, "such as ~s 404"),
        ("~s 4yx", 4, "'4yx' is not a status"),
        ("~s 404,", 4, "nothing to search for"),
        ("~t soon", 4, "'soon' is not a duration"),
        ("~w boss", 4, "unknown purpose 'boss'"),
        ("~", 1, "~p path ~u URI ~m method ~s status ~t time ~z size ~w who ~h header ~b body"),
        ("products ~q x", 10, "~q is unknown; use one of ~p, ~u, "),
        ("~status 404", 1, "write a space between ~s and tatus"),
        ("~s4xx", 1, "write a space between ~s and 4xx"),
        ("~Status 404", 1, "did you mean ~s?"),
        ('~b "no such', 4, "quote is not closed"),
        ("(a | b", 1, "not closed"),
        ("a | b)", 6, "unmatched parenthesis"),
        ("a | ", 5, "missing"),
        ("a & | b", 5, "missing"),
        ("! ", 3, "missing"),
        ("()", 2, "missing"),
        ("shop and", 6, "after and, a term is missing; in quotes, it is a text"),
        ("status = complete OR | a", 19, "after OR, a term is missing"),
        ('""', 1, "nothing to search for"),
        ("~m ~s 404", 4, "~m needs a value"),
        ("status =~ 400", 8, "=~ is not an operator; use one of = != > < >= <= :"),
        ("status =>= 400", 8, "=>= is not an operator"),
        ("status >= ", 8, ">= needs a name before it and a value after it"),
        ("(" * 100 + "a" + ")" * 100, 51, "50 nested parentheses"),
        ("a " * 2_000, 2_001, "2000 characters"),
    ],
)
def test_a_filter_that_cannot_be_read_says_where(text: str, column: int, message: str) -> None:
    with pytest.raises(BadFilter) as failed:
        parse(text)
    assert message in failed.value.message
    assert failed.value.column == column


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("404 not found", "404"),
        ("~s 404 Not Found post", "~s 404 & post"),
        ("not found", '"not found"'),
        ("products not 404", "products & !404"),
        ("(was not saved | put) and not ~e", '(was & "not" & saved | put) & !~e'),
        ("a & b or !c", ""),  # can be read in one way only
        ("path:not", ""),
        ("'not found'", ""),
    ],
)
def test_a_filter_that_could_be_read_otherwise_says_how_it_is_read(text: str, understood: str) -> None:
    assert reading(text) == understood
    assert not understood or parse(understood) == parse(text)


def test_each_example_of_the_help_is_a_filter() -> None:
    for examples, description in help_rows():
        assert description
        for example in examples.split("  "):
            assert parse(example).expression is not None


@pytest.mark.parametrize(
    ("text", "reads"),
    [("", False), ("POST 404", False), ("~p a | ~s 4xx", False), ("POST sku", True), ("!(~s 404 | ~b a)", True)],
)
def test_it_is_known_whether_a_filter_depends_on_bodies(text: str, reads: bool) -> None:
    assert parse(text).reads_bodies is reads


def test_bodies_are_read_last() -> None:
    """What cheap terms rule out is never searched for text."""

    class Unread(bytes):
        def lower(self) -> bytes:
            raise AssertionError("the body was read")

    unread = exchange(1, body=Unread(b"x" * 10))
    assert not parse("~b x & ~s 404").matches(unread)
    assert not parse("!(~b x | ~s 200)").matches(unread)


_words = st.text(min_size=1, max_size=12) | st.sampled_from(["a=1", "entity_id > 5", "a in b", "and", "not", "is"])
_statuses = st.sampled_from(["404", "4xx", ">=500", "<300", "none", "200,404"])
_conditions = st.builds(
    FieldCondition,
    st.sampled_from(["status", "duration", "size", "entity_id", "page", "a.b[c]"]),
    st.sampled_from(["=", "≠", ">", "≥", "<", "≤", "like", "in", "nin", "finset"]),
    st.sampled_from(["404", "4xx", "1s", "2026-01-01 00:00:00", "A,B", "or", "is null"]) | _words,
) | st.builds(FieldCondition, st.just("sku"), st.sampled_from(["is null", "is not null"]))
_terms = st.one_of(
    st.builds(lambda condition: Term("~c", str(condition)), _conditions),
    st.builds(Term, st.sampled_from(["", "~p", "~u", "~h", "~b"]), _words),
    st.builds(Term, st.just("~m"), st.sampled_from(["GET", "put,post"])),
    st.builds(Term, st.just("~s"), _statuses),
    st.builds(Term, st.just("~t"), st.sampled_from(["200ms", "1.5s", "<50ms"])),
    st.builds(Term, st.just("~w"), st.sampled_from(["run", "test,login"])),
    st.just(Term("~e")),
)


def _more(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(inner.map(_negated), several.map(And), several.map(Or))


def _negated(each: Expression) -> Expression:
    """Nothing is denied twice: it reads back as it is."""
    return each if isinstance(each, Not) else Not(each)


expressions = st.recursive(_terms, _more, max_leaves=8)


@given(expressions)
def test_a_filter_reads_back_as_it_was_written(expression: Expression) -> None:
    written = str(Filter(expression))
    assert parse(written) == Filter(expression)
    assert str(parse(written)) == written


@given(expressions, expressions, exchanges)
def test_the_laws_of_and_or_and_not(one: Expression, other: Expression, asked: Exchange) -> None:
    a, b = Filter(one).matches(asked), Filter(other).matches(asked)
    assert parse(f"!({Filter(one)})").matches(asked) is not a
    for joined in (f"({one}) ({other})", f"({other}) & ({one})", f"!(!({one}) | !({other}))"):
        assert parse(joined).matches(asked) is (a and b)
    for joined in (f"({one}) | ({other})", f"!(!({one}) & !({other}))"):
        assert parse(joined).matches(asked) is (a or b)


def _said(one: Exchange) -> dict[str, list[str]]:
    """What each operator could find in this exchange."""
    headers = [f"{name}: {value}" for name, value in (*one.request_headers, *one.headers)]
    bodies = [body.data.decode("utf-8", "replace") for body in (one.body, one.request_body)]
    uris = [one.uri, unquote(one.uri)]
    row = [one.method, str(one.status), one.purpose, one.failure_text, one.note]
    return {"": [*row, *uris, *headers, *bodies], "~p": uris, "~u": uris, "~h": headers, "~b": bodies}


@given(st.data(), st.lists(exchanges, max_size=3), exchanges)
def test_a_block_is_ruled_out_only_if_nothing_in_it_matches(
    data: st.DataObject, others: list[Exchange], drawn: Exchange
) -> None:
    one = replace(drawn, uri=drawn.uri + quote("/Straße é", safe="/"))
    operator, texts = data.draw(st.sampled_from(list(_said(one).items())))
    assume(text := data.draw(st.sampled_from(texts or [""])))
    start = data.draw(st.integers(0, len(text) - 1))
    needle = text[start : start + data.draw(st.integers(1, 40))]
    log = [*others, one]
    block = Block(log, lambda: BlockTexts().of(0, log))
    for wanted in (Filter(Term(operator, needle)), Filter(Term(operator, needle.upper()))):
        assert wanted.possible is not None
        if any(map(wanted.matches, log)):
            assert wanted.possible(block)


def test_a_block_is_ruled_out_by_what_none_of_it_says() -> None:
    block = Block(LOG, lambda: BlockTexts().of(0, LOG))
    for text in ("nowhere", "a%2fc", "~u nowhere", "~h nowhere", "~b nowhere", "~b nöwhere", "~b x ~h nowhere"):
        possible = parse(text).possible
        assert possible is not None
        assert not possible(block), text


_SIGNS = ["~", "~s", "~b", "~e", "!", "&", "|", "(", ")", '"', "'", "\\", " ", "404", "x", "\n", "\ud800", "\x1b"]


@given(st.text() | st.lists(st.sampled_from(_SIGNS)).map("".join), exchanges)
def test_any_text_is_a_filter_or_says_where_it_is_not(text: str, asked: Exchange) -> None:
    wanted = _read(text)
    if wanted is None:
        return
    assert wanted.matches(asked) in (True, False)
    assert parse(str(wanted)) == wanted


def test_every_pair_of_signs_is_read_or_refused() -> None:
    for signs in itertools.product(_SIGNS, repeat=3):
        _read("".join(signs))


def _read(text: str) -> Filter | None:
    try:
        return parse(text)
    except BadFilter as bad:
        error = bad
    assert error.message
    assert 1 <= error.column <= len(text) + 1
    return None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("POST inv", [1]),
        ("inv post", [1]),
        ("post login source-items", []),
        ("run source inventory/", [1]),
        ("401 login", [2]),
        ("get pending status", [3]),
        ("where pending", [3]),
        ("no response inv", [1]),
        ("inv nowhere", []),
        ("orders duffle", [3]),  # in the row, and in the body
        ("Duffle POST", [1]),
        ("24-mb01 x-cache", [1, 3]),  # in a body, and in a header
        ("duffle pending nowhere", []),
        ("joust · duffle", [1, 3]),
        ("9 > joust", []),
        ("#3 1720 duffle", [3]),
        ("orders 136", [3]),  # no status, but a number in the body
        ("orders 13", [3]),
        ("orders 131", []),
        ("expected joust", []),
    ],
)
def test_a_search_finds_words_anywhere_in_an_exchange(text: str, numbers: list[int]) -> None:
    place = "https://acme.example/rest/V1/"
    query = "?searchCriteria[filter_groups][0][filters][0][field]=status" + (
        "&searchCriteria[filter_groups][0][filters][0][value]=pending"
    )
    duffle, cached = b'{"sku":"24-MB01","name":"Joust Duffle","stock_id":136}', (("X-Cache", "MISS"),)
    rows = [
        lost(1, method="POST", uri=f"{place}inventory/source-items", request_body=duffle, request_headers=cached),
        exchange(2, method="POST", status=401, purpose="login", uri=f"{place}integration/admin/token"),
        exchange(3, uri=f"{place}orders{query}", body=duffle, headers=cached, timings=Timings(total=1.72)),
    ]
    assert text_found("orders joust", rows[2]) == "joust"  # the row shows the other one
    assert text_found("POST inv", rows[0]) == "inv"  # what the detail marks
    assert text_found("POST inv", rows[2]) == "POST inv"  # which is not found in it
    wanted = search_for(text)
    assert [each.number for each in rows if wanted.matches(each)] == numbers
    assert wanted.possible is not None
    for each in rows:
        block = Block([each], lambda each=each: BlockTexts().of(0, [each]))  # type: ignore[misc]
        assert wanted.possible(block) or each.number not in numbers


def test_a_search_for_a_comparison_does_not_find_its_parts() -> None:
    page = exchange(1, uri=_page(("entity_id", "499", "gt"), ("entity_id", "500", "lteq")))
    for text, is_found in (("entity_id > 500", False), ("entity_id > 499", True), ("entity_id <= 500", True)):
        assert search_for(text).matches(page) is is_found


def test_what_the_program_wants_to_know_by_a_probe_is_not_searched() -> None:
    probe = exchange(1, purpose="probe", status=404, note="does it issue tokens? 404: no")
    renewed = exchange(2, note="login renewed")
    log = [probe, renewed]
    block = Block(log, lambda: BlockTexts().of(0, log))
    for words, numbers in (("does", []), ("does it", []), ("expected", []), ("probe", [1]), ("login renewed", [2])):
        for wanted in (search_for(words), parse(words)):
            assert [each.number for each in log if wanted.matches(each)] == numbers
            assert wanted.possible is None or wanted.possible(block) or not numbers


def test_a_search_looks_at_each_block_that_has_its_words() -> None:
    """Whatever of an exchange shows them: its row, its query, headers, bodies."""
    query = "?searchCriteria[filterGroups][0][filters][0][field]=sku&searchCriteria[filterGroups][0][filters][0][value]"
    message = b'{"message":"Not \\u00fcber %1 (%2)","parameters":["A-7","x/y"]}'
    for each in (
        exchange(1234, uri=f"https://acme.example/rest/V1/products{query}=%25A-7%25&searchCriteria[currentPage]=3"),
        exchange(2, status=404, reason="Not Found", body=message, attempt=2, note="login renewed"),
        exchange(3, purpose="probe", status=401, body=b"<html><title>Acc&egrave;s</title></html>"),
        lost(4, entity="sku B-9 …"),
    ):
        block = Block([each], lambda each=each: BlockTexts().of(0, [each]))  # type: ignore[misc]
        shown = [row_text(each), query_text(each.uri), each.uri, "cache miss nowhere"]
        missing = {"136", "nowhere", *(() if each.status else ("cache", "miss"))}  # 136 ms, but no status 136
        for word in " ".join(shown).split():
            wanted = search_for(f"{word} acme")
            assert wanted.matches(each) is (word not in missing), word
            assert wanted.possible is not None
            assert wanted.possible(block) or word in missing, word
