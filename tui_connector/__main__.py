"""python -m tui_connector"""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """The program's entry point."""
    _leave_working_directory()
    _leave_no_core_file()
    # a start makes 200,000 objects and hardly any garbage: to look for it each 700 of them takes a tenth of the time
    gc.set_threshold(10_000)
    _without_plugins()
    from .cli import main as run

    run()


def tap() -> None:
    """The entry point of tap-tui-connector: `tui-connector tap` under the name that Singer runners expect."""
    _leave_working_directory()
    _leave_no_core_file()
    gc.set_threshold(10_000)
    _without_plugins()
    from .cli import main_tap

    main_tap()


def _without_plugins() -> None:
    """Keeps pydantic from looking through all installed packages for plugins, which would see what is validated."""
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"


def _leave_working_directory() -> None:
    """`python -m` puts the working directory first on the path: no file in it may take the place of a module."""
    if sys.flags.safe_path or not sys.path:
        return
    try:
        if sys.path[0] in ("", os.getcwd()):
            del sys.path[0]
    except OSError:
        pass  # it is gone


def _leave_no_core_file() -> None:
    """Ctrl-\\ at a prompt would write the memory, and the secrets in it, into the working directory."""
    if sys.platform == "win32":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


if __name__ == "__main__":
    main()
