"""Who makes trouble: deaths, pauses, drains, killed listeners, a database that restarts, crashes or stays away.

In: a :class:`Scene` and a random generator. Out: faults counted in the scene's ``faults``. At most one instance is
broken at a time and one fault of the database happens beside it, so that somebody is there to take over. Only a crash
of the database and the death of an instance do not fall together: what both have lost is lost, and announced as a gap.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time

from .cluster import FENCED, Instance
from .watching import Scene

CALM = (0.3, 3.0)
"""Seconds between two faults of instances."""
HEALING = 1.0
"""Seconds that instances get, once connected, to write again what a crashed database lost; see docs/scaling.md."""


async def break_instances(scene: Scene, rng: random.Random, lease: float) -> None:
    """One fault after the other until told to stop; leaves all instances running."""
    while not scene.stopping.is_set():
        await asyncio.sleep(rng.uniform(*CALM))
        instance = rng.choice(scene.cluster.instances)
        kind = rng.random()
        async with scene.crashing:
            instance.busy = True
            try:
                if kind < 0.5:
                    await _kill(scene, instance)
                elif kind < 0.75:
                    await _freeze(scene, instance, rng.uniform(lease + 2, lease + 5))
                elif kind < 0.8:
                    await _freeze(scene, instance, rng.uniform(0.2, lease / 2))
                else:
                    await _drain(scene, instance)
            finally:
                instance.busy = False


async def _kill(scene: Scene, instance: Instance) -> None:
    runs = await scene.cluster.owned_by(instance)
    scene.waits.died("kill -9", runs)
    await instance.service.kill()
    scene.faults["kill -9"] += 1
    scene.faults["runs owned by the dead"] += len(runs)
    await instance.start()


async def _freeze(scene: Scene, instance: Instance, seconds: float) -> None:
    """SIGSTOP; longer than a lease makes a zombie, which must end by itself when it wakes."""
    runs = await scene.cluster.owned_by(instance)
    service = instance.service
    scene.waits.died("zombie", runs)
    service.running.signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    service.running.signal(signal.SIGCONT)
    scene.faults["stopped and continued"] += 1
    try:
        code = await service.running.wait(4)
    except TimeoutError:
        return  # nobody could declare it dead: the pause was short, or the database was away
    scene.faults["zombies that ended by themselves"] += 1
    scene.faults["runs owned by the dead"] += len(runs)
    if code != FENCED:
        said = "\n".join(list(service.running.said)[-15:])
        scene.verdict.violations.append(f"a zombie ended with {code}: {said}")
    await instance.start()


async def _drain(scene: Scene, instance: Instance) -> None:
    """SIGTERM, as a deployment does."""
    runs = await scene.cluster.owned_by(instance)
    scene.waits.died("drain", runs)
    began = time.monotonic()
    moving = asyncio.create_task(scene.cluster.moved(runs))
    code = await instance.service.drain(60)
    scene.exits.append(time.monotonic() - began)
    scene.moves += [at - began for at in await moving]
    scene.faults["drains"] += 1
    scene.faults["runs handed over"] += len(runs)
    if code not in (0, FENCED):
        scene.verdict.violations.append(f"a drained instance ended with {code}")
    await instance.start()


async def break_database(scene: Scene, rng: random.Random) -> None:
    """Listeners are killed all the time, the database restarts now and then."""
    database = scene.cluster.database
    while not scene.stopping.is_set():
        await asyncio.sleep(rng.uniform(2, 8))
        kind = rng.random()
        if kind < 0.75:
            killed = await database.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and query ~* $1",
                r"^(listen|select pg_notify|select$)" if rng.random() < 0.7 else r"^(insert into event|select commit)",
            )
            scene.faults["connections killed"] += len(killed)
        elif kind < 0.85:
            await database.run("restart", "fast")
            scene.faults["database restarts"] += 1
        elif kind < 0.95:
            async with scene.crashing:
                await database.run("restart", "immediate")
                await scene.cluster.healed()
                await asyncio.sleep(HEALING)
            scene.faults["database crashes"] += 1
        else:
            await database.run("stop", "fast")
            await asyncio.sleep(rng.uniform(5, 25))
            await database.start()
            scene.faults["database away for 5-25 s"] += 1
