"""A profile checked while it is typed: every problem at its place, and what corrects it."""

from __future__ import annotations

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_connector.profile.correction import apply
from tui_connector.profile.problems import check
from tui_connector.profile.text_checker import Checker

GOOD = """format = 1
name = "Acme"

[authentications.a]
kind = "bearer"
token = { keyring = "acme/token" }

[clients.m]
authentications = ["a"]
timeout = "30s"

[[clients.m.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"

[incoming.products]
client = "m"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 100 }
sink = { kind = "jsonl", path = "products.jsonl" }
"""


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('[authentications.b]\nkind = "bearer"\ntoken = { env = "B" }\n', 'authentications = ["a"]\n'),
        ('[incoming.orders]\nclient = "m"\nrequest = { uri = "orders" }\n', 'authentications = ["a"]\n'),
        ('[authentications.b]\nkind = "bearer"\ntoken = { env = "B" }\n', 'timeout = "30s"\n'),
        ('[authentications.b]\nkind = "bearer"\ntoken = { env = "B" }\n', 'identifier = "sku"\n'),
    ],
)
def test_a_key_below_a_header_that_was_inserted_above_it_goes_back_to_its_table(header: str, key: str) -> None:
    text = GOOD.replace(key, f"{header}{key}")
    table = "clients.m" if GOOD.index(key) < GOOD.index("[incoming.products]") else "incoming.products"
    found = Checker().check(text).problems
    assert f"{key.partition(' ')[0]!r} belongs to [{table}]: move it there" in str(found)
    for _ in range(5):
        fix = next((each.fix for each in Checker().check(text).problems if each.fix is not None), None)
        if fix is not None:
            assert fix.title == f"Move it to [{table}]"
            text = apply(text, fix.edits)
    fixed = Checker().check(text)
    assert fixed.problems == []
    good = Checker().check(GOOD).data
    family, name = table.split(".")
    assert fixed.data[family][name] == good[family][name]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (  # under the name that it has there, with its comment
            '# patience\ntimout = "9s"  # enough\n',
            '[clients.m]\nauthentications = ["a"]\n# patience\ntimeout = "9s"  # enough\n',
        ),
        ('client.timeout = "9s"\n', ""),
        ('method = "post"\n', 'request = { uri = "products", method = "post" }\n'),
        ('identifer = "id"\n', '# identifer = "id"\n'),
        ("paginaton = [\n  1,\n]\n", "# paginaton = [\n#   1,\n# ]\n"),
    ],
)
def test_one_key_moves_a_key_to_its_table_or_makes_it_a_comment_and_loses_nothing(wrong: str, right: str) -> None:
    start = GOOD.replace('timeout = "30s"\n', "")
    text = start.replace('items = "items"\n', f'items = "items"\n{wrong}')
    fix = next((each.fix for each in Checker().check(text).problems if each.code == "unknown-key"), None)
    assert (fix is not None) is bool(right)
    if fix is not None:
        fixed = apply(text, fix.edits)
        assert right in fixed
        assert Checker().check(fixed).problems == []
        assert len(fixed.split("\n")) in (len(text.split("\n")), len(text.split("\n")) - 1)


def test_a_key_of_an_environment_is_moved_within_it() -> None:
    start = GOOD.replace('timeout = "30s"\n', "")
    wrong = f'{start}\n[environments.staging]\nincoming.products.timout = "9s"\n'
    [problem] = Checker().check(wrong).problems
    assert problem.fix is not None
    fixed = apply(wrong, problem.fix.edits)
    assert Checker().check(fixed).problems == []
    assert fixed.endswith('[environments.staging]\nclients.m.timeout = "9s"\n')


def test_a_key_that_no_table_above_may_have_is_not_moved() -> None:
    text = GOOD.replace('timeout = "30s"\n', '[authentications.b]\nkind = "bearer"\ntoken = { env = "B" }\nitms = 5\n')
    [problem] = Checker().check(text).problems
    assert problem.code == "unknown-key"
    assert "belongs" not in problem.message


def test_a_good_profile_has_no_problems() -> None:
    checked = Checker().check(GOOD)
    assert checked.problems == []
    assert checked.is_toml
    assert checked.profile is not None
    assert checked.profile.name == "Acme"


def test_problems_of_syntax_and_meaning_are_found_at_once() -> None:
    text = GOOD.replace('"Acme"', "Acme").replace('client = "m"', 'client = "n"').replace("retry", "retyr")
    text = text.replace("page-size", "page-siez").replace('timeout = "30s"', "timeout = 30")
    checked = Checker().check(text)
    assert [(each.line, each.code) for each in checked.problems] == [
        (2, "not-quoted"),
        (10, "wrong-type"),
        (17, "unknown-name"),
        (21, "unknown-key"),
    ]
    assert not checked.is_toml


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ('name = "Acme"', "name = Acme"),
        ("page-size = 100", "page-siez = 100"),
        ("page-size = 100", "page_size = 100"),
        ("page-size = 100", 'page-size = "100"'),
        ('kind = "keyset"', 'kind = "Keyset"'),
        ('kind = "keyset"', 'kind = "key-set"'),
        ('kind = "base-uri"', 'kind = "base_uri"'),
        ('client = "m"', 'client = "M"'),
        ('authentications = ["a"]', 'authentications = "a"'),
        ('authentications = ["a"]', 'authentications = ["A"]'),
        ('timeout = "30s"', "timeout = 30"),
        ('timeout = "30s"', 'timeout = "30"'),
        ('timeout = "30s"', 'timeout = "30 seconds"'),
        ('timeout = "30s"', 'timeout = "0.5 min"'),
        ('identifier = "sku"', 'Identifier = "sku"'),
        ('items = "items"', "items = items"),
        ("format = 1\n", ""),
        ("format = 1\n", 'format = "1"\n'),
        ('uri = "https://acme.example/rest/all/V1"', "uri = “https://acme.example/rest/all/V1”"),
        ('uri = "https://acme.example/rest/all/V1"', "uri: https://acme.example/rest/all/V1"),
        ('request = { uri = "products" }', 'request = {"uri": "products"}'),
        ('identifier = "sku"', 'identifier = "sku"\nfilter = "lenght(sku) > `3`"'),
        ('identifier = "sku"', 'identifier = "sku"\nfilter = "tier-price"'),
        ("[[clients.m.plugins]]", "[clients.m.plugins]]"),
        ("[incoming.products]", "[incoming products]"),
    ],
)
def test_one_key_corrects_a_mistake(wrong: str, right: str) -> None:
    text = GOOD.replace(wrong, right, 1)
    checker = Checker()
    fixes = [problem.fix for problem in checker.check(text).problems]
    assert fixes
    assert fixes[0] is not None
    assert checker.check(apply(text, fixes[0].edits)).problems == []


@pytest.mark.parametrize(("used", "hint"), [(False, True), (True, False)])
def test_a_mistyped_name_may_be_that_of_a_part_to_which_nothing_refers(used: bool, hint: bool) -> None:
    text = GOOD.replace("[authentications.a]", "[authentications.integra0n]")
    text = text.replace('authentications = ["a"]', 'authentications = ["integration"]')
    if used:
        text += '[clients.other]\nauthentications = ["integra0n"]\n'
    [problem] = Checker().check(text).problems
    assert problem.fix is not None
    assert ("Or rename [authentications.integra0n]" in problem.text) is hint


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("qty gte 5", "qty gteq 5"),
        (" qty  >=  5 ", " qty  gteq  5 "),
        ("sku eq gte or qty gte 5", "sku eq gte or qty gteq 5"),
        (r"name liek \"a\" or qty null", r"name like \"a\" or qty null"),
        ("qty among 5", ""),
    ],
)
def test_a_condition_is_corrected_in_its_row(wrong: str, right: str) -> None:
    text = GOOD.replace('uri = "products"', f'uri = "products", where = ["a eq 1", "{wrong}"]')
    [problem] = Checker().check(text).problems
    assert (problem.fix is not None) == bool(right)
    if problem.fix is not None:
        assert apply(text, problem.fix.edits) == text.replace(wrong, right)


def test_a_key_below_a_plugin_is_moved_to_its_client() -> None:
    text = GOOD.replace('timeout = "30s"\n', "").replace(
        '/rest/all/V1"\n', '/rest/all/V1"\ntimeout = "30s"  # slow shop\n'
    )
    checker = Checker()
    [problem] = checker.check(text).problems
    assert problem.fix is not None
    fixed = apply(text, problem.fix.edits)
    assert 'authentications = ["a"]\ntimeout = "30s"  # slow shop\n' in fixed
    assert checker.check(fixed).problems == []


@pytest.mark.parametrize(
    "wrong",
    [
        ('identifier = "sku"', 'identifier = "sku'),  # below the name, in its table
        ('request = { uri = "products" }', 'request = { uri = "products }\nclient-id = ?'),
        ('name = "Acme"', 'name = "Acme'),
    ],
)
def test_a_name_is_corrected_while_another_line_has_a_mistake(wrong: tuple[str, str]) -> None:
    text = GOOD.replace(*wrong).replace('client = "m"', 'client = "M"')
    [problem] = [each for each in Checker().check(text).problems if each.code == "unknown-name"]
    assert problem.fix is not None
    assert apply(text, problem.fix.edits) == text.replace('client = "M"', 'client = "m"')


def test_a_line_with_a_mistake_is_not_corrected_as_if_it_were_sound() -> None:
    text = GOOD.replace('kind = "jsonl", path', 'kind = "jsnl, path').replace('timeout = "30s"', "timeout = 30")
    for problem in Checker().check(text).problems:
        if problem.fix is not None:
            assert "jsnl" not in "".join(edit.text for edit in problem.fix.edits)


@pytest.mark.parametrize("value", ["seven", "5s", "007", "2026-13", "&{x}", "a b"])
def test_text_is_put_in_quotes_only_where_text_is_valid(value: str) -> None:
    for old, new in (
        ("page-size = 100", f"page-size = {value}"),
        ('timeout = "30s"', f"production = {value}"),
        ('client = "m"', f"[incoming.products.request]\nuri = 'a'\nheaders = {value}"),
    ):
        problems = Checker().check(GOOD.replace(old, new)).problems
        assert any(each.code in ("wrong-type", "leading-zeros") for each in problems)
        assert not [each for each in problems if each.fix is not None or "in quotes" in each.text], problems
    text = GOOD.replace('"Acme"', value)
    problem = Checker().check(text).problems[0]
    assert problem.fix is not None
    assert f'name = "{value}"' in apply(text, problem.fix.edits)


def test_bytes_that_are_not_utf_8_are_read_as_windows_1252() -> None:
    text = GOOD.replace("Acme", b"Caf\xe9 \x80".decode("utf-8", "surrogateescape"))
    [problem] = Checker().check(text).problems
    assert (problem.line, problem.code) == (2, "not-utf-8")
    assert problem.fix is not None
    assert apply(text, problem.fix.edits) == GOOD.replace("Acme", "Café €")


def test_an_override_that_cannot_be_read_is_not_called_missing() -> None:
    base = GOOD.replace('{ keyring = "acme/token" }', '{ env = "TOKEN" }')
    override = 'authentications.a.token = { env = "TOKEN_STAGING" }'
    text = f'{base}[environments.staging]\nclients.m.plugins.base-uri.uri = "https://staging.example/V1"\n{override}\n'
    assert Checker().check(text).problems == []
    for wrong in (override.replace(" }", " x }"), override.partition(" = ")[0]):
        assert len(Checker().check(text.replace(override, wrong)).problems) == 1


def test_a_value_that_cannot_be_read_is_not_called_missing() -> None:
    assert [each.code for each in Checker().check(GOOD.replace('"products"', "")).problems] == ["value-missing"]
    assert [each.line for each in Checker().check(GOOD.replace('kind = "bearer"', "kind =")).problems] == [5]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_line_ends_do_not_matter(ends: str) -> None:
    text = GOOD.replace('"Acme"', "Acme").replace("\n", ends)
    assert [(each.line, each.column) for each in Checker().check(text).problems] == [(2, 8)]


PIECES = st.sampled_from(
    ['"', "'", "=", "[", "]", "{", "}", ",", "#", "\n", " ", "x", "1", ".", "kind", '"m"', "[clients.m]", '"""', "-"]
)


def test_the_problems_after_any_change_are_those_of_a_new_check() -> None:
    checker = Checker()

    @given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), PIECES), max_size=4))
    def verify(edits: list[tuple[int, int, str]]) -> None:
        text = GOOD
        for start, size, piece in edits:
            text = text[:start] + piece + text[start + size :]
        checked = checker.check(text)
        fresh = Checker().check(text)
        assert checked.problems == fresh.problems
        if checked.is_toml and not any(each.code == "missing-header" for each in checked.problems):
            profile, problems = check(text)
            assert [(each.line, each.column, each.message) for each in checked.problems] == [
                (each.line, each.column, each.message) for each in problems
            ]
            assert (checked.profile is None) == (profile is None)
        for problem in checked.problems:
            assert 1 <= problem.line <= text.count("\n") + 1
            if problem.fix is not None:
                apply(text, problem.fix.edits)

    verify()


@pytest.mark.parametrize(
    ("uri", "relative"),
    [
        ("https://acme.example/rest/V1/orders", "orders"),
        ("https://acme.example:443/rest/default/V1/orders/1?fields=items", "orders/1?fields=items"),
        ("https://acme.example/rest/all/V1/orders", ""),  # what the base URI says, too
        ("https://acme.example/rest/async/bulk/V1/orders", ""),
        ("https://acme.example/shop/rest/V1/orders", ""),
        ("https://other.example/rest/V1/orders", ""),
        ("/rest/V1/orders", ""),
    ],
)
def test_a_full_address_that_bypasses_the_base_uri_is_remarked_on(uri: str, relative: str) -> None:
    text = GOOD.replace('uri = "products"', f'uri = "{uri}"')
    checked = Checker().check(text)
    assert checked.profile is not None  # it is valid
    assert [each.code for each in checked.remarks] == ["bypasses-base-uri"] * bool(relative)
    for remark in checked.remarks:
        assert remark.fix is not None
        fixed = apply(text, remark.fix.edits)
        assert fixed == GOOD.replace('uri = "products"', f'uri = "{relative}"')
        assert Checker().check(fixed).remarks == []


def test_a_plugin_whose_kind_is_needed_once_is_remarked_on_where_it_is_repeated() -> None:
    plugins = ["base-uri", "retry", "rate-limit", "content-type", "retry", "rate-limit", "content-type", "retry"]
    tables = "".join(f'[[clients.m.plugins]]\nkind = "{each}"\n' for each in plugins[1:])
    text = GOOD.replace("[incoming", f"{tables}[incoming", 1)
    checked = Checker().check(text)
    assert checked.problems == []
    assert [(each.keys, each.code) for each in checked.remarks] == [
        (("clients", "m", "plugins", index), "repeated-plugin") for index in (4, 6, 7)
    ]
    assert "their attempts multiply" in checked.remarks[0].text
    assert text.splitlines()[checked.remarks[0].place.line - 1] == "[[clients.m.plugins]]"


@pytest.mark.parametrize(
    ("line", "wrong", "why"),
    [
        ("filter = \"a == 'b' && c == `1\"", "`1", "the quote ` is not closed"),
        ("filter = 'price > 5'", "5", "a number is written `5`. Write price > `5`"),
        ('filter = "a == \\"b\\" && c = 2"', "= 2", "a comparison is written =="),
        ('filter = "a =="', '"', "the expression ends too early"),
        ("transform = '{sku: sku, price: pric'", "'", "the expression ends too early"),
        ('transform = "{sku: sku} name"', "name", "unexpected name"),
        ('request = { uri = "products/&{a b}" }', "b}", "unexpected b"),
    ],
)
def test_a_mistake_in_an_expression_is_shown_at_its_character(line: str, wrong: str, why: str) -> None:
    text = GOOD.replace('request = { uri = "products" }\n', f"{line}\n")
    problem = next(each for each in Checker().check(text).problems if "JMESPath" in each.message)
    assert why in problem.text
    assert problem.place == (text[: text.index(line)].count("\n") + 1, line.rindex(wrong) + 1)


@pytest.mark.parametrize(
    "written",
    [
        '"a == ]"',
        '"\\u0061\\t== ]"',
        "'a == ]'",
        '"""a == ]"""',
        '"""\na == ]"""',
        '"""\\\n   a \\\n\n  == ]"""',
        '"""a ==\n]"""',
        '"""\\"\\u00e9\\" ]"""',
        "'''\na\n == ]'''",
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_the_character_of_a_mistake_is_found_in_any_kind_of_text(written: str, line_end: str) -> None:
    text = f"{GOOD}filter = {written}\n"
    before = text[: text.rindex("]")]
    place = (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
    text = text.replace("\n", line_end)
    for [problem] in (check(text)[1], Checker().check(text).problems):
        assert "JMESPath" in problem.message
        assert (problem.line, problem.column) == problem.place == place


_STAGING = """
[environments.staging]
clients.m.plugins.base-uri.uri = "https://acme.example/rest/de/V1"
incoming.products.client = "m"

[environments.staging.incoming.products.request]
uri = "products?staging"
"""


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("clients.m.plugins", "clients.mm.plugins"),
        ("plugins.base-uri", "plugins.base_uri"),
        ("plugins.base-uri", 'plugins."base-url"'),
        ("incoming.products.client", "incoming.product.client"),
        ("[environments.staging.incoming.products.request]", "[environments.staging.incoming.product.request]"),
        ('incoming.products.client = "m"', 'incoming.products.client = "M"'),
        ("incoming.products.client", "incoming.products.cleint"),
        ('uri = "products?staging"', 'url = "products?staging"'),
    ],
)
def test_one_key_corrects_a_mistyped_override(wrong: str, right: str) -> None:
    text = GOOD + _STAGING.replace(wrong, right, 1)
    checker = Checker()
    assert checker.check(GOOD + _STAGING).problems == []
    problems = checker.check(text).problems
    assert "did you mean" in problems[0].message
    assert problems[0].fix is not None
    assert checker.check(apply(text, problems[0].fix.edits)).problems == []


@pytest.mark.parametrize(
    ("base", "environment", "title", "line"),
    [
        (
            '{ env = "ACME_TOKEN" }',
            'clients.m.plugins.base-uri.uri = "https://staging.example/rest/V1"',
            'Set authentications.a.token = { env = "ACME_TOKEN_STAGING" }',
            'authentications.a.token = { env = "ACME_TOKEN_STAGING" }',
        ),
        ('{ env = "ACME_TOKEN" }', "production = true", "Set clients.m.production = true", "production = true"),
    ],
)
def test_one_key_sets_what_an_environment_lacks(base: str, environment: str, title: str, line: str) -> None:
    text = GOOD.replace('{ keyring = "acme/token" }', base)
    text += f"\n[environments.staging]  # ours\n{environment}\n"
    checker = Checker()
    (problem,) = checker.check(text).problems
    assert problem.fix is not None
    assert problem.fix_title == title
    fixed = apply(text, problem.fix.edits)
    assert checker.check(fixed).problems == []
    assert fixed.count(f"\n{line}\n") == text.count(f"\n{line}\n") + 1


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('{ prompt = "Token" }', "{ ask = true }"),
        ("{ prompt = true }", "{ ask = true }"),
        ("{ password = true }", "{ ask = true }"),
        ('{ environment = "ACME_TOKEN" }', '{ env = "ACME_TOKEN" }'),
        ('{ variable = "ACME_TOKEN" }', '{ env = "ACME_TOKEN" }'),
        ("{ cmd = \"op read 'the token'\" }", '{ command = ["op", "read", "the token"] }'),
        ("{ command = \"op read 'the token'\" }", '{ command = ["op", "read", "the token"] }'),
        ('{ keychain = "acme/token" }', '{ keyring = "acme/token" }'),
    ],
)
def test_the_words_of_users_for_the_source_of_a_secret_are_corrected(written: str, meant: str) -> None:
    text = GOOD.replace('{ keyring = "acme/token" }', written)
    problem = Checker().check(text).problems[0]
    assert problem.fix is not None, problem
    assert meant in apply(text, problem.fix.edits)


def test_an_unknown_key_of_a_small_table_names_those_there_are() -> None:
    (problem,) = Checker().check(GOOD.replace('{ keyring = "acme/token" }', "{ telepathy = true }")).problems
    assert problem.message == "unknown key; there are keyring, env, command, environment, ask"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("attempts = many", "must be a whole number"),
        ('"attempts" = many times # a = b', "must be a whole number"),
        ("attempts = 2026-11-30", "must be a whole number"),
        ("attempts = 003", "A number has no leading zeros"),
        ("attempts = 3,5", "A comma in a number"),
    ],
)
def test_a_value_of_a_wrong_type_is_one_problem_however_it_is_written(written: str, said: str) -> None:
    text = f'{GOOD}\n[[clients.m.plugins]]\nkind = "retry"\n{written}\n'
    checked = Checker().check(text)
    [problem] = checked.problems
    assert said in problem.message
    assert problem.line == text.count("\n")
    assert not checked.is_toml or checked.profile is None


@pytest.mark.parametrize(
    "mistaken",
    [
        "oops [[[incoming.x]",
        "oops",
        "foo bar",
        '"x" y',
        "oops { a = 1",
        "TODO fix this",
        "don't forget",
        "timeout = many",
        "timeout = 5 seconds",
        "timeout = 2026-13-01",
        'timeout = "30s',
        "timeout = “30s”",
        "timeout: 30s",
        "timeout = = 3",
        "production = Yes",
        'production = "yes',
        "proxy = { a = 1",
        'proxy = "C:\\Users\\x"',
        "proxy = C:\\Users\\x",
        'authentications = ["a"',
        'authentications = ["a',
        "authentications = [a",
        "authentications = b",
        "authentications = (b, c)",
        "authentications = [b, c]",
        'authentications = ["b" "c"]',
        "[clients.n",
        "[[clients.n]",
        "[clients.m]",
    ],
)
def test_one_mistake_is_one_problem_and_its_correction_leaves_the_other_lines(mistaken: str) -> None:
    text = GOOD.replace('authentications = ["a"]\ntimeout = "30s"', f'{mistaken}\ntitle = "M"\ndescription = "D"')
    assert text != GOOD
    [problem] = Checker().check(text).problems
    assert problem.line == 9
    if problem.fix is not None:
        assert '\ntitle = "M"\ndescription = "D"\n' in apply(text, problem.fix.edits)


def test_each_line_that_cannot_be_read_is_a_problem_of_its_own() -> None:
    wrong = ["foo bar baz", "oops [[[incoming.x]", "don't forget", "one two three"]
    text = GOOD.replace('timeout = "30s"', "\n".join([*wrong, 'timeout = "30s"']))
    assert [each.line for each in Checker().check(text).problems] == [10, 11, 12, 13]


def test_a_misspelt_key_is_a_problem_beside_that_of_its_value() -> None:
    text = GOOD.replace('timeout = "30s"', "timeuot = 30s")
    assert [(each.line, each.column) for each in Checker().check(text).problems] == [(10, 1), (10, 11)]


@given(
    st.lists(
        st.sampled_from(
            [*"[]{}=.,:;'\"#\\-", " ", "a", "b c", "1", "5s", '"x"', "'y'", '"""', "[[", "true", "incoming.x"]
        ),
        min_size=1,
        max_size=9,
    ).map("".join)
)
@settings(max_examples=examples(300), deadline=None)
def test_no_correction_changes_another_line(written: str) -> None:
    others = {"above": 1, "below": "D", "several": ["E", "F"], "last": {"inside": True}}
    lines = ["[clients.m]", "above = 1", written, 'below = "D"', "several = [", '  "E",', '  "F",', "]"]
    text = "\n".join([*lines, "", "last = { inside = true }", ""])
    checker = Checker()
    checked = checker.check(text)
    parsed = {key for key, value in others.items() if _anywhere(checked.data, key) == value}
    for problem in checked.problems:
        if problem.fix is not None and not problem.path:
            corrected = checker.check(apply(text, problem.fix.edits)).data
            assert {key for key in parsed if _anywhere(corrected, key) != others[key]} == set(), problem.fix


def _anywhere(data: object, key: str) -> object:
    """The value of this key in any table; None if none has it."""
    inner = data if isinstance(data, list) else [*data.values()] if isinstance(data, dict) else []
    found = data.get(key) if isinstance(data, dict) else None
    return next((each for each in (found, *(_anywhere(each, key) for each in inner)) if each is not None), None)
