"""A setup left half-way comes back as it was, for its owner only; what is no draft is left alone."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.errors import UserError
from tui_connector.guide.drafts import Draft, Drafts
from tui_connector.guide.misplaced_secrets import without_secrets
from tui_connector.guide.resume import draft_of, has_unsaved_work, setup_of
from tui_connector.guide.steps.methods import GuideStep
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.text_drafts import TextDrafts
from tui_connector.profile.document import Document
from tui_connector.profile.library import MAX_SIZE
from tui_connector.secrets.mask import Mask

KEY = "0123456789abcdef"
DAY = date(2026, 1, 31)


def draft(key: str = KEY, kept_at: float = 1.0, **more: object) -> Draft:
    return Draft(
        key,
        "acme",
        "Acme store",
        3,
        kept_at,
        {"format": 1, "key": KEY, "name": "Acme store"},
        {"client": "magento"},
        **more,
    )  # type: ignore[arg-type]


def test_a_draft_comes_back_as_it_was(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    kept = draft(profile="/somewhere/acme.toml", text="format = 1\n")
    drafts.keep(kept)
    assert drafts.list() == [kept]


def test_an_address_that_was_not_tested_is_kept_but_no_secret_in_its_place() -> None:
    setup = Setup(typed_address="shop.example", suggested_address="")
    assert has_unsaved_work(setup)
    assert not has_unsaved_work(Setup(typed_address="127.0.0.1:8424", suggested_address="127.0.0.1:8424"))
    assert setup_of(draft_of(setup, KEY, GuideStep.BASICS, 1.0))[0].typed_address == "shop.example"
    for secret in ("b3canarya7x0q9w8r2k5m1z4c6v8d0g2", "https://api:CANARY@shop.example"):
        setup.typed_address = setup.typed_name = setup.typed_view = secret
        resumed, _ = setup_of(draft_of(setup, KEY, GuideStep.BASICS, 1.0))
        assert (resumed.typed_address, resumed.typed_name, resumed.typed_view) == ("", None, None)


def test_what_a_field_does_not_accept_is_kept_as_it_was_typed() -> None:
    setup = Setup()
    setup.type_store_view("nl/be")
    setup.typed_name = "acme/2"
    assert (setup.store_view, setup.name) == ("all", "store")
    assert has_unsaved_work(setup)
    resumed, _ = setup_of(draft_of(setup, KEY, GuideStep.SAVE, 1.0))
    assert (resumed.typed_view, resumed.typed_name) == ("nl/be", "acme/2")
    resumed.type_store_view("nl ")
    assert (resumed.store_view, resumed.typed_view) == ("nl", None)


def test_an_address_typed_for_a_saved_profile_is_a_change_until_it_is_the_saved_one_again(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    uri = "https://shop.example/rest/all/V1"
    path.write_text(
        f'format = 1\nname = "Acme"\n[[clients.magento.plugins]]\nkind = "base-uri"\nuri = "{uri}"\n', "utf-8"
    )
    setup = Setup.from_document("acme", Document.read(path))
    assert not has_unsaved_work(setup)
    for typed in ("other.example", ""):
        setup.typed_address = typed
        assert has_unsaved_work(setup)
        resumed, _ = setup_of(draft_of(setup, KEY, GuideStep.BASICS, 1.0))
        assert (resumed.typed_address, resumed.base_uri, has_unsaved_work(resumed)) == (typed, uri, True)
    setup.typed_address = "other.example"
    setup.edit(("clients", "staging"), {"plugins": [{"kind": "base-uri", "uri": "https://staging.example/rest/V1"}]})
    setup.choose_client("staging")  # whose address is another
    assert setup.typed_address == "https://staging.example/rest/V1"
    assert "client magento" in setup.missing(GuideStep.BASICS)
    setup.edit(("clients", "staging"), None)
    assert has_unsaved_work(setup)
    resumed, _ = setup_of(draft_of(setup, KEY, GuideStep.BASICS, 1.0))
    for each in (resumed, setup):
        each.choose_client("magento")
        assert (each.typed_address, each.base_uri) == ("other.example", uri)
    setup.typed_address = uri
    assert not has_unsaved_work(setup)
    setup.type_store_view("nl/be")
    assert has_unsaved_work(setup)


def test_a_sample_that_was_edited_is_kept_unless_it_contains_a_secret() -> None:
    secret = "CANARY-sample-b3a7x0q9w8r2k5m1z4c6"
    setup = Setup(samples={"products": '{"sku": "24-MB01", "price": 35}', "stock": f'{{"note": "{secret}"}}'})
    mask = Mask()
    mask.learn(secret, "acme/token")
    kept = without_secrets(draft_of(setup, KEY, GuideStep.OUTGOING, 1.0))
    assert secret not in str(kept)
    assert setup_of(kept)[0].samples == {"products": '{"sku": "24-MB01", "price": 35}'}


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    Drafts(tmp_path).keep(draft())
    [path] = (tmp_path / "drafts").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_store_has_one_draft_the_newest_first(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.keep(draft(kept_at=1.0))
    drafts.keep(draft("0" * 16, kept_at=2.0))
    drafts.keep(draft(kept_at=3.0))
    assert [(each.key, each.kept_at) for each in drafts.list()] == [(KEY, 3.0), ("0" * 16, 2.0)]


def test_a_saved_setup_leaves_no_draft(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.keep(draft())
    drafts.drop(KEY)
    drafts.drop(KEY)
    assert drafts.list() == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "null",
        '{"format": 2}',
        json.dumps({"format": 1, "key": KEY, "name": "a", "title": "a", "step": 9, "kept_at": 1.0}),
        json.dumps({"format": 1, "key": KEY, "name": "a", "title": "a", "step": "1", "kept_at": 1.0}),
        json.dumps({"format": 1, "key": KEY, "name": 5, "title": "a", "step": 1, "kept_at": 1.0}),
        json.dumps({"format": 1, "key": KEY, "name": "a", "title": "a", "step": 1, "kept_at": None}),
        json.dumps({"format": 1, "key": KEY, "name": "a", "title": "a", "step": 1, "kept_at": 1.0, "more": 1}),
        "[" * 100_000,
        json.dumps(
            {"format": 1, "key": KEY, "name": "a", "title": "a", "step": 1, "kept_at": 1.0}
            | {"data": {}, "about": {}, "profile": "/etc/passwd", "text": "root:x:0:0"}
        ),
    ],
)
def test_an_invalid_draft_is_not_offered(content: str, tmp_path: Path) -> None:
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / f"{KEY}.json").write_text(content)
    assert Drafts(tmp_path).list() == []


def test_a_file_of_another_name_is_not_a_draft(tmp_path: Path) -> None:
    Drafts(tmp_path).keep(draft())
    [path] = (tmp_path / "drafts").iterdir()
    path.rename(path.with_name("ffffffffffffffff.json"))
    assert Drafts(tmp_path).list() == []
    assert Drafts(tmp_path).find(KEY) is None


def test_what_is_kept_can_be_read_again_up_to_the_size_of_a_profile(tmp_path: Path) -> None:
    largest = "# \n\t" * (MAX_SIZE // 4)  # in JSON, it takes more than a MiB
    drafts, texts = Drafts(tmp_path), TextDrafts(tmp_path, tmp_path / "acme.toml")
    drafts.keep(draft(text=largest))
    assert [each.text for each in drafts.list()] == [largest]
    texts.keep(1, largest, "", "", 1.0)
    found = texts.find()
    assert found is not None
    assert found[1].text == largest
    with pytest.raises(UserError, match="larger than 1 MiB") as refused:
        texts.keep(2, f"{largest}#", "", "", 1.0)
    assert refused.value.code == "too-large"
    with pytest.raises(UserError, match="larger than 8 MiB"):
        drafts.keep(draft(text=largest * 8))


@given(st.permutations(range(1, 6)), st.lists(st.booleans(), min_size=5, max_size=5))
def test_whatever_order_writes_end_in_the_last_one_requested_counts(order: list[int], keeps: list[bool]) -> None:
    """`keeps`: for each number from 1 on, whether the text is kept or forgotten."""
    with TemporaryDirectory() as directory:
        texts = TextDrafts(Path(directory), Path("acme.toml"))
        for number in order:
            if keeps[number - 1]:
                texts.keep(number, f"# {number}", "", "", 1.0)
            else:
                texts.drop(number)
        found = texts.find()
        assert (found[1].text if found is not None else None) == ("# 5" if keeps[4] else None)
