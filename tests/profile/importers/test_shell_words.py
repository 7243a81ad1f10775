"""Words of bash, the Windows command prompt and PowerShell: each way to quote gives back what was quoted."""

from __future__ import annotations

import re
import shlex
import subprocess

from hypothesis import given
from hypothesis import strategies as st
from requirements import require

from tui_connector.profile.importers.model import InvalidImport, as_written, unknowns
from tui_connector.profile.importers.shell_words import (
    PowerShell,
    PowerShellString,
    ShellCommand,
    bash_commands,
    cmd_commands,
)

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")
texts = st.text(characters | st.sampled_from("'\"\\$`^%&|<> \n\t{}[]é🛒"), max_size=30)
words = st.lists(texts, min_size=1, max_size=5)


def ansi_c(text: str) -> str:
    """As browsers quote for bash."""
    escaped = "".join(
        each if each.isascii() and each.isprintable() and each not in "\\'" else f"\\U{ord(each):08x}" for each in text
    )
    return f"$'{escaped}'"


def double(text: str) -> str:
    return '"' + re.sub(r'([$`"\\])', r"\\\1", text) + '"'


def backslashes(text: str) -> str:
    return "".join(f"\\{each}" if each != "\n" else "'\n'" for each in text) or "''"


bash_words = st.lists(st.tuples(st.sampled_from([shlex.quote, ansi_c, double, backslashes]), texts), min_size=1)


@given(st.lists(bash_words, min_size=1, max_size=3))
def test_every_way_to_quote_for_bash(pieces: list[list[tuple[object, str]]]) -> None:
    text = " ".join("".join(quote(text) for quote, text in word) for word in pieces)  # type: ignore[operator]
    expected = ["".join(text for _, text in word) for word in pieces]
    found = bash_commands(f"curl {text}")
    assert [each.words for each in found] == [["curl", *expected]]


def test_words_are_those_of_bash() -> None:
    require("bash")
    text = r"""one 'a b' "a \$b \"c\" \\ \n" $'a\tb\x41\u00e9\U0001f6d2\'\"\\\101\cA\e' a\ b\'c "x"'y'$'z' '' "" a"b
c" d\
e $'\xc3\xa9' {"a":1} a=b --x=$'1'"2" 'it'\''s' "back\slash" #c
f"""
    printed = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {text.replace(chr(10) + 'f', '')}"], capture_output=True, check=True
    ).stdout
    expected = printed.decode().split("\0")[:-1]
    assert bash_commands(text)[0].words == expected


def test_what_the_shell_would_insert_is_not_known_and_never_executed() -> None:
    found = bash_commands('curl "$URL/x" $(rm -rf /) `date` "${A:-b}" \'$C\' \\$D $1')[0].words
    assert [unknowns(each) for each in found] == [
        [], ["$URL"], ["$(rm -rf /)"], ["`date`"], ["${A:-b}"], [], [], ["$1"],
    ]  # fmt: skip
    assert [as_written(each) for each in found[5:7]] == ["$C", "$D"]


def test_assignments_before_a_command_are_used() -> None:
    found = bash_commands('export URL=http://x TOKEN="a b"\nID=1; curl "$URL/${ID}" $TOKEN')
    assert [each.words for each in found] == [["curl", "http://x/1", "a b"]]


def test_pipes_redirections_and_comments_are_told_apart_from_words() -> None:
    text = "curl a > out.txt 2>&1 | jq . | sort && curl b # not this\n# nor this\ncurl c <<<'{}' &"
    assert bash_commands(text) == [
        ShellCommand(["curl", "a"], None, ["> out.txt", "2>&1", "| jq .", "| sort"]),
        ShellCommand(["curl", "b"]),
        ShellCommand(["curl", "c"], "{}\n"),
    ]


def test_here_documents() -> None:
    text = 'curl -d @- a <<\'END\'\n{"a": "$B"}\nEND\nB=c\ncurl b <<-END\n\t$B \\$B\n\tEND\ncurl c'
    assert [(each.words[-1], each.stdin) for each in bash_commands(text)] == [
        ("a", '{"a": "$B"}\n'), ("b", "\0$B\0 $B\n"), ("c", None),
    ]  # fmt: skip


def carets(text: str) -> str:
    """As browsers escape an argument for the command prompt."""
    return re.sub(r"[^A-Za-z0-9 \n]", lambda found: f"^{found[0]}", text).replace("\n", "^\n\n")


@given(words)
def test_every_word_for_the_command_prompt(arguments: list[str]) -> None:
    line = subprocess.list2cmdline([*arguments, "end"])
    found = cmd_commands(f"curl {carets(line)}")
    plain = [as_written(each) for each in found[0].words] if found else []
    assert plain == ["curl", *arguments, "end"]


def test_carets_lines_and_pipes_of_the_command_prompt() -> None:
    text = 'curl ^"http://a/?b=1^&c=%^20^" ^\n  -d "{""a"": ""x^y""}" -d "{\\"b\\": 1}" | more\ncurl c > out'
    assert cmd_commands(text) == [
        ShellCommand(["curl", "http://a/?b=1&c=%20", "-d", '{"a": "x^y"}', "-d", '{"b": 1}'], None, ["| more"]),
        ShellCommand(["curl", "c"], None, ["> out"]),
    ]


def in_single_quotes(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def in_double_quotes(text: str) -> str:
    return '"' + re.sub(r'([`$"])', r"`\1", text) + '"'


@given(st.lists(st.tuples(st.sampled_from([in_single_quotes, in_double_quotes]), texts), max_size=4))
def test_every_string_of_powershell(strings: list[tuple[object, str]]) -> None:
    text = " ".join(quote(text) for quote, text in strings)  # type: ignore[operator]
    assert [*PowerShell(f"iwr {text}").commands()] == [(["iwr", *(PowerShellString(each) for _, each in strings)], [])]


@given(st.text(st.sampled_from("'\"\\$`^%&|<>@{}()[];=#-, \n\tabcurl") | characters, max_size=60))
def test_any_text_is_split_or_refused(text: str) -> None:
    for split in (bash_commands, cmd_commands, lambda text: list(PowerShell(text).commands())):
        try:
            split(text)
        except InvalidImport as error:
            assert error.code == "import-command"  # noqa: PT017
