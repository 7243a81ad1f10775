"""Highlighted TOML, JSON and differences: every part has its colour, and no control character passes."""

from __future__ import annotations

from textual.content import Content

from tui_connector.tui.widgets import highlight


def styles(content: Content) -> dict[str, str]:
    """The style of each coloured part."""
    return {content.plain[span.start : span.end].strip(): str(span.style) for span in content.spans}


def test_toml_has_coloured_headers_keys_values_and_comments() -> None:
    found = styles(highlight.toml('# mine\n[clients.magento]\ntimeout = "5s" # why\npage-size = 100\n'))
    assert list(found) == ["# mine", "[clients.magento]", "timeout", '"5s"', "# why", "page-size", "100"]
    assert found["timeout"] == found["page-size"] != found['"5s"']


def test_json_need_not_be_valid_while_it_is_typed() -> None:
    text = '{"sku": "a b", "qty": -1.5, "on": true, "V1": '
    parts = [(text[start:end], kind) for start, end, kind in highlight.json_spans(text)]
    assert parts == [
        ('"sku"', "key"),
        ('"a b"', "string"),
        ('"qty"', "key"),
        ("-1.5", "number"),
        ('"on"', "key"),
        ("true", "number"),
        ('"V1"', "key"),
    ]
    assert styles(highlight.json_("PUT /rest/all/V1/products/24-MB01")) == {}


def test_added_and_removed_lines_of_a_difference_have_their_colours() -> None:
    found = styles(highlight.difference('@@ -1 +1 @@\n-name = "a"\n+name = "b\x1b[31m"\n same'))
    assert found['-name = "a"'] == "$text-error"
    assert found['+name = "b\\x1b[31m"'] == "$text-success"
    assert "same" not in found
