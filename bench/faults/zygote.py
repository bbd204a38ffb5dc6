"""Starts services fast: a process that has imported everything slow, and forks one service for each request.

Importing the SDKs of the model provider and of MCP takes seconds of CPU, which would leave a suite of hundreds of kills
little time for anything else. (A service asks the first of them in a child process, or at once when it is imported as
it is here.) What is forked is a process like any other: own memory, own session, dies by kill -9.
``--cold`` of the suite starts the installed command instead.

In: on the inherited socket, JSON ``{argv, env, sabotage}`` with the file descriptor of the child's output. Out:
``{pid}``, and ``{pid, code}`` when a child has ended. Ends with its socket.
"""

from __future__ import annotations

import array
import gc
import json
import os
import select
import socket
import sys
import traceback

from .sabotage import SAFEGUARDS


def _import_everything() -> None:
    import mcp  # noqa: F401
    import oricode_service.app
    import oricode_service.cli
    import oricode_service.commands.serve
    import oricode_service.models.anthropic
    import oricode_service.models.anthropic_sdk
    import oricode_service.tools.mcp.connection  # noqa: F401

    gc.collect()
    gc.freeze()


def _become(request: dict[str, object], output: int) -> None:
    """In the child: be the service. Never returns."""
    code = 70
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(request["env"])  # type: ignore[call-overload]
        sys.argv = ["oricode", *request["argv"]]  # type: ignore[misc]
        if request["sabotage"]:
            SAFEGUARDS[str(request["sabotage"])]()
        from oricode_service.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    _import_everything()
    control.sendall(b'{"ready": true}\n')
    children: set[int] = set()
    while True:
        readable, _, _ = select.select([control], [], [], 0.01 if children else None)
        for pid in list(children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                children.discard(pid)
                control.sendall(json.dumps({"pid": pid, "code": os.waitstatus_to_exitcode(status)}).encode() + b"\n")
        if not readable:
            continue
        data, ancillary, _, _ = control.recvmsg(65536, socket.CMSG_SPACE(4))
        if not data:
            return
        (output,) = array.array("i", ancillary[0][2])
        pid = os.fork()
        if pid == 0:
            _become(json.loads(data), output)
        os.close(output)
        children.add(pid)
        control.sendall(json.dumps({"pid": pid}).encode() + b"\n")


if __name__ == "__main__":
    main()
