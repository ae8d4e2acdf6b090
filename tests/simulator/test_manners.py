"""How a device misbehaves: what comes back, and whether the request was carried out all the same."""

import random
import struct

import pytest

from agent.core.errors import ConfigError
from simulator.faults import Fault, kinds_of
from simulator.wires.manners import PLAIN, Manners, Reply, garble
from simulator.wires.modbus_pdu import Refused

DEVICES = {"meters": 2, "plant": 3, "telemetry": 0}
READ = struct.pack(">BHH", 3, 0, 2)
WRITE = struct.pack(">BHH", 6, 1, 77)
HEAD = 3


class Memory:
    """Two registers."""

    def __init__(self):
        self.words = [5, 6]

    def has_unit(self, unit):
        return True

    def read(self, unit, table, address, count):
        return self.words[address : address + count]

    def write(self, unit, table, address, values):
        if address > 1:
            raise Refused(2)
        self.words[address : address + len(values)] = values


def line(pdu):
    return b"<" + pdu + b">"


def manners(*kinds, where=("plant",), at_s=0.0, size=1.0, **more):
    faults = [Fault(kind=kind, where=where, from_unix_s=0.0, to_unix_s=10.0, size=size) for kind in kinds]
    told = Manners(DEVICES, faults=faults, **more)
    told.look(at_s)
    return told


SOUND = Reply(line(b"\x03\x04\0\x05\0\x06"))
STORIES = [  # kind, size, what comes back of a read, whether a write is done
    ("late", 2.5, SOUND._replace(delay_s=2.5), True),
    ("silent", 0.0, Reply(b""), True),
    ("cut", 0.0, Reply(b"", is_cut=True), False),
    ("reboot", 0.0, Reply(b""), False),
    ("exception", 6.0, Reply(line(b"\x83\x06")), False),
]


@pytest.mark.parametrize(("kind", "size", "reply", "is_done"), STORIES)
def test_what_comes_back_and_what_is_done(kind, size, reply, is_done):
    bank = Memory()
    assert manners(kind, size=size).answer(bank, 3, READ, line) == reply
    manners(kind, size=size).answer(bank, 3, WRITE, line)
    assert (bank.words[1] == 77) is is_done


@pytest.mark.parametrize("kind", kinds_of("wire"))
def test_only_while_it_is_on_and_only_where_it_strikes(kind):
    assert manners(kind, at_s=10.0).answer(Memory(), 3, READ, line) == SOUND
    assert manners(kind).answer(Memory(), 2, READ, line) == SOUND
    assert manners(kind).answer(Memory(), 3, READ, line) != SOUND
    assert manners(kind, where=()).answer(Memory(), 2, READ, line) != SOUND, "no name: every device"


def test_a_half_answer_is_a_beginning_of_the_true_one():
    for seed in range(30):
        half = manners("half-answered", seed=seed).answer(Memory(), 3, READ, line).frame
        assert 0 < len(half) < len(SOUND.frame) and SOUND.frame.startswith(half)


@pytest.mark.parametrize("head", [HEAD, None])
def test_a_garbled_answer_has_one_wrong_byte_where_the_line_says(head):
    wrong = set()
    for seed in range(60):
        told = manners("garbled", seed=seed).answer(Memory(), 3, READ, line, head).frame
        assert len(told) == len(SOUND.frame)
        places = [place for place, (is_, was) in enumerate(zip(told, SOUND.frame, strict=True)) if is_ != was]
        assert len(places) == 1
        wrong |= set(places)
    assert wrong == set(range(HEAD if head else len(SOUND.frame)))


def test_a_share_is_a_share_and_the_dice_are_the_devices_own():
    def story(seed, others):
        told = manners("garbled", where=("plant", "meters"), size=0.3, seed=seed)
        replies = []
        for _ in range(1000):
            replies.append(told.answer(Memory(), 3, READ, line))
            for _ in range(others):
                told.answer(Memory(), 2, READ, line)
        return replies

    first = story(1, others=0)
    assert 230 < sum(reply != SOUND for reply in first) < 370
    assert first == story(1, others=2)
    assert first != story(2, others=0)


def test_every_answer_takes_its_time_without_any_fault():
    def delays(seed):
        told = manners(latency_ms=20.0, jitter_ms=10.0, seed=seed)
        return [told.answer(Memory(), 3, READ, line).delay_s for _ in range(200)]

    assert 0.020 <= min(delays(1)) < 0.022 and 0.028 < max(delays(1)) <= 0.030
    assert delays(1) == delays(1) != delays(2)
    assert manners("late", latency_ms=20.0).answer(Memory(), 3, READ, line).delay_s == pytest.approx(1.02)


def test_plain_manners_are_no_manners():
    assert PLAIN.is_plain and not PLAIN.all_cut
    assert PLAIN.answer(Memory(), 9, READ, line) == SOUND


def test_all_cut_means_every_unit_that_a_line_has():
    assert manners("cut", where=()).all_cut
    assert manners("cut", where=("meters", "plant")).all_cut
    assert not manners("cut").all_cut


def test_an_unknown_device_is_told():
    with pytest.raises(ConfigError, match="did you mean `meters`"):
        manners("late", where=("meter",))


def test_garbling_never_gives_the_same_byte():
    dice = random.Random(3)
    assert all(garble(b"a", None, dice) != b"a" for _ in range(300))
