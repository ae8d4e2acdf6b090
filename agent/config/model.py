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
from agent.config.data_use import Terms
from agent.config.devices import AnyDevice
from agent.config.energy import Energy
from agent.config.equipment import Equipment, Schedule
from agent.config.forecasts import ForecastEntry
from agent.config.limits import LimitEntry
from agent.config.points import Entry
from agent.config.site import Site, StoreSection
from agent.config.upstream import Broker, Upstream
from agent.core.limits import Limit
from agent.core.points import Kind, PointSpec
from agent.equipment.kinds import KINDS, role_of
from agent.equipment.systems import AhuSystem, CracSystem, LiftSystem, RoomSystem, Systems
from agent.equipment.systems import Schedule as Hours

INLET = "rack_inlet_temperature_"
WATER_SETPOINTS = ("leaving_chilled_water_temperature_setpoint", "entering_condenser_water_temperature_setpoint")


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
    energy: Energy = Energy()
    forecasts: dict[str, ForecastEntry] = Field(default_factory=dict)
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
        return PointSpec(
            id=point,
            unit=entry.unit or (role.unit if role else "count"),
            kind=entry.kind or (role.kind if role else Kind.SENSOR),
            poll_s=poll_s,
            # Three polls may be missed, and a slow answer is not yet a stale one.
            fresh_s=entry.fresh_s or 3.0 * poll_s + 60.0,
            writable=entry.can_write and role is not None and role.writable,
            share=any(terms is not None for terms in self._terms(point, entry).values()),
            words=tuple(entry.words.items()),
            deadband=entry.deadband,
            report_s=entry.report_s,
        )

    def _terms(self, point: str, entry: Entry) -> dict[str, Terms | None]:
        """By sink."""
        if self.upstream is None:
            return {}
        return {sink: self.upstream.terms(point, sink, is_listed=entry.share) for sink in self.upstream.all_sinks()}

    def data_use(self) -> dict[str, dict[str, Terms]]:
        """Sink -> point -> on which terms it leaves; what is not in it stays."""
        uses: dict[str, dict[str, Terms]] = {sink: {} for sink in self.upstream.all_sinks()} if self.upstream else {}
        for device in self.devices.values():
            for point, entry in device.points.items():
                for sink, terms in self._terms(point, entry).items():
                    if terms is not None:
                        uses[sink][point] = terms
        return uses

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
            rooms=tuple(room for name in self._of_kind("data_room") if (room := self._room(name)) is not None),
            lifts=tuple(self._lifts(name) for name in self._of_kind("lift_group")),
            aim=self.control.objective,
            tariff=self.energy.tariff(),
            together=self.control.together(),
        )

    def _of_kind(self, kind: str) -> list[str]:
        return [name for name, equipment in self.equipment.items() if equipment.kind == kind]

    def _zones_of(self, ahu: str) -> tuple[str, ...]:
        return tuple(name for name in self._of_kind("zone") if self.equipment[name].served_by == ahu)

    def hours(self) -> Hours:
        """When people are expected, for the strategies and the books."""
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
            schedule=self.hours(),
        )

    def _crac(self, name: str) -> CracSystem:
        told, racks = self.equipment[name], self.racks_of(name)
        return CracSystem(
            crac=name, room=told.serves or "", inlet_max_c=told.inlet_max_c, racks=racks, it_meter=told.it_meter
        )

    def _room(self, name: str) -> RoomSystem | None:
        """None for a room that no CRAC serves or whose racks are not measured."""
        cracs = tuple(crac for crac in self._of_kind("crac") if self.equipment[crac].serves == name)
        if not cracs or not self.racks_of(cracs[0]):
            return None
        told, plant = [self.equipment[crac] for crac in cracs], self._plant_of(cracs)
        return RoomSystem(
            room=name,
            cracs=cracs,
            inlet_max_c=min(one.inlet_max_c for one in told),
            racks=self.racks_of(cracs[0]),
            it_meter=next((one.it_meter for one in told if one.it_meter), None),
            plant=plant,
            water=tuple(takewhile(lambda role: f"{plant}.{role}" in self.limits, WATER_SETPOINTS)),
        )

    def _plant_of(self, machines: tuple[str, ...]) -> str | None:
        """The plant whose water cools all of these and nothing else; without a word on it, the site's only one, where
        nobody else could be its client."""
        named = {name: equipment.chilled_by for name, equipment in self.equipment.items() if equipment.chilled_by}
        plants, clients = self._of_kind("chilled_water_plant"), [*self._of_kind("crac"), *self._of_kind("ahu")]
        if not named and len(plants) == 1:
            return plants[0] if set(clients) == set(machines) else None
        plant = named.get(machines[0])
        return plant if {name for name, by in named.items() if by == plant} == set(machines) else None

    def racks_of(self, crac: str) -> int:
        """Inlet sensors of the room it serves, from the first without a gap: strategies count them so."""
        room = self.equipment[crac].serves
        known = {point for device in self.devices.values() for point in device.points}
        there = (f"{room}.{role.name}" in known for role in KINDS["data_room"] if role.name.startswith(INLET))
        return sum(takewhile(bool, there))

    def _lifts(self, name: str) -> LiftSystem:
        told = self.equipment[name]
        return LiftSystem(
            lifts=name,
            cars=told.cars,
            zones=tuple(self._of_kind("zone")),
            wait_longer_pct=told.wait_longer_pct,
        )
