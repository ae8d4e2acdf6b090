"""`python -m deploy.receiver --nats nats://127.0.0.1:4222 --postgres postgresql://hushwatt@127.0.0.1/hushwatt`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal

from deploy.receiver.consumer import Ends, Receiver


async def _run(ends: Ends) -> None:
    task = asyncio.ensure_future(Receiver(ends).run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await asyncio.gather(task, return_exceptions=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.receiver", description=__doc__)
    parser.add_argument("--nats", default=os.environ.get("HUSHWATT_NATS", "nats://127.0.0.1:4222"))
    parser.add_argument("--postgres", default=os.environ.get("HUSHWATT_POSTGRES", ""), help="a DSN")
    parser.add_argument("--prefix", default="hushwatt")
    told = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(_run(Ends(nats_url=told.nats, postgres=told.postgres, prefix=told.prefix)))


if __name__ == "__main__":
    main()
