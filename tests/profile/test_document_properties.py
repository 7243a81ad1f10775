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
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_connector.profile.document import UNSET, Document, Unset
from tui_connector.profile.positions import Path, Written, layout, places
from tui_connector.profile.splice import CannotSplice
from tui_connector.profile.values import same

FULL = """\
#:schema ./tui-connector.schema.json
#~ 1 the shop of the brothers Frei

#^ format
format = 1
name = "Frei & Söhne"                    #< name
description = 'Magento 2.4, staging'

#^ authentications.signed
#^ authentications.signed
[authentications.signed]                 #< authentications.signed
kind = "oauth1"
consumer-key = { keyring = "frei/consumer-key" }        #< authentications.signed.consumer-key
#^ authentications.signed.consumer-secret
consumer-secret = { env = "FREI_CONSUMER_SECRET" }
access-token = { command = ["pass", "show", "frei/token"] }
access-token-secret = { ask = true }
#~ 2 realm = "unused"

[authentications.login]
kind = "request"
uri = "/rest/V1/integration/admin/token"   #< authentications.login.uri
method = "post"
parameters = { username = "api", password = { keyring = "frei/password" } }   #< authentications.login.parameters
template = "Bearer &{@[0]}"

#~ 3 ---- where requests go ----

#^ clients.shop
[clients.shop]
#^ clients.shop.authentications
authentications = [
    "signed",   #< clients.shop.authentications[signed]
    #^ clients.shop.authentications[login]
    "login",
    "third"
]
timeout = "30s"   #< clients.shop.timeout

#^ clients.shop.plugins[address]
[[clients.shop.plugins]]
id = "address"
kind = "base-uri"
uri = "https://frei.example/rest/all/V1"   #< clients.shop.plugins[address].uri

#~ 4 the log comes second

#^ clients.shop.plugins[log]
[[clients.shop.plugins]]
id = "log"
kind = "log-requests"
#^ clients.shop.plugins[log].formatter
formatter = "long"

[[clients.shop.plugins]]   #< clients.shop.plugins[type]
id = "type"
kind = "content-type"

#^ clients.shop.plugins[again]
[[clients.shop.plugins]]
id = "again"
kind = "retry"
attempts = 5
#^ incoming.products
[incoming.products]
client = "shop"
request = { uri = "products", parameters = { "searchCriteria[pageSize]" = 3 } }
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 100 }   #< incoming.products.pagination
#^ incoming.products.sink
sink = { kind = "jsonl", path = "products.jsonl" }

[outgoing.stock]
client = "shop"
batch = 20
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = "&{@}" } }
#~ 5 the end
"""

DOTTED = """\
#^ a.b
a.b = 1      #< a.b
a.c.d = "x"
#^ z
z = 2

#^ t
[t]
u.v = [1, 2, 3]  #< t.u.v
u.w = { x.y = 1, x.z = 2, q = "k" }
#^ t.k.l.m
k.l.m = true
[t.sub]      #< t.sub
n = 1979-05-27T07:32:00Z
"""

INLINE = """\
clients = { one = { plugins = [ { id = "p", kind = "k" }, { id = "q", n = 1 } ], timeout = "1s" } }   #< clients
#^ tables
tables = [   #~ 1
  # the first are the smallest

  #^ tables[a]
  { id = "a", v = 1 }, #< tables[a]
  { id = "b", v = [ 1,
      2 ] },
  #^ tables[c]
  { id = "c", w = { x = "y" } }   #< tables[c]

  #~ 2 no more
]
empty = []   #< empty
none = {}
words = [ "one", "two", "three", ]
long = '''
# no comment
[not.a.table]
x = 1''' #< long
text = \"\"\"a \\
   # neither
\"\"\"\"\"   #< text
#~ 3
"""

OUT_OF_ORDER = """\
[fruit.apple]   #< fruit.apple
#^ fruit.apple.colour
colour = "red"
#^ animal
[animal]
legs = 4

#^ fruit.pear
[fruit.pear]
taste = "sweet"  #< fruit.pear.taste

#^ basket[one]
[[basket]]
id = "one"
  #^ basket[one].part.x
  [basket.part.x]
  n = 1   #< basket[one].part.x.n
#^ basket[one].things[t1]
[[basket.things]]
id = "t1"
[[basket.things]] #< basket[one].things[t2]
id = "t2"
#^ fruit
[fruit]
ripe = true

#^ basket[two]
[[basket]]
id = "two"
n = 2
"""

QUOTED = """\
"" = "the empty key"   #< «empty»
"a.b" = 1
'ß "x"' = 2   #< ß "x"

#^ two words.ключ
["two words" . 'ключ']
"#" = "# no comment"   #< two words.ключ.#
x="no space"#< two words.ключ.x
[ "two words" . other ]   #< two words.other
"""

EMPTY = "#:schema ./tui-connector.schema.json\n#~ 1 nothing yet\n"
NO_NEWLINE = '#^ a\na = 1 #< a\n[b]\n#^ b.c\nc = "x" #< b.c'

CORPUS = {
    "full": FULL,
    "full, CRLF": FULL.replace("\n", "\r\n"),
    "full, no blank lines": re.sub(r"\n\n+", "\n", FULL.replace("#~", "\n#~")).replace("#~ 1", "#:~ 1"),
    "dotted": DOTTED,
    "inline": INLINE,
    "inline, CRLF": INLINE.replace("\n", "\r\n"),
    "out of order": OUT_OF_ORDER,
    "quoted": QUOTED,
    "empty": EMPTY,
    "no final newline": NO_NEWLINE,
}


# What an edit is


def paths_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    for step, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths_in(item, (*path, step))


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["5s", "#", '"""', "'''", "\r\n", "\u202etxt", "C:\\Users", "&{@[0]}"]),
    st.datetimes(),
    st.dates(),
    st.times(),
)
keys = st.one_of(
    st.sampled_from(["title", "disabled", "new", "kind", "plugins", "a b", "é"]), st.text("ab", max_size=2)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def any_edit(draw: st.DrawFn, draft: dict[str, Any]) -> tuple[Path, Any]:
    """A path and its new value: anything anywhere but the identifiers of the elements."""
    path, value = draw(st.sampled_from([(p, v) for p, v in paths_in(draft) if p[-1:] != ("id",)]))
    what = draw(st.sampled_from(["set", "unset", "add", "reorder", "append"]))
    if what == "add" and isinstance(value, dict):
        return (*path, draw(keys)), draw(values)
    if isinstance(value, list) and what == "append":
        return (*path, len(value)), new_element(draw, draft, value)
    if isinstance(value, list) and what == "reorder":
        return path, draw(st.permutations(value))
    if not path or (isinstance(path[-1], int) and what != "unset"):
        return (draw(st.sampled_from(["title", "clients", "zz"])),), draw(scalars)
    return path, UNSET if what == "unset" else draw(values)


def new_element(draw: st.DrawFn, draft: dict[str, Any], elements: list[Any]) -> Any:
    used = sum(1 for path, _ in paths_in(draft) if path)
    if elements and not isinstance(elements[0], dict):
        return f"new{used}"
    return {"id": f"new{used}", "kind": f"kind{used}", **draw(st.dictionaries(keys, scalars, max_size=2))}


@st.composite
def form_edit(draw: st.DrawFn, draft: dict[str, Any]) -> tuple[Path, Any]:
    """What a form does: scalars, and adding and removing plugins, authentications, clients and what moves."""
    leaves = [p for p, v in paths_in(draft) if p and not isinstance(v, (dict, list)) and p[-1] not in ("id", "kind")]
    lists = [(p, v) for p, v in paths_in(draft) if p[-1:] == ("plugins",) and isinstance(v, list)]
    what = draw(st.sampled_from(["leaf", "title", "plugin", "unplug", "order", "part", "no part"]))
    family = draw(st.sampled_from(["authentications", "clients", "incoming", "outgoing"]))
    parts = [p for p, v in paths_in(draft) if len(p) == 2 and isinstance(v, dict)]
    if what == "leaf" and (leaves := [p for p in leaves if isinstance(p[-1], str)]):
        return draw(st.sampled_from(leaves)), draw(scalars)
    if what == "title" and parts:
        return (*draw(st.sampled_from(parts)), draw(st.sampled_from(["title", "disabled", "timeout"]))), draw(scalars)
    if what == "no part" and parts:
        return draw(st.sampled_from(parts)), UNSET
    if lists and what in ("plugin", "unplug", "order"):
        path, plugins = draw(st.sampled_from(lists))
        if what == "plugin":
            return (*path, len(plugins)), new_element(draw, draft, [{}])
        if what == "order":
            return path, draw(st.permutations(plugins))
        if plugins:
            return (*path, draw(st.integers(0, len(plugins) - 1))), UNSET
    return (family, draw(st.sampled_from(["one", "second", "b c"]))), {"kind": "bearer", "token": {"keyring": "x/y"}}


# What must hold afterwards


def label(path: Path, data: Any) -> str:
    out = ""
    for step in path:
        data = data[step]
        if isinstance(step, int):
            out += f"[{data.get('id', step) if isinstance(data, dict) else data if isinstance(data, str) else step}]"
        else:
            out += ("." if out else "") + (step or "«empty»")
    return out


def written_in(text: str) -> Iterator[Written]:
    def inside(written: Written) -> Iterator[Written]:
        yield written
        for entry in written.inside:
            yield from inside(entry)

    for statement in layout(text).statements:
        yield from inside(statement)


def belongings(text: str) -> Counter[tuple[str, str, str]]:
    """(how it stands, what it stands at, the comment) of every comment whose text is in the style of the corpus."""
    data, place = tomllib.loads(text), places(text)
    lines = text.replace("\r\n", "\n").split("\n")
    begins: dict[int, str] = {}
    ends: dict[int, str] = {}
    for written in written_in(text):
        name = label(written.path, data)
        begins.setdefault(place(written.start).line, name)
        if not any(inner.end == written.end for inner in written.inside):
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
    kept_old, kept_new = untouched(old, tomllib.loads(old), new), untouched(text, new, tomllib.loads(old))
    assert dict(kept_old) == dict(kept_new)
    if not reordered:
        assert kept_old == kept_new


def untouched(text: str, data: Any, other: Any) -> list[tuple[str, str]]:
    """The whole lines of each key whose value is the same in the other data; `text` holds `data`."""
    values_there = {label(path, other): value for path, value in paths_in(other)}
    out = []
    for statement in layout(text).statements:
        name, value = label(statement.path, data), at(data, statement.path)
        if name in values_there and same(values_there[name], value):
            end = text.find("\n", statement.end)
            line = text[text.rfind("\n", 0, statement.start) + 1 : len(text) if end < 0 else end]
            out.append((name, line.removesuffix("\r")))
    return out


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def edited(document: Document, path: Path, value: Any | Unset) -> bool:
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
        except CannotSplice:
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


def test_what_a_form_edits_is_hardly_ever_refused(capsys: pytest.CaptureFixture[str]) -> None:
    made, refused = run(form_edit, 3, 400, capsys, "forms")
    assert refused * 50 <= made


def test_any_edit_is_made_rightly_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    made, refused = run(any_edit, 4, 500, capsys, "anything anywhere")
    assert refused * 5 <= made
