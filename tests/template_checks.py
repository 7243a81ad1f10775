"""Templates rendered for tests, each way they are used."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from tui_connector.templates import Json, PlaceholderError, Scope, Template, as_data

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
