"""The files that a part of a profile names are found by the type of their fields, however a kind writes it."""

from __future__ import annotations

from typing import Annotated, NewType

from pydantic import Field
from typing_extensions import TypeAliasType

from tui_connector.client.file_path import FilePath, file_paths
from tui_connector.kinds import Model

Alias = TypeAliasType("Alias", FilePath | None)  # what "type Alias = …" is in Python 3.12
Named = NewType("Named", FilePath)


class Inner(Model):
    template_file: FilePath
    text: str = "no file"


class Outer(Model):
    plain: FilePath
    titled: Annotated[FilePath | None, Field(title="Titled")] = "at its default"
    several: list[FilePath]
    by_name: dict[str, FilePath | int]
    alias: Alias
    named: Named
    inner: list[Inner]
    other: str = Field("no file", alias="path")
    missing: FilePath | None = None


def test_every_field_of_the_type_is_found_and_no_other() -> None:
    part = Outer.model_validate(
        {
            "plain": "plain", "several": ["one", "two"], "by-name": {"a": "in a table", "b": 1},
            "alias": "alias", "named": "named", "inner": [{"template-file": "inside"}],
        }
    )  # fmt: skip
    assert dict(file_paths(part)) == {
        ("plain",): "plain",
        ("titled",): "at its default",
        ("several", 0): "one",
        ("several", 1): "two",
        ("by-name", "a"): "in a table",
        ("alias",): "alias",
        ("named",): "named",
        ("inner", 0, "template-file"): "inside",
    }
    assert ("inner", 0, "template-file") not in dict(file_paths(part, without=(Inner,)))
