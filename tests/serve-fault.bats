#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Each credential, open and connect call of one request of each kind, made to fail in turn: a clean error,
# or the process ends; never is anything done as somebody else.

load lib/common
load lib/programs

BATS_TEST_TIMEOUT=${FAULT_TIMEOUT:-300}

setup() {
  need_world
  need curl idn-check
  need_strace
  cd "$SCRATCH" || return
  home=$SCRATCH/alice
  install -d -o alice -g alice -m 0700 "$home" "$home/d"
  # What the service may, and alice may not.
  install -d -o daemon -g daemon -m 0700 own
  install -o daemon -g daemon -m 0600 /dev/null own/secret
  echo "the service's alone" >own/secret
  install -o alice -g alice -m 0600 /dev/null "$home/secret"
  echo "only alice" >"$home/secret"
  tracer=
}

teardown() {
  server_teardown
}

# --- one request, with one fault ---------------------------------------------------------------------

ensure_server() {
  [[ -z ${FRONT_PID-} ]] || has_ended "$FRONT_PID" || return 0
  [[ -z ${FRONT_PID-} ]] || wait "$FRONT_PID" 2>/dev/null || true
  if [[ -z ${BACK_PID-} ]]; then
    server_start --user daemon --unix "$SCRATCH/back.socket" --threads 1 --workers 1
    BACK_PID=$SERVER_PID
  fi
  server_start --user daemon --unix "$SCRATCH/front.socket" --threads 1 --workers 1 \
    --backend "unix:$SCRATCH/back.socket"
  FRONT_PID=$SERVER_PID
  # What is read once is read.
  as alice curl -s --unix-socket "$SOCKET" http://x/whoami http://x/async/whoami http://x/backend/whoami >warm
}

attach() {
  local line
  exec {says}< <(exec strace -f -o trace -p "$FRONT_PID" -e signal=none -e "trace=$1" \
    -e "inject=$1:$2:when=$3" 2>&1)
  tracer=$!
  read -rt "$patience" -u "$says" line
  [[ $line == *attached* ]] || { echo "strace: $line" >&2; return 1; }
}

# One whose process is about to end may wait for ever for what is left of it.
detach() {
  kill -TERM "$tracer" 2>/dev/null || true
  patience=2 wait_for has_ended "$tracer" 2>/dev/null || kill -KILL "$tracer" 2>/dev/null || true
  while read -rt "$patience" -u "$says" _; do :; done
  exec {says}<&-
}

# ask METHOD URL: sets code, 000 where there was no answer, and got.
ask() {
  local method=()
  case $1 in
    PUT) method=(-X PUT --data-binary "new content") ;;
    DELETE) method=(-X DELETE) ;;
  esac
  got=$(as alice curl -s --max-time "$patience" -w '\n%{http_code}' "${method[@]}" --unix-socket "$SOCKET" "$2") || true
  code=${got##*$'\n'}
  got=${got%$'\n'*}
}

# --- what must hold, whatever failed -----------------------------------------------------------------

untouched() {
  [[ $(<own/secret) == "the service's alone" && $(ls -A own) == secret ]]
}

# judge KIND STATUS-FOR-THE-SERVICE'S STATUS-FOR-ALICE'S
judge() {
  untouched || { echo "the service's own was changed" >&2; return 1; }
  [[ $2 != 2* ]] || { echo "the service's own was answered for alice: $2" >&2; return 1; }
  case $1 in
    get) [[ $3 != 200 || ${got%$'\n'} == "only alice" ]] ;;
    put)
      [[ ! -e $home/d/new || ($(stat -c %U "$home/d/new") == alice && $(<"$home/d/new") == "new content") ]] &&
        [[ $3 != 201 || -e $home/d/new ]] && [[ -z $(find "$home/d" -mindepth 1 ! -name new ! -name old) ]]
      ;;
    delete) [[ $3 != 204 || ! -e $home/d/old ]] ;;
    whoami) [[ $3 != 200 || $got == *'"filesystem":2001}'* ]] ;;
  esac
}

# Nobody is left as a client; or the process has ended, loudly.
judge_service() {
  if has_ended "$FRONT_PID"; then
    local status=0
    wait "$FRONT_PID" || status=$?
    ((status == 134)) || { echo "the service ended with $status" >&2; return 1; }
    FRONT_PID=
    return
  fi
  run idn-check threads "$FRONT_PID"
  assert_success
}

# strike KIND WAY CALL FAULT N: one round with one fault: what is the service's alone, and then what is
# alice's.  Sets struck.
strike() {
  local kind=$1 way=$2 first=000
  ensure_server
  rm -f trace "$home/d/new"
  as alice touch "$home/d/old"
  attach "$3" "$4" "$5"
  case $kind in
    get) ask GET "http://x$way/files$SCRATCH/own/secret" && first=$code
      ask GET "http://x$way/files$home/secret" ;;
    put) ask PUT "http://x$way/files$SCRATCH/own/new" && first=$code
      ask PUT "http://x$way/files$home/d/new" ;;
    delete) ask DELETE "http://x$way/files$SCRATCH/own/secret" && first=$code
      ask DELETE "http://x$way/files$home/d/old" ;;
    list) ask GET "http://x$way/list$SCRATCH/own" && first=$code
      ask GET "http://x$way/list$home/d" ;;
    whoami) ask GET "http://x$way/whoami" ;;
  esac
  detach
  struck=no
  ! grep -q INJECTED trace || struck=yes
  if ! judge "$kind" "$first" "$code" || ! judge_service; then
    echo "$kind $way $3:$4, the ${5}th: status $first, then $code: $got" >&2
    return 1
  fi
  [[ $struck == yes || $code == 2* ]] || { echo "$kind $way: $code without a fault: $got" >&2; return 1; }
}

# in_turn KIND WAY CALL FAULT: from the first such call to the last; there must be one.
in_turn() {
  local n
  for ((n = 1; n <= 40; n++)); do
    strike "$1" "$2" "$3" "$4" "$n"
    [[ $struck == yes ]] || break
  done
  ((n > 1)) || [[ ${5-} == "if any" ]] || { echo "$1 $2: $3 is not called" >&2; return 1; }
}

each_kind() {
  local kind way
  for kind in get put delete list whoami; do
    for way in "" /async; do
      in_turn "$kind" "$way" "$@"
    done
  done
  in_turn get /backend "$@"
  in_turn put /async/backend "$@"
}

# --- the calls ---------------------------------------------------------------------------------------

@test "setgroups fails" {
  each_kind setgroups error=EPERM
}

@test "setresgid fails" {
  each_kind setresgid error=EPERM
}

@test "setresuid fails" {
  each_kind setresuid error=EAGAIN
}

@test "capset fails" {
  each_kind capset error=EPERM
}

@test "what the kernel has cannot be read" {
  local call
  for call in getresuid getgroups capget; do
    in_turn get "" "$call" error=ENOMEM
    in_turn put /async "$call" error=ENOMEM
  done
}

@test "the kernel says that the thread is somebody else" {
  in_turn get "" setfsuid retval=1
  in_turn get /async setfsuid retval=1
  in_turn put "" setfsgid retval=1
}

@test "a file or directory cannot be opened" {
  each_kind openat2 error=EACCES "if any"
  each_kind openat error=EMFILE "if any"
}

@test "the backend cannot be connected to" {
  local call
  for call in socket bind connect; do
    in_turn get /backend "$call" error=EACCES
    in_turn put /async/backend "$call" error=EACCES
  done
}
