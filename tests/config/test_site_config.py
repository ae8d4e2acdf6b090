"""What a sound file becomes: points, limits, systems, paths, secrets; and the sample that is shipped."""

import math
import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import check, load
from agent.config.equipment import Schedule
from agent.core.errors import ConfigError
from agent.core.points import Kind, PointTable

SAMPLE = Path(__file__).parents[2] / "deploy" / "site.yaml"
COMMENTED = re.compile(r"^(\s*)#: ", re.MULTILINE)


def test_points_take_unit_and_kind_from_their_role(write):
    specs = {spec.id: spec for spec in load(write()).points()}
    temperature = specs["zone1.zone_air_temperature"]
    assert (temperature.unit, temperature.kind, temperature.writable) == ("degC", Kind.SENSOR, False)
    assert (temperature.poll_s, temperature.fresh_s) == (60.0, 240.0)
    setpoint = specs["zone1.zone_air_heating_temperature_setpoint"]
    assert (setpoint.kind, setpoint.writable) == (Kind.SETPOINT, True)
    assert specs["ahu1.on_off_command"].writable
    assert specs["crac1.fan_speed"].unit == "pct"
    assert len(PointTable(list(specs.values()))) == 15


def test_an_entry_outranks_device_role_and_template(write):
    path = write(
        ("{register: 0, scale: 0.01}", "{register: 0, poll_s: 10, fresh_s: 25, unit: K, kind: parameter, share: true}"),
        (
            "    equipment: crac1\n",
            "    equipment: crac1\n    poll_s: 30\n"
            "    points: {crac1.fan_power: {scale: 0.1}, crac1.fan_speed: null}\n",
        ),
    )
    config = load(path)
    specs = {spec.id: spec for spec in config.points()}
    told = specs["zone1.zone_air_temperature"]
    assert (told.poll_s, told.fresh_s, told.unit, told.kind) == (10.0, 25.0, "K", Kind.PARAMETER)
    assert told.share
    assert not specs["crac1.fan_power"].share
    assert specs["crac1.fan_power"].poll_s == 30.0
    fan_power = config.devices["cooling"].points["crac1.fan_power"]
    assert (fan_power.register_, fan_power.scale) == (5, 0.1)
    assert "crac1.fan_speed" not in specs
    assert any("told in K" in note for note in check(path).notes)


@pytest.mark.parametrize(("share", "shared"), [("all", 15), ("listed", 1), ("none", 0)])
def test_upstream_decides_what_leaves(share, shared, write):
    path = write(("share: listed", f"share: {share}"), ("{topic: inlet}", "{topic: inlet, share: true}"))
    assert sum(spec.share for spec in load(path).points()) == shared


def test_a_memory_device_writes_what_its_roles_allow(write):
    memory = "  spare: {driver: memory, points: {ahu1.fan_power: {}, ahu1.supply_air_temperature_setpoint: {}}}\n"
    specs = {spec.id: spec for spec in load(write(("equipment:\n  z", memory + "equipment:\n  z"))).points()}
    assert specs["ahu1.supply_air_temperature_setpoint"].writable
    assert not specs["ahu1.fan_power"].writable


def test_the_envelope(write):
    limit = load(write()).envelope()["crac1.supply_air_temperature_setpoint"]
    assert (limit.low, limit.high, limit.step, limit.hold_s) == (17.0, 24.0, math.inf, 0.0)
    assert (limit.release, limit.source) == ("relinquish", "its sheet")
    assert limit.needs == ("room1.rack_inlet_temperature_1",)
    assert (limit.interlocks[0].low, limit.interlocks[0].high) == (1.0, math.inf)
    assert load(write()).envelope()["zone1.zone_air_cooling_temperature_setpoint"].release == 24.0


def test_systems(write):
    config = load(write(("served_by: ahu1", "served_by: ahu1, comfort_low_c: 21")))
    systems = config.systems()
    [ahu], [crac] = systems.ahus, systems.cracs
    assert (ahu.ahu, ahu.zones, ahu.comfort_low_c, ahu.comfort_high_c) == ("ahu1", ("zone1",), 21.0, 25.5)
    assert (crac.crac, crac.room, crac.racks) == ("crac1", "room1", 1)
    assert systems.lifts == ()


def test_a_room_has_all_its_cracs_and_the_plant_that_serves_nobody_else(write):
    """Told, or where only one plant is there and nobody else could be its client."""
    plant = "{kind: chilled_water_plant}"
    told = "serves: room1, chilled_by: water1}"
    cases = (
        ((("{kind: data_room}", f"{{kind: data_room}}\n  water1: {plant}"), ("serves: room1}", told)), "water1"),
        ((("{kind: data_room}", f"{{kind: data_room}}\n  water1: {plant}"),), None),  # ahu1 may be its client too.
        ((), None),
    )
    for changes, wanted in cases:
        [room] = load(write(*changes)).systems().rooms
        assert (room.room, room.cracs, room.racks, room.plant, room.water) == ("room1", ("crac1",), 1, wanted, ())


@given(st.integers(0, 23), st.integers(0, 59))
def test_times_of_day(hour, minute):
    start_h, stop_h = Schedule(start=f"{hour:02d}:{minute:02d}", stop="24:00").hours()
    assert start_h == pytest.approx(hour + minute / 60)
    assert stop_h == 24.0


def test_paths_are_meant_from_the_files_folder(write, monkeypatch):
    path = write(("127.0.0.1}", "127.0.0.1, username: me, password_file: secret}"))
    monkeypatch.chdir("/")
    config = load(path)
    assert config.store_path == path.parent / "data" / "hushwatt.db"
    assert config.brokers["local"].password_file == path.parent / "secret"
    monkeypatch.chdir(path.parent)
    assert load(Path("site.yaml")).store_path.is_absolute()


def test_a_password_from_a_file(write):
    path = write(("127.0.0.1}", "127.0.0.1, username: me, password_file: secret}"))
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        load(path).brokers["local"].password()
    [problem] = check(path).problems
    assert (problem.key, problem.line) == ("brokers.local.password_file", 4)
    secret = path.parent / "secret"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    assert load(path).brokers["local"].password() == "hunter2"
    assert check(path).problems == []
    assert any("chmod 600" in note for note in check(path).notes)
    secret.chmod(0o600)
    assert not any("chmod" in note or "hunter2" in note for note in check(path).notes)


def test_a_password_from_the_environment(write, monkeypatch):
    path = write(("127.0.0.1}", "10.0.0.5, username: me, password_env: HUSHWATT_TEST_SECRET}"))
    monkeypatch.delenv("HUSHWATT_TEST_SECRET", raising=False)
    assert any("HUSHWATT_TEST_SECRET is not set" in note for note in check(path).notes)
    with pytest.raises(ConfigError, match="not set"):
        load(path).brokers["local"].password()
    monkeypatch.setenv("HUSHWATT_TEST_SECRET", "hunter2")
    assert load(path).brokers["local"].password() == "hunter2"


def test_a_password_file_may_begin_with_a_variable(write, monkeypatch, tmp_path):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path = write(("127.0.0.1}", "127.0.0.1, username: me, password_file: $CREDENTIALS_DIRECTORY/plant}"))
    assert load(path).brokers["local"].password_file == tmp_path / "plant"
    assert len(check(path).problems) == 1
    # systemd tells this variable to the agent only: a person who checks by hand has made no mistake.
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert check(path).problems == []
    assert any("cannot be seen from here" in note for note in check(path).notes)


def test_notes_say_what_is_odd_and_not_wrong(write):
    notes = "\n".join(check(write((", served_by: ahu1", ""), (", serves: room1", ""))).notes)
    assert "control.mode is shadow" in notes
    assert "crac1.fan_speed_setpoint can be written but has no limit" in notes
    assert "zone1 has no served_by" in notes
    assert "crac1 serves no room" in notes
    assert "example-crac is an example" in notes


def test_the_host_by_name_is_this_machine_too(write):
    assert load(write(("127.0.0.1", "localhost"))).brokers["local"].password() is None
    [problem] = check(write(("127.0.0.1", "broker.example"))).problems
    assert "without credentials" in problem.found


def test_coils_and_holding_registers_are_counted_apart(write):
    coil = (
        "      ahu1.on_off_command: {register: 10, table: coil, type: bool, write: {register: 10, mode_register: 13}}\n"
    )
    path = write(
        ("      ahu1.on_off_command: {topic: ahu, set: {topic: ahu/set}}\n", ""),
        ("      zone1.zone_air_temperature:", f"{coil}      zone1.zone_air_temperature:"),
    )
    assert check(path).problems == []


def test_the_config_is_frozen(write):
    with pytest.raises(ValueError, match="frozen"):
        load(write()).control.mode = "full"


def test_the_sample_is_sound():
    config = load(SAMPLE)
    assert check(SAMPLE).problems == []
    assert set(config.envelope()) <= {spec.id for spec in config.points() if spec.writable}
    assert [ahu.zones for ahu in config.systems().ahus] == [("zone1", "zone2")]
    assert [crac.racks for crac in config.systems().cracs] == [2]
    assert config.control.mode == "shadow"
    assert config.upstream.share == "none"


def wire(device):
    """All but the times of its points, which `points()` compares, and the paths that have no default."""
    apart = {"poll_s", "fresh_s", "quality_path", "time_path"}
    return device.model_dump(exclude={"points": {"__all__": apart}})


def test_the_sample_is_sound_with_every_comment_opened(tmp_path):
    text, opened = COMMENTED.subn(r"\1", SAMPLE.read_text("utf-8"))
    assert opened >= 45
    assert not re.search(r"^\s*#:", text, re.MULTILINE)
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    told, bare = load(tmp_path / "site.yaml"), load(SAMPLE)
    assert check(tmp_path / "site.yaml").problems == []
    # What stands commented out is the default, so opening it changes nothing; but a few are the site's own.
    for section in ("clock", "schedule", "control", "limits", "upstream"):
        assert getattr(told, section) == getattr(bare, section)
    assert told.points() == bare.points()
    for name, device in bare.devices.items():
        assert wire(told.devices[name]) == wire(device)
    assert told.store.model_dump(exclude={"path"}) == bare.store.model_dump(exclude={"path"})
    assert told.systems().ahus == bare.systems().ahus


def test_it_loads_fast():
    load(SAMPLE)
    began_s = time.process_time()
    load(SAMPLE)
    assert time.process_time() - began_s < 0.3


def test_the_sample_holds_no_secret():
    assert os.environ.get("HUSHWATT_MQTT_PASSWORD") is None
    assert not re.search(r"^\s*password:", SAMPLE.read_text("utf-8"), re.MULTILINE)
