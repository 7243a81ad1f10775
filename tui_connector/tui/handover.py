"""Hands the terminal to another program, such as an editor, while the app goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from textual.app import App

from .foreground import ForegroundProgram
from .keyboard_app import KeyboardApp
from .unread import MayOpenByItself

_END_WITHIN = 3.0
"""Seconds after which the app exits on a signal, also where what was handed over has not ended."""


class HandoverApp(KeyboardApp):
    """An app whose terminal another program may have. Keys, notifications and dialogs wait for its return."""

    _is_handing_over = False
    _program: ForegroundProgram | None = None
    """What has the terminal."""
    was_cut_short = False
    """Whether what had the terminal last was ended by a signal to this program, or by the loss of the terminal."""
    _signal: signal.Signals | None = None
    """What that program is to be ended by."""
    _then: Callable[[], None] | None = None

    def hand_over(self, work: Coroutine[object, object, None]) -> None:
        """Starts `work`, which calls `run_in_foreground`. Until it is done, keys wait, and no other is started."""
        if self._is_handing_over:
            work.close()
            return
        self._is_handing_over = True
        self._key_queue.pause()
        self.run_worker(self._hand_over(work))  # of the app, whose screens may change meanwhile

    async def _hand_over(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        finally:
            self._is_handing_over = False
            self._key_queue.resume()
            if self._then is not None:
                self._then()

    async def run_in_foreground(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Runs a program that has the terminal until it ends. Returns its exit code, as `ForegroundProgram.run`.

        Raises `SuspendNotSupported` where there is no terminal to hand over, and `OSError` if it cannot be started.
        """
        program = self._program = ForegroundProgram(command, environment)
        if self._signal is not None:
            program.end(self._signal)
        code, failure = 0, None
        try:
            with self.without_terminal():
                try:
                    code = await program.run()
                except OSError as error:
                    failure = error
        finally:
            self._program, self.was_cut_short = None, program.is_cut_short
        if isinstance(screen := self.screen, MayOpenByItself) and screen.unread is not None:
            screen.unread.begin()  # nobody has seen it yet
        if failure is not None:
            raise failure
        return code

    def end_foreground(self, number: signal.Signals, then: Callable[[], None]) -> None:
        """Calls `then`: at once or, if another program has the terminal, once this signal has ended it.

        What it has saved was taken over by then, unless that takes longer than three seconds.
        """
        if not self._is_handing_over:
            then()
            return
        self._signal, self._then = number, then
        self.set_timer(_END_WITHIN, then)
        if self._program is not None:
            self._program.end(number)


def hand_over(app: App[Any], work: Coroutine[object, object, None]) -> None:
    """As `HandoverApp.hand_over`, for the app of a widget."""
    handover_app(app).hand_over(work)


def handover_app(app: App[Any]) -> HandoverApp:
    assert isinstance(app, HandoverApp)
    return app
