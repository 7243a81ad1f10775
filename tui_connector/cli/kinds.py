"""`kinds`: the plugins, authentications, paginations, sinks, sources and lookups of profiles, and their fields."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import click

from ..misspelling import did_you_mean
from ..text import json_text, shown, shown_line
from .errors import CommandFailed, Exit


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def kinds(name: str | None, as_json: bool) -> None:
    """List the kinds of plugins, authentications, sinks and so on.

    These are the values of `kind` in a profile, including those of installed packages. With NAME, print the fields of
    that kind.
    """
    from ..profile.model import kind_schemas

    families = kind_schemas()
    if name is not None:
        known = {kind for found in families.values() for kind in found}
        if name not in known:
            near = did_you_mean(name, known) or ". `tui-connector kinds` lists them."
            raise CommandFailed(f"Unknown kind {name!r}{near}", Exit.SETUP)
        families = {family: {name: found[name]} for family, found in families.items() if name in found}
    if as_json:
        click.echo(json_text(families, indent=2))
    elif name is None:
        click.echo("\n\n".join(_list(family, found) for family, found in families.items()))
    else:
        described = [_described(family, name, found[name]) for family, found in families.items()]
        click.echo("\n\n".join(described))


def _list(family: str, found: dict[str, dict[str, Any]]) -> str:
    width = max(map(len, found))
    lines = (f"  {shown_line(kind):{width}}  {shown_line(schema['title'])}" for kind, schema in found.items())
    return "\n".join([family, *lines])


def _described(family: str, name: str, schema: dict[str, Any]) -> str:
    head = f'{shown_line(schema["title"])} ({family}, kind = "{shown_line(name)}")'
    return "\n".join([head, *_fields(schema)])


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    for key, field in schema["properties"].items():
        if key == "kind":
            continue
        facts = ["required"] if key in required else []
        if field.get("default") is not None:
            facts.append(f"default {json.dumps(field['default'], ensure_ascii=False)}")
        if field.get("examples"):
            facts.append(f"for example {json.dumps(field['examples'][0], ensure_ascii=False)}")
        yield ""
        yield f"  {shown_line(key)}" + (f"  ({shown_line(', '.join(facts))})" if facts else "")
        yield textwrap.indent(textwrap.fill(shown(field.get("description") or field.get("title", "")), 96), "      ")
