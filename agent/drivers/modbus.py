"""Modbus: one unit's points, read in joined blocks, written with read-back."""

from __future__ import annotations

from contextlib import suppress

from agent.core.clock import Clock
from agent.core.command import Command, Outcome
from agent.core.pauses import Pauses
from agent.core.protocols import Journal
from agent.core.scan import Scan
from agent.drivers.blocks import Block
from agent.drivers.modbus_codec import Columns
from agent.drivers.modbus_identity import ModbusIdentities
from agent.drivers.modbus_line import ModbusLine, SilentError
from agent.drivers.modbus_news import ModbusNews
from agent.drivers.modbus_plan import ModbusPlan
from agent.drivers.modbus_unit import ModbusUnit, RefusedError, TroubledError
from agent.drivers.modbus_writer import ModbusWriter
from agent.drivers.wire import ModbusDevice

PROBE_FIRST_S, PROBE_LONGEST_S = 60.0, 900.0
"""Between two tries at what the device refused: often at first, for a device that was still starting. Our choice."""
ASK_WITNESS_EVERY = 4
"""Silent polls between two looks whether the unit is quiet to all or only to its first block."""


class ModbusDriver:
    """One unit behind a `ModbusLine`; the devices of one line are given the same."""

    def __init__(self, device: ModbusDevice, line: ModbusLine, journal: Journal, clock: Clock) -> None:
        self.name = device.name
        self._line = line
        self._clock = clock
        self._unit = ModbusUnit(device, line)
        self._plan = ModbusPlan(device)
        self._writer = ModbusWriter(device, self._unit, clock)
        self._news = ModbusNews(device.name, journal, clock)
        self._identities = ModbusIdentities(device, self._unit, self._news)
        self._good: Block | None = None
        """What was read last."""
        self._silences = 0
        """Silent polls in a row."""
        self._probes = Pauses(first_s=PROBE_FIRST_S, longest_s=PROBE_LONGEST_S, seed=device.name)
        self._probe_mono_s = 0.0

    @property
    def plan(self) -> list[Block]:
        """The requests of a poll, as learned so far."""
        return self._plan.blocks

    async def open(self) -> None: ...

    async def close(self) -> None:
        self._line.close()

    async def poll(self) -> list[Scan]:
        """A scan a block. A refused register is BAD and told once; a silent unit raises DeviceError."""
        scans: list[Scan] = []
        try:
            for block in self._plan.blocks:
                await self._read(block, scans)
            await self._identities.read()
            if self._plan.refused:
                await self._probe()
        except SilentError:
            self._silences += 1
            self._identities.doubt()
            raise
        finally:
            self._plan.renew()
        if self._plan.refused:
            scans.append(self._scan(self._plan.bad()))
        return scans

    async def _read(self, block: Block, scans: list[Scan]) -> None:
        """One block; what the device does not give whole is asked for in parts, until only the culprits are left."""
        try:
            data = await self._ask(block)
        except TroubledError as trouble:
            self._news.trouble(str(block), str(trouble))
            scans.append(self._scan(block.decoder.bad()))
        except RefusedError as refusal:
            await self._search_refused(block, str(refusal), scans)
        except SilentError as silence:
            await self._prove_alive(block, silence)
            await self._search(block, str(silence), scans)
        else:
            self._good = block
            columns = block.decoder.decode(data)
            self._news.look(block, data, columns, self._unit)
            scans.append(self._scan(columns))

    async def _ask(self, block: Block) -> bytes:
        """Raises SilentError, or that the device refuses or cannot: these are answers too."""
        try:
            data = await self._unit.read(block.request)
        except (RefusedError, TroubledError):
            self._silences = 0
            raise
        self._silences = 0
        return data

    async def _search(self, block: Block, why: str, scans: list[Scan]) -> list[Block]:
        """Read a block's parts on their own; a part of one point is a culprit. Returns the parts."""
        parts = block.parts()
        if len(parts) == 1:
            self._refuse(block.points[0].point, why)
        else:
            for part in parts:
                await self._read(part, scans)
        return parts

    async def _search_refused(self, block: Block, why: str, scans: list[Scan]) -> None:
        """Also learn what else the device may have meant: the gaps, or too much at once."""
        self._plan.avoid(block.gaps)
        known = len(self._plan.refused)
        parts = await self._search(block, why, scans)
        if not block.gaps and len(parts) > 1 and len(self._plan.refused) == known:
            most = self._plan.shrink(parts)
            if most is not None:
                self._news.tell(f"{why}; its parts were given: asked for at most {most} at once from now on")

    async def _prove_alive(self, block: Block, silence: SilentError) -> None:
        """Returns when the unit, quiet to this block, answers another: then the block is at fault, not the unit.

        There are devices that do not refuse a register which they lack, but say nothing. Raises `silence` otherwise.
        """
        if self._silences % ASK_WITNESS_EVERY:
            raise silence
        for witness in self._witnesses(block):
            with suppress(SilentError):
                with suppress(RefusedError, TroubledError):  # These are answers.
                    await self._ask(witness)
                return
        raise silence

    def _witnesses(self, block: Block) -> list[Block]:
        """Two other requests at most, the likeliest to be answered; parts of this one where it is the only one."""
        if self._good is not None and not set(self._good.points) & set(block.points):
            return [self._good]
        others = [other for other in self._plan.blocks if not set(other.points) & set(block.points)]
        if others or len(block.points) == 1:
            return others[:2]
        return [self._plan.alone(block.points[place].point) for place in (0, -1)]

    async def _probe(self) -> None:
        """Now and then, ask for what was refused; go on while it is given."""
        now_s = self._clock.read().mono_s
        if now_s < self._probe_mono_s:
            return
        self._probe_mono_s = now_s + self._probes.next()
        for point in self._plan.refused:
            block = self._plan.alone(point)
            try:
                await self._ask(block)
            except (RefusedError, SilentError) as fault:
                self._plan.refuse(point, str(fault))  # To the end of the queue.
                return
            except TroubledError:
                return
            self._plan.admit(point)
            self._news.tell(f"{point} answers again ({self._unit.what(block)})", about=point)

    def _refuse(self, point: str, why: str) -> None:
        if self._plan.refuse(point, why):
            self._news.tell(f"{point} is bad: {why}; its neighbours are read on without it", about=point)
        self._probes.reset()
        self._probe_mono_s = self._clock.read().mono_s + self._probes.next()

    def _scan(self, columns: Columns) -> Scan:
        handles, values, quality = columns
        return Scan(device=self.name, handles=handles, values=values, quality=quality, at=self._clock.read())

    async def write(self, command: Command) -> Outcome:
        """Write and read back; every failure is an outcome."""
        return await self._writer.write(command)
