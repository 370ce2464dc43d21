# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # of lib/common and lib/realm, and for the suites
# Services on three hosts, each of which leads to the next, and clients of theirs on a fourth.
# Needs lib/common and lib/realm.

need_network() {
  need_world
  need_realm
  need_hosts
  need curl jq socat
  curl --version | grep -qw SPNEGO || skip "needs a curl with SPNEGO"
  type -P negotiate-token >/dev/null || skip "needs a build with krb5"
}

network_teardown() {
  local log
  server_teardown
  # That of the last one has been shown.
  for log in "$SCRATCH"/[abc].log; do
    [[ ! -s $log || $log == "${SERVER_LOG-}" ]] || sed "s/^/server ${log##*/}: /" "$log"
  done
  realm_stop
  hosts_stop
}

# --- the services ---------------------------------------------------------------------------------

declare -gA server_pid=()

# policy HOST LINE...: what the service there goes by when it is started next; by default nothing.
policy() {
  local host=$1
  shift
  (($#)) || set -- ''
  printf '%s\n' "$@" >"$SCRATCH/$host.conf"
}

# serve HOST [OPTION...]: a service there, at port 8080, whose root has a file of alice's, hers; with the words
# of SERVER_WITH before it.
serve() {
  local host=$1
  shift
  [[ -e $SCRATCH/$host.keytab ]] || realm_keytab "$SCRATCH/$host.keytab" "HTTP/$host.test"
  serve_at "$host" --tcp "$(host_address "$host"):8080" --keytab "$SCRATCH/$host.keytab" "$@"
}

# serve_locally HOST [OPTION...]: the same, on a Unix socket
serve_locally() {
  serve_at "$1" --unix "$SCRATCH/$1.socket" "${@:2}"
}

serve_at() {
  local host=$1
  shift
  if [[ ! -e $SCRATCH/$host ]]; then
    mkdir -m 0755 "$SCRATCH/$host"
    install -m 0600 -o alice -g alice <(echo "hers on $host") "$SCRATCH/$host/hers"
  fi
  [[ -e $SCRATCH/$host.conf ]] || policy "$host"
  become_host "$host"
  SERVER_BY=("${ON_HOST[@]}" "${SERVER_WITH[@]}")
  SERVER_NAME=$host
  server_start --root "$SCRATCH/$host" --policy "$SCRATCH/$host.conf" --log stderr "$@"
  server_pid[$host]=$SERVER_PID
}

SERVER_WITH=()

# From the last to the first, A of which is reached over the network, or with "local" by its socket.
serve_all() {
  serve c
  serve b --backend http://c.test:8080
  if [[ ${1-} == local ]]; then
    serve_locally a --backend http://b.test:8080
  else
    serve a --backend http://b.test:8080
  fi
}

# --- the clients ----------------------------------------------------------------------------------

# client USER[@REALM] [KINIT-OPTION...]: has a ticket from now on, in a cache that is on no host.
client() {
  local principal=$1 user=${1%@*}
  shift
  mkdir -p "$SCRATCH/clients"
  realm_kinit "$principal" "$SCRATCH/clients/$user" "$@"
  chown "$user:" "$SCRATCH/clients/$user" 2>/dev/null || true
}

# ask USER HOST PATH [CURL-ARGUMENT...]: sets status_code and body; a ticket is forwarded where an argument of
# curl says so.  USER acts as nobody where it has no account.
ask() {
  local user=$1 url=http://$2.test:8080$3
  shift 3
  body=$(on_host kdc env "KRB5CCNAME=$SCRATCH/clients/$user" \
    curl -s --max-time "$patience" --path-as-is --negotiate -u : -w '\n%{http_code}' "$@" "$url")
  status_code=${body##*$'\n'}
  body=${body%$'\n'*}
  body=${body%$'\n'}
}

# delegate USER HOST PATH [CURL-ARGUMENT...]: the same at level delegation, with a ticket
delegate() {
  ask "$@" --delegation always -H 'Impersonation-Level: delegation'
}

# token USER [FLAG...]: the first message of a handshake with the service on A
token() {
  local user=$1
  shift
  KRB5CCNAME=$SCRATCH/clients/$user on_host kdc negotiate-token HTTP@a.test "$@"
}

# A connection that is kept: session_open HOST, then session_ask any number of times.  Sets SESSION, the
# descriptors to read it from and to write to.
session_open() {
  local from to
  mkfifo "$SCRATCH/from" "$SCRATCH/to"
  become_host kdc
  (
    exec 3>&- 4>&- <"$SCRATCH/to" >"$SCRATCH/from"
    exec "${ON_HOST[@]}" socat - "TCP:$1.test:8080"
  ) &
  SERVER_PIDS+=($!)
  exec {to}>"$SCRATCH/to" {from}<"$SCRATCH/from"
  rm "$SCRATCH/from" "$SCRATCH/to"
  SESSION=("$from" "$to")
}

# session_ask PATH [HEADER...]: sets status_code, headers and body; fails where the connection has ended.
session_ask() {
  local LC_ALL=C line length=0
  printf '%s\r\n' "GET $1 HTTP/1.1" 'Host: x' "${@:2}" '' >&"${SESSION[1]}" || return
  session_read || return
}

session_read() {
  headers=
  IFS=' ' read -rt "$patience" -u "${SESSION[0]}" line status_code line || return
  while IFS= read -rt "$patience" -u "${SESSION[0]}" line; do
    line=${line%$'\r'}
    [[ -n $line ]] || break
    headers+=$line$'\n'
    [[ ${line,,} != content-length:* ]] || length=${line#*: }
  done
  body=
  ((length == 0)) || IFS= read -rN "$length" -t "$patience" -u "${SESSION[0]}" body
}

# --- what is seen ---------------------------------------------------------------------------------

# tickets_for SERVICE: how many tickets for it the KDC was asked for
tickets_for() {
  grep -c "TGS_REQ .* for $1@IDN.TEST" "$(realm_log)" || true
}

# logged HOST TEXT: its service has said that
logged() {
  wait_for grep -q -- "$2" "$SCRATCH/$1.log"
}
