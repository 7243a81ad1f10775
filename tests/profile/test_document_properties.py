"""Whatever is edited: the text holds the draft, every comment stays with its own key, and the rest stays as it was.

A comment in these documents says where it belongs: `#^ label` above, `#< label` beside, `#~ n` apart from everything.
A label is a path; an element of an array is called by its `id`, or by itself where it is text.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from edits import (
    CORPUS,
    any_edit,
    form_edit,
    paths_in,
)
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_connector.profile.document import Document, Unset
from tui_connector.profile.library import ProfileError
from tui_connector.profile.matching import same
from tui_connector.profile.positions import KeyPath, TextSpan, layout, position_finder

# What must hold afterwards

_layout = lru_cache(layout)  # the documents are few


def label(path: KeyPath, data: Any) -> str:
    out = ""
    for step in path:
        data = data[step]
        if isinstance(step, int):
            out += f"[{data.get('id', step) if isinstance(data, dict) else data if isinstance(data, str) else step}]"
        else:
            out += ("." if out else "") + (step or "«empty»")
    return out


def written_in(text: str) -> Iterator[TextSpan]:
    def inside(written: TextSpan) -> Iterator[TextSpan]:
        yield written
        for entry in written.children:
            yield from inside(entry)

    for statement in _layout(text).statements:
        yield from inside(statement)


@lru_cache
def belongings(text: str) -> Counter[tuple[str, str, str]]:
    """(how it stands, what it stands at, the comment) of every comment whose text is in the style of the corpus."""
    data, place = tomllib.loads(text), position_finder(text)
    lines = text.replace("\r\n", "\n").split("\n")
    begins: dict[int, str] = {}
    ends: dict[int, str] = {}
    for written in written_in(text):
        name = label(written.path, data)
        begins.setdefault(place(written.start).line, name)
        if not any(inner.end == written.end for inner in written.children):
            ends.setdefault(place(written.end - 1).line, name)
    out: Counter[tuple[str, str, str]] = Counter()
    for number, line in enumerate(lines, 1):
        if match := re.search(r"#\^ .*$", line):
            below = number + 1
            while below <= len(lines) and lines[below - 1].strip().startswith("#"):
                below += 1
            out["above", begins.get(below, "nothing"), match.group()] += 1
        elif match := re.search(r"#< .*$", line):
            out["beside", ends.get(number, "nothing"), match.group()] += 1
        elif match := re.search(r"#:?~ .*$", line):
            out["apart", "", match.group()] += 1
    return out


def names(data: Any) -> set[str]:
    return {label(path, data) for path, _ in paths_in(data)}


def check(document: Document, text: str, *, reordered: bool) -> None:
    old, new = document.text_as_read, document.draft
    assert same(tomllib.loads(text), new)
    there, before, after = names(new), belongings(old), belongings(text)
    gone = {entry for entry in before if entry[0] != "apart" and entry[1] not in there}
    maybe = {
        entry for entry in before if entry[0] == "apart" and not isinstance(new.get("tables"), list)
    }  # inside that array
    for entry, count in before.items():
        if entry not in gone and entry not in maybe:
            assert after[entry] == count, entry
    assert not set(after) - set(before)
    data = tomllib.loads(old)
    kept_old, kept_new = untouched(old, data, new), untouched(text, new, data)
    assert dict(kept_old) == dict(kept_new)
    if not reordered:
        assert kept_old == kept_new


def untouched(text: str, data: Any, other: Any) -> list[tuple[str, str]]:
    """The whole lines of each key whose value is the same in the other data; `text` holds `data`."""
    values_there = {label(path, other): value for path, value in paths_in(other)}
    out = []
    for statement in _layout(text).statements:
        name, value = label(statement.path, data), at(data, statement.path)
        if name in values_there and same(values_there[name], value):
            end = text.find("\n", statement.end)
            line = text[text.rfind("\n", 0, statement.start) + 1 : len(text) if end < 0 else end]
            out.append((name, line.removesuffix("\r")))
    return out


def at(data: Any, path: KeyPath) -> Any:
    for step in path:
        data = data[step]
    return data


def edited(document: Document, path: KeyPath, value: Any | Unset) -> bool:
    """Whether the edit could be made to the draft, and left every element a label of its own.

    An element of another kind is another element; one of the same kind may as well be the old one, changed.
    """
    before = copy.deepcopy(document.draft)
    try:
        document.set(path, value)
    except LookupError:
        document.draft = before
        return False
    labels = Counter(label(path, document.draft) for path, _ in paths_in(document.draft))
    nameless = isinstance(value, list) and any(isinstance(item, dict) and "id" not in item for item in value)
    if max(labels.values()) > 1 or nameless or (path[-1] == "kind" and "id" in at(document.draft, path[:-1])):
        document.draft = before
        return False
    return True


def run(edit: Any, edits: int, examples: int, capsys: pytest.CaptureFixture[str], what: str) -> tuple[int, int]:
    made = refused = 0

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(data=st.data())
    def property_holds(data: st.DataObject) -> None:
        nonlocal made, refused
        document = Document(CORPUS[data.draw(st.sampled_from(sorted(CORPUS)), "document")])
        reordered = count = 0
        for _ in range(data.draw(st.integers(1, edits))):
            path, value = data.draw(edit(document.draft), "edit")
            was = copy.deepcopy(document.draft)
            count += edited(document, path, value)
            reordered += isinstance(value, list) and not same(was, document.draft)
        made += count
        try:
            text = document.text()
        except ProfileError:
            refused += 1
        else:
            check(document, text, reordered=bool(reordered))

    property_holds()
    with capsys.disabled():
        print(f"\n{what}: {made} edits, {refused} refused")
    return made, refused


def test_the_corpus_says_where_its_comments_belong() -> None:
    for text in CORPUS.values():
        for how, where, comment in belongings(text):
            if how != "apart":
                assert comment[3:] == where, comment


def test_edits_of_forms_are_rarely_refused(capsys: pytest.CaptureFixture[str]) -> None:
    made, refused = run(form_edit, 3, examples(400), capsys, "forms")
    assert refused * 50 <= made


def test_any_edit_is_correct_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    made, refused = run(any_edit, 4, examples(500), capsys, "anything anywhere")
    assert refused * 5 <= made
