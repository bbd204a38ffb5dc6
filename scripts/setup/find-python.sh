#!/usr/bin/env bash
# Prints the newest usable Python: 3.11 or later, able to make virtual environments.
set -euo pipefail

for candidate in ${PYTHON_FOR_VENV:-} python3.13 python3.12 python3.11 python3; do
  if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    command -v "$candidate"
    exit 0
  fi
done

cat >&2 <<'END'
No usable Python was found: version 3.11 or later with its venv module is needed.
  Debian and Ubuntu:  apt install python3 python3-venv
  another one:        make setup PYTHON_FOR_VENV=/path/to/python3.12
END
exit 1
