"""Which provider answers to a model's name, and which model answers when none is named.

In: the settings' values (nothing is read from the environment here) and the name a client sent. Out: a :class:`Route`.
``claude-*`` goes to Anthropic, ``local`` to the built-in model, ``demo`` and further scripts to the scripted provider,
``echo`` to itself; ``firehose…`` only when the service was started with one, unless it drips. Retired names go to the
default. Providers are made, and their heavy imports done, when first needed; ``start`` begins with what takes long, and
``prepared`` returns when all of it is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from .local_child import HOW_TO_INSTALL, local_model_available
from .port import Provider, UnknownModel, UpstreamFailure
from .retired import is_retired
from .script import Script

DEFAULT_CLAUDE = "claude-sonnet-5-5"
LOCAL, DEMO, ECHO, FIREHOSE = "local", "demo", "echo", "firehose"
_DRIP_RATE = 5.0
"""Deltas per second up to which anybody may have a firehose."""
_SCRIPT_SUFFIXES = (".yaml", ".yml", ".json")
_log = logging.getLogger(__name__)


class BadModelSetting(ValueError):
    """The service cannot start with these settings; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """What the composition root decides."""

    model: str | None = None
    """The default by choice: a model's name, or the path of a script file. None = the best there is."""
    anthropic_api_key: str | None = None
    anthropic_base_url: str | None = None
    read_timeout: float = 120.0
    connect_timeout: float = 5.0
    max_streams: int = 10_000
    scripts: Mapping[str, Path] = field(default_factory=dict)
    """More scripted models by name, from files; one called ``demo`` replaces the demo."""
    script_speed: float = 1.0
    heads_in: Path | None = None
    """The folder in which the next start finds what the Anthropic SDK said. None: nothing is kept."""


class Route(NamedTuple):
    """Where a call goes."""

    provider: Provider
    model: str
    """The provider's own name of the model, for ``ModelCall.model``."""


def _today() -> date:
    return datetime.now(UTC).date()


class Router:
    """One per process; owner of all providers."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        local_available: Callable[[], bool] = local_model_available,
        today: Callable[[], date] = _today,
    ) -> None:
        """Raises :class:`BadModelSetting`. Makes no provider yet."""
        self._settings = settings
        self._today = today
        self._local = local_available()
        self._scripts = {name: _script(path) for name, path in settings.scripts.items()}
        self._providers: dict[str, Provider] = {}
        self._preparing: asyncio.Task[None] | None = None
        self.default, self.reason = self._choose_default()

    @property
    def available(self) -> list[str]:
        """Names that work, the default first; ``claude-*`` stands for every Claude model."""
        names = [self.default]
        names += ["claude-*"] if self._claude else []
        names += [LOCAL] if self._local else []
        return list(dict.fromkeys([*names, DEMO, ECHO, *self._scripts]))

    def effective(self, name: str | None) -> str:
        """The model that answers to ``name``. Raises :class:`UnknownModel`."""
        if not name or name == self.default or is_retired(name, self._today()):
            return self.default
        if name.startswith("claude-"):
            if not self._claude:
                raise UnknownModel(name, self.available, "Claude needs ANTHROPIC_API_KEY to be set. ")
        elif name == LOCAL:
            if not self._local:
                raise UnknownModel(name, self.available, f"{HOW_TO_INSTALL} ")
        elif name not in (DEMO, ECHO, *self._scripts) and not self._is_allowed_firehose(name):
            raise UnknownModel(name, self.available)
        return name

    def route(self, name: str | None) -> Route:
        """The provider and model that answer to ``name``. Raises :class:`UnknownModel`."""
        model = self.effective(name)
        kind = self._kind(model)
        provider = self._providers.get(kind)
        if provider is None:
            provider = self._providers[kind] = self._make(kind)
        return Route(provider, model)

    def start(self) -> None:
        """Begin with what would make the first calls wait: ask the SDK, start the built-in model if it is the default.

        Returns at once. Raises :class:`BadModelSetting` for a key or address that cannot be used.
        """
        self.route(None)
        if self._claude:
            self.route(DEFAULT_CLAUDE)
        self._preparing = asyncio.create_task(self._prepare(), name="model providers")

    @property
    def ready(self) -> bool:
        """Whether calls of the default model, and of Claude, need not wait for anything of ours any more."""
        task = self._preparing
        return task is not None and task.done() and not task.cancelled() and task.exception() is None

    async def prepared(self) -> None:
        """Return when ``ready``. Raises :class:`BadModelSetting` when the SDK cannot be used.

        A built-in model that does not come up is no reason not to serve: the log and ``reason`` say so, and the first
        call tries again.
        """
        assert self._preparing is not None
        await asyncio.shield(self._preparing)

    async def _prepare(self) -> None:
        if self._claude:
            from .anthropic import AnthropicProvider
            from .anthropic_heads import SdkUnusable

            claude = self._providers["claude"]
            assert isinstance(claude, AnthropicProvider)
            try:
                await claude.ready()
            except SdkUnusable as why:
                raise BadModelSetting(f"Claude cannot be reached: the Anthropic SDK cannot be used: {why}") from None
        if self.default == LOCAL:
            from .local import LocalProvider

            local = self._providers[LOCAL]
            assert isinstance(local, LocalProvider)
            try:
                await local.start()
            except UpstreamFailure as failure:
                self.reason = f"{self.reason}. {failure.sentence}"
                _log.warning("%s", failure.sentence)

    async def close(self) -> None:
        """Close every provider. No stream may be open."""
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.wait([self._preparing])
        while self._providers:
            _, provider = self._providers.popitem()
            await provider.close()

    @property
    def _claude(self) -> bool:
        return bool(self._settings.anthropic_api_key or self._settings.anthropic_base_url)

    def _choose_default(self) -> tuple[str, str]:
        chosen = (self._settings.model or "").strip()
        if chosen:
            return self._chosen(chosen)
        if self._settings.anthropic_api_key:
            return DEFAULT_CLAUDE, "ANTHROPIC_API_KEY is set"
        if self._local:
            return LOCAL, "no ANTHROPIC_API_KEY is set; this small built-in model needs none"
        return DEMO, "a played script, no real model: set ANTHROPIC_API_KEY, or run `make model`"

    def _chosen(self, name: str) -> tuple[str, str]:
        if name.endswith(_SCRIPT_SUFFIXES):
            return self._chosen_script(Path(name))
        if name.startswith(FIREHOSE):
            if not _is_firehose(name):
                raise BadModelSetting(f"The model {name!r} is not firehose, firehose:COUNT or firehose:COUNT@RATE.")
        elif name == LOCAL and not self._local:
            raise BadModelSetting(HOW_TO_INSTALL)
        elif self._kind(name) == "claude":
            # Behind an address of one's own, a model may have any name; at Anthropic it is a Claude.
            if not self._claude:
                raise BadModelSetting(f"The model {name!r} needs ANTHROPIC_API_KEY to be set.")
            if not name.startswith("claude-") and not self._settings.anthropic_base_url:
                raise BadModelSetting(f"There is no model {name!r}: choose claude-*, local, demo or echo.")
            if is_retired(name, self._today()):
                return DEFAULT_CLAUDE, f"{name} was chosen, but is retired"
        return name, "chosen by the operator"

    def _chosen_script(self, path: Path) -> tuple[str, str]:
        self._scripts[path.stem] = _script(path)
        return path.stem, f"the script {path}"

    def _is_allowed_firehose(self, name: str) -> bool:
        return _is_firehose(name) and (self.default.startswith(FIREHOSE) or _drips(name))

    def _kind(self, model: str) -> str:
        """Which provider answers to an effective name."""
        if model in (LOCAL, ECHO):
            return model
        if model in self._scripts or model == DEMO:
            return "scripted"
        return FIREHOSE if model.startswith(FIREHOSE) else "claude"

    def _make(self, kind: str) -> Provider:
        settings = self._settings
        if kind == "claude":
            from .anthropic import AnthropicProvider

            try:
                return AnthropicProvider(
                    api_key=settings.anthropic_api_key,
                    base_url=settings.anthropic_base_url,
                    read_timeout=settings.read_timeout,
                    connect_timeout=settings.connect_timeout,
                    max_streams=settings.max_streams,
                    heads_in=self._kept("claude"),
                )
            except ValueError as error:
                raise BadModelSetting(f"Claude cannot be reached: {error}.") from None
        if kind == LOCAL:
            from .local import LocalProvider

            return LocalProvider(heads_in=self._kept(LOCAL))
        if kind == "scripted":
            from .scripted import ScriptedProvider, demo

            return ScriptedProvider({DEMO: demo(), **self._scripts}, speed=settings.script_speed)
        from .synthetic import EchoProvider, FirehoseProvider

        return EchoProvider() if kind == ECHO else FirehoseProvider()

    def _kept(self, kind: str) -> Path | None:
        folder = self._settings.heads_in
        return folder / f"request-heads-{kind}.json" if folder is not None else None


def _script(path: Path) -> Script:
    from .script_file import BadScript, load

    try:
        return load(path)
    except (BadScript, OSError) as error:
        raise BadModelSetting(f"The script {path} cannot be played: {error}") from None


def _drips(name: str) -> bool:
    """So slow that it is no load: what `oricode doctor` watches a path with, on any service."""
    from .synthetic import firehose

    _, rate = firehose(name)
    return rate is not None and rate <= _DRIP_RATE


def _is_firehose(name: str) -> bool:
    from .synthetic import firehose

    try:
        firehose(name)
    except ValueError:
        return False
    return True
