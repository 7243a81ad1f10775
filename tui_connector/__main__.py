"""python -m tui_connector"""

from __future__ import annotations

import gc


def main() -> None:
    """The program's entry point."""
    # a start makes 200,000 objects and hardly any garbage: to look for it each 700 of them takes a tenth of the time
    gc.set_threshold(10_000)
    from .cli import main as run

    run()


def tap() -> None:
    """The entry point of tap-tui-connector: `tui-connector tap` under the name that Singer runners expect."""
    gc.set_threshold(10_000)
    from .cli import main_tap

    main_tap()


if __name__ == "__main__":
    main()
