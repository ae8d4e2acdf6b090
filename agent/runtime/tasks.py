"""What every task that waits on a library has to know."""

from __future__ import annotations

import asyncio


def obey_cancel() -> None:
    """Raise the cancel that a library's `asyncio.wait_for` has lost; call it after each such wait.

    Before Python 3.12 `wait_for` loses a cancel that comes at the moment the wait is over (CPython issue 81839; seen
    here: the task then runs for ever, and the agent never ends). An error in leaving a client takes its place, too.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
