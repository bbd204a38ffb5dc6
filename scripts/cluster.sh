#!/usr/bin/env bash
# Several instances on one PostgreSQL behind nginx, without Docker: what compose.yaml does, for one machine.
#
#   cluster.sh [FOLDER]     data stays in FOLDER (build/cluster); Ctrl-C stops everything
#
# INSTANCES=3 and PORT=8080 can be set; every ORICODE_ variable reaches the instances.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$here/build/cluster}
instances=${INSTANCES:-3}
port=${PORT:-8080}
oricode=$here/.venv/bin/oricode
pids=()

stop() {
  trap - EXIT INT TERM
  echo '==> stopping'
  # The instances first: they hand their runs over, and the last one leaves them in the database for the next start.
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  "$here/scripts/postgres.sh" stop "$database" || true
  exit 0
}

# As a service manager does: started again after a crash (an instance that was fenced ends with 70).
supervise() {
  local number=$1 child=
  trap 'kill "$child" 2>/dev/null; wait "$child" 2>/dev/null; exit 0' TERM
  until "$oricode" serve --port "$((port + number))" --data-dir "$folder/data" & child=$!; wait "$child"; do
    echo "instance $number ended with $?; it is started again" >&2
    sleep 1
  done
}

"$here/scripts/setup/debian.sh" postgresql nginx-light curl
mkdir -p "$folder"/{log,nginx}
# The database server runs as a user of its own, who may not enter everybody's folders.
database=${ORICODE_CLUSTER_DATABASE:-/var/tmp/oricode-cluster-$(id -u)}
trap stop EXIT INT TERM

echo '==> PostgreSQL'
url=$("$here/scripts/postgres.sh" start "$database")
key=$("$oricode" keys create --user me --admin --database-url "$url")

upstreams=
for number in $(seq "$instances"); do
  own=$((port + number))
  echo "==> instance $number on port $own"
  ORICODE_DATABASE_URL=$url supervise "$number" >"$folder/log/$number.log" 2>&1 &
  pids+=($!)
  upstreams+="server 127.0.0.1:$own max_fails=1 fail_timeout=1s; "
done
for number in $(seq "$instances"); do
  own=$((port + number))
  until curl --silent --fail --output /dev/null "http://127.0.0.1:$own/readyz"; do
    kill -0 "${pids[$((number - 1))]}" 2>/dev/null || { cat "$folder/log/$number.log" >&2; exit 1; }
    sleep 0.2
  done
done

echo '==> nginx'
sed -e "s|\${UPSTREAMS}|$upstreams|; s|\${LISTEN}|127.0.0.1:$port|; s|\${FOLDER}|$folder/nginx|" \
  "$here/scripts/cluster/nginx.conf.template" >"$folder/nginx/nginx.conf"
PATH=$PATH:/usr/sbin nginx -g 'daemon off; master_process off;' -c "$folder/nginx/nginx.conf" -p "$folder/nginx" &
pids+=($!)

cat <<SAID

  The cluster is ready: $instances instances behind nginx.

  address    http://127.0.0.1:$port
  key        $key
  page       http://127.0.0.1:$port/#key=$key
  logs       $folder/log

  Watch a run while an instance dies under it:
  .venv/bin/oricode demo --url http://127.0.0.1:$port --key $key
  kill -9 \$(pgrep --full 'serve --port $((port + 1))')

SAID
wait
