#!/usr/bin/env bash
# Fills .venv/goals with schemathesis and atheris: apart from .venv, whose versions they would change.
set -euo pipefail
cd "$(dirname "$0")/../.."

.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv/goals
export VIRTUAL_ENV="$PWD/.venv/goals"
.venv/bin/uv pip install --quiet --requirements bench/goals/requirements.txt
# What the service needs is used from .venv, behind what is here.
.venv/goals/bin/python - <<'END'
import glob, pathlib, sysconfig

ours = pathlib.Path(sysconfig.get_path("purelib"))
main = glob.glob("../lib/python3*/site-packages", root_dir=".venv/goals")[0]
(ours / "main.pth").write_text(f"import site; site.addsitedir({str((pathlib.Path('.venv/goals') / main).resolve())!r})\n")
END
