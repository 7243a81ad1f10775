"""What the kinds say of themselves: every field has its words, and a form can ask for it."""

from __future__ import annotations

import re

import jsonschema
import pytest

from tui_connector.client.file_path import fields_with_paths
from tui_connector.kinds import Kind, json_schema
from tui_connector.profile.model import schema
from tui_connector.tui.widgets.field_specs import FieldType, field_specs

OURS = [kind for family in Kind.__subclasses__() for kind in family.all_kinds().values()]
PROFILE = {"format": 1, "name": "x", "clients": {"c": {}}}


def name(kind: type[Kind]) -> str:
    return str(kind.model_fields["kind"].default)


@pytest.mark.parametrize("kind", OURS, ids=name)
def test_every_field_has_its_words_and_a_place_in_a_form(kind: type[Kind]) -> None:
    for field in field_specs(json_schema(kind)):
        assert field.title
        assert field.about
        assert field.type is not FieldType.JSON


@pytest.mark.parametrize("kind", OURS, ids=name)
def test_a_field_named_like_a_file_has_the_type_of_one(kind: type[Kind]) -> None:
    """So that trust knows of it, whatever the kind does with it."""
    named = {name for name in kind.model_fields if re.fullmatch(r"(.*_)?(path|file)", name)}
    assert named <= fields_with_paths(kind)


@pytest.mark.parametrize(
    "part",
    [
        {"sink": {"kind": "jsonl", "path": "x", "compress": "gzip"}},
        {"sink": {"kind": "csv", "path": "x", "columns": ["a"], "delimiter": "tab"}},
        {"sink": {"kind": "sqlite", "path": "x", "table": "t", "columns": ["a"]}},
        {"sink": {"kind": "stdout"}},
        {"sink": {"kind": "singer", "stream": "s", "schema-file": "s.json"}},
        {"pagination": {"kind": "page-number", "size-parameter": "n", "total": "meta.total", "last-page": "short"}},
        {"pagination": {"kind": "offset", "page-size": 10}},
        {"pagination": {"kind": "next-link", "link": "links.next"}},
        {"pagination": {"kind": "link-header"}},
        {"pagination": {"kind": "cursor", "cursor": "next", "more": "has_more"}},
        {"filter": "status == `1`", "transform": "{sku: sku}"},
    ],
)
def test_editors_accept_what_we_accept(part: dict[str, object]) -> None:
    incoming = {"client": "c", "request": {"uri": "x"}, **part}
    jsonschema.validate({**PROFILE, "incoming": {"i": incoming}}, schema())
