"""WebSocket conformance of our clients by the Autobahn test suite: its fuzzing server, against an echo behind each
client's own connection.

``python -m bench.goals.autobahn_clients PYTHON2 [--only python ws node chromium java]`` runs the cases of 1 to 7, 9 and
10, and a sample of those with compression. Exit code 1 when a case failed that is not named here, or when the control
passed: a client that does not look whether text is UTF-8.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .autobahn import COMPRESSION, PASSED, ROOT
from .echo_page import in_chromium
from .typescript import TYPESCRIPT, bundled

CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", *COMPRESSION]
UTF8 = ["6.3.*", "6.4.*"]
LIMIT = 600
"""Seconds for all cases of one client."""
_SERVE = """
import site, sys
site.addsitedir(sys.argv.pop(1))
pause = float(sys.argv.pop(1))
from autobahntestsuite import fuzzing, wstest
from twisted.internet import reactor
suite = fuzzing.FuzzingServerProtocol
checked, begin = suite.onConnect, suite.onOpen
def agreeing(self, request):
    # Pages, and `ws`, hang up on a server that agrees to none of the subprotocols that they offer.
    checked(self, request)
    return request.protocols[0] if request.protocols else None
suite.onConnect = agreeing
suite.onOpen = lambda self: reactor.callLater(pause, begin, self)
wstest.run()
"""
PAUSE = {"java": 0.05}
"""Seconds between the handshake and the case. JDK 17 loses bytes of a burst that comes right behind the handshake; the
service's bursts answer commands, and behind the handshake it says ``connected`` alone."""
_FRAGMENTS = "a message of 4 MiB in {} fragments or more: the library gives up there, as a defence"
_CLOSE_CODES = "an invalid close code is sent back instead of refused with 1002"
KNOWN: dict[str, dict[str, str]] = {
    "python": {
        "7.1.5": "a close frame inside a fragmented message is answered with 1002; the suite wants 1000",
        **{f"9.{kind}.{size}": _FRAGMENTS.format("4,096") for kind in (3, 4) for size in (1, 2, 3)},
    },
    "ws": {f"9.{kind}.{size}": _FRAGMENTS.format("16,384") for kind in (3, 4) for size in (1, 2)},
    "node": {},
    "chromium": {f"7.9.{number}": _CLOSE_CODES for number in (1, 2, 3, 6, 7, 8, 9)},
    "java": {
        "2.10": "of pings that came at once the latest is answered, which RFC 6455 allows (5.5.3)",
        "7.7.8": "1010, a close code that only clients may send, is refused with 1002; the suite wants it back",
    },
}
"""By client: the cases that may fail, and why."""
_MAVEN = ["mvn", "-B", "-ntp", "-q", "-Dstyle.color=never", "-f", str(ROOT / "clients/java/pom.xml"), "test"]


@contextmanager
def fuzzing_server(python2: str, cases: list[str], pause: float = 0.0) -> Iterator[tuple[str, Path]]:
    """Its address, and where it writes its report."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "spec.json"
        url = f"ws://127.0.0.1:{port}"
        wanted = {"url": url, "outdir": folder, "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}}
        spec.write_text(json.dumps(wanted))
        command = [python2, "-c", _SERVE, str(ROOT / ".venv/autobahn"), str(pause)]
        command += ["-m", "fuzzingserver", "-s", str(spec), "-u", "0"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until_listening(port, server)
            yield url, Path(folder) / "index.json"
        finally:
            server.terminate()
            server.wait(30)


def _wait_until_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            if server.poll() is not None:
                raise RuntimeError(f"the fuzzing server ended with {server.returncode}") from None
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the fuzzing server does not listen")


def _run(command: list[str], input: str | None = None, cwd: Path = ROOT) -> None:
    subprocess.run(command, check=True, timeout=LIMIT, input=input, text=True, cwd=cwd)


def python(url: str, agent: str, *flags: str) -> None:
    _run([sys.executable, "-m", "bench.goals.echo_client", url, agent, *flags])


def ws(url: str, agent: str, *flags: str, node: tuple[str, ...] = ()) -> None:
    module = bundled("autobahn_node.ts", "--platform=node", "--packages=external")
    _run(["node", *node, "--input-type=module", "-", url, agent, *flags], module, TYPESCRIPT)


def node(url: str, agent: str) -> None:
    ws(url, agent, "--own", node=("--experimental-websocket", "--no-warnings"))


def chromium(url: str, agent: str) -> None:
    in_chromium(bundled("autobahn_echo.ts"), url, agent, LIMIT)


def java(url: str, agent: str) -> None:
    _run([*_MAVEN, "-Dtest=AutobahnEcho", f"-Doricode.autobahn={url}", f"-Doricode.agent={agent}"])


CLIENTS: dict[str, Callable[[str, str], None]] = {
    "python": python, "ws": ws, "node": node, "chromium": chromium, "java": java
}  # fmt: skip


def judged(
    python2: str, agent: str, cases: list[str], client: Callable[[str, str], None]
) -> dict[str, tuple[str, str]]:
    """Case -> behaviour, and what the suite says of it."""
    with fuzzing_server(python2, cases, PAUSE.get(agent, 0.0)) as (url, report):
        client(url, agent)
        found = json.loads(report.read_text())[agent]
        said = {case: json.loads((report.parent / answer["reportfile"]).read_text()) for case, answer in found.items()}
    return {case: (found[case]["behavior"], f"{said[case]['result']} {said[case]['resultClose']}") for case in found}


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench.goals.autobahn_clients")
    asked.add_argument("python2")
    asked.add_argument("--only", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    options = asked.parse_args()
    bad = 0
    for name in options.only:
        try:
            found = judged(options.python2, name, CASES, CLIENTS[name])
        except subprocess.SubprocessError as broken:
            print(f"Autobahn, {name}: its echo did not get through all cases: {broken}")
            bad += 1
            continue
        counts = ", ".join(
            f"{count} {kind}" for kind, count in Counter(kind for kind, _ in found.values()).most_common()
        )
        print(f"Autobahn, {name}: {len(found)} cases: {counts}", flush=True)
        for case, (kind, said) in sorted(found.items()):
            if kind not in PASSED:
                print(f"  {case} {kind}: {KNOWN[name].get(case, 'NOT NAMED: ' + said)}")
                bad += case not in KNOWN[name]
        bad += not found
    blind = judged(options.python2, "blind", UTF8, lambda url, agent: python(url, agent, "--unchecked"))
    noticed = sum(kind not in PASSED for kind, _ in blind.values())
    print(f"control: a client that takes text unchecked fails {noticed} of {len(blind)} cases of UTF-8")
    bad += not noticed
    print(f"{bad} failures that are not named")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
