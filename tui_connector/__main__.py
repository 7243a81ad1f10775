"""python -m tui_connector"""

from __future__ import annotations

import gc
import os
import resource
import sys


def main() -> None:
    """The program's entry point."""
    _prepare_process()
    from .cli import main as run

    run()


def tap() -> None:
    """The entry point of tap-tui-connector: `tui-connector tap` under the name that Singer runners expect."""
    _prepare_process()
    from .cli import main_tap

    main_tap()


def _prepare_process() -> None:
    _remove_working_directory_from_path()
    _disable_core_dumps()
    # a start creates 110,000 objects until home is painted, and hardly any garbage: looking through them once takes a
    # tenth of the time; what runs longer freezes them, then lowers the threshold
    gc.set_threshold(400_000)
    # pydantic would search all installed packages for plugins, and they could read every validated value
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    # Textual paints at most 60 times a second; a key that is answered twice, at once and after a check, would wait
    os.environ.setdefault("TEXTUAL_FPS", "120")


def _remove_working_directory_from_path() -> None:
    """`python -m` puts the working directory first on the path: no file in it may replace a module."""
    if sys.flags.safe_path or not sys.path:
        return
    try:
        if sys.path[0] in ("", os.getcwd()):
            del sys.path[0]
    except OSError:
        pass  # it was deleted


def _disable_core_dumps() -> None:
    """Ctrl-\\ at a prompt would write the memory, and the secrets in it, into the working directory."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


if __name__ == "__main__":
    main()
