"""The one-line summaries of the parts of a profile."""

from __future__ import annotations

import pytest

from tui_connector.guide.steps import kind_schemas, summaries
from tui_connector.templates import Json

NAMED_BY_KIND = {"base-uri", "append-headers", "set-headers", "default-headers", "remove-headers", "query-defaults"}
"""Kinds whose title says what their only setting is."""


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (
            {"kind": "retry", "attempts": 5, "longest-wait": "10s", "repeat-posts": True},
            "Retry failed requests: attempts 5, longest wait 10s, repeat POST yes",
        ),
        ({"kind": "rate-limit", "requests": 4, "span": "2s"}, "Limit the rate of requests: requests 4, span 2s"),
        ({"kind": "log-requests", "formatter": "long"}, "Log requests: formatter long"),
        ({"kind": "base-uri"}, "Add base URI to requests: from the test"),
        ({"kind": "base-uri", "uri": "https://a.example"}, "Add base URI to requests: https://a.example"),
        ({"kind": "set-headers", "headers": {"Store": "nl"}}, "Set request headers: Store nl"),
        ({"kind": "remove-headers", "headers": ["Cookie", "DNT"]}, "Remove request headers: Cookie, DNT"),
        ({"kind": "content-type"}, "Add content-type headers to requests"),
        ({"kind": "retry", "atempts": 5}, "Retry failed requests: atempts 5"),
        ({"kind": "unknown", "size": 5}, "unknown: size 5"),
    ],
)
def test_settings_of_a_plugin_say_what_they_are(plugin: Json, words: str) -> None:
    assert summaries.plugin(plugin) == words


@pytest.mark.parametrize("kind", kind_schemas.plugins())
def test_every_setting_of_every_plugin_has_the_title_of_its_field(kind: str) -> None:
    schema = kind_schemas.plugin(kind)
    assert schema is not None
    for name, field in schema["properties"].items():
        if name != "kind" and kind not in NAMED_BY_KIND:
            assert f"{field['title']} 7".casefold() in summaries.plugin({"kind": kind, name: 7}).casefold()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"uri": "products"}, "GET products"),
        ({"uri": "products", "where": ["price lt 300", "sku like a%"]}, "GET products · price lt 300 and sku like a%"),
        (
            {
                "uri": "products?searchCriteria%5BfilterGroups%5D[0][filters][0][field]=sku&"
                "searchCriteria[filterGroups][0][filters][0][value]=a%20b&fields=items%5Bsku%5D"
            },
            "GET products · sku eq a b · fields items[sku]",
        ),
        (
            {
                "uri": "products",
                "where": ["a eq 1"],
                "parameters": {
                    "fields": "items[sku]",
                    "searchCriteria": {
                        "filterGroups": [{"filters": [{"field": "price", "value": 3, "conditionType": "gt"}]}]
                    },
                },
            },
            "GET products · a eq 1 and price gt 3 · fields items[sku]",
        ),
        ({"uri": "modules?x&since=@{cursor}&%"}, "GET modules?x&since=@{cursor}&%"),
        ({"uri": "modules", "parameters": {"of": "a b", "all": True}}, "GET modules · of a b · all yes"),
        ({"uri": 5, "where": 3, "parameters": [None, "x"]}, "GET 5 · [1] x"),
        ({"uri": "search?a=1", "method": "post", "parameters": {"x": 1}}, "POST search?a=1"),
    ],
)
def test_the_row_of_an_incoming_shows_what_narrows_its_list(request_: Json, words: str) -> None:
    pagination: Json = {"kind": "keyset"}
    (part,) = summaries.parts({"incoming": {"a": {"request": request_, "pagination": pagination}}})
    assert part.summary == f"{words} · keyset · → no file"


def test_a_summary_says_which_secrets_have_no_value() -> None:
    tokens: Json = {"kind": "oauth1", "consumer-key": {"env": "KEY"}, "consumer-secret": {"env": "SECRET"}}
    data: dict[str, Json] = {"authentications": {"a": tokens}}

    def summary(*missing: str) -> str:
        (part,) = summaries.parts(data, {("authentications", "a", each) for each in missing})
        return part.summary.partition(" · ")[2]

    assert summary() == "2 from the environment"
    assert summary("consumer-key") == "2 from the environment, 1 not set"
    assert summary("consumer-key", "consumer-secret") == "2 from the environment, not set"


def test_a_long_name_of_a_step_leaves_room_for_its_request() -> None:
    request: dict[str, Json] = {"uri": "products", "method": "post"}
    chain: list[Json] = [{"name": "find", "request": request}, {"name": "a_long_name_" * 5, "request": request}]
    short, long = summaries.steps(chain)
    assert short == f"{'find':<24}  POST products"
    assert long.endswith("  POST products")
    assert len(long) == len(short)
