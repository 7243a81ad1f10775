"""Commented profiles of every way to write TOML, and edits of them as forms and as chance make them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tui_connector.profile.document import UNSET
from tui_connector.profile.positions import KeyPath

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

#^ outgoing.products
[outgoing.products]
client = "shop"
#^ outgoing.products.steps[find]
[[outgoing.products.steps]]
id = "find"
request = { uri = "products/&{sku}", expected = [404] }   #< outgoing.products.steps[find].request

#^ outgoing.products.steps[create]
[[outgoing.products.steps]]
id = "create"
when = "steps.find.status == `404`"   #< outgoing.products.steps[create].when
#^ outgoing.products.steps[create].request
[outgoing.products.steps.request]
method = "post"   #< outgoing.products.steps[create].request.method
#^ outgoing.products.steps[create].request.parameters
parameters = { product = "&{@}" }

#~ 5 what the warehouse has

[[outgoing.products.steps]]   #< outgoing.products.steps[stock]
id = "stock"
request.uri = "inventory/source-items"   #< outgoing.products.steps[stock].request.uri
#~ 6 the end
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


def paths_in(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
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
def any_edit(draw: st.DrawFn, draft: dict[str, Any]) -> tuple[KeyPath, Any]:
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


def new_step(draw: st.DrawFn, made: dict[str, Any]) -> dict[str, Any]:
    """A step in place of another element: its request is sometimes too long for a line."""
    request = {"uri": "products", "parameters": {"product": draw(st.sampled_from(["&{@}", "&{@}" * 40]))}}
    return {"id": made["id"], "name": made["id"], "request": request}


@st.composite
def form_edit(draw: st.DrawFn, draft: dict[str, Any]) -> tuple[KeyPath, Any]:
    """What a form does: scalars, and adding and removing plugins, steps, authentications, clients and what moves."""
    leaves = [p for p, v in paths_in(draft) if p and not isinstance(v, (dict, list)) and p[-1] not in ("id", "kind")]
    lists = [(p, v) for p, v in paths_in(draft) if p[-1:] in (("plugins",), ("steps",)) and isinstance(v, list)]
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
            made = new_element(draw, draft, [{}])
            return (*path, len(plugins)), made if path[-1] == "plugins" else new_step(draw, made)
        if what == "order":
            return path, draw(st.permutations(plugins))
        if plugins:
            return (*path, draw(st.integers(0, len(plugins) - 1))), UNSET
    return (family, draw(st.sampled_from(["one", "second", "b c"]))), {"kind": "bearer", "token": {"keyring": "x/y"}}
