"""Deploys into an SAP system over its ADT REST service: report, global class or global interface.

In: a job with ABAP source. Out: the object created when absent, locked, checked by the system, written, unlocked and
activated; or :class:`TargetFailed` with the system's own message and what was left behind. The lock is given back
whatever happens. A receipt is only given when the active source reads back as the one that was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from .. import languages
from ..port import Step
from ..xml_tree import XmlRefused
from . import adt_xml
from .adt_session import AdtRefused, AdtSession, AdtSettings, AdtUnreachable
from .adt_xml import Message, ObjectType
from .port import Job, Receipt, TargetFailed, phase
from .to_the_end import to_the_end

log = logging.getLogger(__name__)

_UNLOCK_LIMIT = 15.0
_MOST_MESSAGES = 10
_LONGEST_NAME = {"prog": 40, "clas": 30, "intf": 30}
_ABAP_NAME = re.compile(r"(?:/[A-Z0-9_]{1,10}/)?[A-Z0-9_]+")


@dataclass(frozen=True, slots=True)
class _Object:
    name: str
    kind: ObjectType

    @property
    def uri(self) -> str:
        return f"{self.kind.path}/{self.name.lower().replace('/', '%2f')}"

    @property
    def source_uri(self) -> str:
        return f"{self.uri}/source/main"


@dataclass(slots=True)
class _Progress:
    """How far a deployment got, for the sentence that tells of its failure."""

    doing: str = "opening a session for"
    left_behind: str = "Nothing was changed."
    activating: bool = False

    def failure(self, reason: str, *, uncertain: bool) -> TargetFailed:
        """Only an activation changes what is active: before it, a missing answer is a plain failure."""
        uncertain = uncertain and self.activating
        left_behind = "The new source is saved." if uncertain else self.left_behind
        return TargetFailed(f"{self.doing} it failed: {reason.rstrip('.')}. {left_behind}", uncertain=uncertain)


class SapAdtTarget:
    """One session per deployment, because a lock belongs to its session."""

    name: Final = "sap-adt"

    def __init__(self, settings: AdtSettings) -> None:
        self._settings = settings

    async def deploy(self, job: Job) -> AsyncGenerator[Step | Receipt, None]:
        target = _object(job)
        progress = _Progress()
        try:
            async with AdtSession(self._settings) as adt:
                yield phase(1, "Creating", target.name)
                progress.doing = "creating"
                if await self._create(adt, target):
                    progress.left_behind = "The new object was left empty."
                yield phase(2, "Locking", target.name)
                progress.doing = "locking"
                async with _locked(adt, target) as handle:
                    yield phase(3, "Writing", target.name)
                    progress.doing = "checking"
                    await _check(adt, target, job.source)
                    progress.doing, progress.left_behind = "writing", "An inactive version may have been saved."
                    await self._write(adt, target, job.source, handle)
                    progress.left_behind = "The new source is saved but not active."
                yield phase(4, "Activating", target.name)
                progress.doing, progress.activating = "activating", True
                warnings = await _activate(adt, target)
                if not await _holds(adt, target, job.source):
                    raise TargetFailed("the active source is not the one that was sent.", uncertain=True)
        except AdtRefused as refused:
            raise progress.failure(str(refused), uncertain=False) from refused
        except XmlRefused as nonsense:
            raise progress.failure("the SAP system's answer is not understood", uncertain=True) from nonsense
        except AdtUnreachable as gone:
            raise progress.failure(str(gone), uncertain=True) from gone
        yield Receipt(note=f"Warnings: {_listed(warnings)}." if warnings else "")

    async def find(self, job: Job) -> Receipt | None:
        target = _object(job)
        try:
            async with AdtSession(self._settings) as adt:
                return Receipt() if await _holds(adt, target, job.source) else None
        except (AdtRefused, AdtUnreachable) as failed:
            raise TargetFailed(str(failed)) from failed

    async def _create(self, adt: AdtSession, target: _Object) -> bool:
        """True when the object is new."""
        if await _active_source(adt, target) is not None:
            return False
        settings = self._settings
        body = adt_xml.creation(
            target.kind, target.name, settings.package, f"{target.name} (Oricode)", settings.user.upper()
        )
        try:
            await adt.request(
                "POST", target.kind.path, params=self._transport(), body=body, content_type="application/*"
            )
        except AdtRefused as refused:
            if refused.kind == "ExceptionResourceAlreadyExists":
                return False
            raise
        return True

    async def _write(self, adt: AdtSession, target: _Object, source: str, handle: str) -> None:
        await adt.request(
            "PUT",
            target.source_uri,
            params={"lockHandle": handle, **self._transport()},
            body=source,
            content_type="text/plain; charset=utf-8",
        )

    def _transport(self) -> dict[str, str]:
        return {"corrNr": self._settings.transport} if self._settings.transport else {}


def _object(job: Job) -> _Object:
    if job.language != "abap":
        raise TargetFailed(f"an SAP system takes ABAP, not {job.language}. Nothing was changed.")
    kind = languages.abap_object(job.name, job.source).kind
    if not _ABAP_NAME.fullmatch(job.name) or len(job.name) > _LONGEST_NAME[kind]:
        raise TargetFailed(f"{job.name} is not a name an ABAP object of this kind can have. Nothing was changed.")
    return _Object(job.name, adt_xml.OBJECT_TYPES[kind])


@contextlib.asynccontextmanager
async def _locked(adt: AdtSession, target: _Object) -> AsyncIterator[str]:
    adt.stateful = True
    try:
        answer = await adt.request(
            "POST",
            target.uri,
            params={"_action": "LOCK", "accessMode": "MODIFY"},
            accept="application/*,application/vnd.sap.as+xml;charset=UTF-8;dataname=com.sap.adt.lock.result",
        )
    except AdtRefused:
        adt.stateful = False
        raise
    handle = adt_xml.lock_handle(answer)
    if handle is None:
        raise AdtRefused(HTTPStatus.OK, "", "the system granted no lock")
    try:
        yield handle
    finally:
        await to_the_end(_unlock(adt, target, handle))


async def _unlock(adt: AdtSession, target: _Object, handle: str) -> None:
    """Never raises: what made us unlock matters more, and a session that ends with a lock logs off."""
    try:
        async with asyncio.timeout(_UNLOCK_LIMIT):
            await adt.request("POST", target.uri, params={"_action": "UNLOCK", "lockHandle": handle})
        adt.stateful = False
    except (AdtRefused, AdtUnreachable, TimeoutError) as failed:
        log.warning("%s could not be unlocked (%s); its session is ended instead", target.name, failed)


async def _check(adt: AdtSession, target: _Object, source: str) -> None:
    """The system's own syntax check of what is about to be written; raises :class:`AdtRefused` on errors."""
    answer = await adt.request(
        "POST",
        "/sap/bc/adt/checkruns",
        params={"reporters": "abapCheckRun"},
        body=adt_xml.check_request(target.uri, source),
        content_type="application/*",
    )
    if errors := [message for message in adt_xml.check_messages(answer) if message.is_error]:
        raise AdtRefused(HTTPStatus.OK, "", f"the system's syntax check found {_listed(errors)}")


async def _activate(adt: AdtSession, target: _Object) -> list[Message]:
    """The warnings. Raises :class:`AdtRefused` with the messages when the object is still inactive afterwards."""
    result = await _ask_to_activate(adt, target, preaudit=True)
    if result.waiting and not result.executed:
        result = await _ask_to_activate(adt, target, preaudit=False)
    errors = [message for message in result.messages if message.is_error]
    if not result.executed:
        raise AdtRefused(HTTPStatus.OK, "", _listed(errors or list(result.messages)) or "the system gave no reason")
    # The system says "executed" of some objects that stay inactive all the same.
    inactive = adt_xml.inactive_objects(await adt.request("GET", "/sap/bc/adt/activation/inactiveobjects"))
    own = target.uri.lower()
    if any(uri.lower() == own or uri.lower().startswith(f"{own}/") for uri in inactive):
        raise AdtRefused(HTTPStatus.OK, "", _listed(errors) or "the object is still inactive")
    return [message for message in result.messages if message.severity == "W"]


async def _ask_to_activate(adt: AdtSession, target: _Object, *, preaudit: bool) -> adt_xml.Activation:
    answer = await adt.request(
        "POST",
        "/sap/bc/adt/activation",
        params={"method": "activate", "preauditRequested": "true" if preaudit else "false"},
        body=adt_xml.activation_request(target.name, target.uri),
    )
    return adt_xml.activation(answer)


async def _active_source(adt: AdtSession, target: _Object) -> str | None:
    """None when there is no such object."""
    try:
        return await adt.request("GET", target.source_uri, params={"version": "active"}, accept="text/plain")
    except AdtRefused as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            return None
        raise


async def _holds(adt: AdtSession, target: _Object, source: str) -> bool:
    active = await _active_source(adt, target)
    return active is not None and adt_xml.normal_form(active) == adt_xml.normal_form(source)


def _listed(messages: list[Message]) -> str:
    """Each text once; SAP repeats a message for the source and for the object."""
    texts = list(dict.fromkeys(str(message) for message in messages))
    more = f" and {len(texts) - _MOST_MESSAGES} more" if len(texts) > _MOST_MESSAGES else ""
    return "; ".join(texts[:_MOST_MESSAGES]) + more
