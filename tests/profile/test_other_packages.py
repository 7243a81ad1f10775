"""Kinds of another package, found by entry point: in the profile, the schema, a request and a run.

A kind of the program's own is found in the same way: it is one new file, and nothing else has to be edited.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from http_server import Received, reply, serving

import tui_connector

MODULE = '''
"""Kinds of the Acme company."""

import hashlib
from typing import Literal

from pydantic import Field

from tui_connector.api import (
    Authentication, Layer, LayerContext, Plugin, Request, Response, SecretSource, Send, origin_of, secret_field
)


class BodyDigest(Plugin):
    """Add a digest of the body."""

    kind: Literal["acme-digest"] = "acme-digest"
    header_name: str = Field("X-Digest", title="Header", description="Which header has it.", examples=["X-Sum"])
    rounds: int = Field(1, ge=1, title="Rounds", description="How often.")

    def prepare(self, request: Request) -> Request:
        return request.with_header(self.header_name, hashlib.sha256(request.body).hexdigest()[:8])


class Ticket(Authentication):
    """Acme ticket."""

    kind: Literal["acme-ticket"] = "acme-ticket"
    ticket: SecretSource = secret_field("Ticket", "From the Acme portal.")

    def start(self, context: LayerContext) -> Layer:
        async def layer(request: Request, forward: Send) -> Response:
            return await forward(
                request.with_header("X-Ticket", await context.secret(self.ticket, origin_of(request.uri)))
            )

        return layer
'''
CLASH = '''
from typing import Literal

from tui_connector.api import Plugin
from tui_connector.client.plugins.retry import Retry


class Again(Plugin):
    """Retry, once more."""

    kind: Literal["retry"] = "retry"
'''


SKIPPING = """
from typing import Literal

from pydantic import Field

from tui_connector.api import Json, ListPart, Page, Pagination, Request, SequentialPages


class Skip(Pagination):
    \"""Skip and take.\"""

    kind: Literal["acme-skip"] = "acme-skip"
    take: int = Field(2, ge=1, title="Take", description="Items in one response.")

    def begin(self, request: Request, position: Json = None) -> ListPart:
        def ask(skip: Json) -> Request:
            return request.with_query("skip", str(skip or 0)).with_query("take", str(self.take))

        def after(skip: Json, page: Page) -> Json:
            return (skip if isinstance(skip, int) else 0) + len(page.items) if len(page.items) == self.take else None

        return SequentialPages(position, ask, after, lambda page, first: "")
"""
LINES = """
from collections.abc import Sequence
from typing import Literal

from tui_connector.api import FilePath, Json, OpenSink, RejectedItem, Sink, SinkContext, OutputFile


class NumberedLines(Sink):
    \"""Numbered lines.\"""

    endings = (".numbered",)
    kind: Literal["acme-numbered"] = "acme-numbered"
    path: FilePath
    templates: list[FilePath] = []

    def open(self, context: SinkContext, position: Json) -> OpenSink:
        file = OutputFile(context.output(self.path), position, context.known, context.closed)
        for template in self.templates:
            file.write((context.directory / template).read_bytes())
        return Numbered(file)


class Numbered(OpenSink):
    def __init__(self, file: OutputFile) -> None:
        self._file, self._count = file, 0

    def write(self, items: Sequence[bytes]) -> Sequence[RejectedItem]:
        for item in items:
            self._count += 1
            self._file.write(b"%d %s\\n" % (self._count, item))
        return ()

    def sync(self) -> Json:
        return self._file.sync()

    def close(self) -> None:
        self._file.close()
"""


def _install(folder: Path, name: str, source: str | dict[str, str]) -> None:
    """What an installer leaves: a module or a package of several, and the metadata that names its entry point."""
    module = name.replace("-", "_")
    if isinstance(source, str):
        (folder / f"{module}.py").write_text(source)
    else:
        (folder / module).mkdir()
        for file, text in {"__init__": "", **source}.items():
            (folder / module / f"{file}.py").write_text(text)
    information = folder / f"{module}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[tui_connector.kinds]\n{name} = {module}\n")


class Elsewhere:
    """The program in a new process that finds other packages."""

    def __init__(self, environ: dict[str, str], packages: Path) -> None:
        self._environ = {**environ, "PYTHONPATH": os.pathsep.join([str(packages), environ["PYTHONPATH"]])}
        self.packages = packages

    async def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tui_connector", *words]
        return await asyncio.to_thread(
            subprocess.run, command, env=self._environ | environ, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.fixture
def elsewhere(clean_environment: dict[str, str], tmp_path: Path) -> Elsewhere:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    return Elsewhere(clean_environment, packages)


def _profile(folder: Path, uri: str, *lines: str) -> Path:
    file = folder / "shop.toml"
    file.write_text(
        'format = 1\nname = "Shop"\n[authentications.a]\nkind = "acme-ticket"\nticket = { env = "TICKET" }\n'
        f'[clients.shop]\nauthentications = ["a"]\n[[clients.shop.plugins]]\nkind = "base-uri"\nuri = "{uri}"\n'
        '[[clients.shop.plugins]]\nkind = "acme-digest"\n' + "".join(f"{line}\n" for line in lines)
    )
    return file


async def test_kinds_of_another_package_work_in_a_request(elsewhere: Elsewhere, tmp_path: Path) -> None:
    _install(elsewhere.packages, "acme-kinds", MODULE)

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    async with serving(response) as shop:
        file = _profile(tmp_path, shop.url, 'header-name = "X-Sum"')
        ended = await elsewhere.run(
            "request", "--trust", str(file), "POST", "x", "--data", "{}", TICKET="a-CANARY-ticket"
        )
    assert ended.returncode == 0, ended.stderr
    assert shop.received[0].header("X-Sum") == "44136fa3"
    assert shop.received[0].header("X-Ticket") == "a-CANARY-ticket"
    assert "CANARY" not in ended.stdout + ended.stderr


async def test_kinds_of_another_package_are_in_the_schema(elsewhere: Elsewhere) -> None:
    _install(elsewhere.packages, "acme-kinds", MODULE)
    schema = json.loads((await elsewhere.run("schema")).stdout)
    digest, ticket = schema["definitions"]["BodyDigest"], schema["definitions"]["Ticket"]
    assert digest["title"] == "Add a digest of the body"
    assert digest["properties"]["header-name"]["examples"] == ["X-Sum"]
    assert ticket["properties"]["ticket"]["allOf"] == [{"$ref": "#/definitions/SecretSource"}]
    assert schema["definitions"]["SecretSource"]["format"] == "secret"
    plugins = schema["definitions"]["HttpClient"]["properties"]["plugins"]["items"]["oneOf"]
    assert {"$ref": "#/definitions/BodyDigest"} in plugins


async def test_problems_in_their_fields_have_positions(elsewhere: Elsewhere, tmp_path: Path) -> None:
    _install(elsewhere.packages, "acme-kinds", MODULE)
    file = _profile(tmp_path, "http://127.0.0.1:9", "rounds = 0", 'header-nam = "X-Sum"')
    ended = await elsewhere.run("request", "--trust", str(file), "GET", "x")
    assert ended.returncode == 2
    assert f"{file}:13:1: clients.shop.plugins.1.rounds (item 2 of 2): must be at least 1" in ended.stderr
    assert (
        f"{file}:14:1: clients.shop.plugins.1.header-nam (item 2 of 2): unknown key; did you mean 'header-name'?"
        in ended.stderr
    )


BROKEN = {
    "acme-missing": ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
    "acme-raising": ("raise SystemError('broken on purpose')", "broken on purpose"),
    "acme-clashing": (CLASH, "two kinds are named 'retry'"),
}


async def test_a_package_that_cannot_be_loaded_harms_nobody_else(elsewhere: Elsewhere, tmp_path: Path) -> None:
    for package, (source, _) in BROKEN.items():
        _install(elsewhere.packages, package, source)
    used = await elsewhere.run("request", "--trust", str(_profile(tmp_path, "http://127.0.0.1:9")), "GET", "x")
    assert used.returncode == 2
    assert "clients.shop.plugins.1.kind (item 2 of 2): unknown kind 'acme-digest'" in used.stderr
    for package, (_, reason) in BROKEN.items():
        assert f"the package {package} could not be loaded" in used.stderr
        assert reason in used.stderr
    assert "Traceback" not in used.stderr
    _install(elsewhere.packages, "acme-kinds", MODULE)
    assert "BodyDigest" in json.loads((await elsewhere.run("schema")).stdout)["definitions"]


async def test_a_pagination_and_a_sink_of_another_package_work_in_a_run(elsewhere: Elsewhere, tmp_path: Path) -> None:
    _install(elsewhere.packages, "acme-kinds", {"skipping": SKIPPING, "lines": LINES})
    rows = [{"id": number} for number in range(5)]

    async def response(request: Received, writer: asyncio.StreamWriter) -> None:
        query = dict(parse_qsl(request.head.split()[1].decode().partition("?")[2]))
        skip, take = int(query["skip"]), int(query["take"])
        body = json.dumps(rows[skip : skip + take]).encode()
        writer.write(reply("200 OK", body))

    file = tmp_path / "shop.toml"
    async with serving(response) as shop:
        file.write_text(
            f'format = 1\nname = "Shop"\n[[clients.shop.plugins]]\nkind = "base-uri"\nuri = "{shop.url}"\n'
            '[incoming.rows]\nclient = "shop"\nrequest = { uri = "rows" }\n'
            'pagination = { kind = "acme-skip" }\nsink = { kind = "acme-numbered", path = "rows.numbered" }\n'
        )
        ended = await elsewhere.run("run", str(file))  # needs no trust: the sink says that such a file has its data
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "rows.numbered").read_text() == "".join(f'{n + 1} {{"id": {n}}}\n' for n in range(5))
    assert len(shop.received) == 3


async def test_files_of_a_kind_of_another_package_need_trust(elsewhere: Elsewhere, tmp_path: Path) -> None:
    _install(elsewhere.packages, "acme-lines", LINES)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "other.txt").write_text("of somebody else\n")
    file = tmp_path / "profiles" / "shop.toml"
    file.write_text(
        'format = 1\nname = "Shop"\n[[clients.shop.plugins]]\nkind = "base-uri"\nuri = "http://127.0.0.1:9"\n'
        '[incoming.rows]\nclient = "shop"\nrequest = { uri = "rows" }\n'
        'sink = { kind = "acme-numbered", path = "rows.json", templates = ["own.txt", "../other.txt"] }\n'
    )
    ended = await elsewhere.run("run", str(file))
    assert ended.returncode == 2
    assert f"reads the file {tmp_path / 'other.txt'}, outside its own folder" in ended.stderr
    assert f"writes the file {file.parent / 'rows.json'}, whose name is not that of a data file" in ended.stderr
    assert "own.txt" not in ended.stderr
    assert not (file.parent / "rows.json").exists()


NEW_FILES = {
    "client/plugins/acme_new.py": ("..layer", "Plugin"),
    "client/authentication/acme_new.py": ("..layer", "Authentication"),
    "incoming/pagination/acme_new.py": (".", "Pagination"),
    "incoming/sinks/acme_new.py": ("..sink", "Sink"),
    "outgoing/sources/acme_new.py": ("..source", "Source"),
    "outgoing/lookups/acme_new.py": ("..lookup", "Lookup"),
}


async def test_a_new_kind_of_the_program_is_one_file(clean_environment: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(
        Path(tui_connector.__file__).parent, copy / "tui_connector", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file, (module, family) in NEW_FILES.items():
        (copy / "tui_connector" / file).write_text(
            f"from typing import Literal\n\nfrom {module} import {family}\n\n\n"
            f'class New{family}({family}):\n    """Something new."""\n\n    kind: Literal["acme-new"] = "acme-new"\n'
        )
    program = Elsewhere({**clean_environment, "PYTHONSAFEPATH": "1"}, copy)
    listed = json.loads((await program.run("kinds", "--json")).stdout)
    assert [family for family, kinds in listed.items() if kinds["acme-new"]["title"] == "Something new"] == [
        "authentication", "plugin", "pagination", "sink", "source", "lookup",
    ]  # fmt: skip
    file = tmp_path / "shop.toml"
    file.write_text(
        'format = 1\nname = "Shop"\n[authentications.a]\nkind = "acme-new"\n'
        '[clients.c]\nauthentications = ["a"]\n[[clients.c.plugins]]\nkind = "acme-new"\n'
        '[incoming.i]\nclient = "c"\nrequest = { uri = "x" }\npagination = { kind = "acme-new" }\n'
        'sink = { kind = "acme-new" }\n[outgoing.o]\nclient = "c"\nrequest = { uri = "x" }\n'
        'source = { kind = "acme-new" }\n'
        'compare = { request = { uri = "x" }, lookup = { kind = "acme-new" } }\n'
    )
    trusted = await program.run("trust", "--yes", str(file))  # reads the whole profile
    assert trusted.returncode == 0, trusted.stderr
