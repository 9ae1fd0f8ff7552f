# What the starters of servers share. Sourced as the first thing, with the starter's arguments:
# start|stop|kill FOLDER, or restart FOLDER [NAME…]. `kill` is SIGKILL; `restart` starts what was killed (all, or these) on
# the same ports and data, and does not wait until it answers.
set -euo pipefail

verb=$1 folder=$(realpath "$2")

# A loopback port that was free a moment ago.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# A secret of this run. Nothing that tests print or write may have it: tests/secrets/canaries.py looks.
canary() {
  local secret
  secret=drcanary$(/usr/bin/python3 -c 'import secrets; print(secrets.token_hex(12))')
  echo "$secret" >>"$folder/canaries"
  echo "$secret"
}

# Runs a server that outlives this script; `stop_all` ends it.
run_server() {
  local name=$1
  shift
  printf '%q ' "$@" >"$folder/$name.command"
  setsid "$@" </dev/null >>"$folder/$name.out" 2>&1 &
  echo "$! $name" >>"$folder/pids"
}

# Tries a command until it works, for 30 seconds at most.
await() {
  local deadline=$((SECONDS + 30))
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS > deadline)); then
      echo "gave up waiting for: $*" >&2
      tail -n 20 "$folder"/*.out >&2 || true
      return 1
    fi
    sleep 0.05
  done
}

# An authority for certificates, of this run only, and a file of the name `localhost` for those who sign one with it.
make_authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=dr test authority" -days 30 \
    -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>>"$folder/openssl.out"
  echo "subjectAltName=DNS:localhost" >"$folder/localhost"
}

# A key and a certificate for $1, signed by the authority; further options of `openssl x509` follow.
certify() {
  {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$folder/$1.key" \
      -out "$folder/$1.csr"
    openssl x509 -req -in "$folder/$1.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 30 \
      -out "$folder/$1.pem" "${@:2}"
  } >>"$folder/openssl.out" 2>&1
}

# Ends what run_server started, the newest first.
stop_all() {
  [[ -f $folder/pids ]] || return 0
  local pid name
  while read -r pid name; do
    kill "$pid" 2>/dev/null || continue
    for _ in {1..100}; do
      is_running "$pid" || break
      sleep 0.05
    done
    kill -9 "$pid" 2>/dev/null || true
  done < <(tac "$folder/pids")
}

is_running() { kill -0 "$1" 2>/dev/null && [[ "$(ps -o stat= -p "$1")" != Z* ]]; }

kill_all() {
  local pid name
  while read -r pid name; do kill -9 "$pid" 2>/dev/null || true; done <"$folder/pids"
  while read -r pid name; do
    while is_running "$pid"; do sleep 0.01; done
  done <"$folder/pids"
}

has_ended() { ! is_running "$1"; }

restart() {
  local names=("$@") name
  if ((${#names[@]} == 0)); then mapfile -t names < <(cut -d ' ' -f 2 "$folder/pids"); fi
  for name in "${names[@]}"; do
    await has_ended "$(sed -n "s/ $name\$//p" "$folder/pids")"
    sed -i "/ $name\$/d" "$folder/pids"
    eval "run_server $name $(<"$folder/$name.command")"
  done
}

case $verb in
  start) ;;
  stop | kill) "${verb}_all" && exit 0 ;;
  restart) restart "${@:3}" && exit 0 ;;
esac
