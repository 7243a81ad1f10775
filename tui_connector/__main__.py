"""python -m tui_connector"""

from __future__ import annotations


def main() -> None:
    """The program's entry point."""
    from .cli import main as run

    run()


if __name__ == "__main__":
    main()
