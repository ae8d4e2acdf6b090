"""Time that is not the wall's: the same story each run, and real work holds it still."""

import asyncio
import time

import pytest

from agent.core.clock import wall_s
from agent.runtime.loops import ScaledLoop, SteeredLoop

START = 1_750_000_000.0


def run(loop, main):
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)


def test_a_virtual_day_takes_no_time_and_timers_come_in_order():
    loop = SteeredLoop(start_unix_s=START)
    seen = []

    async def beat(name, every_s, times):
        for _ in range(times):
            await asyncio.sleep(every_s)
            seen.append((loop.time() - START, name))

    async def main():
        await asyncio.gather(beat("minute", 60.0, 1440), beat("hour", 3600.0, 24))

    began = wall_s()
    run(loop, main())
    assert wall_s() - began < 5
    assert seen == sorted(seen, key=lambda row: row[0])
    assert len(seen) == 1464
    assert seen[-1][0] == 86400.0


def test_time_stands_still_while_a_thread_works():
    loop = SteeredLoop(start_unix_s=START)

    async def main():
        other = asyncio.ensure_future(asyncio.sleep(3600))
        soon = asyncio.ensure_future(asyncio.sleep(0.01))
        await asyncio.to_thread(time.sleep, 0.05)
        assert not other.done() and not soon.done()
        assert loop.time() == START
        await other
        assert loop.time() == START + 3600

    run(loop, main())


def test_held_time_stands_still_and_its_timers_run_on_the_wall():
    loop = SteeredLoop(start_unix_s=START)

    async def main():
        began = wall_s()
        with loop.hold():
            await asyncio.sleep(0.05)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await asyncio.Event().wait()
        assert wall_s() - began >= 0.1
        assert loop.time() == START

    run(loop, main())


def test_a_held_loop_still_serves_real_sockets():
    loop = SteeredLoop(start_unix_s=START)

    async def echo(reader, writer):
        writer.write(await reader.readexactly(5))
        await writer.drain()
        writer.close()

    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with loop.hold():
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"quiet")
            assert await reader.readexactly(5) == b"quiet"
            writer.close()
        server.close()
        assert loop.time() == START

    run(loop, main())


def test_lockstep_stops_at_the_horizon_and_tells_once():
    loop = SteeredLoop(start_unix_s=START, horizon_unix_s=START)
    seen = []

    async def ticks():
        while True:
            await asyncio.sleep(60)
            seen.append(loop.time() - START)

    async def main():
        idle = asyncio.Event()
        loop.on_idle = idle.set
        task = asyncio.ensure_future(ticks())
        for step in range(1, 4):
            loop.extend(START + 300 * step)
            await idle.wait()
            idle.clear()
            assert loop.time() == START + 300 * step
            assert len(seen) == 5 * step
        task.cancel()

    run(loop, main())


def test_scaled_time_runs_faster_than_the_wall():
    loop = ScaledLoop(speed=1000.0, start_unix_s=START)

    async def main():
        began = wall_s()
        await asyncio.sleep(100)
        took_s = wall_s() - began
        assert 0.09 < took_s < 5
        assert loop.clock().read().unix_s >= START + 100
        assert loop.clock().io_s(2.0) == 2000.0

    run(loop, main())


def test_timers_on_the_wall_neither_wait_for_the_plant_nor_move_its_time():
    loop = SteeredLoop(start_unix_s=START, horizon_unix_s=START)
    clock = loop.clock()

    async def main():
        began = wall_s()
        with clock.on_wall():
            await asyncio.sleep(0.05)
            task = asyncio.ensure_future(asyncio.sleep(0.05))
        await task
        assert 0.1 <= wall_s() - began < 5
        assert loop.time() == START
        with clock.on_wall(), pytest.raises(TimeoutError):
            async with asyncio.timeout(None), asyncio.timeout_at(loop.time()):
                await asyncio.sleep(9)

    run(loop, main())


def test_tasks_begun_from_a_thread_on_the_wall_are_on_the_wall():
    loop = SteeredLoop(start_unix_s=START, horizon_unix_s=START)
    done = []

    async def beat():
        await asyncio.sleep(0.02)
        done.append(loop.time())

    async def main():
        with loop.clock().on_wall():
            await loop.run_in_executor(None, lambda: loop.call_soon_threadsafe(lambda: loop.create_task(beat())))
            await asyncio.sleep(0.2)
        assert done == [START]

    run(loop, main())
