"""EnergyPlus as an independent plant: it steps, obeys, repeats itself to the byte, and says clearly what is wrong."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from agent.core.errors import ConfigError
from agent.equipment.kinds import role_of
from simulator.energyplus import api, compare, plant, shell
from simulator.energyplus.api import EnergyPlusFault
from simulator.energyplus.design import Design
from simulator.energyplus.epjson import Model
from simulator.energyplus.plant import Stay
from simulator.energyplus.run import Run, Watch
from simulator.plant import ScenarioEndedError
from tests.simulator.open_wire import opened

OFFICE, ROOM = "energyplus-office-chicago", "energyplus-dataroom-tampa"
SUMMER = Stay(start=date(2019, 7, 10), learn_days=0, days=1)
WINTER = Stay(start=date(2019, 1, 16), learn_days=0, days=1)
FIT_DAYS = 31


def why_not():
    """Why EnergyPlus cannot run here; empty where it can."""
    try:
        api.load()
    except EnergyPlusFault as fault:
        return str(fault)
    return ""


needs_energyplus = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it runs")


# --- without EnergyPlus ---


def test_where_the_extra_is_missing_one_is_told_how_to_get_it():
    with pytest.raises(EnergyPlusFault, match=r"pip install 'hushwatt\[energyplus\]'"):
        api.payload("no_such_package_anywhere")


def test_a_library_that_does_not_load_is_told_with_the_loaders_reason(tmp_path):
    (tmp_path / "libenergyplusapi.so").write_bytes(b"not a library")
    with pytest.raises(EnergyPlusFault, match=r"does not load: .*libX11"):
        api.load(tmp_path)


def test_a_run_that_failed_is_told_in_its_own_words(tmp_path):
    assert api.severe_errors(tmp_path) == "it left no error file"
    (tmp_path / "eplusout.err").write_text("   ** Severe  ** No such zone\n   ** Warning ** never mind\n")
    assert api.severe_errors(tmp_path) == "Severe  ** No such zone"


def test_two_objects_of_one_name_are_a_mistake():
    model = Model()
    model.constant("always", 1.0)
    with pytest.raises(ValueError, match="always is there already"):
        model.constant("always", 0.0)


def test_the_shell_closes():
    """Zones fill the floor; each partition is seen from both sides, and facades go all the way round."""
    assert sum(shell.FLOOR_M2.values()) == pytest.approx(shell.LENGTH_M * shell.WIDTH_M)
    around = 2.0 * (shell.LENGTH_M + shell.WIDTH_M) * shell.HEIGHT_M
    assert sum(shell.FACADE_M2.values()) == pytest.approx(around)
    edges = sum(
        shell.edge_m(a, b)
        for corners in shell.PLAN.values()
        for a, b in zip(corners, corners[1:] + corners[:1], strict=True)
    )
    assert edges * shell.HEIGHT_M == pytest.approx(around + 2.0 * sum(shell.shared_m2().values()))


def test_the_fit_is_that_of_guideline_14():
    measured = np.array([0.0, 0.0, 10.0, 30.0])
    fit = compare.Fit.of(measured, np.array([0.0, 0.0, 13.0, 26.0]))
    assert fit.reference_kwh == pytest.approx(0.04)
    assert fit.nmbe == pytest.approx(100.0 * (-3.0 + 4.0) / (3 * 10.0))
    assert fit.cv_rmse == pytest.approx(100.0 * np.sqrt((9.0 + 16.0) / 3) / 10.0)
    assert np.isnan(compare.Fit.of(np.zeros(4), measured).cv_rmse)


@pytest.mark.parametrize(
    ("stay", "complaint"),
    [
        (Stay(start=date(2019, 7, 1), wire_step_s=700.0), "wire step 700.0 s"),
        (Stay(start=date(2020, 2, 20)), "leap day"),
    ],
)
def test_a_stay_that_cannot_be_is_refused(stay, complaint):
    with pytest.raises(ValueError, match=complaint):
        plant.check(stay)


# --- with EnergyPlus ---


def live(name, stay, held=None):
    """Account and all values of a whole stay."""
    with plant.load(name, stay) as building:
        rows = []
        while building.unix_s < building.end_unix_s:
            building.step(held or {})
            rows.append(building.read())
        return building.account(), np.array(rows), building.names


@needs_energyplus
def test_names_and_wishes_that_do_not_exist_are_told():
    assert len(plant.names()) == 10
    with pytest.raises(ConfigError, match="did you mean `energyplus-office-chicago`"):
        plant.load("energyplus-ofice-chicago", SUMMER)
    with pytest.raises(ConfigError, match="first of July"):
        plant.ask(OFFICE, start="first of July")
    with pytest.raises(ConfigError, match="0 days"):
        plant.ask(OFFICE, days=0)


@needs_energyplus
def test_a_summer_day_in_the_office_goes_as_one_would_think():
    account, rows, names = live(OFFICE, SUMMER)
    values = dict(zip(names, rows.T, strict=True))
    hour = np.arange(1, 97) / 4.0
    work = (hour > 9.0) & (hour <= 17.0)
    assert values["site.outdoor_air_temperature"].max() > 20.0
    assert values["site.solar_irradiance"][work].min() > 100.0
    assert values["site.solar_irradiance"][hour < 3.0].max() == 0.0
    assert (values["zone3.occupancy_count"][work] > 0.0).all()
    assert (values["zone3.occupancy_count"][hour < 6.0] == 0.0).all()
    np.testing.assert_allclose(values["zone3.zone_air_temperature"][work], 23.0, atol=0.6)
    assert values["ahu1.on_off_status"][(hour > 5.0) & (hour <= 21.0)].all()
    assert not values["ahu1.on_off_status"][(hour <= 5.0) | (hour > 21.0)].any()
    assert account.kwh["cooling"] > account.kwh["fan"] > 0.0
    assert account.gas_kwh < 1.0
    assert account.comfort_hi_kh < 1.0
    assert 15.0 <= account.occupied_h <= 16.0
    assert account.co2_max_ppm < 1100.0


@needs_energyplus
def test_meters_and_books_agree():
    for name in (OFFICE, ROOM):
        account, rows, names = live(name, SUMMER)
        values = dict(zip(names, rows.T, strict=True))
        assert values["meter1.electric_energy"][-1] == pytest.approx(account.site_kwh)
        assert values["meter1.electric_power"].sum() / 4.0 == pytest.approx(account.site_kwh)
        assert sum(account.kwh.values()) == pytest.approx(account.site_kwh)
        assert account.import_kwh == pytest.approx(account.site_kwh)
        assert 0.18 <= account.cost / account.site_kwh <= 0.28
        assert account.hours == 24.0


@needs_energyplus
def test_every_point_has_a_role_of_its_equipment():
    for name in (OFFICE, ROOM):
        with plant.load(name, SUMMER) as building:
            for point in building.names:
                equipment, _, role = point.partition(".")
                assert role_of(building.equipment[equipment]["kind"], role) is not None, point
            assert set(building.permits) == set(building.writable) <= set(building.names)


@needs_energyplus
def test_a_raised_setpoint_lowers_the_cooling_energy_and_warms_the_zones():
    own, own_rows, names = live(OFFICE, SUMMER)
    held = {f"{zone}.zone_air_cooling_temperature_setpoint": 26.0 for zone in shell.ZONES}
    warm, warm_rows, _ = live(OFFICE, SUMMER, held)
    assert warm.kwh["cooling"] < 0.9 * own.kwh["cooling"]
    column = names.index("zone3.zone_air_temperature")
    assert own_rows[60, column] == pytest.approx(23.0, abs=0.5)
    assert warm_rows[60, column] > own_rows[60, column] + 0.8  # Even the least flow of cold air holds it below 26 C.
    assert warm_rows[60, names.index("zone3.zone_air_cooling_temperature_setpoint")] == pytest.approx(26.0)


@needs_energyplus
def test_orders_are_obeyed_from_the_next_step_and_let_go_of_again():
    story = [  # held, supply air C, on
        ({}, 14.0, 1.0),
        ({"ahu1.supply_air_temperature_setpoint": 18.0}, 18.0, 1.0),
        ({"ahu1.on_off_command": 0.0}, None, 0.0),
        ({"ahu1.on_off_command": 1.0}, 14.0, 1.0),
        ({}, 14.0, 1.0),
    ]
    with plant.load(OFFICE, SUMMER) as building:
        while datetime.fromtimestamp(building.unix_s, UTC).hour < 13:
            building.step({})
        for held, supply_c, on in story:
            for _ in range(2):
                building.step(held)
            seen = dict(zip(building.names, building.read(), strict=True))
            assert seen["ahu1.on_off_status"] == on, held
            if supply_c is not None:
                assert seen["ahu1.supply_air_temperature"] == pytest.approx(supply_c, abs=0.6), held
        with pytest.raises(ValueError, match="is not within"):
            building.step({"ahu1.supply_air_temperature_setpoint": 40.0})
        with pytest.raises(KeyError):
            building.step({"zone1.zone_air_temperature": 20.0})


@needs_energyplus
def test_switched_off_stays_off_through_a_frosty_night_where_the_own_guard_would_heat():
    own, _, _ = live(OFFICE, WINTER)
    off, rows, names = live(OFFICE, WINTER, {"ahu1.on_off_command": 0.0})
    assert own.kwh["heating"] + own.gas_kwh > 100.0
    assert off.kwh["heating"] + off.gas_kwh == 0.0
    assert not rows[:, names.index("ahu1.on_off_status")].any()
    assert off.unvent_h == off.occupied_h
    assert off.comfort_lo_kh > own.comfort_lo_kh + 100.0


@needs_energyplus
def test_heating_is_kept_below_cooling_whoever_asks_otherwise():
    held = {"zone1.zone_air_heating_temperature_setpoint": 25.0, "zone1.zone_air_cooling_temperature_setpoint": 22.0}
    _, rows, names = live(OFFICE, SUMMER, held)
    heating = rows[:, names.index("zone1.zone_air_heating_temperature_setpoint")]
    cooling = rows[:, names.index("zone1.zone_air_cooling_temperature_setpoint")]
    np.testing.assert_allclose(cooling, 22.0)
    np.testing.assert_allclose(heating, 21.5)


@needs_energyplus
def test_the_data_room_saves_by_less_air_and_warmer_supply_until_racks_lack_air():
    own, _, _ = live(ROOM, SUMMER)
    frugal, rows, names = live(
        ROOM, SUMMER, {"crac1.supply_air_temperature_setpoint": 21.0, "crac1.fan_speed_setpoint": 65.0}
    )
    starved, _, _ = live(ROOM, SUMMER, {"crac1.fan_speed_setpoint": 30.0})
    assert rows[-1, names.index("crac1.supply_air_temperature")] == pytest.approx(21.0, abs=0.3)
    assert rows[-1, names.index("crac1.fan_speed")] == pytest.approx(65.0)
    assert frugal.site_kwh < own.site_kwh
    assert frugal.kwh["crac_fan"] < 0.4 * own.kwh["crac_fan"]
    assert own.inlet_kh == frugal.inlet_kh == frugal.short_h == 0.0
    assert starved.short_h == 24.0
    assert starved.worst_inlet_c > frugal.worst_inlet_c
    assert own.pue == pytest.approx(own.site_kwh / own.kwh["it"])
    assert own.idle["crac1"].idle_kwh > 0.0


@needs_energyplus
def test_the_same_run_gives_the_same_bytes():
    held = {"zone2.zone_air_cooling_temperature_setpoint": 24.5}
    first, second = (live(OFFICE, SUMMER, held)[1] for _ in range(2))
    assert first.tobytes() == second.tobytes()


@needs_energyplus
def test_a_long_wire_step_is_several_of_energyplus_and_comes_to_the_same():
    quarter, _, _ = live(ROOM, SUMMER)
    hourly, rows, _ = live(ROOM, Stay(start=SUMMER.start, learn_days=0, days=1, wire_step_s=3600.0))
    assert len(rows) == 24
    assert hourly.site_kwh == pytest.approx(quarter.site_kwh, rel=1e-9)


@needs_energyplus
def test_after_the_end_and_after_closing_one_is_told_so():
    building = plant.load(ROOM, SUMMER)
    while building.unix_s < building.end_unix_s:
        building.step({})
    with pytest.raises(ScenarioEndedError):
        building.step({})
    building.close()
    building.close()
    with plant.load(ROOM, SUMMER) as shut:
        shut.close()
        with pytest.raises(EnergyPlusFault, match="is closed"):
            shut.step({})


@needs_energyplus
def test_a_building_that_energyplus_refuses_is_told_in_its_words():
    weather = api.weather_files()["tampa"]
    with Run(Model(), weather, Watch()) as run, pytest.raises(EnergyPlusFault, match="EnergyPlus gave up: Severe"):
        run.step()
    model = plant.BUILDINGS["dataroom"].build(weather, date(2019, 7, 1), 1, 4)
    unknown = Watch(states=(("Zone Air Temperature", "nowhere"),))
    with (
        Run(model, weather, unknown) as run,
        pytest.raises(EnergyPlusFault, match=r"knows no Zone Air Temp.* of nowhere"),
    ):
        run.step()


@needs_energyplus
def test_design_days_are_those_of_the_place():
    designs = {place: Design.of(path) for place, path in api.weather_files().items()}
    assert designs["chicago"].winter_c == -20.0
    assert designs["tampa"].summer_c == 33.6
    assert designs["golden"].pressure_pa == pytest.approx(81_200.0, rel=0.01)


@needs_energyplus
async def test_the_wire_serves_it_like_any_other_plant(broker, tmp_path):
    with plant.load(ROOM, SUMMER) as building:
        async with opened(broker, tmp_path, plant=building) as site:
            await site.order("crac1.supply_air_temperature_setpoint", 20.0)
            await site.follow(4)
            assert await site.read("crac1.supply_air_temperature") == pytest.approx(20.0, abs=0.3)
            assert await site.read("meter1.electric_power") == pytest.approx(
                building.read()[building.names.index("meter1.electric_power")], rel=1e-6
            )


@needs_energyplus
@pytest.mark.slow
@pytest.mark.parametrize(("place", "load"), [("chicago", "heating")])
def test_a_month_of_the_numpy_zones_keeps_to_the_goals(place, load):
    """`make bench` has the whole year in five climates."""
    weather = api.weather_files()[place]
    model = compare.numpy_zones([weather], FIT_DAYS)[0]
    comparison = compare.Comparison.of(compare.energyplus(weather, FIT_DAYS), model)
    fit = getattr(comparison, load)
    assert fit.cv_rmse <= 15.0
    assert abs(fit.nmbe) <= 5.0
    assert comparison.air_rmse_k <= 0.5
