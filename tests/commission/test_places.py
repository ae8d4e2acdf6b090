"""What people type: each form is understood, each slip told with what was wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.commission.places import MOST_HOSTS, hosts_of, numbers_of, span_of
from agent.commission.target import PLACE
from agent.core.errors import ConfigError


def test_hosts_and_networks():
    assert hosts_of(["plc", "10.0.0.8/30", "plc"]) == ["plc", "10.0.0.9", "10.0.0.10"]
    assert hosts_of(["10.0.0.7/32"]) == ["10.0.0.7"]
    assert len(hosts_of(["10.0.0.0/24"])) == 254


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([], "at least one host"),
        (["10.0.0.0/23"], "512 addresses"),
        (["10.0.0.0/24", "10.0.1.0/24"], f"more than {MOST_HOSTS} addresses"),
        (["10.0.0/24/3"], "wanted a network such as"),
        (["::/0"], "at a time at most"),
    ],
)
def test_hosts_that_are_none_or_too_many(told, said):
    with pytest.raises(ConfigError, match=said):
        hosts_of(told)


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=5))
def test_every_number_of_every_range_is_meant_once(pairs):
    ranges = [(min(pair), max(pair)) for pair in pairs]
    numbers = numbers_of(",".join(f"{low}-{high}" for low, high in ranges), "--units", 0, 255)
    assert len(numbers) == len(set(numbers))
    assert set(numbers) == {number for low, high in ranges for number in range(low, high + 1)}


@pytest.mark.parametrize("text", ["", "a", "1-", "-3", "3-1", "1,,2", "256", "1.5", "0x10"])
def test_numbers_that_are_none(text):
    with pytest.raises(ConfigError, match="--units"):
        numbers_of(text, "--units", 0, 255)


def test_a_span_is_one_and_bounded():
    assert span_of("0-40") == (0, 40) and span_of("7") == (7, 7)
    for text, said in [("0-4,9", "one range"), ("0-5000", "5001 registers"), ("70000", "range upwards")]:
        with pytest.raises(ConfigError, match=said):
            span_of(text)


def test_a_place_has_a_unit():
    assert PLACE.fullmatch("10.0.0.9:1502/17").group("host", "port", "unit") == ("10.0.0.9", "1502", "17")
    assert PLACE.fullmatch("/dev/ttyUSB0/3").group("path", "unit") == ("/dev/ttyUSB0", "3")
    assert PLACE.fullmatch("plc/1")["port"] is None
    assert not PLACE.fullmatch("cooling") and not PLACE.fullmatch("10.0.0.9")
