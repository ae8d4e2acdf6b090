"""A chilled-water plant: electric chillers, primary and secondary pumps, cooling towers, and the loops between them.

What closes in each sub-step: load and loop pumps = evaporators + exchanger + stored in the loop; and evaporators,
exchanger, compressors and condenser pumps = given off by the towers + stored in their basin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from simulator.parts import SUB_STEP_S, Array, Own, Part, follow
from simulator.physics.cooling_tower import WATER_J_KG_K, CoolingTower, TowerPlan
from simulator.physics.weather import SkyDay
from simulator.plant import Permit, WritablePoint

CAPACITY_BY_C = (0.257896, 0.0389016, -0.00021708, 0.0468684, -0.00094284, -0.00034344)
"""Of leaving chilled and entering condenser water: 1, l, l2, c, c2, l c. The set "DOE-2 Centrifugal/5.50COP" in the
chiller data of EnergyPlus, from DOE-2.1E; published for 5..10 C and 24..35 C, and tame on our 4..18 C."""
POWER_BY_PART_LOAD = (0.222903, 0.313387, 0.463710)
"""The same set's quadratic."""
LIFTLESS = 0.35
"""Share of the rated power that does not fall with the lift; the rest follows Carnot. Chosen so that the set's own
quadratic is met within 6 % where it is published; beyond 10 C that one turns back, and a chiller does not."""
RATED_LEAVING_C, RATED_CONDENSER_C = 6.67, 29.4
BUNDLES_K = 6.8
"""Condensation over entering condenser water and evaporation under leaving chilled water, together (our assumption)."""
LEAST_LIFT_K = 12.0
"""Head pressure control keeps that much (our assumption)."""
LEAST_LOAD = 0.20
"""Of its capacity; below, a chiller cycles (the same set's least unloading)."""
CYCLES_A_H = 3.0
"""At half of the least load; a thermostat cycles in proportion to r (1 - r) (our assumption: makers allow 3 to 6)."""
STAGE_UP, STAGE_DOWN = 0.95, 0.80
"""One chiller more above this share of what runs can give; one fewer when the rest would stay below that (usual)."""
STAGE_S = 900.0
"""Least time between two stagings (our assumption)."""
SETTLE_S = 300.0
"""In about this time the loop is brought to its set-point."""
IDLE_SHARE = 0.05
"""Less than this of one chiller's capacity is no load."""
COLDEST_CONDENSER_C = 16.0
"""A bypass keeps colder tower water from the condensers."""
EXCHANGER_K, FREE_APPROACH_K = 2.0, 8.0
"""Approach of a water-side economizer's heat exchanger (our assumption), and that of the tower in cool weather, by
which it is opened; see `cooling_tower.py`."""
COIL_AIR_C, COIL_WATER_C = 24.0, 6.7
"""Coils on air of 24 C warm their water by the design rise at 6.7 C, by less the warmer it comes (our assumption)."""
LEAST_FLOW, HELD_HEAD = 0.30, 0.33
"""The secondary pump's least flow, and the share of its head that is held at the far coil whatever the flow (usual)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChillerPlan:
    """Arrays [worlds]; all chillers are alike."""

    chillers: int
    capacity_w: Array
    """Of one, at 6.67 C leaving and 29.4 C entering condenser water."""
    cop: Array
    """At the same point, full load (AHRI 550/590)."""
    primary_w: Array
    """Constant-speed pump of one chiller."""
    secondary_w: Array
    """Variable pump of the loop at its design flow."""
    condenser_pump_w: Array
    """Of one chiller."""
    tower_fan_w: Array
    """Of all cells at full speed."""
    loop_j_k: Array
    design_k: float = 6.0
    """Rise of the water through the coils."""
    economizer: bool = False
    """A heat exchanger lets the tower cool the loop's return when it is cold enough."""

    def capacity(self, leaving_c: Array, condenser_c: Array) -> Array:
        """W of one chiller; colder condenser water than 24 C gives no more."""
        a, b, c, d, e, f = CAPACITY_BY_C
        cold = np.minimum(18.0, np.maximum(4.0, leaving_c))
        hot = np.minimum(36.0, np.maximum(24.0, condenser_c))
        return self.capacity_w * (a + cold * (b + c * cold) + hot * (d + e * hot + f * cold))

    def input_ratio(self, leaving_c: Array, condenser_c: Array) -> Array:
        """Electricity for a unit of cold at full load: in part by the lift, as Carnot has it."""
        lift = np.maximum(condenser_c - leaving_c + BUNDLES_K, LEAST_LIFT_K)
        rated = (RATED_CONDENSER_C - RATED_LEAVING_C + BUNDLES_K) / (RATED_LEAVING_C + 273.15)
        return (LIFTLESS + (1.0 - LIFTLESS) / rated * lift / (leaving_c + 273.15)) / self.cop

    def power_share(self, part_load: Array) -> Array:
        """Power over that at full load; below the least load a chiller cycles, and its power falls in proportion."""
        a, b, c = POWER_BY_PART_LOAD
        held = np.maximum(part_load, LEAST_LOAD)
        return (a + held * (b + c * held)) * (part_load / held)

    def tower(self) -> TowerPlan:
        """A cell a chiller, sized for what it rejects."""
        heat_w = self.capacity_w * (1.0 + 1.0 / self.cop)
        return TowerPlan.for_heat(heat_w, self.tower_fan_w / self.chillers, self.chillers)


class Client(Protocol):
    """A coil on the loop: what it took in the sub-step before."""

    coil_w: Array


class ChillerPlant(Part):
    """Ordinary control: 6.5 C all year, condenser water as cold as is good for chillers, one chiller always on."""

    OWN: ClassVar = {
        "chilled_water_c": Own(6.5, 4.0, 18.0, "chilled water, C"),
        "chilled_water_reset_k": Own(0.0, 0.0, 8.0, "it rises by so much as it gets cold outdoors (25 to 10 C), K"),
        "condenser_water_c": Own(24.0, 16.0, 32.0, "condenser water that the tower aims at, C"),
        "least_chillers": Own(1.0, 0.0, 8.0, "chillers that run whatever the load"),
    }

    def __init__(self, plan: ChillerPlan, own: dict[str, float] | None = None) -> None:
        self.plan = plan
        self.own = {name: entry.default for name, entry in self.OWN.items()} | (own or {})
        self.machines = tuple(f"chiller{1 + n}" for n in range(plan.chillers))
        self.points = (
            *(f"chilled_water1.{role}" for role in PLANT_ROLES),
            *(f"{machine}.{role}" for machine in self.machines for role in CHILLER_ROLES),
        )
        self.writable, self.permits = _writable(plan.chillers), _permits(plan.chillers)
        self.equipment: dict[str, dict[str, Any]] = {"chilled_water1": {"kind": "chilled_water_plant"}}
        self.equipment |= {machine: {"kind": "chiller"} for machine in self.machines}
        self.uses = ("chiller", "pump", "tower_fan")
        self.ailments = {"chiller-trip": self.machines}
        super().__init__(len(plan.capacity_w))
        self.clients: list[Client] = []
        self.water_c = np.full(self.worlds, self.own["chilled_water_c"])
        """Supply to the coils."""
        self.tower = CoolingTower(plan.tower(), self.own["condenser_water_c"])
        self.running = np.ones(self.worlds)
        self.load_w = self.cooled_w = self.work_w = self.free_w = self.rejected_w = np.zeros(self.worlds)
        self.loop_pumps_w = self.condenser_pumps_w = np.zeros(self.worlds)
        """Each ends as heat in its water."""
        self._staged_s = np.full(self.worlds, STAGE_S)
        self._is_up, self._was_on = np.ones((plan.chillers, 1)), np.zeros((plan.chillers, self.worlds), bool)
        self._loop_max_kg_s = plan.chillers * plan.capacity_w / (WATER_J_KG_K * plan.design_k)

    def serve(self, clients: Sequence[Client]) -> None:
        """The coils on the loop; each reads `water_c`."""
        self.clients = list(clients)

    def ail(self, kind: str, equipment: str, size: float | None) -> None:
        self._is_up[self.machines.index(equipment)] = 1.0 if size is None else 0.0

    def advance(self, minute: int, sky: SkyDay, held: Array) -> None:
        plan, wet = self.plan, sky.wet_bulb_c[minute]
        leaving, condenser, most = self._orders(sky.outdoor_c[minute], held)
        self.load_w = sum((client.coil_w for client in self.clients), np.zeros(self.worlds))
        self._circulate()
        entering = np.maximum(COLDEST_CONDENSER_C, self.tower.water_c)
        one = plan.capacity(self.water_c, entering)
        stored = plan.loop_j_k / SETTLE_S * (self.water_c - leaving)
        wanted = np.maximum(0.0, self.load_w + self.loop_pumps_w + stored)
        is_free = self._free(wanted, wet)
        self._stage(wanted - self.free_w, one, most)
        self.loop_pumps_w = self._secondary_w + plan.primary_w * self.running
        self.cooled_w = np.minimum(self.running * one, wanted - self.free_w)
        self._part_load = self.cooled_w / (np.maximum(self.running, 1.0) * one)
        full_w = self.running * one * plan.input_ratio(self.water_c, entering)
        self.work_w = full_w * plan.power_share(self._part_load)
        taken = self.load_w + self.loop_pumps_w - self.cooled_w - self.free_w
        self.water_c = self.water_c + taken * (SUB_STEP_S / plan.loop_j_k)
        self._reject(is_free, wet, leaving, condenser)
        self.power_w[0], self.power_w[1] = self.work_w, self.loop_pumps_w + self.condenser_pumps_w
        self.power_w[2] = self.tower.fan_w
        self._book()
        self._show(leaving, condenser, most)

    def _orders(self, outdoor: Array, held: Array) -> tuple[Array, Array, Array]:
        """Chilled and condenser water, C, and how many chillers may run."""
        own, reset_k = self.own, self.own["chilled_water_reset_k"]
        leaving: Array | float = own["chilled_water_c"]
        if reset_k:
            leaving = leaving + reset_k * np.minimum(1.0, np.maximum(0.0, (25.0 - outdoor) / 15.0))
        most = np.rint(follow(held[2], float(self.plan.chillers)))
        return follow(held[0], leaving), follow(held[1], own["condenser_water_c"]), most

    def _circulate(self) -> None:
        """The secondary pump holds pressure at the far coil while valves take what flow they need."""
        plan = self.plan
        ease = (COIL_AIR_C - self.water_c) / (COIL_AIR_C - COIL_WATER_C)
        rise = np.minimum(1.1, np.maximum(0.25, ease)) * plan.design_k
        flow = self.load_w / (rise * WATER_J_KG_K * self._loop_max_kg_s)
        flow = np.minimum(1.0, np.maximum(LEAST_FLOW, flow))
        self._is_wet = (self.running > 0.0) | (self.load_w > 0.0)
        flow = flow * self._is_wet
        self._secondary_w = plan.secondary_w * flow * (HELD_HEAD + (1.0 - HELD_HEAD) * flow * flow)
        self.loop_kg_s = self._loop_max_kg_s * flow
        self.loop_pumps_w = self._secondary_w + plan.primary_w * self.running
        self.back_c = self.water_c + self.load_w / np.maximum(self.loop_kg_s * WATER_J_KG_K, 1.0)

    def _free(self, wanted: Array, wet: Array) -> Array | bool:
        """What the tower's water takes from the return without a compressor; where the exchanger is open."""
        if not self.plan.economizer:
            return False
        is_free = (self.back_c > wet + FREE_APPROACH_K + EXCHANGER_K) & (wanted > 0.0)
        reach = np.maximum(0.0, self.back_c - EXCHANGER_K - self.tower.water_c)
        self.free_w = np.minimum(wanted, self.loop_kg_s * WATER_J_KG_K * reach) * is_free
        return is_free

    def _stage(self, wanted: Array, one: Array, most: Array) -> None:
        """One up or down at a time, with a rest between; never more than are healthy and enabled."""
        can = np.minimum(most, self._is_up.sum())
        least = np.minimum(can, self.own["least_chillers"])
        self._staged_s = self._staged_s + SUB_STEP_S
        is_rested = self._staged_s >= STAGE_S
        more = is_rested & (wanted > STAGE_UP * self.running * one)
        fewer = is_rested & (wanted < STAGE_DOWN * (self.running - 1.0) * one) & ~more
        none = is_rested & (wanted < IDLE_SHARE * one) & (self.running <= 1.0)
        running = self.running + more - (fewer | none)
        running = np.minimum(can, np.maximum(least, running))
        self._staged_s = np.where(running != self.running, 0.0, self._staged_s)
        self.running = running

    def _reject(self, is_free: Array | bool, wet: Array, leaving: Array, setpoint: Array) -> None:
        """A cell and a condenser pump for each chiller that runs; all of them where the exchanger is open."""
        cells, aim = self.running, setpoint
        if self.plan.economizer:
            cells = np.where(is_free, float(self.plan.chillers), cells)
            aim = np.where(is_free, np.maximum(4.0, np.minimum(setpoint, leaving - EXCHANGER_K)), setpoint)
        self.condenser_pumps_w = self.plan.condenser_pump_w * cells
        self.rejected_w = self.cooled_w + self.work_w + self.free_w + self.condenser_pumps_w
        self.tower.reject(self.rejected_w, cells, wet, aim)

    def _book(self) -> None:
        """For nobody: the whole plant without load, or chillers alone when the exchanger carries it."""
        books, plan, is_on = self.books, self.plan, self._on()
        little = IDLE_SHARE * plan.capacity_w
        is_idle = self._is_wet & (self.load_w < little)
        is_bare = (self.running > 0.0) & (self.cooled_w < little) & ~is_idle
        wasted_w = self.power_w.sum(axis=0) * is_idle + (self.work_w + plan.primary_w * self.running) * is_bare
        idle_s = (is_idle | is_bare) * SUB_STEP_S
        books.idle("chilled_water1", self._is_wet * SUB_STEP_S, idle_s, wasted_w * SUB_STEP_S)
        ratio = np.minimum(1.0, self._part_load / LEAST_LOAD)
        cycles = (4.0 * CYCLES_A_H * SUB_STEP_S / 3600.0) * ratio * (1.0 - ratio)
        for n, machine in enumerate(self.machines):
            books.add(f"starts/{machine}", (is_on[n] & ~self._was_on[n]) + is_on[n] * cycles)
        self._was_on = is_on

    def _on(self) -> Array:
        """Which chillers run, [chillers, worlds]: the first healthy ones."""
        order = np.cumsum(self._is_up, axis=0)
        return (order <= self.running) & (self._is_up > 0.0)

    def _show(self, leaving: Array, condenser: Array, most: Array) -> None:
        values, first, c, is_on = self.values, len(PLANT_ROLES), len(CHILLER_ROLES), self._was_on
        power = self.power_w / 1000.0
        values[6], values[7] = self.loop_kg_s, self.load_w / 1000.0
        values[8:11] = power
        values[11] = power.sum(axis=0)
        each = 0.001 / np.maximum(self.running, 1.0)
        values[first + 1 :: c] = is_on * (self.work_w * each)
        values[first + 2 :: c] = is_on * (self.cooled_w * each)
        if not self.is_told:
            return
        for row, value in enumerate((leaving, condenser, most, self.water_c, self.back_c, self.tower.water_c)):
            values[row] = value
        values[first::c] = is_on


PLANT_ROLES = (
    "leaving_chilled_water_temperature_setpoint",
    "entering_condenser_water_temperature_setpoint",
    "chillers_enabled_setpoint",
    "leaving_chilled_water_temperature",
    "entering_chilled_water_temperature",
    "entering_condenser_water_temperature",
    "chilled_water_flow",
    "thermal_power",
    "chiller_power",
    "pump_power",
    "tower_fan_power",
    "electric_power",
    "electric_energy",
)
CHILLER_ROLES = ("on_off_status", "electric_power", "thermal_power", "electric_energy")


def _writable(chillers: int) -> dict[str, WritablePoint]:
    return {
        "chilled_water1.leaving_chilled_water_temperature_setpoint": WritablePoint(4.0, 18.0),
        "chilled_water1.entering_condenser_water_temperature_setpoint": WritablePoint(16.0, 32.0),
        "chilled_water1.chillers_enabled_setpoint": WritablePoint(0.0, float(chillers)),
    }


def _permits(chillers: int) -> dict[str, Permit]:
    return {
        "chilled_water1.leaving_chilled_water_temperature_setpoint": Permit(5.0, 16.0, 1.0, 900.0),
        "chilled_water1.entering_condenser_water_temperature_setpoint": Permit(18.0, 30.0, 1.0, 900.0),
        "chilled_water1.chillers_enabled_setpoint": Permit(1.0, float(chillers), 1.0, 1800.0),
    }
