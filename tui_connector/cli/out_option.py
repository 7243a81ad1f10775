"""The option `--out`: the sink and the file that it stands for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..planted_files import PlantedFile, resolved
from .errors import CommandFailed, Exit

if TYPE_CHECKING:
    from ..incoming.sink import Sink


class OutOption(click.Option):
    """Its help names the endings of all sinks, which are loaded for that."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        endings = ", ".join(sorted(_kinds_by_ending()))
        self.help = (
            f"Write to FILE instead of the profile's sink, as its ending says ({endings}); otherwise JSON Lines. "
            "- is standard output."
        )
        return super().get_help_record(ctx)


def sink_of(out: str) -> Sink:
    """The sink for `--out`, by the ending of the file's name; JSON Lines by default."""
    from ..incoming.sinks.jsonl import JsonLinesSink
    from ..incoming.sinks.stdout import StdoutSink

    if out == "-":
        return StdoutSink()
    kinds = _kinds_by_ending()
    kind = next((kind for ending, kind in kinds.items() if out.lower().endswith(ending)), JsonLinesSink)
    try:
        return kind.of_file(output_file(out))
    except FileNotFoundError as error:
        raise CommandFailed(
            f"--out {out}: the current directory was deleted. Change to another one.", Exit.SETUP
        ) from error
    except ValueError as error:
        raise CommandFailed(f"--out {out}: not a valid path for a sink. Choose another FILE.", Exit.SETUP) from error


def _kinds_by_ending() -> dict[str, type[Sink]]:
    from ..incoming.sink import Sink
    from ..profile.model import Profile  # noqa: F401 - registers where the built-in kinds are

    kinds = [kind for kind in Sink.all_kinds().values() if issubclass(kind, Sink)]
    return {ending: kind for kind in kinds for ending in kind.endings}


def ending_note(out: str) -> str:
    """The format of a file whose ending suggests another one; "" if that is known."""
    endings = [] if out == "-" or not Path(out).suffix else sorted(_kinds_by_ending())
    if not endings or out.lower().endswith(tuple(endings)):
        return ""
    return f"--out {out}: written as JSON Lines, because no sink has the ending of this name ({', '.join(endings)})."


def output_file(out: str) -> str:
    """The canonical path, so that the next run finds the same file however it is written. Raises `CommandFailed`."""
    try:
        real = str(resolved(Path(out)))
    except PlantedFile as error:
        hint = "Move it away, or choose a FILE in a directory of your own."
        raise CommandFailed(f"--out {out}: {error.filename}: {error.strerror}. {hint}", Exit.SETUP) from error
    except ValueError:  # a null character: the sink says so
        return out
    return str(Path(out).absolute()) if os.path.exists(real) and not os.path.isfile(real) else real
