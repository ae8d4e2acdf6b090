"""A site of one device that a template makes, and wires on loopback for it."""

import asyncio
import random
import socket
from contextlib import suppress

import pytest
from ruamel.yaml import YAML

from agent.equipment.templates import template
from simulator.wires.broker import Broker


def make_site(folder, name, *, port=502, **device):
    """The file of a site whose only device is this product's, on loopback."""
    product = template(name)
    place = {"broker": "local"} if product["driver"] == "mqtt" else {"host": "127.0.0.1", "port": port}
    asked = {"with": {key: f"the-{key}" for key in product["asks"]}} if "asks" in product else {}
    own = {"driver": product["driver"], "template": name, "equipment": "machine"}
    told = {
        "version": 1,
        "site": {"name": "house", "gateway": "gateway1"},
        "brokers": {"local": {"host": "127.0.0.1", "port": port}},
        "equipment": {"machine": {"kind": product["kind"]}},
        "devices": {"device": own | place | asked | device},
    }
    path = folder / "site.yaml"
    YAML().dump(told, path)
    return path


@pytest.fixture
def site(tmp_path):
    return lambda name, **device: make_site(tmp_path, name, **device)


class Book(list):
    def write(self, entry):
        self.append(entry.text)


@pytest.fixture
def book():
    return Book()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    for port in random.sample(range(20_000, 32_000), 50):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            break
    broker = Broker(tmp_path_factory.mktemp("broker"), port=port)
    asyncio.run(broker.start())
    yield broker
    broker.kill()
