"""Everything that can be set, read once at start and passed down.

In: command-line flags and environment variables. Out: one frozen :class:`Settings`, or :class:`BadSetting` with one
line that names the culprit. Every field is ``ORICODE_<NAME>`` in the environment; some also have the name that
platforms use. Empty variables count as absent. A part of the service that needs one group asks for that group's type;
``docs/settings.md`` is generated from them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo

from .access.rollout import Arm
from .setting_values import (
    ApprovalRule,
    approval_rules,
    arms,
    csv,
    existing_file,
    http_url,
    moment,
    origins,
    postgres_url,
    rate,
)

_PREFIX = "ORICODE_"
_OF_CLIENTS = frozenset({"ORICODE_URL", "ORICODE_KEY", "ORICODE_TRANSPORT"})
_MEBIBYTE = 1024 * 1024


class BadSetting(ValueError):
    """A setting that cannot be used; the text is one line for the person who starts the service."""


def _field(default: Any, meaning: str, *also: str, **limits: Any) -> Any:
    """A setting: its default, its meaning for ``docs/settings.md``, further variables it is read from."""
    return Field(default, description=meaning, json_schema_extra={"also": list(also)}, **limits)


class _Group(BaseModel):
    # Built when first used: that is Settings alone, which has the fields of all groups.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


_Csv = Annotated[tuple[str, ...], BeforeValidator(csv)]
_File = Annotated[Path | None, BeforeValidator(existing_file)]


class ServerSettings(_Group):
    """Address and storage"""

    host: str = _field("127.0.0.1", "Address to listen on; `0.0.0.0` for all.", min_length=1)
    port: int = _field(8000, "Port to listen on; 0 = any free one.", "PORT", ge=0, le=65535)
    data_dir: Path = _field(Path("data"), "Folder of the SQLite database and of deployed programs.")
    database_url: Annotated[SecretStr | None, BeforeValidator(postgres_url)] = _field(
        None, "PostgreSQL instead of SQLite: `postgresql://user:password@host/name`.", "DATABASE_URL"
    )
    lease_seconds: float = _field(
        5, "With PostgreSQL: an instance that gave no sign of life for this long loses its runs to the others.", ge=1
    )
    grace_seconds: float = _field(10, "Time to end connections in an orderly way at shutdown.", ge=0)
    log_level: Literal["debug", "info", "warning", "error"] = _field("info", "How much to log.")
    log_format: Literal["text", "json"] = _field("text", "Log lines for people or for machines.")
    request_log: bool = _field(False, "One log line for each request, when it is over.")
    failpoint: str | None = _field(None, "For tests only: `name:n` kills the process when it passes that point.")


class AccessSettings(_Group):
    """Who may ask, and how much"""

    rate_limit: Annotated[str, BeforeValidator(rate)] = _field(
        "600/minute", "New runs per key and time, such as `5 per 10 second`; `off` for no limit."
    )
    max_concurrent_runs: int = _field(200, "Live runs per key; 0 = no limit.", ge=0)
    max_connections: int = _field(10_000, "Open streams and sockets in all; 0 = no limit.", ge=0)
    max_connections_per_key: int = _field(2_000, "Open streams and sockets per key; 0 = no limit.", ge=0)
    max_connections_per_address: int = _field(2_000, "Open streams and sockets per client address; 0 = no limit.", ge=0)
    allowed_origins: Annotated[tuple[str, ...], BeforeValidator(origins)] = _field(
        (),
        "Web pages that may connect, beside the service's own and VS Code's: `https://a.example,https://*.b.example`.",
    )
    allowed_hosts: _Csv = _field(
        (), "When listening on loopback behind a proxy: the names it is reached by; `*` = any."
    )
    trusted_proxies: _Csv = _field((), "Proxies whose `X-Forwarded-For` is believed: addresses, networks, or `*`.")


class RequestSettings(_Group):
    """Requests"""

    max_body_bytes: int = _field(_MEBIBYTE, "Largest request body, and largest WebSocket message.", ge=1024)
    max_header_bytes: int = _field(64 * 1024, "Largest request head.", ge=1024)
    header_seconds: float = _field(10, "Time for a request's head to arrive.", gt=0)
    body_seconds: float = _field(30, "Time for a request's body to arrive.", gt=0)
    max_frames_per_second: int = _field(100, "WebSocket messages per second and connection.", ge=1)
    max_fragments: int = _field(64, "Pieces of one WebSocket message.", ge=1)


class StreamSettings(_Group):
    """Streams"""

    heartbeat_seconds: float = _field(15, "A stream that was quiet for this long gets a heartbeat.", gt=0, le=3600)
    slow_reader_seconds: float = _field(30, "A connection that takes no data for this long is closed.", gt=0)
    max_connection_age_seconds: float = _field(0, "Streams are asked to reconnect after this time; 0 = never.", ge=0)
    streaming_percent: float = _field(100, "Share of users whose wish to stream is granted.", ge=0, le=100)
    streaming_users: Annotated[tuple[tuple[str, Arm], ...], BeforeValidator(arms)] = _field(
        (), "Users outside the share: `anna=streaming,ben=json`."
    )
    streaming_clients: _Csv = _field((), "Client types whose wish to stream is always granted: `eclipse,vscode`.")
    json_deprecated: Annotated[datetime | None, BeforeValidator(moment)] = _field(
        None, "Since when waiting for one JSON answer is deprecated, such as `2026-12-01`; sent as `Deprecation`."
    )
    json_sunset: Annotated[datetime | None, BeforeValidator(moment)] = _field(
        None, "When the JSON answer is to be switched off; sent as `Sunset`. It is an announcement, nothing more."
    )


class RunSettings(_Group):
    """Runs"""

    max_tokens: int = _field(8192, "Output tokens per model call, when the request does not say.", ge=1)
    run_max_turns: int = _field(50, "Model calls per run.", ge=1)
    run_max_tokens: int = _field(2_000_000, "Tokens per run, in and out.", ge=1)
    run_max_seconds: float = _field(6 * 3600, "Wall time per run.", gt=0)
    run_max_takeovers: int = _field(5, "How often a run may be taken over from a process that died.", ge=0)
    retention_hours: float = _field(24, "Events of finished runs are kept this long; messages stay.", ge=0)
    sweep_seconds: float = _field(60, "How often expired events are looked for.", gt=0)


class ModelSettings(_Group):
    """Models"""

    model: str | None = _field(
        None, "Default model; when absent: Claude if there is a key, else the local model, else the demo.", min_length=1
    )
    anthropic_api_key: SecretStr | None = _field(None, "Key for Claude.", "ANTHROPIC_API_KEY")
    anthropic_base_url: Annotated[str | None, BeforeValidator(http_url)] = _field(
        None, "Another server that speaks the Messages API.", "ANTHROPIC_BASE_URL"
    )
    upstream_read_seconds: float = _field(120, "Silence after which a model call counts as dead.", gt=0)
    upstream_attempts: int = _field(4, "Attempts per model call, the first one included.", ge=1)
    upstream_max_streams: int = _field(10_000, "Open model calls at once.", ge=1)
    script: _File = _field(None, "File that the scripted model `demo` plays, instead of its own.")


class ToolSettings(_Group):
    """Tools"""

    approvals: Annotated[tuple[ApprovalRule, ...], BeforeValidator(approval_rules)] = _field(
        "*=auto", "Which tools run: `pattern=auto|ask|deny,…`; the first match counts.", validate_default=True
    )
    approvals_fallback: Literal["deny", "auto"] = _field("deny", "What `ask` means to a client that cannot ask.")
    approval_seconds: float = _field(3600, "Time to answer a question for approval.", gt=0)
    client_tool_seconds: float = _field(600, "Time for a client to answer a call of its tool.", gt=0)
    mcp_config: _File = _field(None, "File with `mcpServers`, whose tools are offered to the model.")
    abaplint_dir: Path | None = _field(None, "Folder with the ABAP checker's `node_modules`, when not beside the code.")
    abap_version: str = _field("v758", "ABAP release that programs are checked against.", min_length=1)
    deploy_target: Literal["directory", "sap-adt"] = _field(
        "directory", "Where programs go: `<data-dir>/deployed`, or an SAP system."
    )
    sap_url: Annotated[str | None, BeforeValidator(http_url)] = _field(None, "SAP system: `https://host:port`.")
    sap_user: str | None = _field(None, "SAP user.", min_length=1)
    sap_password: SecretStr | None = _field(None, "SAP password.")
    sap_client: str = _field("001", "SAP client.", pattern=r"^[0-9]{3}$")
    sap_language: str = _field("EN", "SAP logon language.", pattern=r"^[A-Za-z]{2}$")
    sap_package: str = _field("$TMP", "Package for new objects.", min_length=1)
    sap_transport: str | None = _field(None, "Transport request, for packages that need one.")
    sap_ca_file: _File = _field(None, "Certificate authorities to trust instead of the machine's.")

    @model_validator(mode="after")
    def _target_is_complete(self) -> ToolSettings:
        if self.deploy_target == "sap-adt":
            missing = [name for name in ("sap_url", "sap_user", "sap_password") if getattr(self, name) is None]
            if missing:
                raise ValueError(f"{_PREFIX}DEPLOY_TARGET=sap-adt also needs {', '.join(map(_variable, missing))}")
        return self


GROUPS: tuple[type[_Group], ...] = (
    ServerSettings,
    AccessSettings,
    RequestSettings,
    StreamSettings,
    RunSettings,
    ModelSettings,
    ToolSettings,
)


class Settings(
    ServerSettings, AccessSettings, RequestSettings, StreamSettings, RunSettings, ModelSettings, ToolSettings
):
    """All of them. Frozen: what was read at start holds until the end."""

    @classmethod
    def read(cls, environment: Mapping[str, str], flags: Mapping[str, object] | None = None) -> Settings:
        """Settings from flags (by field name; None = not given), else variables, else defaults. Raises BadSetting."""
        given: dict[str, object] = {}
        sources: dict[str, str] = {}
        for name, field in cls.model_fields.items():
            flag = (flags or {}).get(name)
            if flag is not None:
                given[name], sources[name] = flag, "--" + name.replace("_", "-")
                continue
            for variable in variables(name, field):
                if text := environment.get(variable, "").strip():
                    given[name], sources[name] = text, variable
                    break
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise BadSetting(_sentence(error, given, sources)) from None


def variables(name: str, field: FieldInfo) -> tuple[str, ...]:
    """Environment variables of a field; the first one that is set counts."""
    extra = field.json_schema_extra
    also = extra.get("also", []) if isinstance(extra, dict) else []
    return (_variable(name), *(str(other) for other in (also if isinstance(also, list) else [])))


def misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """A warning for each ``ORICODE_`` variable that nothing reads."""
    known = {_variable(name): name for name in Settings.model_fields}
    for variable in sorted(environment):
        if variable.startswith(_PREFIX) and variable not in known and variable not in _OF_CLIENTS:
            name = variable.removeprefix(_PREFIX).lower()
            near = difflib.get_close_matches(name, known.values(), n=1)
            yield f"{variable} is not a setting" + (f"; did you mean {_variable(near[0])}?" if near else "")


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


def _sentence(error: ValidationError, given: Mapping[str, object], sources: Mapping[str, str]) -> str:
    """The first thing that is wrong, with its value unless that is secret."""
    details = error.errors(include_url=False, include_context=False)
    first = details[0]
    what = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    if not first["loc"]:
        return f"bad setting: {what}{more}"
    name = str(first["loc"][0])
    text = str(given.get(name))
    secret = "SecretStr" in str(Settings.model_fields[name].annotation) or "@" in text  # user:password@host
    value = "" if secret else f"={text[:80]}"
    return f"bad setting {sources.get(name, _variable(name))}{value}: {what}{more}"
