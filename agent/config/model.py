"""The whole file as one frozen object, and what the rooms ask of it."""

from __future__ import annotations

from collections.abc import Collection
from itertools import takewhile
from pathlib import Path
from typing import Literal

from pydantic import Field

from agent.config.base import Section
from agent.config.clock import ClockSection, SystemTime
from agent.config.control import Control
from agent.config.devices import AnyDevice
from agent.config.equipment import Equipment, Schedule
from agent.config.limits import LimitEntry
from agent.config.points import Entry
from agent.config.site import Site, StoreSection
from agent.config.upstream import Broker, Upstream
from agent.core.limits import Limit
from agent.core.points import Kind, PointSpec
from agent.equipment.kinds import KINDS, role_of
from agent.equipment.systems import AhuSystem, CracSystem, LiftSystem, Systems
from agent.equipment.systems import Schedule as Hours

INLET = "rack_inlet_temperature_"


class SiteConfig(Section):
    """`site.yaml`."""

    version: Literal[1]
    site: Site
    clock: ClockSection = SystemTime()
    store: StoreSection = StoreSection()
    brokers: dict[str, Broker] = Field(default_factory=dict)
    devices: dict[str, AnyDevice] = Field(min_length=1)
    equipment: dict[str, Equipment] = Field(min_length=1)
    schedule: Schedule = Schedule()
    limits: dict[str, LimitEntry] = Field(default_factory=dict)
    control: Control = Control()
    upstream: Upstream | None = None

    @property
    def store_path(self) -> Path:
        """Absolute, once `load` has seen the file."""
        return self.store.path

    def points(self, *, without: Collection[str] = ()) -> list[PointSpec]:
        """Every point of every device, in the file's order."""
        return [
            self._spec(point, entry, device.poll_s)
            for device in self.devices.values()
            for point, entry in device.points.items()
            if point not in without
        ]

    def _spec(self, point: str, entry: Entry, device_poll_s: float) -> PointSpec:
        equipment, _, name = point.partition(".")
        role = role_of(self.equipment[equipment].kind, name)
        poll_s = entry.poll_s or device_poll_s
        shares = self.upstream.share if self.upstream else "none"
        return PointSpec(
            id=point,
            unit=entry.unit or (role.unit if role else "count"),
            kind=entry.kind or (role.kind if role else Kind.SENSOR),
            poll_s=poll_s,
            # Three polls may be missed, and a slow answer is not yet a stale one.
            fresh_s=entry.fresh_s or 3.0 * poll_s + 60.0,
            writable=entry.can_write and role is not None and role.writable,
            share=shares == "all" or (shares == "listed" and entry.share),
            words=tuple(entry.words.items()),
            deadband=entry.deadband,
            report_s=entry.report_s,
        )

    def envelope(self) -> dict[str, Limit]:
        """Point -> limit."""
        return {point: entry.limit(point) for point, entry in self.limits.items()}

    def systems(self) -> Systems:
        """Which machine serves whom, for the strategies."""
        return Systems(
            site=next((name for name, e in self.equipment.items() if e.kind == "site"), "site"),
            utc_offset_h=self.site.utc_offset_h,
            ahus=tuple(self._ahu(name) for name in self._of_kind("ahu") if self._zones_of(name)),
            cracs=tuple(self._crac(name) for name in self._of_kind("crac") if self.racks_of(name)),
            lifts=tuple(self._lifts(name) for name in self._of_kind("lift_group")),
        )

    def _of_kind(self, kind: str) -> list[str]:
        return [name for name, equipment in self.equipment.items() if equipment.kind == kind]

    def _zones_of(self, ahu: str) -> tuple[str, ...]:
        return tuple(name for name in self._of_kind("zone") if self.equipment[name].served_by == ahu)

    def _hours(self) -> Hours:
        start_h, stop_h = self.schedule.hours()
        return Hours(start_h=start_h, stop_h=stop_h, weekdays=self.schedule.day_numbers())

    def _ahu(self, name: str) -> AhuSystem:
        """Its zones' common comfort band: the narrowest."""
        zones = self._zones_of(name)
        return AhuSystem(
            ahu=name,
            zones=zones,
            comfort_low_c=max(self.equipment[zone].comfort_low_c for zone in zones),
            comfort_high_c=min(self.equipment[zone].comfort_high_c for zone in zones),
            schedule=self._hours(),
        )

    def _crac(self, name: str) -> CracSystem:
        told, racks = self.equipment[name], self.racks_of(name)
        return CracSystem(
            crac=name, room=told.serves or "", inlet_max_c=told.inlet_max_c, racks=racks, it_meter=told.it_meter
        )

    def racks_of(self, crac: str) -> int:
        """Inlet sensors of the room it serves, from the first without a gap: strategies count them so."""
        room = self.equipment[crac].serves
        known = {point for device in self.devices.values() for point in device.points}
        there = (f"{room}.{role.name}" in known for role in KINDS["data_room"] if role.name.startswith(INLET))
        return sum(takewhile(bool, there))

    def _lifts(self, name: str) -> LiftSystem:
        zones = tuple(self._of_kind("zone"))
        return LiftSystem(lifts=name, cars=self.equipment[name].cars, zones=zones)
