"""Draws the screenshots: python screenshots/draw.py walks the guide on the sandbox and writes an SVG for each step.

Where a Chromium is on the PATH, the pictures that the README shows are also written as PNG.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tui_connector.cli.screen import DESCRIPTION, NAME, TITLE, full_integration
from tui_connector.machine import Directories, Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.setup.context import DemoStore

HERE = Path(__file__).parent
SIZE = (120, 36)
SHOWN_IN_README = ("2-authentication", "3-incoming", "profile")


class _Memory:
    """A keyring in memory: pictures contain no real secret."""

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries.get(service)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._entries[service] = password

    def delete_password(self, service: str, username: str) -> None:
        del self._entries[service]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a screen has no event to wait for
            await asyncio.sleep(0.02)


async def draw(directory: Path, target: Path, size: tuple[int, int]) -> None:
    """Walks the guide, a picture after each step."""
    keyring, environ = _Memory(), {"HOME": str(directory)}
    machine = Machine(
        Directories(directory, directory, directory, directory / "profiles"), environ, keyring=lambda: keyring
    )
    async with Sandbox(SandboxOptions(), machine.now) as store:
        values = full_integration(store)

        async def demo() -> DemoStore:
            return DemoStore(store.url, NAME, TITLE, DESCRIPTION, values)

        app = ConnectorApp(machine, demo, start_at="demo")
        async with app.run_test(size=size) as pilot:

            def says(text: str) -> Callable[[], bool]:
                return lambda: text in app.export_screenshot().replace("&#160;", " ")

            async def picture(name: str) -> None:
                await pilot.pause()
                app.save_screenshot(f"{name}.svg", path=str(target))

            await _until(says("Store address"))
            await pilot.press("enter")
            await _until(says("Magento 2.4"))
            await picture("1-basics")
            await pilot.press("enter")
            await _until(says("Consumer secret"))
            await pilot.press("alt+u", "enter")
            await _until(says("accepts it"))
            await picture("2-authentication")
            await pilot.press("enter")
            await _until(says("Categories"))
            await pilot.press("enter")
            await _until(says("tells items apart"))
            await pilot.press("enter")
            await _until(says("items read"))
            await picture("3-incoming")
            await pilot.press("l")
            await pilot.pause()
            await picture("log")
            await pilot.press("l")
            await pilot.press("n")
            await _until(says("PUT products"))
            await pilot.press("enter")
            await _until(says("It needs"))
            await pilot.press("enter")
            await _until(says("Not sent"))
            await picture("4-outgoing")
            await pilot.press("enter")
            await _until(says("Enter saves"))
            await picture("5-save")
            await pilot.press("enter")
            await _until(says("Now you can"))
            await pilot.press("q")
            await _until(says("Profiles"))
            await pilot.press("enter")
            await _until(says("GET products"))
            await pilot.press("down", "down", "r")
            await _until(says("complete:"))
            await picture("run")
            await pilot.press("q")
            await _until(says("Last run"))
            await pilot.press("up", "up", "t")
            await _until(says("✔ magento"))
            await picture("profile")
            await pilot.press("colon")
            await _until(says("Enter does it"))
            await picture("commands")
            await pilot.press("escape")
            await pilot.pause()
            await pilot.press("q")
            await _until(says("✔ complete"))
            await picture("home")


def as_png(name: str) -> None:
    """The SVG as a PNG, by Chromium; nothing where there is none."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        return
    picture = HERE / f"{name}.svg"
    width, height = map(float, re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture.read_text())[0])
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    options.append("--force-device-scale-factor=1.2")
    target = f"--screenshot={HERE / name}.png"
    command = [browser, *options, f"--window-size={int(width)},{int(height)}", target, picture.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(draw(Path(scratch), HERE, SIZE))
    for name in SHOWN_IN_README:
        as_png(name)
