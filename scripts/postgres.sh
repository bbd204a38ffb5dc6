#!/usr/bin/env bash
# A private PostgreSQL on loopback: own port, own data directory, own password; fsync stays on.
#
#   postgres.sh find                     where the server's programs are; exit code 1 when there are none
#   postgres.sh start DIR [PORT]         make it if need be, start it, print its address (port: any free one)
#   postgres.sh restart DIR [MODE]       smart, fast (default) or immediate, which is a crash
#   postgres.sh stop DIR [MODE]
#   postgres.sh fresh DIR NAME           a new empty database in it; prints its address
set -euo pipefail

fail() {
  echo "postgres.sh: $*" >&2
  exit 1
}

find_programs() {
  local folder
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort --reverse); do
    [[ -x $folder/initdb ]] && echo "$folder" && return
  done
  folder=$(command -v initdb) && dirname "$folder"
}

verb=${1:-}
programs=$(find_programs) || fail "PostgreSQL is not installed (Debian: apt-get install postgresql)"
[[ $verb == find ]] && echo "$programs" && exit
data=${2:-}
[[ -n $data ]] || fail "usage: postgres.sh find | start DIR [PORT] | restart DIR [MODE] | stop DIR [MODE] | fresh DIR NAME"

# The server refuses to run as root.
as_owner() {
  if ((EUID == 0)); then (cd / && exec runuser -u postgres -- "$@"); else "$@"; fi
}

address() {
  echo "postgresql://oricode:$(<"$data/password")@127.0.0.1:$(<"$data/port")/$1"
}

# Outside the range of outgoing connections: one of those could take the port while the server restarts.
free_port() {
  python3 - <<'PYTHON'
import random, socket
while True:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", random.randrange(20000, 32000)))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
}

make_cluster() {
  local port=$1
  mkdir -p "$data"
  (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$data/password")
  echo "$port" >"$data/port"
  if ((EUID == 0)); then chown -R postgres "$data"; fi
  as_owner "$programs/initdb" --pgdata="$data/data" --username=oricode --auth=scram-sha-256 --pwfile="$data/password" \
    --encoding=UTF8 --locale=C --no-instructions >/dev/null
  as_owner tee -a "$data/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$data'
max_connections = 200
CONF
}

control() {
  as_owner "$programs/pg_ctl" --pgdata="$data/data" --log="$data/log" --wait --silent "$@" >&2
}

case $verb in
  start)
    [[ -f $data/data/PG_VERSION ]] || make_cluster "${3:-$(free_port)}"
    control status >/dev/null 2>&1 || control start
    "$programs/psql" --quiet --no-psqlrc --tuples-only --dbname="$(address postgres)" --command \
      "select 1 from pg_database where datname = 'oricode'" | grep -q 1 ||
      "$programs/createdb" --maintenance-db="$(address postgres)" oricode
    address oricode
    ;;
  restart) control --mode="${3:-fast}" restart ;;
  stop) control --mode="${3:-fast}" stop ;;
  fresh)
    "$programs/psql" --quiet --no-psqlrc --dbname="$(address postgres)" --command "create database \"${3:?name}\""
    address "$3"
    ;;
  *) fail "no such verb: $verb" ;;
esac
