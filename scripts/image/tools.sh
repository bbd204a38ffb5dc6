#!/bin/sh
# What builds and installs the wheels: uv and hatchling, in the versions of requirements.lock. First argument: a Python.
set -eu
cd "$(dirname "$0")/../.."

UV_VERSION=$(sed -n 's/^UV_VERSION=//p' scripts/setup/python.sh)
"${1:-python3}" -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
  --constraint requirements.lock "uv==$UV_VERSION" hatchling
