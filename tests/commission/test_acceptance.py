"""The report of a site: nothing that is missing is hidden, and nothing is written but what was asked for by name."""

import asyncio
import re
from html.parser import HTMLParser

import pytest

from agent.commission.document import Document, Part
from agent.store.reader import open_reader

SETPOINT = "crac1.supply_air_temperature_setpoint"


@pytest.fixture
async def site(serve, shelf, write_site):
    """A CRAC in order, a room controller with a dead CO2 sensor and a mad temperature, a meter that is not there."""
    crac = {"discrete": {0: 1}, "input": dict(enumerate([180, 290, 180, 800, 800, 200, 500, 700, 0, 60000])),
            "holding": {10: 0, 11: 0, 12: 0, 13: 0}}  # fmt: skip
    room = {"input": {0: 14000, 1: 412, 2: 0xFFFF, 3: 2, 4: 2000, 5: 2500}}
    bank = shelf({1: crac, 2: room})
    port = (await serve(bank)).port
    place = {"driver": "modbus", "host": "127.0.0.1", "port": port, "timeout_s": 0.3}
    path = write_site(
        equipment={"crac1": {"kind": "crac"}, "zone1": {"kind": "zone"}, "meter1": {"kind": "meter"}},
        devices={
            "cooling": {**place, "template": "example-crac", "equipment": "crac1"},
            "room": {**place, "unit": 2, "template": "example-zone-controller", "equipment": "zone1"},
            "meter": {**place, "unit": 3, "template": "eastron-sdm120", "equipment": "meter1"},
        },
        limits={
            SETPOINT: {
                "low": 17,
                "high": 24,
                "step": 1,
                "needs": ["crac1.return_air_temperature"],
                "source": "its sheet",
            }
        },
    )
    return path, bank


def part(report, heading):
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", report, re.MULTILINE | re.DOTALL)[1]


async def test_what_is_missing_is_told_first_and_ends_it_with_1(site, hushwatt):
    path, bank = site
    code, report, complaints = await hushwatt("acceptance", path)
    assert code == 1, complaints
    result = part(report, "Result")
    assert "NOT ALL WELL" in result and "2 of 3 devices answered: silent are meter" in result
    assert "11 missing" in result and "1 bad" in result and "1 good points have a value of an unusual size" in result
    wrong = part(report, "Not well")
    assert "meter1.electric_power | meter | MISSING: meter, unit 3" in wrong
    assert "zone1.co2_level | room | BAD" in wrong
    assert "zone1.zone_air_temperature | room | unusual: 5 to 45 degC are expected | 140" in wrong
    assert "crac1." not in wrong, "what is well is not told here"
    assert not bank.written


async def test_every_point_and_device_stands_in_it(site, hushwatt):
    report = (await hushwatt("acceptance", site[0]))[1]
    rows = [row for row in part(report, "Points").splitlines() if row.startswith("| ") and "." in row]
    assert len(rows) == 10 + 6 + 11
    assert f"| {SETPOINT} | 18 | degC | GOOD | 0 | yes | 17 to 24 | relinquish | its sheet |" in rows
    devices = part(report, "Devices")
    assert "example-crac (an example, no product)" in devices and f":{bank_port(report)} unit 3" in devices
    assert "None was asked for" in part(report, "Write tests")
    assert "NOTHING STORED YET" in part(report, "Store") and "NONE: nothing leaves" in part(report, "Upstream")
    assert re.search(r"SHA-256 [0-9a-f]{64}", part(report, "Config")) and "UTC" not in part(report, "Clock")
    assert "for the installer" in part(report, "Accepted")


def bank_port(report):
    return re.search(r"127\.0\.0\.1:(\d+) unit 3", report)[1]


async def test_a_write_test_goes_through_the_gate_and_lets_go(site, hushwatt):
    """21 is wished, the step allows 19; it is written, read back, released, and the journal knows."""
    path, bank = site

    async def obey():
        """The machine shows what is written while its mode says so."""
        while True:
            holding = bank.units[1]["holding"]
            bank.units[1]["input"][2] = holding[10] if holding[11] else 180
            await asyncio.sleep(0.01)

    machine = asyncio.ensure_future(obey())
    try:
        code, report, complaints = await hushwatt("acceptance", path, "--write-test", f"{SETPOINT}=21")
    finally:
        machine.cancel()
    assert code == 1, complaints  # The meter is still silent.
    tests = part(report, "Write tests")
    assert f"| {SETPOINT} | 18 | 21 | clip 19 (step) | confirmed | 19 | confirmed" in tests
    assert "1 of 1 write tests were confirmed and let go" in part(report, "Result")
    assert [(at, values) for _, _, at, values in bank.written] == [(10, [190, 1]), (11, [0])]
    with open_reader(path.parent / "data" / "hushwatt.db") as reader:
        told = [entry.text for entry in reader.entries(subject=SETPOINT)]
    assert any("write test" in text for text in told) and any("let go: confirmed" in text for text in told)


async def test_what_the_gate_refuses_is_not_written(site, hushwatt):
    path, bank = site
    bank.units[1]["input"][1] = 0x8000  # The return air that the limit needs is gone.
    report = (await hushwatt("acceptance", path, "--write-test", f"{SETPOINT}=19"))[1]
    assert "refuse (blind) | not written" in part(report, "Write tests")
    assert not bank.written


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("crac1.fan_speed_setpoint=50", "wanted a point with a limit: " + SETPOINT),
        (f"{SETPOINT[:-1]}=20", f"did you mean `{SETPOINT}`?"),
        (f"{SETPOINT}=warm", f"wanted a number, such as {SETPOINT}=21.5"),
    ],
)
async def test_a_wish_that_is_none_is_told_before_anything_is_asked(told, said, site, hushwatt):
    path, bank = site
    code, _, complaints = await hushwatt("acceptance", path, "--write-test", told)
    assert code == 2 and said in complaints
    assert not bank.requests and not bank.written


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.cells = [], 0

    def handle_starttag(self, tag, attrs):
        self.cells += tag == "td"
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


async def test_as_html_in_a_file(site, hushwatt, tmp_path):
    code, out, _ = await hushwatt("acceptance", site[0], "--out", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert code == 1 and out == "" and text.startswith("<!doctype html>")
    tags = Tags()
    tags.feed(text)
    assert not tags.open and tags.cells > 24 * 9


def test_a_name_cannot_break_the_page():
    document = Document(title="a<b", parts=[Part(heading="x", columns=("a|b",), rows=(("<script>|",),))])
    assert "<script>" not in document.html() and "a&lt;b" in document.html()
    assert document.markdown().splitlines()[-1] == "| <script>\\| |"
