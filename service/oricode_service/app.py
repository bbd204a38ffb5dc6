"""The composition root: builds everything from the settings, serves, and takes it apart in reverse order.

Nothing else in the project knows all the parts. Out: an exit code: 0 after an orderly end, 2 when the service could not
start (with one line why), 70 when another process took this one's runs over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import Any, cast

from . import bounds, collector, recurring
from .access.connections import Connections
from .access.keys import Keys, ensure_first_key
from .access.limits import RateLimit, parse_rate
from .access.origins import OriginPolicy, is_loopback
from .access.revocations import Revocations
from .access.rollout import Rollout, farewell
from .access.tickets import Tickets
from .banner import banner
from .engine.ports import Ports
from .engine.runs import Engine
from .handover import Former, Handover, tell_manager
from .leaving import Leaving
from .log.commit import GroupCommit
from .log.follower import Follower
from .log.hub import Logs
from .log.pulse import Pulse
from .models.router import BadModelSetting, Router, RouterSettings
from .observe.failpoints import failpoints
from .observe.logs import configure as configure_logs
from .observe.metrics import CONTENT_TYPE, Metrics
from .observe.overview import Overview
from .observe.traces import NotInstalled, tracing
from .prompts import compose
from .settings import Settings
from .store.opening import NoStore, opened
from .store.patience import until_available
from .store.port import Fenced, WrongVersion
from .store.sqlite import DataDirectoryOwned, DataDirectoryUnusable
from .toolbox import ApprovalPolicy, Toolbox
from .transports.admin import Admin
from .transports.api import Api
from .transports.requests import Gate
from .transports.server import CannotListen, Server, listen
from .transports.streams import Streams, Timing, now_ms
from .transports.websocket import Connection, WebSocketEndpoint
from .web import application

EXIT_CANNOT_START = 2
EXIT_FENCED = 70
ELSEWHERE_SECONDS = 10.0
"""Until a run that ended unwatched counts as such: a viewer at another instance may be behind by some seconds."""
TOOLS_AFTER = 0.1
"""Seconds after the service answers that MCP servers are connected to: importing their SDK would delay all viewers."""
_log = logging.getLogger(__name__)


class CannotStart(Exception):
    """The service cannot start; the text is one line for the person who tries."""


def serve(settings: Settings) -> int:
    """Run the service until it is told to stop; the process's exit code."""
    configure_logs(settings.log_level, settings.log_format)
    former = Former.find(os.environ)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(settings, former))
    except (
        DataDirectoryOwned, DataDirectoryUnusable, WrongVersion, BadModelSetting, CannotListen, NoStore, CannotStart,
    ) as why:  # fmt: skip
        print(f"oricode: {why}", file=sys.stderr)  # noqa: T201 - to the person at the terminal
        return EXIT_CANNOT_START
    return 0


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


def _fenced(why: Fenced) -> None:
    """Another process owns our runs: whatever this one still believes is wrong, so it ends at once."""
    _log.critical("fenced: %s", why)
    os._exit(EXIT_FENCED)


def _cannot_store(why: Exception) -> None:
    """Nothing can become visible any more: the next process takes the runs over."""
    if isinstance(why, Fenced):
        _fenced(why)
    _log.critical("the group commit failed", exc_info=why)
    os._exit(os.EX_SOFTWARE)


async def _serve(settings: Settings, former: Former | None) -> None:
    async with contextlib.AsyncExitStack() as stack:
        router = Router(_router_settings(settings))
        stack.push_async_callback(router.close)
        router.start()
        if former is not None:
            await router.prepared()
            await former.gone(settings)
        url = settings.database_url
        store = await stack.enter_async_context(
            opened(settings.data_dir, url.get_secret_value() if url else None, settings.lease_seconds, _fenced)
        )
        stack.push_async_callback(router.close)  # before the store; the one above is for a start that fails
        try:
            tools = Toolbox(settings, store)
        except (ValueError, ImportError) as why:
            raise CannotStart(f"the tools cannot be set up: {why}") from why
        stack.push_async_callback(tools.close)
        try:
            drawing, last_spans = tracing(os.environ)
        except NotInstalled as why:
            raise CannotStart(str(why)) from why
        stack.callback(last_spans)
        metrics = Metrics()
        reach = failpoints(settings.failpoint)
        commit = GroupCommit(store.log, _cannot_store, reach, store.log.pace)
        commit.observe = metrics.committed
        stack.push_async_callback(commit.close)
        pulse = Pulse(settings.heartbeat_seconds)
        stack.callback(pulse.close)
        follower = Follower(store.log) if store.shared else None
        ports = Ports(
            runs=store.runs,
            logs=Logs(store.log, commit, pulse, follower),
            models=router,
            toolbox=tools.registry,
            prompts=compose,
            policy=ApprovalPolicy(settings),
            limits=bounds.of_runs(settings),
            observer=metrics,
            tracing=drawing,
            audit=store.keys.audit,
            reach=reach,
            elsewhere_seconds=ELSEWHERE_SECONDS if store.shared else 0.0,
        )
        engine = Engine(ports, store.chats)
        keys = Keys(store.keys)
        tickets = Tickets(store.keys, keys)
        connections = Connections(
            per_key=settings.max_connections_per_key,
            per_address=settings.max_connections_per_address,
        )
        revocations = Revocations(store.keys)
        timing = Timing(settings.heartbeat_seconds, settings.max_connection_age_seconds)
        streams = Streams(engine, timing, connections, revocations)
        gate = Gate(keys, tickets, RateLimit(parse_rate(settings.rate_limit), store.counts), settings.max_body_bytes)
        rollout = Rollout(
            settings.streaming_percent, dict(settings.streaming_users), frozenset(settings.streaming_clients)
        )
        sockets: set[Connection] = set()
        server = Server(bounds.of_peers(settings))
        overview = Overview(engine, store, streams, connections, lambda: server.cuts)
        metrics.watch(overview.gauges, lambda: server.cuts, ports.logs.gaps)
        web = application(
            gate=gate,
            engine=engine,
            streams=streams,
            store=store,
            api=Api(gate, engine, store, tickets, router.available),
            policy=OriginPolicy.of(settings.host, settings.allowed_origins, settings.allowed_hosts),
            arm_of=lambda caller, chat: rollout.arm(caller.user, chat.client_type),
            json_headers=farewell(settings.json_deprecated, settings.json_sunset),
            admin=Admin(
                gate,
                metrics=metrics.text,
                content_type=CONTENT_TYPE,
                overview=overview.of_days,
                on_loopback=is_loopback(settings.host),
            ),
            websocket=WebSocketEndpoint(gate, engine, streams, sockets),
            request_lines=settings.request_log,
            prepared=lambda: router.ready,
        )
        first_key = await until_available(lambda: ensure_first_key(store.keys, now=now_ms()))
        collector.settle()
        listening = former.sockets if former is not None else listen(settings.host, settings.port)
        background = asyncio.create_task(recurring.watch(revocations, engine, follower))
        stack.callback(background.cancel)
        sweeping = asyncio.create_task(recurring.sweep(store, settings))
        stack.callback(sweeping.cancel)
        await until_available(lambda: engine.recover("The service was restarted."))
        loop = asyncio.get_running_loop()
        loop.call_later(TOOLS_AFTER, tools.start)
        handover = Handover(listening, server.stop)
        loop.add_signal_handler(signal.SIGUSR2, handover.begin)
        stack.callback(loop.remove_signal_handler, signal.SIGUSR2)

        leaving = Leaving(
            engine=engine,
            streams=streams,
            sockets=sockets,
            store=store,
            follower=follower,
            handover=handover,
            sweeping=sweeping,
            grace_seconds=settings.grace_seconds,
            answer_seconds=settings.run_max_seconds,
            stack=stack,
        )

        preparing = asyncio.create_task(router.prepared())
        stack.callback(preparing.cancel)
        failure: BaseException | None = None

        def prepared(ended: asyncio.Task[None]) -> None:
            nonlocal failure
            if ended.cancelled() or server.draining:
                return
            failure = ended.exception()
            if failure is None:
                tell_manager(f"MAINPID={os.getpid()}\nREADY=1")
            else:
                server.stop()

        def started() -> None:
            # Not earlier: whoever reads it may send a signal, and only now all of them have their handlers.
            print(banner(settings, router, store, listening, first_key), flush=True)  # noqa: T201 - for people
            preparing.add_done_callback(prepared)

        await server.serve(cast(Any, web), listening, leaving, on_started=started)
        if failure is not None:
            raise failure


def _router_settings(settings: Settings) -> RouterSettings:
    key = settings.anthropic_api_key
    return RouterSettings(
        model=settings.model,
        anthropic_api_key=key.get_secret_value() if key else None,
        anthropic_base_url=settings.anthropic_base_url,
        read_timeout=settings.upstream_read_seconds,
        max_streams=settings.upstream_max_streams,
        scripts={"demo": settings.script} if settings.script else {},
        heads_in=settings.data_dir,
    )
