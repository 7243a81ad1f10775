"""What home says of a profile's last runs is what its ledgers hold."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tui_connector.guide.last_runs import (
    LastRun,
    last_in_any_environment,
    last_runs,
    last_sendings,
    latest_first,
    runs_of_profiles,
)
from tui_connector.outgoing.task_ledger import tasks_file
from tui_connector.runs.ledger import Ledger, ledger_file
from tui_connector.tui.home.rows import run_cell


def ran(
    state: Path,
    profile: Path,
    incoming: str,
    run_state: str,
    *,
    items: int = 5,
    failed: int = 0,
    code: str = "",
    environment: str = "",
) -> None:
    path = ledger_file(state, profile, incoming, environment=environment)
    path.parent.mkdir(parents=True, exist_ok=True)
    with Ledger(path):
        pass
    with sqlite3.connect(path) as database:
        database.execute(
            "insert into run (began, ended, state, fingerprint, asked, moves_mark, items, failed, code)"
            " values ('2026-01-31T08:00:00+00:00', '2026-01-31T08:30:00+00:00', ?, 'f', 'GET products', 1, ?, ?, ?)",
            (run_state, items, failed, code),
        )
    database.close()


@pytest.mark.parametrize(
    ("run_state", "code", "failed", "words"),
    [
        ("complete", "", 0, "✔ complete, 1,188 items"),
        ("complete", "", 2, "✘ complete, 1,188 items, 2 failed"),
        ("refused", "token-rejected", 0, "✘ refused, 1,188 items"),
        ("running", "", 0, "✘ interrupted, 1,188 items"),  # nobody holds the ledger: it was killed
        ("stopped", "stopped", 0, "■ stopped by you, 1,188 items"),
        ("stopped", "stopped", 2, "✘ stopped by you, 1,188 items, 2 failed"),
        ("stopped", "limit", 0, "■ limit reached, 1,188 items"),
        ("stopped", "refused", 0, "✘ stopped, 1,188 items"),  # by the connection
    ],
)
def test_a_run_is_described_by_its_state_and_items(
    run_state: str, code: str, failed: int, words: str, tmp_path: Path
) -> None:
    profile = tmp_path / "acme.toml"
    ran(tmp_path, profile, "products", run_state, items=1188, failed=failed, code=code)
    [run] = last_runs(tmp_path, profile).values()
    assert (run.name, run.summary, run.at) == ("products", words, 1_769_848_200.0)
    assert run.is_failure == words.startswith("✘")
    assert replace(run, counts={"items": 1}).counts_text == "1 item"


def test_the_runs_of_one_name_say_what_they_did_and_a_failure_comes_first() -> None:
    read = LastRun("products", True, "complete", {"items": 5}, 100.0)
    sent = LastRun("products", False, "failed", {"failed": 1}, 100.0, sends=True)
    other = LastRun("orders", True, "complete", {"items": 5}, 50.0)
    runs = latest_first([other, read, sent])
    assert [each.label for each in runs] == ["products (outgoing)", "products (incoming)", "orders"]
    assert run_cell(runs, 100.0, 60) == ("✘ products (outgoing), just now", "error")
    resumed = LastRun("customers", True, "running", {"items": 5}, 10.0)  # when it began
    assert latest_first([*runs, resumed])[0] is resumed


def test_a_run_in_progress_is_described_as_running(tmp_path: Path) -> None:
    profile = tmp_path / "acme.toml"
    ran(tmp_path, profile, "products", "running")
    with Ledger(ledger_file(tmp_path, profile, "products")):
        assert last_runs(tmp_path, profile)["products"].summary == "→ running, 5 items"


def test_a_ledger_that_cannot_be_read_says_so_in_the_place_of_its_runs(tmp_path: Path) -> None:
    profile = tmp_path / "acme.toml"
    profile.write_text("[environments.staging]")
    assert last_runs(tmp_path, profile) == last_sendings(tmp_path, profile) == {}
    ran(tmp_path, profile, "orders", "complete")
    ran(tmp_path, profile, "products", "complete")
    damaged = ledger_file(tmp_path, profile, "products", environment="staging")
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no database at all, but long enough to be looked at" * 30)
    os.utime(damaged, (1_700_000_000, 1_700_000_000))  # before the run with the base values
    tasks = tasks_file(tmp_path, profile, "stock")
    tasks.parent.mkdir(parents=True)
    tasks.write_bytes(damaged.read_bytes())

    assert sorted(last_runs(tmp_path, profile)) == ["orders", "products"]
    run = last_runs(tmp_path, profile, "staging")["products"]
    assert (run.summary, run.is_failure, run.at) == ("✘ unreadable", True, 1_700_000_000)
    assert str(damaged) in run.reason
    assert "is damaged" in run.reason
    assert last_sendings(tmp_path, profile)["stock"].sends
    shown = {(each.run.name, each.environment): each.run.ending for each in runs_of_profiles(tmp_path, [profile])}
    assert shown == {
        ("orders", ""): "complete", ("products", ""): "complete", ("products", "staging"): "unreadable",
        ("stock", ""): "unreadable",
    }  # fmt: skip
    at_home = {each.label: each.ending for each in last_in_any_environment(tmp_path, profile)}
    assert at_home == {"orders": "complete", "products (staging)": "unreadable", "stock": "unreadable"}


def test_a_folder_of_ledgers_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    profile = tmp_path / "acme.toml"
    folder = ledger_file(tmp_path, profile, "orders").parent
    folder.parent.mkdir()
    folder.symlink_to(folder)
    [run] = last_runs(tmp_path, profile).values()
    assert run.is_unreadable
    assert f"{folder} cannot be read: Too many levels of symbolic links. The symbolic links form a loop" in run.reason


def test_an_invalid_profile_has_no_runs(tmp_path: Path) -> None:
    circle, odd = tmp_path / "circle.toml", tmp_path / os.fsdecode(b"odd\xff.toml")
    circle.symlink_to(circle)
    odd.touch()
    assert last_runs(tmp_path, circle) == last_runs(tmp_path, odd) == {}


def test_ledgers_stay_in_their_directory(tmp_path: Path) -> None:
    assert ledger_file(tmp_path, Path("/shops/acme.toml"), "products").parent.name == "acme-9683cfcc7a14"
    linked = tmp_path / "linked.toml"
    linked.symlink_to("/shops/acme.toml")
    assert ledger_file(tmp_path, linked, "products").parent.name == "acme-9683cfcc7a14"


def test_home_knows_the_last_run_in_any_environment(tmp_path: Path) -> None:
    profile = tmp_path / "acme.toml"
    profile.write_text('format = 1\nname = "Acme"\n[environments.staging]\n[environments.uat]\n')
    ran(tmp_path, profile, "orders", "complete", environment="staging")
    ran(tmp_path, profile, "products", "complete")
    found = last_in_any_environment(tmp_path, profile)
    assert sorted(each.label for each in found) == ["orders (staging)", "products"]
    profile.write_text("not TOML")
    assert [each.label for each in last_in_any_environment(tmp_path, profile)] == ["products"]
