# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What every suite loads: assertions, acting as a test user, waiting without guessing, a server to talk
# to.  A suite with a teardown of its own calls server_teardown in it.
#
# Set for tests: BUILD and SRC; in tests/lib/world also WORLD, and there BATS_TEST_TMPDIR, SCRATCH for
# short, is a directory that all users can enter and only root can write in.

# How long anything may take that is waited for.
patience=${patience:-10}

if type -t bats_require_minimum_version >/dev/null; then
  bats_require_minimum_version 1.5.0
fi

# Distributions have these in different places, and BATS_LIB_PATH is younger than some of them.
load_library() {
  local directory directories
  IFS=: read -ra directories <<<"${BATS_LIB_PATH-}"
  for directory in "${directories[@]}" /usr/lib/bats /usr/share/bats /usr/lib /usr/share \
    /usr/local/lib /usr/lib/node_modules /usr/local/lib/node_modules; do
    if [[ -e $directory/$1/load.bash ]]; then
      load "$directory/$1/load.bash"
      return
    fi
  done
  echo "$1 is missing; './bootstrap deps' installs it" >&2
  return 1
}

load_library bats-support
load_library bats-assert

SCRATCH=${BATS_TEST_TMPDIR-}
# Above it; made for its owner alone.
[[ -z ${WORLD-} ]] || chmod 0755 "$BATS_RUN_TMPDIR"

setup() {
  common_setup
}

teardown() {
  server_teardown
}

common_setup() {
  cd "$SCRATCH" || return
}

# For a suite that changes, or depends on, what the whole machine shares: not while another run of it does.
# To be called by setup_file.
hold_machine() {
  type -P flock >/dev/null || return 0
  exec {machine}<"${BASH_SOURCE[0]}"
  flock "$machine"
}

# --- who a test needs to be ---------------------------------------------------------------------

need_world() {
  [[ -d ${WORLD-}/home/alice ]] || skip "needs root and a private mount namespace"
}

need() {
  local command
  for command; do
    type -P "$command" >/dev/null || skip "needs $command"
  done
}

need_expat() {
  grep -q 'define WITH_EXPAT' "$BUILD/config.h" || skip "needs a build with expat"
}

# as USER COMMAND [ARG...]: runs a program, not a function, as a login of USER would be.
as() {
  become "$1" || return
  shift
  "${BECOME[@]}" "$@"
}

# become USER: sets BECOME, the words to put before a command; nothing for root and the empty name.
become() {
  BECOME=()
  [[ -n $1 && $1 != root ]] || return 0
  # No skip: it would be lost where this is run in a subshell.
  [[ -d ${WORLD-}/home/$1 ]] || { echo "no user $1 without need_world" >&2; return 1; }
  BECOME=(setpriv --reuid "$1" --regid "$(id -g "$1")" --init-groups --
    env HOME="$WORLD/home/$1" USER="$1" LOGNAME="$1")
}

# --- waiting ------------------------------------------------------------------------------------

# wait_for PATH, or wait_for COMMAND [ARG...]: until it exists, or until it succeeds.
wait_for() {
  local deadline=$((SECONDS + patience))
  (($# > 1)) || [[ $1 != */* ]] || set -- test -e "$1"
  until "$@"; do
    if ((SECONDS > deadline)); then
      echo "waited $patience s in vain for: $*" >&2
      return 1
    fi
    pause
  done
}

# 50 ms: nothing is ever written to this pipe.
pause() {
  [[ -n ${never-} ]] || exec {never}<> <(:)
  read -rt 0.05 -u "$never" || true
}

# --- schemas ----------------------------------------------------------------------------------------

# conforms SCHEMA: standard input, an object a line
conforms() {
  python3 -c '
import json, sys
import jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
lines = [line for line in sys.stdin if line.strip()]
assert lines, "nothing was written"
for line in lines:
    jsonschema.Draft202012Validator(schema).validate(json.loads(line))
' "$SRC/man/$1"
}

need_jsonschema() {
  python3 -c 'from jsonschema import Draft202012Validator' 2>/dev/null || skip "needs python3 with jsonschema"
}

# --- the server ---------------------------------------------------------------------------------

# All processes that a test has started and not stopped; a suite may add its own children.
SERVER_PIDS=()
SERVER_BY=()

# server_start [OPTION...]: starts idn-serve-demo, as root or as SERVER_USER, with the words of SERVER_BY before
# it, and returns when it listens.  Sets SERVER_PID, SOCKET and SERVER_LOG, the file of its messages, which
# SERVER_NAME names.  The socket is one that no other server of the test uses, or that of --unix; with --tcp
# there is none, and SERVER_ADDRESS says where.  Clients are served by SERVE_ENGINE: by threads where it is not
# set, since most suites look at what these are, and as the service chooses where it is empty.
server_start() {
  local arguments=("$@") line=
  SERVER_LOG=$SCRATCH/${SERVER_NAME:-server}.log
  choose_socket "$@"
  [[ -z ${SERVE_ENGINE-thread} ]] || arguments=(--engine "${SERVE_ENGINE-thread}" "${arguments[@]}")
  become "${SERVER_USER-}" || return

  # Without the descriptors of bats, which waits for all who hold them.
  mkfifo "$SCRATCH/server.out"
  (
    exec 3>&- 4>&- >"$SCRATCH/server.out" 2>>"$SERVER_LOG"
    exec "${SERVER_BY[@]}" "${BECOME[@]}" idn-serve-demo "${arguments[@]}"
  ) &
  SERVER_PID=$!
  SERVER_PIDS+=("$SERVER_PID")
  exec {server_out}<"$SCRATCH/server.out"
  rm "$SCRATCH/server.out"

  # Says so when it listens; a server that ends before makes this fail at once.
  read -rt "$patience" -u "$server_out" line || true
  if [[ $line != "listening on "* ]]; then
    echo "idn-serve-demo did not start: ${line:-no word from it}" >&2
    return 1
  fi
  # shellcheck disable=SC2034 # for the suites
  SERVER_ADDRESS=${line#listening on }
}

# Sets port, to one that nobody listens on: below the ones that the kernel gives to who asks for none.
choose_port() {
  for ((port = 20000 + RANDOM % 10000; ; port++)); do
    (exec {fd}<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  done
}

# In a directory that any user can make a socket in.  One left by a server that is gone is used again.
choose_socket() {
  local i pid running=0
  for ((i = 1; i <= $#; i++)); do
    case ${!i} in
      --unix) i=$((i + 1)); SOCKET=${!i}; return ;;
      --unix=*) SOCKET=${!i#*=}; return ;;
      --tcp*) SOCKET=; return ;;
    esac
  done
  for pid in "${SERVER_PIDS[@]}"; do
    ! kill -0 "$pid" 2>/dev/null || running=$((running + 1))
  done
  mkdir -p "$SCRATCH/sockets"
  chmod 1777 "$SCRATCH/sockets"
  SOCKET=$SCRATCH/sockets/$running
  arguments=(--unix "$SOCKET" "${arguments[@]}")
}

# get USER PATH [CURL-ARGUMENT...]: sets status_code, and body
get() {
  local user=$1 path=$2
  shift 2
  body=$(as "$user" curl -s --path-as-is -w '\n%{http_code}' --unix-socket "$SOCKET" "$@" "http://x$path")
  status_code=${body##*$'\n'}
  body=${body%$'\n'*}
  body=${body%$'\n'}
}

# refute_alice TEXT: it has neither her name nor the number of her, or of a group of hers; which can be within
# another number, a pid say.
refute_alice() {
  refute_regex "$1" 'alice|(^|[^0-9])(2001|2100|2101)([^0-9]|$)'
}

# fact FILTER: of a body that is JSON
fact() {
  jq -r "$1" <<<"$body"
}

# Asks the last one to end, and fails where it does not, or not with 0.
server_stop() {
  local status=0
  kill -TERM "$SERVER_PID"
  if ! server_closed; then
    echo "idn-serve-demo did not end within $patience s of SIGTERM" >&2
    return 1
  fi
  wait "$SERVER_PID" || status=$?
  if ((status)); then
    echo "idn-serve-demo ended with status $status" >&2
    return 1
  fi
}

# Until its output is closed, as it is when the last of its processes is gone.
server_closed() {
  local line status=0
  while ((status == 0)); do
    read -rt "$patience" -u "$server_out" line || status=$?
  done
  exec {server_out}<&-
  ((status <= 128))
}

# By their ids, and only while these are still children of this test.
server_teardown() {
  local pid
  for pid in "${SERVER_PIDS[@]}"; do
    is_child "$pid" || continue
    kill -TERM "$pid" 2>/dev/null || true
    patience=2 wait_for has_ended "$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  SERVER_PIDS=()
  # Shown by bats only where the test failed.
  [[ ! -s ${SERVER_LOG-} ]] || sed 's/^/server: /' "$SERVER_LOG"
}

is_child() {
  grep -qx "PPid:[[:space:]]$BASHPID" "/proc/$1/status" 2>/dev/null
}

has_ended() {
  grep -q '^State:[[:space:]]Z' "/proc/$1/status" 2>/dev/null || [[ ! -e /proc/$1 ]]
}
