"""Whether Modbus devices fit their lines, and their points the registers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent.config.devices import ModbusDevice
from agent.config.lines import Finding
from agent.config.model import SiteConfig
from agent.config.points import WIDTHS, IdentityEntry, ModbusEntry

LAST_REGISTER = 65535
RAW = {
    "bool": (0, 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "bcd16": (0, 9999),
    "bcd32": (0, 99_999_999),
}
"""Least and most that a register type holds."""
LAST_UNIT = 247
"""On a serial line ("MODBUS over Serial Line v1.02", clause 2.2)."""
SERIAL = ("baud", "parity", "stop_bits")
COIL_FUNCTIONS, WORD_FUNCTIONS, BIT_FUNCTIONS = (5, 15), (6, 16, 23), (6, 16, 22, 23)
"""What may write a coil, whole registers, and bits of a register."""


def register_findings(config: SiteConfig) -> Iterator[Finding]:
    """Every mistake about lines and registers."""
    yield from _lines(config)
    yield from _alike(config)
    for where, _, entry in _modbus(config):
        yield from _types(where, entry)
        yield from _functions(where, entry)
    yield from _shared_registers(config)
    yield from _releases(config)
    yield from _carried(config)


def _modbus(config: SiteConfig) -> Iterator[tuple[tuple[str, ...], ModbusDevice, ModbusEntry]]:
    for name, device in _devices(config):
        for point, entry in device.points.items():
            yield ("devices", name, "points", point), device, entry


def _devices(config: SiteConfig) -> Iterator[tuple[str, ModbusDevice]]:
    for name, device in config.devices.items():
        if isinstance(device, ModbusDevice):
            yield name, device


def _lines(config: SiteConfig) -> Iterator[Finding]:
    for name, device in _devices(config):
        where = ("devices", name)
        if device.host is None and device.serial is None:
            yield (
                where,
                "neither host nor serial",
                "`host:` of the device or its gateway, or `serial:` with a port",
                None,
            )
        elif device.host is not None and device.serial is not None:
            yield (*where, "serial"), "host beside it", "one of the two", None
        for key in ("port", "framing", "tls") if device.serial is not None else SERIAL:
            if key in device.model_fields_set and (key != "tls" or device.tls is not None):
                kind = "a serial port" if device.serial is not None else "a host"
                yield (*where, key), f"`{key}` of {kind}", f"it with {'a host' if device.serial else '`serial:`'}", None
        if (device.serial is not None or device.framing == "rtu") and not 1 <= device.unit <= LAST_UNIT:
            yield (*where, "unit"), str(device.unit), f"1 to {LAST_UNIT}, as units of a serial line have", None
        if device.tls is not None and device.framing == "rtu":
            yield (*where, "framing"), "rtu with tls", "tcp: Modbus Security has no other frames", None
        if device.tls is not None and device.tls.key_file is not None and device.tls.cert_file is None:
            yield (*where, "tls", "key_file"), "no cert_file beside it", "the certificate of this key", None
        for key, entry in device.identity.items():
            yield from _fits((*where, "identity", key), identity_width(entry), entry.register_, entry.type)


def identity_width(entry: IdentityEntry) -> int:
    """Registers that it takes."""
    return entry.registers if entry.type == "text" else WIDTHS.get(entry.type, 1)


def _alike(config: SiteConfig) -> Iterator[Finding]:
    """A line has one speed and one kind of frames, whoever is on it."""
    first: dict[tuple[object, ...], tuple[str, ModbusDevice]] = {}
    for name, device in _devices(config):
        other, known = first.setdefault(device.line, (name, device))
        for key in (*SERIAL, "framing", "tls"):
            if getattr(device, key) != getattr(known, key):
                found = f"another {key} than device {other} on the same line"
                yield ("devices", name, key), found, f"the same {key} for all of one line", None


def _fits(where: Sequence[str], width: int, register: int, kind: str) -> Iterator[Finding]:
    if register + width - 1 > LAST_REGISTER:
        yield (
            (*where, "register"),
            f"{kind} from register {register}",
            f"an end at register {LAST_REGISTER} at most",
            None,
        )


def _types(where: tuple[str, ...], entry: ModbusEntry) -> Iterator[Finding]:
    is_coil = entry.table in ("coil", "discrete")
    if is_coil and "type" in entry.model_fields_set and entry.type != "bool":
        yield (*where, "type"), f"`{entry.type}` in table {entry.table}", "bool: this table holds single bits", None
    yield from _fits(where, 1 if is_coil else WIDTHS.get(entry.type, 1), entry.register_, entry.type)
    if entry.bit is None:
        if "bits" in entry.model_fields_set:
            yield (*where, "bits"), "no bit beside it", "`bit:` with the field's lowest bit", None
    elif is_coil:
        yield (*where, "bit"), f"`bit` in table {entry.table}", "a table of registers, holding or input", None
    elif entry.type not in ("int16", "uint16", "bool"):
        yield (*where, "bit"), f"a bit of {entry.type}", "the one register of 16 bits that holds it", None
    elif entry.bit + entry.bits > 16:
        found = f"bits {entry.bit} to {entry.bit + entry.bits - 1}"
        yield (*where, "bits"), found, "a field within one register, whose last bit is 15", None


def _functions(where: tuple[str, ...], entry: ModbusEntry) -> Iterator[Finding]:
    write = entry.write
    if write is None:
        return
    known = COIL_FUNCTIONS if _is_coil(entry) else BIT_FUNCTIONS if _bit(entry) is not None else WORD_FUNCTIONS
    width = 1 if _is_coil(entry) else WIDTHS.get(write.type or entry.type, 1)
    fitting = [function for function in known if function != 6 or width == 1]
    if write.function is not None and write.function not in fitting:
        wanted = f"one of {', '.join(map(str, fitting))}, or nothing: it follows from the type"
        yield (*where, "write", "function"), str(write.function), wanted, None
    if write.bit is not None and write.bit + entry.bits > 16:
        found = f"bits {write.bit} to {write.bit + entry.bits - 1}"
        yield (*where, "write", "bit"), found, "a field within one register, whose last bit is 15", None
    if not _is_coil(entry):
        yield from _fits((*where, "write"), width, write.register_, write.type or entry.type)


def _is_coil(entry: ModbusEntry) -> bool:
    return entry.write is not None and (entry.write.table or entry.table) == "coil"


def _bit(entry: ModbusEntry) -> int | None:
    """The lowest bit that a write changes, where it changes less than a register."""
    if entry.write is None or _is_coil(entry):
        return None
    return entry.bit if entry.write.bit is None else entry.write.bit


def _shared_registers(config: SiteConfig) -> Iterator[Finding]:
    """A device may be told under two names, so its line and unit say which one it is."""
    taken: dict[tuple[object, ...], str] = {}
    for where, device, entry in _modbus(config):
        told = set()
        for table, register, bit in _written(entry):
            key = (*device.line, device.unit, table, register, bit)
            if key in taken and taken[key] not in told:
                told.add(taken[key])
                wanted = f"a register of its own; {taken[key]} writes this one"
                yield (*where, "write"), f"register {register}", wanted, None
            taken.setdefault(key, where[-1])


def _written(entry: ModbusEntry) -> list[tuple[str, int, int]]:
    """Every (table, register, bit) that a write changes."""
    write = entry.write
    if write is None:
        return []
    bit = _bit(entry)
    if _is_coil(entry):
        places = [("coil", write.register_, 0)]
    elif bit is not None:
        places = [("holding", write.register_, bit + step) for step in range(entry.bits)]
    else:
        places = _whole(write.register_, WIDTHS.get(write.type or entry.type, 1))
    return places if write.mode_register is None else [*places, *_whole(write.mode_register, 1)]


def _whole(register: int, width: int) -> list[tuple[str, int, int]]:
    return [("holding", register + step, bit) for step in range(width) for bit in range(16)]


def _releases(config: SiteConfig) -> Iterator[Finding]:
    for where, _, entry in _modbus(config):
        limit = config.limits.get(where[-1])
        if limit is None or entry.write is None or entry.write.mode_register is not None:
            continue
        if limit.release == "relinquish":
            found = "relinquish, but no mode_register by which the device takes its point back"
            yield ("limits", where[-1], "release"), found, "a value within low..high, or a mode_register", None


def _carried(config: SiteConfig) -> Iterator[Finding]:
    """A limit's ends must fit into what is written: else the device gets nothing, or the driver refuses each time."""
    for where, _, entry in _modbus(config):
        limit, write = config.limits.get(where[-1]), entry.write
        if limit is None or write is None:
            continue
        kind: str = "bool" if _is_coil(entry) else write.type or entry.type
        scale = 1.0 if _is_coil(entry) else entry.scale if write.scale is None else write.scale
        if _bit(entry) is not None:
            kind, ends = f"{entry.bits} bits", (0, 2**entry.bits - 1)
        elif kind in RAW:
            ends = RAW[kind]
        else:
            continue
        low, high = sorted(raw * scale + entry.offset for raw in ends)
        for key, value in (("low", limit.low), ("high", limit.high)):
            if not low <= value <= high:
                wanted = f"what {kind} x {scale:g} can carry, {low:g}..{high:g}"
                yield ("limits", where[-1], key), f"{value:g}", wanted, None
