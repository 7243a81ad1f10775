"""`tap`: a profile as a Singer tap, as Meltano and other runners call it. Standard output has nothing but messages."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import UserError
from ..text import json_text, shown
from .errors import CommandFailed, Exit, exit_codes
from .opening import allowed, find, headless_workbench, machine_of, read, run, trust_option
from .request import keeping_history
from .run_output import RunOutput
from .run_sequence import Runs

if TYPE_CHECKING:
    from ..client.session import Session
    from ..guide.workbench import Workbench
    from ..incoming.catalog import SelectedStream
    from ..incoming.model import Incoming
    from ..incoming.run import Run
    from ..incoming.sinks.singer import SingerSink
    from ..profile.model import Profile
    from ..templates import Json

_SETTINGS = ("profile", "profile_dir", "environment", "start_date")
_SAMPLE = 100
"""Items of each stream that discovery reads types from."""
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog=exit_codes())
@click.option(
    "--config", "-c", type=_FILE, required=True, help='JSON: {"profile": "acme", "start_date": "2026-01-01"}.'
)
@click.option("--discover", "-d", is_flag=True, help="Print the catalog; reads the first items of each incoming.")
@click.option("--catalog", "--properties", "-p", type=_FILE, help="Read the streams and fields this catalog selects.")
@click.option("--state", "-s", type=_FILE, help="Read what changed since this state (default: everything).")
@trust_option
@click.pass_obj
def tap(
    profile_dir: Path | None,
    config: Path,
    discover: bool,
    catalog: Path | None,
    state: Path | None,
    trust_once: bool,
) -> None:
    """Run a profile as a Singer tap.

    For Meltano and other runners, it is also installed as tap-tui-connector.

    Each incoming is a stream, whatever its sink. Bookmarks are those of --state; the state of `run` is neither
    used nor changed. A stream that was interrupted starts over from its last bookmark.
    """
    settings = _settings(config)
    directory = settings.get("profile_dir")
    machine = machine_of(Path(directory) if directory else profile_dir)
    path = find(settings["profile"], machine)
    saved = read(path, settings.get("environment", ""))

    if sys.__stdout__ is None:
        raise CommandFailed("Standard output is closed: no message could be written to it. Leave it open.", Exit.SETUP)
    trust = allowed(path, saved, machine, once=trust_once)
    workbench = headless_workbench(machine, path, trust)
    runs = _Streams(workbench, path, RunOutput(machine.monotonic, as_json=False, quiet=discover, data_on_stdout=True))
    start = _start(settings.get("start_date"))
    try:
        streams = _streams(saved)
        if discover:
            prepared = runs.sample(streams)
        else:
            prepared = runs.wanted(streams, start, _json(catalog, "--catalog"), _json(state, "--state"))
    except UserError as error:
        raise CommandFailed(str(error), Exit.SETUP) from error
    with keeping_history(workbench, path, saved):
        code = run(runs.go(saved, prepared))
    if discover:
        if code not in (Exit.DONE, Exit.FAILED):
            sys.exit(code)
        click.echo(json_text({"streams": runs.discovered(streams)}, indent=2))
        code = Exit.DONE
    sys.exit(code)


def _settings(file: Path) -> dict[str, str]:
    settings = _json(file, "--config")
    if not isinstance(settings, dict):
        raise CommandFailed(f'--config {file}: this is not a JSON object, such as {{"profile": "acme"}}.', Exit.SETUP)
    for name in settings:
        if name not in _SETTINGS:
            click.echo(
                shown(f"The setting {name!r} is unknown and ignored. Valid settings: {', '.join(_SETTINGS)}."), err=True
            )
    found = {name: each for name in _SETTINGS if (each := settings.get(name)) not in (None, "")}
    for name, each in found.items():
        if not isinstance(each, str):
            raise CommandFailed(f"--config {file}: {name} is not text.", Exit.SETUP)
    if "profile" not in found:
        raise CommandFailed(f"--config {file}: name the profile, by name or path: profile = acme.", Exit.SETUP)
    return {name: str(each) for name, each in found.items()}


def _json(file: Path | None, option: str) -> Json:
    """What a file holds; None where none is given."""
    if file is None:
        return None
    from ..client.raw_json import InvalidJson, decode_json

    try:
        return decode_json(file.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise CommandFailed(f"{option} {file}: {error.strerror}.", Exit.SETUP) from error
    except InvalidJson as error:
        raise CommandFailed(f"{option} {file}: invalid JSON: {error}.", Exit.SETUP) from error


def _start(text: str | None) -> str | None:
    """The date from which on a stream without a bookmark is read, as Magento writes it."""
    if text is None:
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(
            f'start_date: {text!r} is not a date. Write it in UTC, as in "2026-01-31T08:30:00Z".', Exit.SETUP
        ) from error
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _streams(saved: Profile) -> dict[str, tuple[str, Incoming]]:
    """The incoming configurations by stream, with their names, those that are disabled left out."""

    streams: dict[str, tuple[str, Incoming]] = {}
    for name, incoming in saved.incoming.items():
        if incoming.disabled:
            continue
        stream = _singer(incoming).stream or name
        if stream in streams:
            raise UserError(
                "catalog",
                f"The incoming configurations {streams[stream][0]} and {name} both have the stream {stream}. "
                "Give one of them another `stream`.",
            )
        streams[stream] = (name, incoming)
    if not streams:
        raise UserError("catalog", "The profile has no incoming configuration to run.")
    return streams


def _singer(incoming: Incoming) -> SingerSink:
    """Its sink where that writes Singer messages, or one that does; to standard output."""
    from ..incoming.sinks.singer import SingerSink

    sink = incoming.sink if isinstance(incoming.sink, SingerSink) else SingerSink()
    return sink.model_copy(update={"path": None})


class _SchemaSample:
    """The messages of a stream, kept in memory."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self.always_null: set[str] = set()

    def write(self, data: bytes) -> None:
        self._messages += [line for line in data.splitlines() if line.startswith(b'{"type":"SCHEMA"')]

    def sync(self) -> dict[str, Json]:
        return {}

    def close(self) -> None:
        pass

    def schema(self) -> dict[str, Json]:
        """The last one; without an item nothing is known of the properties."""
        found = json.loads(self._messages[-1])["schema"] if self._messages else {"type": "object", "properties": {}}
        assert isinstance(found, dict)
        return found


class _Streams(Runs):
    """The runs of a tap; they write no ledger."""

    def __init__(self, workbench: Workbench, path: Path, output: RunOutput) -> None:
        from ..client.wire import OF_A_RUN
        from ..incoming.start import RunOptions

        super().__init__(workbench, path, RunOptions(), output, None, OF_A_RUN)
        self._marks: dict[str, str] = {}
        self._samples: dict[str, _SchemaSample] = {}

    def sample(self, streams: dict[str, tuple[str, Incoming]]) -> dict[str, Incoming]:
        """Each stream, read for its types only."""
        from ..incoming.sinks.singer import StreamContext

        self._wanted = replace(self._wanted, limit=_SAMPLE, in_flight=1)
        prepared = {}
        for stream, (name, incoming) in streams.items():
            self._samples[stream] = _SchemaSample()
            context = StreamContext(output=self._samples[stream], always_null=self._samples[stream].always_null)
            sink = _singer(incoming).with_context(context)
            prepared[name] = incoming.model_copy(update={"sink": sink, "incremental": None})
        return prepared

    def discovered(self, streams: dict[str, tuple[str, Incoming]]) -> list[Json]:
        """The catalog, after the samples have been read."""
        from ..incoming.catalog import catalog_entry

        catalog: list[Json] = []
        for stream, (_, incoming) in streams.items():
            sample = self._samples[stream]
            cursor = incoming.incremental
            catalog.append(catalog_entry(stream, sample.schema(), sample.always_null, incoming.identifier, cursor))
        return catalog

    def wanted(
        self, streams: dict[str, tuple[str, Incoming]], start: str | None, catalog: Json, state: Json
    ) -> dict[str, Incoming]:
        """The streams to read. Raises `UserError`."""
        from ..incoming.catalog import bookmark_date, bookmarks, selected_streams
        from ..incoming.sinks.singer import StreamContext

        all_bookmarks = {} if state is None else bookmarks(state)
        selected: dict[str, SelectedStream] | None = None
        if catalog is not None:
            selected = selected_streams(
                catalog, {stream: _always(incoming) for stream, (_, incoming) in streams.items()}
            )
            for stream in selected:
                if stream not in streams:
                    raise UserError(
                        "catalog",
                        f"The catalog selects the stream {stream}, and the profile has no such incoming configuration. "
                        "Create the catalog again with --discover.",
                    )
        prepared = {}
        for stream, (name, incoming) in streams.items():
            if selected is not None and stream not in selected:
                continue
            choice = selected[stream] if selected is not None else None
            incoming = _replicated(incoming, choice, start)
            cursor = incoming.incremental.field if incoming.incremental else None
            if cursor is not None and (found := bookmark_date(all_bookmarks, stream, cursor)):
                self._marks[name] = found
            context = StreamContext(all_bookmarks, choice.selection if choice else None)
            prepared[name] = incoming.model_copy(update={"sink": _singer(incoming).with_context(context)})
        return prepared

    def _run(self, saved: Profile, session: Session, name: str, incoming: Incoming) -> Run:
        from ..guide.checks.run_findings import explainer
        from ..incoming.run import Run
        from ..incoming.start import RunEnvironment, RunLocation

        place, explain = RunLocation(name, self._path, None), explainer(saved, incoming.client)
        machine, exchanges = self._workbench.machine, self._workbench.exchanges
        around = RunEnvironment(session, exchanges, machine, place, explain, incomings=saved.incoming)
        return Run(incoming, replace(self._wanted, mark=self._marks.get(name)), around, self._output)


def _always(incoming: Incoming) -> frozenset[str]:
    cursor = incoming.incremental.field if incoming.incremental else None
    return frozenset(filter(None, (incoming.identifier, cursor)))


def _replicated(incoming: Incoming, choice: SelectedStream | None, start: str | None) -> Incoming:
    """The incoming, read as the catalog says: a full table, or by the date in its replication key."""
    from ..incoming.incremental import Incremental

    incremental = incoming.incremental
    if choice is not None and choice.method == "FULL_TABLE":
        incremental = None
    elif choice is not None and choice.key is not None and (incremental is None or incremental.field != choice.key):
        incremental = Incremental(field=choice.key)
    if incremental is not None and incremental.content:  # what is known by content is in the ledger, not in a state
        incremental = None
    if incremental is not None and start is not None:
        incremental = incremental.model_copy(update={"from_": start})
    return incoming.model_copy(update={"incremental": incremental})
