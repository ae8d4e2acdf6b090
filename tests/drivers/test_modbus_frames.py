"""Laws of framing: an answer is found however it is cut, and nothing but the answer is ever taken for it."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.modbus_frames import (
    LONGEST_RTU,
    BrokenStreamError,
    RtuFrames,
    TcpFrames,
    crc16,
    mask_request,
    read_request,
    write_read_request,
    write_request,
)
from simulator.wires.rtu import crc16 as their_crc16

WORD = st.integers(0, 0xFFFF)


def test_a_request_as_the_specification_prints_it():
    """Application protocol 1.1b3: the examples of clauses 6.3, 6.12, 6.16 and 6.17."""
    assert read_request("holding", 107, 3).pdu == bytes.fromhex("03 006B 0003")
    assert write_request(16, 1, [0x000A, 0x0102]).pdu == bytes.fromhex("10 0001 0002 04 000A 0102")
    assert write_request(15, 19, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]).pdu == bytes.fromhex("0F 0013 000A 02 CD01")
    assert mask_request(4, 0x00F2, 0x0025).pdu == bytes.fromhex("16 0004 00F2 0025")
    assert write_request(5, 172, [1]).pdu == bytes.fromhex("05 00AC FF00")
    assert write_read_request(14, [0xFF]).pdu == bytes.fromhex("17 000E 0001 000E 0001 02 00FF")


@given(st.binary(max_size=300))
def test_law_the_checksum_is_the_simulators(data):
    assert struct.unpack("<H", crc16(data))[0] == their_crc16(data)


@st.composite
def questions(draw):
    """A request, and an answer to it."""
    count, register = draw(st.integers(1, 60)), draw(st.integers(0, 0xFF00))
    words = draw(st.lists(WORD, min_size=count, max_size=count))
    kind = draw(st.sampled_from(["read", "bits", "one", "many", "mask", "both", "refused"]))
    if kind == "bits":
        request = read_request("coil", register, count)
        return request, request.head + draw(st.binary(min_size=request.head[1], max_size=request.head[1]))
    request = {
        "one": write_request(6, register, words[:1]),
        "many": write_request(16, register, words),
        "mask": mask_request(register, *words[:1] * 2),
        "both": write_read_request(register, words),
    }.get(kind, read_request("holding", register, count))
    if kind == "refused":
        return request, bytes([request.function | 0x80, draw(st.integers(1, 11))])
    data = struct.pack(f">{count}H", *words) if kind in ("read", "both") else b""
    return request, request.head + data


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges) if begin < end]


PLACES = st.lists(st.integers(0, 300), max_size=6)


def tcp_frame(transaction, unit, pdu, protocol=0):
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1, unit) + pdu


@given(questions(), st.integers(0, 255), PLACES, st.lists(st.tuples(WORD, st.integers(0, 255)), max_size=3))
def test_law_on_tcp_an_answer_is_found_among_strangers_however_it_is_cut(question, unit, places, others):
    frames, (request, answer) = TcpFrames(), question
    frames.ask(unit, request)
    strangers = [told for told in others if told != (1, unit)]
    stream = b"".join(tcp_frame(*told, b"\x03\x02\x00\x63") for told in strangers) + tcp_frame(1, unit, answer)
    heard = [frames.feed(part) for part in cut(stream, places)]
    assert [pdu for pdu in heard if pdu is not None] == [answer]
    assert frames.strangers == len(strangers) and request.is_answer(answer)


@given(questions(), st.integers(1, 247), PLACES, st.binary(max_size=4))
def test_law_on_rtu_an_answer_is_found_behind_noise_however_it_is_cut(question, unit, places, noise):
    frames, (request, answer) = RtuFrames(), question
    frames.ask(unit, request)
    told = bytes([unit]) + answer
    heard = [frames.feed(part) for part in cut(noise + told + crc16(told), places)]
    assert [pdu for pdu in heard if pdu is not None] == [answer]


@given(questions(), st.integers(1, 247), PLACES, st.data())
def test_law_on_rtu_a_changed_answer_is_none(question, unit, places, data):
    """CRC-16 finds each error burst of up to 16 bits."""
    frames, (request, answer) = RtuFrames(), question
    frames.ask(unit, request)
    told = bytes([unit]) + answer
    told = bytearray(told + crc16(told))
    place = data.draw(st.integers(0, len(told) - 1))
    told[place] ^= data.draw(st.integers(1, 255))
    heard = [frames.feed(part) for part in cut(bytes(told), places)]
    assert [pdu for pdu in heard if pdu is not None] == []


@given(questions(), st.lists(st.binary(max_size=700), max_size=20), st.booleans())
def test_law_floods_of_anything_are_bounded_and_end_in_an_answer_or_a_fault(question, floods, is_tcp):
    frames, (request, _) = TcpFrames() if is_tcp else RtuFrames(), question
    frames.ask(1, request)
    for flood in floods:
        try:
            answer = frames.feed(flood)
        except BrokenStreamError:
            continue
        assert answer is None or is_tcp or request.is_answer(answer)
        assert len(frames._buffer) <= max(2 * LONGEST_RTU, 260)


@pytest.mark.parametrize("told", [b"HTTP/1.1 400 Bad Request", tcp_frame(1, 1, b"\x03\x02\x00\x01", protocol=5)])
def test_another_protocol_is_told_at_once(told):
    frames = TcpFrames()
    frames.ask(1, read_request("holding", 0, 1))
    with pytest.raises(BrokenStreamError):
        frames.feed(told)


def test_two_answers_owed_on_tcp_are_told_apart():
    frames, request = TcpFrames(), read_request("holding", 0, 1)
    frames.ask(1, request)
    frames.give_up()
    frames.ask(1, request)
    assert frames.feed(tcp_frame(1, 1, b"\x03\x02\x00\x63")) is None
    assert frames.feed(tcp_frame(2, 1, b"\x03\x02\x00\x07")) == b"\x03\x02\x00\x07"
