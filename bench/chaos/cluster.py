"""PostgreSQL, some instances of the service and nginx before them; and everything that can be done to them.

In: a folder. Out: a :class:`Cluster` while entered. Times are monotonic seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from string import Template

import asyncpg

from bench.faults.forked import Zygote
from bench.faults.fronts import free_port
from bench.faults.processes import ROOT, Child
from bench.faults.service import Service

POSTGRES = ROOT / "scripts" / "postgres.sh"
NGINX = ROOT / "scripts" / "cluster" / "nginx.conf.template"
FENCED = 70
_TROUBLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asking a database may come to that is broken on purpose."""


class Database:
    """A private PostgreSQL and a connection to look into it; None while it is down."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = ""

    async def run(self, verb: str, *arguments: str) -> str:
        """A verb of ``scripts/postgres.sh``."""
        process = await asyncio.create_subprocess_exec(
            str(POSTGRES), verb, str(self._folder), *arguments, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"postgres.sh {verb} failed")
        return output.decode().strip()

    async def start(self) -> None:
        self.url = await self.run("start")

    async def ask(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Rows, once the database answers."""
        async with asyncio.timeout(60):
            while True:
                try:
                    connection = await asyncpg.connect(self.url, timeout=5)
                    try:
                        rows: list[asyncpg.Record] = await connection.fetch(sql, *values)
                        return rows
                    finally:
                        await connection.close(timeout=2)
                except _TROUBLE:
                    await asyncio.sleep(0.1)


class Instance:
    """One instance over several lives; ``service.port`` stays the same."""

    def __init__(self, name: str, service: Service) -> None:
        self.name = name
        self.service = service
        self.id = ""
        """As it calls itself in the database, in this life."""
        self.busy = False
        """True while somebody breaks it."""

    @property
    def alive(self) -> bool:
        return self.service.child is not None and self.service.child.alive

    async def start(self) -> None:
        """Returns when it answers."""
        await self.service.start(limit=90)
        found = re.search(r"this is instance (\w+)", "\n".join(self.service.running.said))
        assert found is not None
        self.id = found[1]


class Cluster:
    """What is under test."""

    def __init__(self, database: Database, instances: list[Instance]) -> None:
        self.database = database
        self.instances = instances
        self.nginx = 0
        """Its port."""

    @property
    def ports(self) -> list[int]:
        """Where clients may connect: nginx as often as all instances together."""
        own = [instance.service.port for instance in self.instances]
        return own + [self.nginx] * len(own)

    @property
    def key(self) -> str:
        return self.instances[0].service.key

    @property
    def port(self) -> int:
        """Of some instance that is alive, for an undisturbed read."""
        alive = [instance for instance in self.instances if instance.alive and not instance.busy]
        return random.choice(alive or self.instances).service.port

    async def owned_by(self, instance: Instance) -> dict[str, int]:
        """The live runs that this instance owns now: id -> epoch."""
        sql = "select id, epoch from run where owner = $1 and status = 'running'"
        return {row[0]: row[1] for row in await self.database.ask(sql, instance.id)}

    async def healed(self, limit: float = 20.0) -> None:
        """Return when every instance has connected to write again what a crash of the database took."""
        sql = "select count(*) from pg_stat_activity where application_name = 'oricode log' and state = 'idle'"
        async with asyncio.timeout(limit):
            while (await self.database.ask(sql))[0][0] < sum(instance.alive for instance in self.instances):
                await asyncio.sleep(0.1)

    async def moved(self, before: dict[str, int], limit: float = 10.0) -> list[float]:
        """When each of these runs got its first event from its next owner; those that ended before are left out."""
        found: dict[str, float] = {}
        with contextlib.suppress(*_TROUBLE):  # the database was broken meanwhile: what was seen counts
            connection = await asyncpg.connect(self.database.url, timeout=5)
            try:
                async with asyncio.timeout(limit):
                    while len(found) < len(before):
                        rows = await connection.fetch(_STATE, list(before))
                        for id, status, last in rows:
                            if last > before[id]:
                                found.setdefault(id, time.monotonic())
                            elif status not in ("queued", "running"):
                                del before[id]
                        await asyncio.sleep(0.01)
            finally:
                connection.terminate()
        return list(found.values())


_STATE = """
select id, status, coalesce((select epoch from event where run_no = no order by seq desc limit 1), 0)
from run where id = any($1::text[])
"""


@contextlib.asynccontextmanager
async def cluster(
    folder: Path, provider: str, counter: str, zygote: Zygote | None, count: int, **settings: str
) -> AsyncIterator[Cluster]:
    """Started and ready."""
    database = Database(folder / "postgres")
    async with contextlib.AsyncExitStack() as stack:
        await database.start()
        stack.push_async_callback(database.run, "stop", "immediate")
        made = Cluster(database, [])
        for number in range(count):
            service = Service(
                folder / "data", provider=provider, counter=counter, zygote=zygote,
                ORICODE_DATABASE_URL=database.url, **settings,
            )  # fmt: skip
            if made.instances:
                service.key = made.key
            stack.push_async_callback(service.end)
            instance = Instance(f"instance {number + 1}", service)
            await instance.start()
            made.instances.append(instance)
        child, made.nginx = await _nginx(folder / "nginx", [i.service.port for i in made.instances])
        stack.push_async_callback(child.end)
        yield made


async def _nginx(folder: Path, targets: list[int]) -> tuple[Child, int]:
    folder.mkdir()
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{target} max_fails=1 fail_timeout=1s;" for target in targets)
    text = Template(NGINX.read_text()).safe_substitute(UPSTREAMS=servers, LISTEN=f"127.0.0.1:{port}", FOLDER=folder)
    (folder / "nginx.conf").write_text(text)
    child, _ = await Child.start(
        ["nginx", "-g", "daemon off; master_process off;", "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    )
    return child, port
