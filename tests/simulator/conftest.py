"""A real broker on a free port."""

import pytest

from simulator.wires.broker import Broker


@pytest.fixture
async def broker(tmp_path):
    broker = Broker(tmp_path / "broker")
    await broker.start()
    yield broker
    broker.kill()
