"""Runs tasks in processes of their own, each on one thread, and tells how far they are."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue

from agent.core.errors import OperatingError
from simulator.judge.runs import Ran, Task, carry_out

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
LOOK_EVERY_S = 0.2


class WorkerError(OperatingError):
    """A worker process ended before its time; the text says what one can do."""


_told: SimpleQueue[float] | None = None
"""In a worker: where progress goes."""


def run_all(tasks: Sequence[Task], jobs: int, tell: Callable[[float], None]) -> list[Ran]:
    """In no promised order. Raises WorkerError, what a task raised, and KeyboardInterrupt; no process is left."""
    context = multiprocessing.get_context("spawn")
    told: SimpleQueue[float] = context.SimpleQueue()
    with _one_thread_each():
        strangers = set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(min(jobs, len(tasks)), context, _enter, (told,))
        is_done = False
        try:
            futures = [pool.submit(_work, task) for task in tasks]
            for amount in _progress(futures, told):
                tell(amount)
            is_done = True
            return [run for future in futures for run in future.result()]
        except BrokenProcessPool as fault:
            raise WorkerError("a worker process was ended from outside (out of memory?); try fewer --jobs") from fault
        finally:
            ours = set(multiprocessing.active_children()) - strangers
            pool.shutdown(wait=is_done, cancel_futures=True)
            _end(ours)


def _progress(futures: Sequence[Future[list[Ran]]], told: SimpleQueue[float]) -> Iterator[float]:
    """Until all are done; raises at once what one of them raised."""
    left = set(futures)
    while left:
        done, left = wait(left, LOOK_EVERY_S, FIRST_COMPLETED)
        for future in done:
            future.result()
        while not told.empty():
            yield told.get()


def _end(children: set[BaseProcess]) -> None:
    """After Ctrl-C or a fault the others need not finish; at a tidy end nobody is left."""
    for child in children:
        child.terminate()
    for child in children:
        child.join(5.0)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers inherit it, and numpy obeys when it is imported there."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# --- in a worker ---


def _enter(told: SimpleQueue[float]) -> None:
    """Ctrl-C reaches the whole group of the terminal; the parent ends us."""
    global _told
    _told = told
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(task: Task) -> list[Ran]:
    return carry_out(task, _tell)


def _tell(amount: float) -> None:
    """Ends the worker when the parent is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        sys.exit(1)
    if _told is not None:
        _told.put(amount)
