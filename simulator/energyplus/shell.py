"""The shell of our office for EnergyPlus: one storey, four facades and a core, with its constructions as data.

The same data feeds the input file (`add_shell`) and the parameters of the numpy zones (`twin.py`).
"""

from __future__ import annotations

from simulator.energyplus.epjson import Model, vertices
from simulator.physics.envelope import Layer

Point = tuple[float, float]


def layer(name: str, thickness_m: float, *rest: float, **more: str | float) -> Layer:
    conductivity, density, heat = rest
    return Layer(
        name=name,
        thickness_m=thickness_m,
        conductivity_w_m_k=conductivity,
        density_kg_m3=density,
        heat_j_kg_k=heat,
        **more,  # type: ignore[arg-type]
    )


# Densities, conductivities and heat capacities: ASHRAE Handbook Fundamentals, table of building materials.
BRICK = layer("brick", 0.100, 0.89, 1920.0, 790.0, roughness="Rough")
CONCRETE = layer("concrete", 0.100, 1.95, 2240.0, 900.0)
SLAB_BELOW = layer("slab below", 0.100, 1.95, 2240.0, 900.0)
SLAB_ABOVE = layer("slab above", 0.050, 1.95, 2240.0, 900.0)
FOAM_WALL = layer("wall insulation", 0.037, 0.029, 29.0, 1210.0)
FOAM_ROOF = layer("roof insulation", 0.130, 0.025, 32.0, 1470.0)
FOAM_SLAB = layer("slab insulation", 0.050, 0.029, 29.0, 1210.0)
MEMBRANE = layer("roof membrane", 0.010, 0.16, 1120.0, 1460.0, solar_absorptance=0.7)
GYPSUM = layer("gypsum board", 0.016, 0.16, 800.0, 1090.0, roughness="Smooth", solar_absorptance=0.5)
CARPET = layer("carpet tile", 0.006, 0.06, 290.0, 1400.0)
WOOD = layer("furniture", 0.015, 0.15, 608.0, 1630.0)

CONSTRUCTIONS: dict[str, tuple[Layer, ...]] = {
    "wall": (BRICK, FOAM_WALL, CONCRETE, GYPSUM),
    "roof": (MEMBRANE, FOAM_ROOF, GYPSUM),
    "floor": (FOAM_SLAB, SLAB_BELOW, SLAB_ABOVE, CARPET),
    "partition": (GYPSUM, GYPSUM),
    "furniture": (WOOD,),
}
"""From outside to inside. Wall 0.59, roof 0.18 W/(m2 K): the greatest that ASHRAE 90.1-2019 lets mass walls and roofs
with insulation above the deck have in climate zone 4 (table 5.5-4); the same building stands in all climates."""

GLASS_U_W_M2_K, GLASS_SHGC = 2.04, 0.36
"""Fixed windows, the same table."""
GLASS_SHARE = 0.33
"""Of each facade (our assumption)."""
HEIGHT_M = 3.0
LENGTH_M, WIDTH_M, DEPTH_M = 32.0, 20.0, 5.0
"""Along x, along y, and of the zones along the facades."""
FURNITURE_SHARE = 1.0
"""m2 of furniture surface a m2 of floor (our assumption)."""
INFILTRATION_ACH = 0.3
"""Air changes an hour, always (our assumption for an office of today)."""

ZONES = ("zone1", "zone2", "zone3", "zone4", "zone5")
FACING = ("north", "east", "south", "west", "")
"""zone5 is the core."""


def _plan() -> dict[str, tuple[Point, ...]]:
    """Corner points of the zones, anticlockwise; the first edge of each perimeter zone is its facade."""
    length, width, d = LENGTH_M, WIDTH_M, DEPTH_M
    sw, se, ne, nw = (0.0, 0.0), (length, 0.0), (length, width), (0.0, width)
    isw, ise, ine, inw = (d, d), (length - d, d), (length - d, width - d), (d, width - d)
    return {
        "zone1": (ne, nw, inw, ine),
        "zone2": (se, ne, ine, ise),
        "zone3": (sw, se, ise, isw),
        "zone4": (nw, sw, isw, inw),
        "zone5": (isw, ise, ine, inw),
    }


PLAN = _plan()


def area_m2(corners: tuple[Point, ...]) -> float:
    """Of a polygon, by the shoelace formula."""
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2.0


def edge_m(a: Point, b: Point) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


FLOOR_M2 = {zone: area_m2(corners) for zone, corners in PLAN.items()}
FACADE_M2 = {zone: 0.0 if zone == "zone5" else edge_m(*PLAN[zone][:2]) * HEIGHT_M for zone in ZONES}
GLASS_M2 = {zone: GLASS_SHARE * area for zone, area in FACADE_M2.items()}


def shared_m2() -> dict[tuple[str, str], float]:
    """Partition area between two zones, each pair once."""
    found: dict[tuple[str, str], float] = {}
    for n, zone in enumerate(ZONES):
        for other in ZONES[n + 1 :]:
            for a, b in _edges(zone):
                if (b, a) in _edges(other):
                    found[zone, other] = edge_m(a, b) * HEIGHT_M
    return found


def _edges(zone: str) -> list[tuple[Point, Point]]:
    corners = PLAN[zone]
    return list(zip(corners, corners[1:] + corners[:1], strict=True))


def add_shell(model: Model, ground_c: tuple[float, ...]) -> None:
    """Geometry, constructions and infiltration. `ground_c`: under the slab's insulation, by month."""
    model.add("Building", "office", solar_distribution="FullExterior", minimum_number_of_warmup_days=6)
    model.add(
        "GlobalGeometryRules",
        "rules",
        starting_vertex_position="UpperLeftCorner",
        vertex_entry_direction="Counterclockwise",
        coordinate_system="World",
    )
    months = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
    ground = {f"{month}_ground_temperature": value for month, value in zip(months, ground_c, strict=True)}
    model.add("Site:GroundTemperature:BuildingSurface", "ground", **ground)
    _add_constructions(model)
    model.constant("always", 1.0)
    for zone in ZONES:
        _add_zone(model, zone)
    for zone, other in shared_m2():
        _add_partition(model, zone, other)


def _add_constructions(model: Model) -> None:
    for name, layers in CONSTRUCTIONS.items():
        keys = ("outside_layer", *(f"layer_{n}" for n in range(2, len(layers) + 1)))
        model.add("Construction", name, **{key: part.name for key, part in zip(keys, layers, strict=True)})
    for part in {part.name: part for layers in CONSTRUCTIONS.values() for part in layers}.values():
        model.add(
            "Material",
            part.name,
            roughness=part.roughness,
            thickness=part.thickness_m,
            conductivity=part.conductivity_w_m_k,
            density=part.density_kg_m3,
            specific_heat=part.heat_j_kg_k,
            solar_absorptance=part.solar_absorptance,
        )
    glass = {"u_factor": GLASS_U_W_M2_K, "solar_heat_gain_coefficient": GLASS_SHGC}
    model.add("WindowMaterial:SimpleGlazingSystem", "glass", **glass)
    model.add("Construction", "window", outside_layer="glass")


def _add_zone(model: Model, zone: str) -> None:
    corners = PLAN[zone]
    model.add("Zone", zone, volume=FLOOR_M2[zone] * HEIGHT_M)
    floor = [(x, y, 0.0) for x, y in reversed(corners)]
    roof = [(x, y, HEIGHT_M) for x, y in corners]
    _add_surface(model, f"{zone} floor", zone, "Floor", floor, "Ground")
    _add_surface(model, f"{zone} roof", zone, "Roof", roof, "Outdoors")
    if FACADE_M2[zone]:
        a, b = corners[:2]
        _add_surface(model, f"{zone} wall", zone, "Wall", _upright(a, b), "Outdoors")
        _add_window(model, zone, a, b)
    model.add(
        "InternalMass",
        f"{zone} furniture",
        construction_name="furniture",
        zone_or_zonelist_name=zone,
        surface_area=FLOOR_M2[zone] * FURNITURE_SHARE,
    )
    model.add(
        "ZoneInfiltration:DesignFlowRate",
        f"{zone} leaks",
        zone_or_zonelist_or_space_or_spacelist_name=zone,
        schedule_name="always",
        design_flow_rate_calculation_method="AirChanges/Hour",
        air_changes_per_hour=INFILTRATION_ACH,
    )


def _upright(a: Point, b: Point, low: float = 0.0, high: float = HEIGHT_M) -> list[tuple[float, float, float]]:
    """A vertical rectangle over an edge that runs anticlockwise, seen from outside."""
    return [(*a, high), (*a, low), (*b, low), (*b, high)]


def _add_surface(
    model: Model, name: str, zone: str, kind: str, points: list[tuple[float, float, float]], outside: str, **more: str
) -> None:
    is_outdoors = outside == "Outdoors"
    model.add(
        "BuildingSurface:Detailed",
        name,
        surface_type=kind,
        construction_name="partition" if outside == "Surface" else kind.lower(),
        zone_name=zone,
        outside_boundary_condition=outside,
        sun_exposure="SunExposed" if is_outdoors else "NoSun",
        wind_exposure="WindExposed" if is_outdoors else "NoWind",
        vertices=vertices(points),
        **more,
    )


def _add_window(model: Model, zone: str, a: Point, b: Point) -> None:
    """A strip in the middle of the facade."""
    side, rest = 0.02, (1.0 - GLASS_SHARE / 0.96) / 2.0
    left = (a[0] + side * (b[0] - a[0]), a[1] + side * (b[1] - a[1]))
    right = (b[0] - side * (b[0] - a[0]), b[1] - side * (b[1] - a[1]))
    points = _upright(left, right, HEIGHT_M * rest, HEIGHT_M * (1.0 - rest))
    corners = {
        f"vertex_{n}_{axis}_coordinate": value
        for n, point in enumerate(points, start=1)
        for axis, value in zip("xyz", point, strict=True)
    }
    named = {"surface_type": "Window", "construction_name": "window", "building_surface_name": f"{zone} wall"}
    model.add("FenestrationSurface:Detailed", f"{zone} window", **named, **corners)


def _add_partition(model: Model, zone: str, other: str) -> None:
    for a, b in _edges(zone):
        if (b, a) in _edges(other):
            sides = ((zone, other, a, b), (other, zone, b, a))
            for mine, theirs, start, end in sides:
                name, beyond = f"{mine} to {theirs}", f"{theirs} to {mine}"
                _add_surface(
                    model,
                    name,
                    mine,
                    "Wall",
                    _upright(start, end),
                    "Surface",
                    outside_boundary_condition_object=beyond,
                )
