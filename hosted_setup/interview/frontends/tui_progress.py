"""Drawing beside the work: a thread of its own writes to the terminal, so that a stopped one stops no work."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final

from hosted_setup.model.events import StepBegun

if TYPE_CHECKING:
    from hosted_setup.interview.frontends.tui_screen import LiveScreen
    from hosted_setup.model.events import Event

_TICK: Final = 1.0


class Progress:
    """Draws events on `screen`, in order; from the first step on by a thread, until `rest`.

    Nobody else may draw on the screen between a step and the next `rest`.
    """

    def __init__(self, screen: LiveScreen) -> None:
        """See the class."""
        self._screen = screen
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def emit(self, event: Event) -> None:
        """Draw an event, or have it drawn: once a step has begun, this never waits for the terminal."""
        if self._thread is None and not isinstance(event, StepBegun):
            self._screen.emit(event)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
            self._thread.start()
        self._queue.put(event)

    def rest(self) -> None:
        """Come back when all is drawn and the live lines are gone, as the work has ended or somebody is asked."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._screen.rest()

    def _draw(self) -> None:
        while True:
            try:
                event = self._queue.get(timeout=_TICK if self._screen.lives else None)
            except queue.Empty:
                self._screen.tick()
                continue
            if event is None:
                return
            self._screen.emit(event)
