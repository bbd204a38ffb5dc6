"""WebSocket conformance by the Autobahn test suite, against the server layer with an echo application.

``python -m bench.goals.autobahn PYTHON2`` runs all cases but compression (which is never agreed on: a sample of those)
with bounds out of the way, and again with the bounds of the service. Exit code 1 when a case failed that is not named
here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PASSED = frozenset({"OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"})
KNOWN = {"7.1.5": "a close frame inside a fragmented message is answered with 1002; the suite wants 1000"}
CASES = ["*"]
WITHOUT = ["12.*", "13.*"]
LARGE = "9.*"
"""Messages of up to 16 MiB, and a thousand at once: beyond what the service takes from a client."""
COMPRESSION = ["12.1.1", "12.2.1", "12.3.1", "12.4.1", "12.5.1", *(f"13.{n}.1" for n in range(1, 8))]
_RUN = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite import wstest; wstest.run()"
LIMIT = 300


def run(python2: str, cases: list[str], without: list[str], *flags: str) -> dict[str, str]:
    """Case -> behaviour."""
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.goals.echo", *flags], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert server.stdout is not None
    try:
        url = server.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            spec = Path(folder) / "spec.json"
            servers = [{"agent": "oricode", "url": url}]
            wanted = {"outdir": folder, "servers": servers, "cases": cases, "exclude-cases": without}
            spec.write_text(json.dumps(wanted | {"exclude-agent-cases": {}}))
            command = [python2, "-c", _RUN, str(ROOT / ".venv/autobahn"), "-m", "fuzzingclient", "-s", str(spec)]
            subprocess.run(command, check=True, timeout=LIMIT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            found = json.loads((Path(folder) / "index.json").read_text())["oricode"]
        return {case: answer["behavior"] for case, answer in found.items()}
    finally:
        server.terminate()
        server.wait(30)


def main() -> int:
    python2 = sys.argv[1]
    bad = 0
    for name, allowed, cases, without, flags in (
        ("the protocol", KNOWN, CASES, WITHOUT, ["--wide"]),
        ("compression offered", {}, COMPRESSION, [], ["--wide"]),
        ("with the service's bounds", KNOWN, CASES, [*WITHOUT, LARGE], []),
    ):
        found = run(python2, cases, without, *flags)
        failed = {case: behaviour for case, behaviour in found.items() if behaviour not in PASSED}
        unnamed = sorted(set(failed) - set(allowed))
        counts = ", ".join(f"{count} {kind}" for kind, count in Counter(found.values()).most_common())
        print(f"Autobahn, {name}: {len(found)} cases: {counts}")
        for case in sorted(failed):
            print(f"  {case} {failed[case]}: {allowed.get(case, 'NOT NAMED')}")
        bad += len(unnamed) + (not found)
    print(f"{bad} failures that are not named")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
