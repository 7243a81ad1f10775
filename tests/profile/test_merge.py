"""A profile that was changed here and by another program: nothing of either is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui_connector.profile.line_ends import changed, plain, plain_offset
from tui_connector.profile.merge import hunks, merged, merged_data

TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "a = 1\n", "\n", "x"]), max_size=6).map("".join)


def test_changes_in_different_places_go_together() -> None:
    base = "# shop\nname = 'a'\n\n[c]\nt = 1\n"
    found = hunks(base, base.replace("'a'", "'b'"), base.replace("t = 1", "t = 2"))
    chosen = [hunk for hunk in found if hunk.differs]
    assert [(hunk.line, hunk.usual, hunk.is_conflict) for hunk in chosen] == [(2, "mine", False), (5, "theirs", False)]
    assert merged(found, [hunk.usual for hunk in chosen]) == "# shop\nname = 'b'\n\n[c]\nt = 2\n"


def test_a_line_that_both_changed_is_a_conflict() -> None:
    found = hunks("a\nb\nc\n", "a\nmine\nc\n", "a\ntheirs\nc\n")
    [conflict] = [hunk for hunk in found if hunk.differs]
    assert conflict.is_conflict
    assert merged(found, ["mine"]) == "a\nmine\nc\n"
    assert merged(found, ["theirs"]) == "a\ntheirs\nc\n"
    assert merged(found, ["both"]) == "a\nmine\ntheirs\nc\n"


@given(st.lists(st.sampled_from(["", "mine", "theirs", "both"]), max_size=6))
def test_lines_next_to_each_other_that_one_side_changed_go_together(changed_by: list[str]) -> None:
    texts = {name: [f"{number}\n" for number in range(len(changed_by))] for name in ("base", "mine", "theirs")}
    for number, by in enumerate(changed_by):
        for side in ("mine", "theirs"):
            if by in (side, "both"):
                texts[side][number] = f"{side} {number}\n"
    found = hunks(*("".join(lines) for lines in texts.values()))
    chosen = [hunk for hunk in found if hunk.differs]
    conflicts = [line for hunk in chosen if hunk.is_conflict for line in hunk.base]
    assert conflicts == [f"{number}\n" for number, by in enumerate(changed_by) if by == "both"]
    assert [texts["mine"][hunk.line - 1] for hunk in chosen] == [hunk.mine[0] for hunk in chosen]
    assert merged(found, [hunk.usual for hunk in chosen]) == "".join(
        texts["theirs" if by == "theirs" else "mine"][number] for number, by in enumerate(changed_by)
    )


@given(TEXTS, TEXTS, TEXTS)
def test_each_side_can_be_had_as_a_whole(base: str, mine: str, theirs: str) -> None:
    found = hunks(base, mine, theirs)
    count = sum(hunk.differs for hunk in found)
    assert merged(found, ["mine"] * count) == mine
    assert merged(found, ["theirs"] * count) == theirs


@given(TEXTS, TEXTS)
def test_one_sided_changes_are_taken_as_they_are(base: str, other: str) -> None:
    for mine, theirs in ((base, other), (other, base)):
        found = hunks(base, mine, theirs)
        assert merged(found, [hunk.usual for hunk in found if hunk.differs]) == other


ENDS = st.lists(st.sampled_from(["a\n", "b\r\n", "\r\n", "c = 1\n", "\n", "x"]), max_size=6).map("".join)


@given(ENDS, st.lists(st.sampled_from(["a\n", "b\n", "\n", "y"]), max_size=6).map("".join))
def test_line_ends_that_were_not_edited_stay(text: str, new: str) -> None:
    after = changed(text, new)
    assert plain(after) == new
    assert changed(text, plain(text)) == text
    appended = changed(text, plain(text) + "z")
    assert appended == text + "z"
    assert plain_offset(text, len(text)) == len(plain(text))


def test_data_has_the_changes_of_both_sides() -> None:
    base = {"name": "a", "clients": {"m": {"timeout": "5s"}}, "gone": 1, "list": [1]}
    mine = {"name": "a", "clients": {"m": {"timeout": "9s"}}, "gone": 1, "list": [1], "new": {"x": 1}}
    theirs = {"name": "b", "clients": {"m": {"timeout": "5s", "title": "M"}}, "list": [1, 2], "new": {"y": 2}}
    assert merged_data(base, mine, theirs) == (
        {
            "name": "b",
            "clients": {"m": {"timeout": "9s", "title": "M"}},
            "list": [1, 2],
            "new": {"x": 1, "y": 2},
        },
        [],
    )


def test_a_key_that_both_changed_differently_is_a_conflict() -> None:
    base = {"a": {"x": 1, "y": 1}, "b": 1, "c": 1}
    data, conflicts = merged_data(base, {"a": {"x": 2, "y": 2}, "b": 2, "c": 3}, {"a": {"x": 3, "y": 2}, "c": 3})
    assert (data, conflicts) == ({"a": {"x": 2, "y": 2}, "c": 3, "b": 2}, [("a", "x"), ("b",)])
