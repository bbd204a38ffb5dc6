#!/usr/bin/env bash
# The Dockerfile without Docker: runs its steps into a temporary folder, starts the result the way the image does (its
# environment, PORT set by the platform, not root where that is possible) and talks to it.
set -euo pipefail
cd "$(dirname "$0")/../.."

LIMIT=60 # seconds for the service to come up
work=$(mktemp -d)
service=
finish() {
  [[ -z $service ]] || kill -KILL "$service" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
chmod 755 "$work"

echo '==> building the wheels and installing them into an empty environment'
"$(scripts/setup/find-python.sh)" -m venv "$work/builder"
export PATH="$work/builder/bin:$PATH"
scripts/image/tools.sh python
scripts/image/wheels.sh "$work/wheels"
scripts/image/install.sh "$work/wheels" "$work/opt/oricode"
scripts/image/data.sh "$work/data"
if command -v npm >/dev/null; then
  scripts/image/abap.sh "$work/opt/abaplint" >/dev/null
else
  echo 'image-check: npm is not installed, the step for the ABAP checker was left out' >&2
fi

cp scripts/image/check.yaml "$work/"

# As the image's USER, unless this Python belongs to root alone.
as=()
if ((EUID == 0)) && setpriv --reuid 10001 --regid 10001 --clear-groups "$work/opt/oricode/bin/python" -c '' 2>/dev/null; then
  chown 10001:10001 "$work/data"
  as=(setpriv --reuid 10001 --regid 10001 --clear-groups)
else
  echo "image-check: running as $(id -un), not as the image's unprivileged user" >&2
fi

port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# The image's own ENV lines, with its folders found under $work.
mapfile -t image_env < <(sed -n '/^ENV/,/[^\\]$/p' Dockerfile | sed -E "s/^ENV//; s/\\\\$//; s/^ +//; s# +\$##" |
  sed -E "s#=/(data|opt)#=$work/\1#")
run() { env --ignore-environment "${image_env[@]}" PORT="$port" ORICODE_MODEL="$work/check.yaml" "${as[@]}" "$@"; }
printf '    %s\n' "${image_env[@]}" "PORT=$port"

echo '==> starting it'
(cd "$work/data" && exec env --ignore-environment "${image_env[@]}" PORT="$port" ORICODE_MODEL="$work/check.yaml" "${as[@]}" \
  oricode serve) >"$work/log" 2>&1 &
service=$!
for ((waited = 0; ; waited++)); do
  if run oricode health 2>/dev/null; then break; fi
  if ((waited >= LIMIT)) || ! kill -0 "$service" 2>/dev/null; then
    echo 'image-check: the service did not come up:' >&2
    cat "$work/log" >&2
    exit 1
  fi
  sleep 1
done

echo '==> talking to it'
key=$(run oricode keys create --user image-check)
curl --silent --show-error --fail --no-buffer --max-time 60 "http://127.0.0.1:$port/api/chat" -H "X-API-Key: $key" \
  -H 'Content-Type: application/json' -d '{"prompt": "Hello!", "stream": true}' >"$work/answer"
grep --quiet '^event: done$' "$work/answer"
grep --quiet '"status":"completed"' "$work/answer"
echo "    $(grep -c '^event: ' "$work/answer") events, the last one done"
grep --quiet '"name":"mcp_check_syntax".*"status":"ok".*WRTE' "$work/answer"
echo '    the ABAP checker found the broken line'

echo '==> stopping it'
kill -TERM "$service"
code=0
wait "$service" || code=$?
service=
if ((code != 0)); then
  echo "image-check: the service ended with $code instead of 0:" >&2
  cat "$work/log" >&2
  exit 1
fi
echo 'image-check: passed'
