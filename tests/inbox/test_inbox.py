"""The inbox: taken once, answered each time, and never more than a proposal."""

import asyncio
import base64
import hashlib
import json

import pytest

from agent.control import arbiter
from agent.core.clock import Instant
from agent.core.command import Proposal
from agent.core.errors import StoreError
from agent.core.points import Kind, PointSpec, PointTable
from agent.inbox.inbox import MOST_A_MINUTE, MOST_OFFERS, Inbox, WithWishes
from agent.runtime.loops import SteeredLoop
from agent.store.store import Store

START = 1_750_000_000.0
POINT = "zone1.zone_air_cooling_temperature_setpoint"
TABLE = PointTable(
    [
        PointSpec(id=name, unit="degC", kind=kind, poll_s=60.0, fresh_s=300.0, writable=kind is Kind.SETPOINT)
        for name, kind in ((POINT, Kind.SETPOINT), ("zone1.zone_air_temperature", Kind.SENSOR))
    ]
)


def wish(**change):
    told = {"id": "wish-0001", "kind": "setpoint", "expires_unix_s": START + 3600, "point": POINT, "value": 25.5}
    return json.dumps({key: value for key, value in (told | {"reason": "peak"} | change).items() if value is not ...})


def offer(body=b"x: 1\n", **change):
    told = {
        "id": "offer-0001",
        "kind": "config",
        "expires_unix_s": START + 3600,
        "name": "site.yaml",
        "body": base64.b64encode(body).decode(),
        "sha256": hashlib.sha256(body).hexdigest(),
        "reason": "a new limit",
    }
    return json.dumps(told | change)


class Gate:
    """An inbox on a real store in virtual time."""

    def __init__(self, folder):
        self.folder = folder
        self.loop = SteeredLoop(start_unix_s=START)

    def play(self, story):
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            return runner.run(self._play(story))

    async def _play(self, story):
        self.clock = self.loop.clock()
        self.store = await Store.open(self.folder / "s.db", TABLE, self.clock)
        self.inbox = Inbox(TABLE, self.store, self.clock, self.folder / "offers")
        try:
            await story()
        finally:
            await self.store.close()

    async def ask(self, payload):
        told = json.loads(await self.inbox.take(payload.encode() if isinstance(payload, str) else payload))
        return told["answer"], told["id"], [(p["place"], p["found"], p["wanted"]) for p in told["problems"]]


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path)


def test_a_wish_becomes_a_proposal_until_it_expires(gate):
    async def story():
        assert await gate.ask(wish()) == ("taken", "wish-0001", [])
        [proposal] = gate.inbox.wishes(gate.clock.read())
        assert (proposal.point, proposal.value, proposal.source) == (POINT, 25.5, "upstream")
        assert proposal.until_mono_s == gate.clock.read().mono_s + 3600
        await asyncio.sleep(3601)
        assert gate.inbox.wishes(gate.clock.read()) == []

    gate.play(story)


def test_the_same_id_is_taken_once_in_this_life_and_the_next(gate, tmp_path):
    async def first():
        assert (await gate.ask(wish()))[0] == "taken"
        answer, _, [(place, found, _)] = await gate.ask(wish())
        assert (answer, place) == ("refused", "id")
        assert found.startswith("`wish-0001`, which was taken at 2025-")

    gate.play(first)
    again = Gate(tmp_path)

    async def second():
        assert again.inbox.wishes(again.clock.read()) == []
        assert (await again.ask(wish()))[0] == "refused"
        assert (await again.ask(wish(id="wish-0002")))[0] == "taken"

    again.play(second)


def test_two_at_the_same_moment_are_once(gate):
    async def story():
        answers = await asyncio.gather(*(gate.ask(wish()) for _ in range(5)))
        assert sorted(answer for answer, *_ in answers) == ["refused"] * 4 + ["taken"]

    gate.play(story)


WRONG = {
    "no JSON": (b"\xff", "all of it"),
    "a list": ("[]", "all of it"),
    "deep": ("[" * 100_000, "all of it"),
    "no id": (wish(id=...), "id"),
    "a short id": (wish(id="x"), "id"),
    "an id that is a path": (wish(id="../../etc/passwd"), "id"),
    "an unknown kind": (wish(kind="order"), "kind"),
    "an unknown key": (wish(force=True), "force"),
    "expired": (wish(expires_unix_s=START), "expires_unix_s"),
    "for ever": (wish(expires_unix_s=START + 10**7), "expires_unix_s"),
    "an expiry in words": (wish(expires_unix_s="tomorrow"), "expires_unix_s"),
    "a sensor": (wish(point="zone1.zone_air_temperature"), "point"),
    "an unknown point": (wish(point="zone1.zone_air_cooling_temperature_setpiont"), "point"),
    "no value": (wish(value=None), "value"),
    "a switch": (wish(value=True), "value"),
    "infinite": (wish(value=float("inf")), "value"),
    "no reason": (wish(reason=""), "reason"),
    "another body": (offer(sha256="0" * 64), "sha256"),
    "a path as a name": (offer(name="../site.yaml"), "name"),
    "no body": (offer(body=b""), "body"),
}


@pytest.mark.parametrize(("payload", "place"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_answered_with_place_found_and_wanted(gate, payload, place):
    async def story():
        answer, _, problems = await gate.ask(payload)
        assert answer == "refused"
        assert [told[0] for told in problems] == [place]
        assert all(found and wanted for _, found, wanted in problems)
        assert gate.inbox.wishes(gate.clock.read()) == []
        assert await gate.store.entries(kind="inbox") == []

    gate.play(story)


def test_every_mistake_is_told_and_the_nearest_name(gate):
    async def story():
        told = json.loads(await gate.inbox.take(wish(id="x", point=POINT + "s", value="hot").encode()))
        assert [problem["place"] for problem in told["problems"]] == ["id", "point", "value"]
        assert told["problems"][1]["nearest"] == POINT

    gate.play(story)


def test_an_offer_waits_as_a_file_for_a_person(gate, tmp_path):
    async def story():
        assert (await gate.ask(offer()))[0] == "taken"
        [path] = (tmp_path / "offers").iterdir()
        assert path.name == "config-offer-0001-site.yaml"
        assert path.read_bytes() == b"x: 1\n"
        for number in range(2, MOST_OFFERS + 1):
            assert (await gate.ask(offer(id=f"offer-{number:04}")))[0] == "taken"
        assert (await gate.ask(offer(id="offer-9999")))[0] == "refused"

    gate.play(story)


def test_a_flood_is_refused_unread(gate):
    async def story():
        for number in range(MOST_A_MINUTE):
            assert (await gate.ask(wish(id=f"wish-{number:04}")))[0] == "taken"
        assert (await gate.ask(wish(id="wish-9999")))[0] == "refused"
        await asyncio.sleep(61)
        assert (await gate.ask(wish(id="wish-9999")))[0] == "taken"

    gate.play(story)


def test_what_cannot_be_remembered_is_not_taken(gate):
    async def story():
        async def fail():
            raise StoreError("disk full")

        gate.store.flush = fail
        assert (await gate.ask(wish()))[0] == "refused"
        assert gate.inbox.wishes(gate.clock.read()) == []
        del gate.store.flush

    gate.play(story)


def test_a_gateway_that_does_not_know_the_time_takes_nothing(gate):
    async def story():
        gate.inbox._clock = type("Unset", (), {"read": lambda self: Instant(unix_s=9.0, mono_s=9.0, is_set=False)})()
        answer, _, [(place, found, _)] = await gate.ask(wish())
        assert (answer, place) == ("refused", "expires_unix_s")
        assert "clock is not set" in found

    gate.play(story)


def test_upstream_outranks_the_planner_and_not_a_person_at_the_site(gate):
    def proposal(source, value):
        return Proposal(point=POINT, value=value, source=source, reason="r", until_mono_s=1e12)

    class Planner:
        name = "planner"

        def propose(self, features, now):
            return [proposal("planner", 22.0)]

    async def story():
        await gate.ask(wish())
        wishes = WithWishes(Planner(), gate.inbox).propose(None, gate.clock.read())
        assert [chosen.value for chosen in arbiter.choose(wishes)] == [25.5]
        assert [chosen.value for chosen in arbiter.choose([*wishes, proposal("operator", 24.0)])] == [24.0]

    gate.play(story)
