"""A plant on the wire: Modbus TCP, MQTT and the clock that a site's devices and an outside agent see.

All that is published goes over one MQTT connection with QoS 0, and commands are heard there with QoS 0 too: within one
connection the broker keeps the order, so the clock truly is the last message of a step, and no acknowledgement can
overtake a command that was sent before it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import aiomqtt

from agent.runtime.sockets import NO_DELAY
from simulator.judge.kpi import Score
from simulator.plant import Plant
from simulator.wires import registers
from simulator.wires.bank import WireBank
from simulator.wires.disturbance import Disturbance
from simulator.wires.modbus_server import ModbusServer
from simulator.wires.overrides import OutOfRangeError, Overrides

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
STARTING, LEARNING, CONTROL, DONE = range(4)
FIRST_WAIT_S = 60.0
"""Whoever starts with us needs this long at most to hear the first step."""
AS_FAST_AS_POSSIBLE = 0xFFFF
CONNECT_S = 10.0
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How time goes and what a command does."""

    speed: float | None = None
    """Simulated s per s; None: as fast as both sides compute."""
    lockstep_s: float | None = None
    """Wall seconds to wait for the acknowledgement of a step; None: free run."""
    watchdog_h: float = 6.0
    """Simulated hours without a sign of life after which every held value is released."""
    skip_learning: bool = False
    control_while_learning: bool = False


class Wire:
    """Use as an async context manager (opens the doors), then `run`."""

    def __init__(
        self,
        plant: Plant,
        *,
        mqtt_port: int,
        folder: Path,
        manner: Manner,
        modbus_port: int = 0,
        prefix: str = "plant",
        disturbance: Disturbance | None = None,
    ) -> None:
        self.plant = plant
        self.layout = registers.layout(plant)
        self.prefix = prefix
        self.manner = manner
        self.step = 0
        self.state = STARTING
        self.late_steps = 0
        self.opened = asyncio.Event()
        """Set when the first step can be read."""
        self._folder = folder
        self._mqtt_port = mqtt_port
        self._disturbance = disturbance or Disturbance(plant.names)
        if manner.skip_learning:
            self._skip_learning()
        self._start_unix_s = self._life_unix_s = plant.unix_s
        self.overrides = Overrides(plant.writable, dict(zip(plant.names, plant.read().tolist(), strict=True)))
        self._bank = WireBank(self.layout, self.overrides, on_ack=self._hear_ack, on_life=self._hear_life)
        self.modbus = ModbusServer(self._bank, host=HOST, port=modbus_port)
        self._score: Score | None = None
        self._acked = asyncio.Event()
        self._due_s: float | None = None
        self._client: aiomqtt.Client | None = None
        self._connected = asyncio.Event()
        self._order = asyncio.Lock()
        self._messages: list[tuple[str, str]] = []
        """Values of the last step; its clock is the last."""
        self._stack = AsyncExitStack()

    def _skip_learning(self) -> None:
        while self.plant.unix_s < self.plant.judge_unix_s:
            self.plant.step({})

    async def __aenter__(self) -> Wire:
        """Raises OSError for a Modbus port that is taken, TimeoutError where no broker lets us in."""
        async with AsyncExitStack() as stack:
            stack.callback(self.close_books)
            self._show()
            await self.modbus.start()
            stack.push_async_callback(self.modbus.stop)
            talking = asyncio.create_task(self._talk(), name="wire-mqtt")
            stack.push_async_callback(_end, talking)
            async with asyncio.timeout(CONNECT_S):
                await self._connected.wait()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def _interval_s(self) -> float | None:
        """Wall seconds between steps; None where nothing but acknowledgements sets the pace."""
        is_rushing = self.manner.lockstep_s is not None and self.state in (STARTING, LEARNING)
        return None if self.manner.speed is None or is_rushing else self.plant.step_s / self.manner.speed

    @property
    def gateway(self) -> dict[str, int]:
        """The account's last part."""
        orders = self.overrides
        counts = {"writes": orders.writes, "refused": orders.refused, "watchdog_releases": orders.watchdog_releases}
        return counts | {"late_steps": self.late_steps}

    def close_books(self) -> None:
        """Write `kpi.json` if judged days began and it is not written yet."""
        if self._score is not None:
            self._score.close(self.gateway)

    # --- time ---

    async def run(self) -> None:
        """Step until the scenario ends; then the last step stays served."""
        while self.state != DONE:
            await self._advance()
            self.opened.set()
            await self._until_next()

    async def _advance(self) -> None:
        self._begin_judging()
        self._watch()
        self._acked.clear()
        self.plant.step(self.overrides.held() if self._takes_commands else {})
        self.step += 1
        if self._score is not None:
            self._score.add(self.plant.read())
        self.state = self._state()
        if self.state == DONE:
            self.close_books()
        self._show()
        await self._publish()

    def _begin_judging(self) -> None:
        if self._score is None and self.plant.unix_s >= self.plant.judge_unix_s:
            self._score = Score(self.plant, self._folder)

    def _state(self) -> int:
        """What the coming step is: commands written at the end of the last learning step act on the first judged."""
        if self.plant.unix_s >= self.plant.end_unix_s:
            return DONE
        return CONTROL if self.plant.unix_s >= self.plant.judge_unix_s else LEARNING

    @property
    def _takes_commands(self) -> bool:
        return self.manner.control_while_learning or self.plant.unix_s >= self.plant.judge_unix_s

    def _watch(self) -> None:
        silent_h = (self.plant.unix_s - self._life_unix_s) / 3600.0
        if self.overrides.held() and silent_h >= self.manner.watchdog_h:
            log.warning("watchdog: nothing was written for %g h, all held values are released", silent_h)
            self.overrides.release_all()

    async def _until_next(self) -> None:
        if self.manner.lockstep_s is not None:
            await self._until_acked(self.manner.lockstep_s)
        interval_s = self._interval_s
        if interval_s is not None and self.state != DONE:
            await self._until_due(interval_s)
        else:
            await asyncio.sleep(0)

    async def _until_acked(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(max(limit_s, FIRST_WAIT_S) if self.step == 1 else limit_s):
                await self._acked.wait()
        except TimeoutError:
            self.late_steps += 1

    async def _until_due(self, interval_s: float) -> None:
        """A fixed pace that is taken up anew after a delay, not caught up with."""
        now_s = asyncio.get_running_loop().time()
        due_s = now_s if self._due_s is None else self._due_s
        self._due_s = max(due_s + interval_s, now_s)
        await asyncio.sleep(self._due_s - now_s)

    def _hear_ack(self, step: int) -> None:
        if step == self.step:
            self._acked.set()

    def _hear_life(self) -> None:
        self._life_unix_s = self.plant.unix_s

    # --- what is seen ---

    def _show(self) -> None:
        """The new image on Modbus, and the messages that tell it on MQTT."""
        hours = (self.plant.unix_s - self._start_unix_s) / 3600.0
        shown = dict(zip(self.plant.names, self._disturbance.show(self.plant.read(), hours).tolist(), strict=True))
        clock = {"step": self.step, "unix": int(self.plant.unix_s), "ts": self._stamp(), "state": self.state}
        self._messages = [(registers.value_topic(self.prefix, name), self._told(shown[name])) for name in shown]
        self._messages.append((f"{self.prefix}/clock", json.dumps(clock)))
        self._bank.show(shown)
        interval_s = self._interval_s
        self._bank.show_clock(
            step=self.step,
            unix_s=self.plant.unix_s,
            step_s=self.plant.step_s,
            speed=AS_FAST_AS_POSSIBLE if interval_s is None else self.plant.step_s / interval_s,
            state=self.state,
        )
        self.modbus.drop(self._disturbance.drops_modbus(hours))

    def _stamp(self) -> str:
        return datetime.fromtimestamp(self.plant.unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _told(self, value: float) -> str:
        is_good = math.isfinite(value)
        return json.dumps(
            {"v": round(value, 4) if is_good else None, "ts": self._stamp(), "q": "good" if is_good else "bad"}
        )

    # --- MQTT ---

    async def _publish(self) -> None:
        """Nobody waits for a broker that is away: whoever comes back to it is told the step that then is."""
        async with self._order:
            if self._client is not None:
                try:
                    await self._tell(self._client)
                except aiomqtt.MqttError as fault:
                    log.warning("wire: step %d was not told on MQTT: %s", self.step, fault)

    async def _tell(self, client: aiomqtt.Client) -> None:
        for topic, payload in self._messages:
            await client.publish(topic, payload, retain=True)

    async def _talk(self) -> None:
        """The one connection; made anew whenever it ends."""
        while True:
            try:
                await self._converse()
            except (aiomqtt.MqttError, OSError) as fault:
                log.warning("wire: the broker went away: %s", fault)
            finally:
                self._client = None
            await asyncio.sleep(PAUSE_S)

    async def _converse(self) -> None:
        async with aiomqtt.Client(HOST, self._mqtt_port, socket_options=[NO_DELAY]) as client:
            await client.subscribe([(f"{self.prefix}/cmd/+/set", 0), (f"{self.prefix}/clock/ack", 0)])
            async with self._order:
                told = json.dumps(self.layout.as_map(self.prefix))
                await client.publish(f"{self.prefix}/map", told, retain=True)
                if self.step > 0:
                    await self._tell(client)
                self._client = client
            self._connected.set()
            async for message in client.messages:
                self._hear(str(message.topic), message.payload)

    def _hear(self, topic: str, payload: object) -> None:
        try:
            value = json.loads(payload)["v"]  # type: ignore[arg-type]
            if topic == f"{self.prefix}/clock/ack":
                self._hear_life()
                self._hear_ack(int(value))
            else:
                self._command(topic.split("/")[-2], value)
        except OutOfRangeError as fault:
            log.warning("wire: refused: %s", fault)
        except (ValueError, TypeError, KeyError, RecursionError) as fault:
            self.overrides.refused += 1
            log.warning("wire: dropped %.80r on %s: %r", payload, topic, fault)

    def _command(self, name: str, value: Any) -> None:
        """Raises KeyError, TypeError, OutOfRangeError."""
        if value is None:
            self.overrides.release(name)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            self.overrides.set(name, float(value), is_remote=True)
        else:
            raise TypeError(f"{name}: {value!r} is not a number")
        self._hear_life()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
