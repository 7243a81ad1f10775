"""What can be written where the cursor is, and what the key there means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.profile.assistance import Assistance, assist

TEXT = """format = 1
name = "Acme"

[authentications.a]
kind = "bearer"
token = { keyring = "acme/token" }

[clients.shop]
authentications = ["a"]

[[clients.shop.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"

[[clients.shop.plugins]]
kind = "retry"

[incoming.products]
client = "shop"
request = { uri = "products" }
pagination = { kind = "keyset", page-size = 100 }
"""


def at(text: str) -> Assistance:
    """The assistance at the bar in a text."""
    return assist(text.replace("|", ""), text.index("|"))


def offered(text: str) -> list[str]:
    return [each.text for each in at(text).completions]


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ('kind = "retry"\n', 'kind = "retry"\nat|', "attempts"),
        ('client = "shop"\n', 'client = "shop"\nit|', "items"),
        ('client = "shop"', 'client = "|"', "shop"),
        ('client = "shop"', 'client = "de|"', "default"),
        ('client = "shop"\n', 'client = "shop"\npar|', "parent"),
        ('client = "shop"\n', 'client = "shop"\nparent.incoming = "|"\n', "products"),
        ('client = "shop"\n', 'client = "shop"\nparent = { incoming = "|" }\n', "products"),
        ('["a"]', '["|"]', "a"),
        ('kind = "keyset"', 'kind = "|"', "keyset"),
        ('kind = "keyset"', "kind = k|", '"keyset"'),
        ("page-size = 100", "pa|", "page-size"),
        ('uri = "products"', 'uri = "ord|"', "orders"),
        ("[incoming.products]", "[inc|", "incoming"),
        ("[[clients.shop.plugins]]", "[clients.|", "shop"),
        ("[[clients.shop.plugins]]", "[[clients.shop.pl|", "plugins"),
        ("name = ", "de|\nname = ", "description"),
        ('client = "shop"\n', 'client = "shop"\ndisabled = t|\n', "true"),
        ('uri = "products"', 'uri = "products/&{to_|"', "products/&{to_string("),
    ],
)
def test_what_can_be_written_is_offered(before: str, after: str, wanted: str) -> None:
    assert wanted in offered(TEXT.replace(before, after, 1))


@pytest.mark.parametrize(
    ("before", "after", "name", "words"),
    [
        ('client = "shop"', 'client = "|"', "default", "always there"),
        ('client = "shop"', 'client = "|"', "shop", "https://acme.example/rest/all/V1"),
        ('["a"]', '["|"]', "a", "bearer"),
        ('client = "shop"\n', 'client = "shop"\nparent.incoming = "|"\n', "products", "products"),
        ("page-size = 100", "pa|", "page-size", "Items per response"),
        ('kind = "keyset"', 'kind = "|"', "keyset", "each page starts after"),
    ],
)
def test_what_is_offered_is_explained(before: str, after: str, name: str, words: str) -> None:
    found = {each.text: each.detail for each in at(TEXT.replace(before, after, 1)).completions}
    assert words.lower() in found[name].lower()


@pytest.mark.parametrize("place", ["|", "[clients.shop]\n|", "[incoming.products]\n|", "[|"])
def test_every_key_is_explained(place: str) -> None:
    found = at(f"{place}\n").completions
    assert found
    assert all(each.detail for each in found)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('client = "shop"\n', 'client = "shop"\ntransform = "so|"\n'),
        ('client = "shop"\n', 'client = "shop"\nparent = { fields = { id = "so|" } }\n'),
        ('kind = "keyset", page-size = 100', 'kind = "next-link", link = "so|"'),
        (
            "[incoming.products]",
            '[outgoing.stock]\nsource = { kind = "incoming", mapping = "so|" }\n[incoming.products]',
        ),
        ("[incoming.products]", '[[outgoing.stock.steps]]\nwhen = "so|"\n[incoming.products]'),
    ],
)
def test_functions_are_offered_wherever_an_expression_is_written(before: str, after: str) -> None:
    assert "sort_by(" in offered(TEXT.replace(before, after, 1))


def test_functions_are_offered_in_no_other_text() -> None:
    assert "sort_by(" not in offered(TEXT.replace('client = "shop"\n', 'client = "shop"\nidentifier = "so|"\n', 1))


def test_keys_that_are_there_are_not_offered() -> None:
    assert "client" not in offered(TEXT.replace('client = "shop"\n', 'client = "shop"\ncl|\n'))


def test_nothing_is_offered_in_comments() -> None:
    assert offered(TEXT + "# cl|") == []


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("page-si|ze", "Page size"),
        ("page-size = 1|00", "Page size"),
        ('uri = "https|', "URI"),
        ("page-size = 100|", "Page size"),
        ('uri = "https://acme.example/rest/all/V1"|', "URI"),
        ("authentications = [|", "HTTP authentications"),
        ("for|mat", "Format"),
    ],
)
def test_the_key_at_the_cursor_is_explained(place: str, words: str) -> None:
    text = TEXT.replace(place.replace("|", ""), place, 1)
    found = at(text).help
    assert found is not None
    assert words.lower() in f"{found.title} {found.description}".lower()
    assert found.description


def test_the_kind_of_a_part_is_explained_at_its_kind() -> None:
    found = at(TEXT.replace('kind = "retry"', 'kind = "ret|ry"')).help
    assert found is not None
    assert found.path[-1] == "kind"


@given(st.integers(0, len(TEXT)), st.text("[]{}=.,'\"a \n#&", max_size=4))
def test_any_place_of_any_text_can_be_asked(offset: int, typed: str) -> None:
    text = TEXT[:offset] + typed + TEXT[offset:]
    found = assist(text, offset + len(typed))
    assert 0 <= found.start <= offset + len(typed)


@given(st.integers(0, len(TEXT)))
def test_a_text_that_ends_anywhere_can_be_asked(end: int) -> None:
    assist(TEXT[:end], end)


@pytest.mark.bad_input(13)
@pytest.mark.parametrize("opening", ["[", "{ a = ", "[{ a = "])
def test_a_value_nested_too_deeply_has_no_completions(opening: str) -> None:
    assert at(f"{TEXT}x = {opening * 2_000}|").completions == []


STAGING = TEXT + "\n[environments.staging]\n"


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("cl|", "clients"),
        ("prod|", "production"),
        ("clients.|", "shop"),
        ("clients.shop.plug|", "plugins"),
        ("clients.shop.plugins.|", "base-uri"),
        ("clients.shop.plugins.base-uri.ur|", "uri"),
        ("clients.shop.plugins.1.att|", "attempts"),
        ("incoming.products.pagination.pa|", "page-size"),
        ("incoming.products.pagination = { pa|", "page-size"),
        ('clients.shop.plugins.base-uri.uri = "|"', "https://acme.example/rest/all/V1"),
        ("incoming.products.pagination.page-size = |", "100"),
        ('incoming.products.client = "|"', "shop"),
        ("authentications.a.token.key|", "keyring"),
        ("production = |", "true"),
        ("[environments.staging.clients.shop.plugins.|", "base-uri"),
        ("[environments.staging.clients.shop.plugins.retry]\natt|", "attempts"),
    ],
)
def test_an_override_is_completed_from_the_base_values(typed: str, wanted: str) -> None:
    assert wanted in offered(STAGING + typed)


def test_what_cannot_be_overridden_is_not_offered() -> None:
    assert not {"format", "environments"} & set(offered(STAGING + "|"))


def test_the_help_is_that_of_the_line_wherever_the_cursor_is_in_it() -> None:
    text = TEXT.replace("client =", "  client =")
    for line, key in (
        ("[incoming", "products"),
        ('[[clients.shop.plugins]]\nkind = "retry', 1),
        ("  client", "client"),
    ):
        found = at(text[: text.index(line)] + "|" + text[text.index(line) :])
        assert found.help is not None
        assert key in found.help.path or found.table[-1:] == (key,)
        assert line.startswith(" ") or not found.completions


def written(text: str, chosen: str) -> str:
    """The text after this completion was written, with the cursor as a bar."""
    found = at(text)
    each = next(each for each in found.completions if each.text == chosen)
    line = each.text + each.follows + each.value
    middle = len(line) - each.inside
    start = text.index("|")
    return f"{text[: found.start]}{line[:middle]}|{line[middle:]}{text[start + 1 :]}".removeprefix(TEXT)


@pytest.mark.parametrize(
    ("before", "chosen", "after"),
    [
        ("[environments.staging]\nclients.|", "shop", "[environments.staging]\nclients.shop.|"),
        ("[environments.staging]\ncli|", "clients", "[environments.staging]\nclients.|"),
        ("[environments.s]\nclients.shop.pl|", "plugins", "[environments.s]\nclients.shop.plugins.|"),
        ("[environments.s]\nclients.shop.plugins.b|", "base-uri", "[environments.s]\nclients.shop.plugins.base-uri.|"),
        (
            "[environments.s]\nclients.shop.auth|",
            "authentications",
            "[environments.s]\nclients.shop.authentications = [|]",
        ),
        ("[environments.s]\nauthentications.a.to|", "token", "[environments.s]\nauthentications.a.token = { | }"),
        ("[environments.s]\nincoming.products.pag|", "pagination", "[environments.s]\nincoming.products.pagination.|"),
        ('[authentications.b]\nkind = "bearer"\ntok|', "token", '[authentications.b]\nkind = "bearer"\ntoken = { | }'),
        ("[incoming.b]\nreq|", "request", "[incoming.b]\nrequest = { | }"),
        ("[incoming.b]\nreq| = {}", "request", "[incoming.b]\nrequest| = {}"),
    ],
)
def test_what_follows_a_key_is_written_with_it(before: str, chosen: str, after: str) -> None:
    assert written(TEXT + before, chosen) == after


def test_a_table_of_parts_is_followed_by_a_dot_at_the_top() -> None:
    top, rest = TEXT.split("\n\n", 1)
    assert "authentications.|\n\n" in written(f"{top}\nauth|\n\n{rest}", "authentications")
    assert "on-failure = { | }\n\n" in written(f"{top}\non|\n\n{rest}", "on-failure")


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("token = |", ['{ keyring = "" }', '{ env = "" }', '{ command = [""] }', "{ ask = true }"]),
        ("token = { pro|", ["ask", "command"]),
        ("token = { pass| }", ["ask", "command"]),
        ("token = { en|", ["env", "environment"]),
    ],
)
def test_the_sources_of_a_secret_are_offered_under_the_words_of_users(typed: str, wanted: list[str]) -> None:
    assert offered(f'{TEXT}[authentications.b]\nkind = "bearer"\n{typed}') == wanted


def test_an_unknown_key_is_not_said_to_be_there() -> None:
    assert at(f'{TEXT}[authentications.b]\nkind = "bearer"\ntoken = {{ prompt| = true }}').present == ()


def test_the_kinds_of_a_table_are_offered_as_its_value() -> None:
    assert '{ kind = "keyset" }' in offered(f"{TEXT}[incoming.b]\npagination = |")


def test_what_is_there_already_is_not_offered_wherever_in_it_the_cursor_is() -> None:
    for word in ("bearer", "keyset", "shop", "products", "incoming"):
        for length in range(len(word) + 1):
            text = TEXT.replace(word, f"{word[:length]}|{word[length:]}", 1)
            assert word not in offered(text), text
    assert "products" in offered(TEXT.replace('uri = "products"', 'uri = "pro|ducts/x"'))
