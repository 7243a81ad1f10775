"""A link to the next page in the header `Link` of each response (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from pydantic import Field

from ...client.message import Headers, Request
from ...client.pages import Page
from ...templates import Json
from ...text import without_secrets
from . import ListPart, Pagination
from .envelope import more_follows_flag, next_page_name
from .sequential import contradicted_by, resolved_link, sequential_list

_TARGET = re.compile(r"[\s,]*<([^>]*)>")
_PARAMETER = re.compile(r'\s*;\s*([^\s=;,"<>]+)?\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?')


class LinkHeader(Pagination):
    """Next link in the header Link."""

    kind: Literal["link-header"] = "link-header"
    relation: str = Field(
        "next",
        min_length=1,
        title="Relation",
        description="Relation of the link to the next page.",
        examples=["next"],
    )

    def begin(self, request: Request, position: Json = None) -> ListPart:
        def ask(link: Json) -> Request:
            return request if link is None else replace(request, uri=str(link))

        def after(page: Page) -> str | None:
            target = link_of(page.response.headers, self.relation)
            return None if target is None else resolved_link(request, target)

        return sequential_list(ask, after, position, self._unproven)

    def _unproven(self, page: Page, first: bool) -> str:
        """A response without any `Link` is how a list of one page usually ends, unless something else contradicts."""
        if not first or not page.items:
            flag = more_follows_flag(page)
            return contradicted_by(flag) if flag else ""
        relations = sorted(relations_of(page.response.headers))
        more = next_page_name(page)
        if more is None and (self.relation.lower() == "next" or "next" not in relations):
            return ""
        has = f"the relations {', '.join(relations)}" if relations else "no header Link"
        body = f"; {more!r} in its body says that more follows" if more else ""
        return (
            f"No link with the relation {self.relation!r} in the first response; it has {has}{body}. "
            'The list may go on: correct "relation" or the kind of the pagination, then run again'
        )


def link_of(headers: Headers, relation: str) -> str | None:
    """The target of the first link with this relation, in whichever of the headers `Link` it is."""
    wanted = relation.lower()
    for name, text in headers:
        if name.lower() == "link":
            for target, parameters in _links(text):
                if wanted in parameters.get("rel", "").lower().split() and "anchor" not in parameters:
                    return target
    return None


def relations_of(headers: Headers) -> set[str]:
    """The relations of all links."""
    texts = (without_secrets(text) for name, text in headers if name.lower() == "link")
    return {word for text in texts for _, named in _links(text) for word in named.get("rel", "").lower().split()}


def _links(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each link's target and parameters; of a parameter that comes twice the first counts (§3.3)."""
    place = 0
    while target := _TARGET.match(text, place):
        place = target.end()
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(text, place)) is not None:
            place = parameter.end()
            value = parameter.group(2) or ""
            if value.startswith('"'):
                value = re.sub(r"\\(.)", r"\1", value[1:-1])
            parameters.setdefault((parameter.group(1) or "").lower(), value)
        yield target.group(1), parameters
