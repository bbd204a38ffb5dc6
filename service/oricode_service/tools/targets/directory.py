"""Deploys into a folder: the default target, which needs no system.

In: a job. Out: ``<root>/<user>/<program>/<file>`` with the source byte for byte, beside it ``manifest.json``. Each is
replaced atomically and is on disk before the next one is touched: first the source, then the manifest, whose appearance
is the deployment. A crash between the two shows as a source that the manifest does not describe, and :meth:`find`
finishes it. Deployments of one program exclude each other across processes (``flock``).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

from .. import languages
from ..port import Step
from ..program_names import file_stem, user_folder
from .port import Job, Receipt, TargetFailed, phase
from .to_the_end import to_the_end

_LOCK_INTERVAL = 0.05


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``manifest.json`` says about the file beside it."""

    name: str
    language: str
    file: str
    version: int
    sha256: str
    tool_call_id: str
    at: str
    """UTC, ISO 8601."""


class DirectoryTarget:
    """Owns nothing between two deployments."""

    name: Final = "directory"

    def __init__(
        self,
        root: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        lock_limit: float = 30.0,
    ) -> None:
        self._root = root
        self._clock = clock
        self._lock_limit = lock_limit

    async def deploy(self, job: Job) -> AsyncGenerator[Step | Receipt, None]:
        place = _Place(self._root, job)
        yield phase(1, "Creating", job.name)
        await to_the_end(asyncio.to_thread(place.create))
        yield phase(2, "Locking", job.name)
        async with self._locked(place):
            before = await to_the_end(asyncio.to_thread(place.manifest))
            if before is not None and before.tool_call_id == job.tool_call_id:
                yield Receipt(before.version, "This call had deployed it before.")
                return
            yield phase(3, "Writing", job.name)
            await to_the_end(asyncio.to_thread(place.write_source))
            yield phase(4, "Activating", job.name)
            after = await to_the_end(asyncio.to_thread(place.write_manifest, before, self._clock()))
        yield Receipt(after.version)

    async def find(self, job: Job) -> Receipt | None:
        place = _Place(self._root, job)
        if not place.folder.is_dir():
            return None
        async with self._locked(place):
            return await to_the_end(asyncio.to_thread(self._find, place))

    def _find(self, place: _Place) -> Receipt | None:
        if place.source_sha256() != place.job.sha256:
            return None
        manifest = place.manifest()
        if manifest is None or manifest.sha256 != place.job.sha256:
            # The crash came between source and manifest, and only this job's source has this hash.
            manifest = place.write_manifest(manifest, self._clock())
        return Receipt(manifest.version)

    @contextlib.asynccontextmanager
    async def _locked(self, place: _Place) -> AsyncIterator[None]:
        with place.lock_file() as descriptor:
            try:
                async with asyncio.timeout(self._lock_limit):
                    while not _try_lock(descriptor):  # noqa: ASYNC110 - nothing tells us when another process is done
                        await asyncio.sleep(_LOCK_INTERVAL)
            except TimeoutError:
                raise TargetFailed(
                    f"another deployment of {place.job.name} is still going on; nothing was written."
                ) from None
            yield


@dataclass(frozen=True, slots=True)
class _Place:
    """A program's folder. All methods block; errors of the file system become :class:`TargetFailed`."""

    root: Path
    job: Job

    @property
    def folder(self) -> Path:
        return self.root / user_folder(self.job.user) / file_stem(self.job.name)

    @property
    def file(self) -> str:
        return languages.file_name(self.job.name, self.job.source, self.job.language)

    def create(self) -> None:
        with _file_system("the folder could not be made"):
            self.folder.mkdir(parents=True, exist_ok=True)
            _sync(self.folder.parent)

    @contextlib.contextmanager
    def lock_file(self) -> Iterator[int]:
        with _file_system("the lock could not be opened"):
            descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            yield descriptor
        finally:
            os.close(descriptor)  # frees the lock

    def manifest(self) -> Manifest | None:
        with _file_system("the manifest could not be read"):
            try:
                text = (self.folder / "manifest.json").read_bytes()
            except FileNotFoundError:
                return None
        try:
            return Manifest(**orjson.loads(text))
        except (orjson.JSONDecodeError, TypeError) as damaged:
            raise TargetFailed(f"the manifest of {self.job.name} is damaged; remove it to go on.") from damaged

    def source_sha256(self) -> str | None:
        with _file_system("the deployed source could not be read"):
            try:
                return sha256((self.folder / self.file).read_bytes()).hexdigest()
            except FileNotFoundError:
                return None

    def write_source(self) -> None:
        with _file_system("the source could not be written"):
            _replace(self.folder / self.file, self.job.source.encode())

    def write_manifest(self, before: Manifest | None, at: datetime) -> Manifest:
        """Describe the source as the next version; a file of an earlier name goes."""
        after = Manifest(
            name=self.job.name,
            language=self.job.language,
            file=self.file,
            version=before.version + 1 if before else 1,
            sha256=self.job.sha256,
            tool_call_id=self.job.tool_call_id,
            at=at.isoformat(timespec="milliseconds"),
        )
        with _file_system("the manifest could not be written"):
            _replace(self.folder / "manifest.json", orjson.dumps(asdict(after), option=orjson.OPT_INDENT_2))
            if before is not None and before.file != after.file:
                (self.folder / before.file).unlink(missing_ok=True)
        return after


@contextlib.contextmanager
def _file_system(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TargetFailed(f"{what}: {error.strerror or type(error).__name__}.") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _replace(path: Path, content: bytes) -> None:
    """Atomic, and on disk when it returns. The caller holds the lock, so the temporary name is its own."""
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
