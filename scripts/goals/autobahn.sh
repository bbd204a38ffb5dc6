#!/usr/bin/env bash
# Installs the Autobahn test suite into .venv/autobahn and prints the Python that runs it. It needs Python 2.7: where there
# is none (Debian has dropped it), says so and ends with 3.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=.venv/autobahn

python=
for candidate in python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
  if "$candidate" -m pip --version >/dev/null 2>&1; then
    python=$(command -v "$candidate")
    break
  fi
done
if [[ -z $python ]]; then
  echo "The Autobahn test suite needs Python 2.7 with pip, and there is none here: it is not run." >&2
  exit 3
fi
if [[ ! -e $folder/.installed ]]; then
  echo "==> installing the Autobahn test suite" >&2
  rm -rf "$folder"
  # A setting rather than an option: the pip that comes with Python 2.7 does not know it, and takes no unknown options.
  PIP_NO_PYTHON_VERSION_WARNING=1 "$python" -m pip install --quiet --disable-pip-version-check --target "$folder" \
    autobahntestsuite==25.10.1 >&2
  touch "$folder/.installed"
fi
echo "$python"
