"""Signals to `ros2 launch` while it runs rigs: it ends them in order, also at SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from launch.events import Shutdown
from launch.utilities import AsyncSafeSignalManager

from dlstream.run.supervision import Say
from launch import LaunchContext


@dataclass
class _Shared:
    """What the rigs of one launch share: the first one installs the handlers, the last one gives launch's back."""

    rigs: int = 0
    installed: ExitStack = field(default_factory=ExitStack)


_shared: WeakKeyDictionary[LaunchContext, _Shared] = WeakKeyDictionary()


@contextmanager
def heeding_signals(context: LaunchContext, say: Say) -> Iterator[None]:
    """Ends the rigs in order also at SIGTERM, by which launch would just be gone, and lets Python raise nothing.

    Launch hears of a Ctrl-C by itself, whatever handler there is; Python's raises KeyboardInterrupt anywhere in the
    main thread, also in the task that ends the nodes. Several rigs of one launch may begin and end in any order.
    """
    shared = _shared.setdefault(context, _Shared())
    if not shared.rigs:
        shared.installed.enter_context(_handlers(context, say))
    shared.rigs += 1
    try:
        yield
    finally:
        shared.rigs -= 1
        if not shared.rigs:
            shared.installed.close()


@contextmanager
def _handlers(context: LaunchContext, say: Say) -> Iterator[None]:
    def on_sigterm(number: int) -> None:
        if not context.is_shutdown:
            say("rig", f"stopping: {signal.Signals(number).name} received")
            context.emit_event_sync(Shutdown(reason=f"{signal.Signals(number).name} received"))

    # Launch gives no other way to its own handler, which would leave the nodes behind.
    manager = getattr(AsyncSafeSignalManager, "_AsyncSafeSignalManager__current", None)
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.signal(number, lambda *_: None) for number in numbers}
    launchs = manager.handle(signal.SIGTERM, on_sigterm) if manager is not None else None
    try:
        yield
    finally:
        if manager is not None:
            manager.handle(signal.SIGTERM, launchs)
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: one that is not Python's
