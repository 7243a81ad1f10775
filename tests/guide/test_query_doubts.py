"""What of a query is odd: it is sent as the text says, or a message says what may be meant instead."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.errors import InvalidValue
from tui_connector.guide.requests.query_doubts import doubts
from tui_connector.guide.requests.query_lines import is_short, sent_parameters
from tui_connector.guide.rest_api import ApiPath


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("wher status = 5", "did you mean: where status = 5"),
        ("where: status = 5", "did you mean: where status = 5"),
        ("status >= 5", "did you mean: where status >= 5"),
        ("qty>=5", "did you mean: where qty>=5"),
        ("sku like A%", "did you mean: where sku like A%"),
        ("lastname is Doe", "did you mean: where lastname = Doe"),
        ("status is not new and", "did you mean: where status != new"),
        ("status = complete and", "did you mean: where status = complete"),
        ("status equals complete", "did you mean: where status = complete"),
        ("entity_id 5", "did you mean: where entity_id = 5"),
        ("or qty >= 5", "or joins conditions of one line"),
        ("order by created_at desc", "did you mean: sort created_at desc"),
        ("sortby sku", "did you mean: sort sku"),
        ("limit 10", "did you mean: 10 per page"),
        ("page_size = 10", "did you mean: 10 per page"),
        ("page: 2", "did you mean: page 2"),
        ("?fields=sku", "did you mean: fields=sku"),
        ("fieds=items[sku]", "did you mean: fields=items[sku]"),
        ("foo", "“foo” has no value; write “foo=”"),
        ("searchCriteria[pageSize]", "has no value"),
        ('{"product":{"price":9}}', "looks like a body: write it below (Tab leads there)"),
        ('[ {"sku": "a=b"}]', "looks like a body"),
        ("{", "looks like a body"),
        ('"price": 9,', "looks like a body"),
        ("},", "looks like a body"),
        ("=5", "“=5” has no name"),
        ("where", "begin with where, sort or page"),
        ("where status = new qty >= 5", "“qty >= 5” is part of the value"),
        ("where status = new, qty>=5", "“qty>=5” is part of the value"),
        ("where status=new&qty>=5", "“qty>=5” is part of the value"),
        ("where status = new adn qty gteq 5", "“qty gteq 5” is part of the value"),
        ("where status = 5 adn name likee %9%", "“name likee %9%” is part of the value"),
        ("where a = 1 and created_at >= 2026-01-01 00:00:00 sku is null", "“sku is null” is part of the value"),
        ("where a = 1 or made_in in DE,FR state in new,old", "“state in new,old” is part of the value"),
        ("where status => 5", "the value begins with a sign"),
        ("where status neq in a,b", "the value begins with a condition"),
        ("where status in (1, 'a')", "without brackets: status in 1,a"),
        ("pageSize=10", "Magento ignores “pageSize=10”; did you mean: 10 per page"),
        ("page_size=10", "did you mean: 10 per page"),
        ("currentPage=2", "did you mean: page 2"),
        ("sortOrders[0][field]=sku", "did you mean: searchCriteria[sortOrders][0][field]=sku"),
        ("filterGroups[0][filters][0][value]=5", "did you mean: searchCriteria[filter_groups][0][filters][0][value]=5"),
        ("filter_groups=5", "Magento ignores “filter_groups=5”: it is read in searchCriteria[…] only"),
        ("searchcriteria[pageSize]=10", "did you mean: 10 per page"),
        ("searchCriteria.pageSize=10", "did you mean: 10 per page"),
        ("search-criteria=", "did you mean: searchCriteria="),
        ("SearchCriteria%5BcurrentPage%5D=3", "did you mean: page 3"),
        ("searchCriteria[pagesize]=10", "did you mean: 10 per page"),
        ("searchCriteria[limit]=10", "did you mean: 10 per page"),
        ("searchCriteria[pageSize=10", "did you mean: 10 per page"),
        ("searchCriteria[sortOrders][direction]=ASC", "did you mean: searchCriteria[sortOrders][0][direction]=ASC"),
        ("searchCriteria[filterGroups][1][field]=a", "searchCriteria[filter_groups][1][filters][0][field]=a"),
        ("searchCriteria[filters][0][conditionType]=gt", "[filter_groups][0][filters][0][condition_type]=gt"),
        ("searchCriteria[store]=nl", "Magento has pageSize, currentPage, sortOrders and filter_groups"),
    ],
)
def test_what_is_odd_is_said_with_what_may_be_meant(line: str, doubt: str) -> None:
    [found] = doubts(["storeId=1", line])
    assert found.startswith("Line 2 of the query: ")
    assert doubt in found
    assert doubts([line], sent_before=[line]) == []


@pytest.mark.parametrize(
    "line",
    [
        *("storeId=3", "searchCriteria", "fields=items[sku, name]", "x=", "filter[qty][gt]=5", "a%20b=c", "q=a >= b"),
        *(
            "where created_at >= 2026-01-01 00:00:00",
            "where created_at from 2026-01-01 00:00 and created_at to 2026-02",
        ),
        *("where name = Bike made in Germany", "where name = I would like to", "where name = 'new qty >= 5'"),
        *(
            "where token = YWJj==",
            "where description like %<b>%",
            "where sku in A, B",
            "and qty > 5",
            "where a is null",
        ),
        *("searchCriteria=", "searchCriteria[page_size]=10", "search_criteria[currentPage]=2", "size=XL"),
        *("searchCriteria[filterGroups][0][filters][0][conditionType]=in", "searchCriteria[sortOrders][][field]=sku"),
        *("searchCriteria[filter_groups][0][filters][0][value][]=5", "searchCriteria[requestName]=quick_search"),
        *("sort by sku", "page = 2", "page size = 10", "page 2 50 per page", "10 per page", "where name = it's new"),
    ],
)
def test_what_says_what_is_sent_is_not_odd(line: str) -> None:
    sent_parameters([line])
    assert doubts([line]) == []


def test_what_magento_ignores_depends_on_the_path_and_on_the_lines_before() -> None:
    low_stock = ApiPath(("GET",), ("scopeId", "pageSize", "currentPage"))
    assert doubts(["pageSize=10", "currentPage=2"], known=low_stock) == []
    assert doubts(["pageSize=10"], path=None) == []
    searched = ApiPath(("GET",), ("page",), is_searched=True)
    [doubt] = doubts(["page=2&", "limit=10"], known=searched)
    assert doubt == "Line 2 of the query: Magento ignores “limit=10”; did you mean: 10 per page"
    both = ["searchCriteria[pageSize]=10", "search_criteria[currentPage]=2", "searchCriteria[page_size]=5"]
    first, second = doubts(both)
    assert "use only one of searchCriteria and search_criteria" in first
    assert "use only one of pageSize and page_size" in second


PRODUCTS = ApiPath(
    ("GET",),
    is_searched=True,
    fields=("id", "sku", "price", "attribute_set_id", "created_at"),
    numbers=("id", "price", "attribute_set_id"),
    nested=("media_gallery_entries", "custom_attributes"),
)


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("where prise < 100", "no field prise of this list is known; did you mean price?"),
        ("and sku = 1 or creatd_at > 2026", "did you mean created_at?"),
        ("sort creatd_at", "no field creatd_at of this list is known; did you mean created_at?"),
        ("sort by Price desc", "did you mean price?"),
        ("searchCriteria[sortOrders][0][field]=creatd_at", "did you mean created_at?"),
        ("searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bfield%5D=skuu", "did you mean sku?"),
        ("fields=items[skuu,price],total_count", "no field skuu of this list is known; did you mean sku?"),
        ("fields=items%5Bsku,media_galery_entries[file]%5D", "did you mean media_gallery_entries?"),
        ("fields=item[sku]", "the response has no field item; did you mean items?"),
        ("fields=sku", "sku is a field of the items; did you mean items[sku]?"),
        ("fields=items[sku", "a ] is missing in 'items[sku', so that Magento would send no items"),
    ],
)
def test_a_misspelt_field_is_odd_wherever_it_is_named(line: str, doubt: str) -> None:
    [found] = doubts([line], known=PRODUCTS)
    assert found.endswith(doubt)


@pytest.mark.parametrize(
    "line",
    [
        *(f"where {field} = 5" for field in ("price", "category_id", "website_id", "entity_id", "colour")),
        *("sort price desc", "sort by entity_id", "sort colour", "fields=items[sku,custom_attributes,colour[x]]"),
        *("fields=total_count", "fields=items[media_gallery_entries[skuu]]", "searchCriteria[sortOrders][][field]=id"),
    ],
)
def test_a_field_that_may_be_one_of_the_list_is_not_odd(line: str) -> None:
    assert doubts([line], known=PRODUCTS) == []


def test_the_usual_fields_of_a_list_are_known_without_the_schema_of_the_store() -> None:
    assert doubts(["sort creatd_at desc", "where prise < 100"]) == []
    first, second = doubts(["sort creatd_at desc", "where skuu = A"], path="orders/items")
    assert first.endswith("did you mean created_at?")
    assert second.endswith("did you mean sku?")


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("where entity_id > 900page 2", "“page 2” is part of the value before it; write it on a line of its own"),
        ("where status = new sort created_at desc", "“sort created_at desc” is part of the value"),
        ("where status = new sort by created_at", "“sort by created_at” is part of the value"),
        ("where status = new 20 per page", "“20 per page” is part of the value"),
        ("where entity_id > 900x", "entity_id is a number, and the value is “900x”"),
        ("where price > '9.5 EUR'", "price is a number, and the value is “9.5 EUR”"),
        ("where attribute_set_id in 4, Bag", "attribute_set_id is a number, and the value is “4,Bag”"),
    ],
)
def test_what_was_typed_behind_a_value_is_odd(line: str, doubt: str) -> None:
    [found] = doubts([line], known=PRODUCTS)
    assert doubt in found


@pytest.mark.parametrize(
    "line",
    [
        *("where price like 9%", "where price >= -9.5", "where entity_id in 1, 2", "where price is null"),
        *("where name = 'Home page 2'", "where name = A shell sort algorithm", "where sku = 900x"),
    ],
)
def test_a_value_of_its_type_is_not_odd(line: str) -> None:
    assert doubts([line], known=PRODUCTS) == []


def test_a_word_that_is_being_typed_is_not_odd_yet() -> None:
    for line in ("where", "10 per", "sort"):
        assert doubts(["", line], typed=1) == []
        assert doubts([line, ""], typed=1) != []
    assert doubts(["wher status = 5"], typed=0) != []
    assert doubts(["sort creat"], typed=0, known=PRODUCTS) == []
    assert doubts(["sort creatd"], typed=0, known=PRODUCTS) != []
    assert doubts(["sort creat", ""], typed=1, known=PRODUCTS) != []


WORDS = st.sampled_from(
    [
        *(
            "where",
            "wher",
            "and",
            "adn",
            "or",
            "sort",
            "by",
            "page",
            "size",
            "per",
            "status",
            "created_at",
            "qty",
            "new",
        ),
        *(
            "=",
            ">=",
            "=>",
            "!=",
            "==",
            "like",
            "likee",
            "in",
            "is",
            "not",
            "null",
            "gteq",
            "5",
            "2026-01-01",
            "00:00:00",
        ),
        *(
            "'new",
            "'x y'",
            "a,b",
            "(1,",
            "2)",
            "status=new",
            "qty>=5",
            "&",
            "&&",
            ",",
            "desc",
            "10",
            "fields=sku",
            "x=",
        ),
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=7).map(" ".join))
def test_a_line_is_sent_as_it_says_or_a_message_says_what_is_odd(line: str) -> None:
    """As it says: a parameter has a name of one word; no value in criteria contains a sign or more than one word."""
    try:
        [(_, parameters)] = sent_parameters([line])
    except InvalidValue:
        return  # which says what is wrong
    if doubts([line]):
        return
    if not is_short(line):
        assert re.fullmatch(r"[^\s=<>!]+(=.*)?", line), line
        return
    unquoted = re.sub(r"'[^']*'", "", line)
    for each in parameters:
        if each.name.endswith("[value]") and f"'{each.value}'" not in line:
            assert not re.search(r"(^|[\s,&])\S*\s*[=<>!]", each.value), (line, each.value)
            assert not re.search(r"\S\s+[a-z_]+\s+(gteq|is\s+null)(?!\S)", each.value), (line, each.value)
        if each.name.endswith("[field]"):
            assert each.value in unquoted or each.value in line
