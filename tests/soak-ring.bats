#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Fifty users at once by the ring engine, who check every byte: while tokens come and go until their numbers
# begin again, and while things break.

load lib/common
load lib/programs
load lib/soak

# What all of them together ask for, while all is whole.
requests=${SOAK_RING_REQUESTS:-30000}
hostile_requests=${SOAK_HOSTILE_REQUESTS:-5000}
BATS_TEST_TIMEOUT=${SOAK_TIMEOUT:-600}

setup() {
  need_world
  need soak jq curl
  grep -q 'define WITH_RING' "$BUILD/config.h" || skip "needs a build with the ring engine"
  [[ $(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0) == 0 ]] || skip "needs io_uring"
  SERVE_ENGINE=ring
  cd "$SCRATCH" || return
  mkdir -m 0755 files
}

# Sets FRONT_BROKER and BACK_BROKER besides, and broker_descriptors, how many each has without clients.
start_with_brokers() {
  start_both
  FRONT_BROKER=$(broker_of "$FRONT_PID")
  BACK_BROKER=$(broker_of "$BACK_PID")
  declare -gA broker_descriptors=(
    [$FRONT_BROKER]=$(descriptors "$FRONT_BROKER")
    [$BACK_BROKER]=$(descriptors "$BACK_BROKER")
  )
}

# Of the service PID: it has the socket that this listens on.
broker_of() {
  local sockets comm
  sockets=$(readlink /proc/"$1"/fd/* | grep '^socket:')
  for comm in /proc/[0-9]*/comm; do
    [[ $(cat "$comm" 2>/dev/null) == imp-broker ]] || continue
    if readlink "${comm%comm}"fd/* | grep -qxF "$sockets"; then
      basename "${comm%/comm}"
      return
    fi
  done
  echo "$1 has no broker" >&2
  return 1
}

descriptors() {
  find "/proc/$1/fd" -mindepth 1 | wc -l
}

has_descriptors() {
  (($(descriptors "$1") == $2))
}

# flat_meanwhile KIB COMMAND [ARG...]: the memory of service and brokers does not grow by more, but for the
# service's by what its allocator keeps, and the brokers hold nothing of clients that have gone.
flat_meanwhile() {
  local room=$1 pid before=()
  shift
  for pid in "$FRONT_PID" "$FRONT_BROKER" "$BACK_BROKER"; do
    before+=("$(resident "$pid")")
  done
  "$@" || return
  echo "service: ${before[0]} KiB, then $(resident "$FRONT_PID") KiB"
  is_flat "${before[0]}" "$(resident "$FRONT_PID")"
  holds_no_more "$FRONT_BROKER" $((before[1] + room))
  holds_no_more "$BACK_BROKER" $((before[2] + room))
}

# Its tables are as large as they ever are, and in memory as far as numbers have been given.
holds_no_more() {
  echo "broker: $(resident "$1") KiB, at most $2"
  is_sanitized || (($(resident "$1") <= $2))
  wait_for has_descriptors "$1" "${broker_descriptors[$1]}"
}

# --- whole ------------------------------------------------------------------------------------------

@test "by the ring engine: not one byte of another user's, every file its client's, memory and brokers flat" {
  front_options=(--workers 16) back_options=(--workers 16)
  start_with_brokers
  soak_them --requests $((requests / 5))
  run flat_meanwhile 512 soak_them --requests $((requests / 3)) --seed 2
  echo "$output"
  assert_success
  assert_output --regexp ' 0 failed, 0 cut;'
  all_are_back "$FRONT_PID" "$BACK_PID"
  files_are_whole
  assert_equal "$(sort -u "$SERVER_LOG")" "idn-serve-demo: engine: ring"
  server_stop
}

# Each request has a connection of its own, and before it six more have come and gone: each has a number of its
# own, but for those of a user of whom another is still there.
@test "65,000 tokens come and go, their numbers begin again, and none is taken for another's" {
  local highest number
  start_with_brokers
  run soak_them --requests $((requests / 3)) --once --comers 6
  echo "$output"
  assert_success
  highest=${output##*numbers up to }
  get alice /whoami
  number=$(fact .token)
  echo "the highest number is $highest, the next one $number"
  # They are given in turn.
  if ((requests >= 30000)); then
    ((highest > 60000 && number < highest))
  else
    ((highest > requests && number > highest))
  fi

  run flat_meanwhile $((requests < 30000 ? 1024 : 256)) soak_them --requests $((requests / 30)) --once --comers 6 --seed 2
  echo "$output"
  assert_success
  assert_output --regexp ' 0 failed, 0 cut;'
  all_are_back "$FRONT_PID" "$BACK_PID"
  files_are_whole
  server_stop
}

# --- while things break -------------------------------------------------------------------------------

@test "by the ring engine: connections cut in the middle leave no thread with a client, and the brokers nothing" {
  start_with_brokers
  hostile pause
  all_are_back "$FRONT_PID" "$BACK_PID"
  wait_for has_descriptors "$FRONT_BROKER" "${broker_descriptors[$FRONT_BROKER]}"
  wait_for has_descriptors "$BACK_BROKER" "${broker_descriptors[$BACK_BROKER]}"
  # Nothing can be removed for who has gone.
  files_are_whole killed
}

@test "by the ring engine: a backend that is killed and started again: each request gets one honest answer" {
  start_with_brokers
  hostile restart_back
  run grep -E ' (failed|cut)' soak.out
  assert_success
  all_are_back "$FRONT_PID" "$BACK_PID"
  wait_for has_ended "$BACK_BROKER"
  wait_for has_descriptors "$FRONT_BROKER" "${broker_descriptors[$FRONT_BROKER]}"
  files_are_whole killed
}

# kill_once PID: and lets things go on.
kill_once() {
  a_while
  [[ -n ${killed-} ]] || kill -KILL "$1"
  killed=$1
}

@test "a broker that is killed: nothing is done any more, as anybody, and every request is told so" {
  start_with_brokers
  hostile kill_once "$FRONT_BROKER"
  # To those who were there before, too.
  run cat soak.out
  refute_output --regexp ' 0 failed,'
  get alice /files/etc/passwd
  assert_equal "$status_code $body" "500 the service's broker has ended: nobody can be served any more"
  assert_equal "$(grep -c 'the broker has ended' "$SERVER_LOG")" 1
  all_are_back "$FRONT_PID" "$BACK_PID"
  files_are_whole killed

  server_stop

  # Of the next server it is said as well.
  start_front
  get alice /backend/files/etc/passwd
  assert_equal "$status_code" 200
  kill -KILL "$BACK_BROKER"
  wait_for has_ended "$BACK_BROKER"
  get alice /backend/files/etc/passwd
  assert_equal "$status_code $body" "500 the service's broker has ended: nobody can be served any more"
  get alice /files/etc/passwd
  assert_equal "$status_code" 200
}

# What the guard ends before that thread has ended, it would register after: a number that nobody ends any more.
@test "a broker that is killed while it registers a client: the thread that does so is gone before the guard ends all" {
  local tracer guard
  need_strace
  start_with_brokers
  guard=$(parent_of "$FRONT_BROKER")
  strace -f -qq -o strace.out -e trace=setgroups -e inject=setgroups:delay_enter=2s -p "$FRONT_BROKER" &
  tracer=$!
  SERVER_PIDS+=("$tracer")
  wait_for is_traced "$FRONT_BROKER"
  as alice curl -s --unix-socket "$FRONT" http://x/files/etc/passwd >answer &
  SERVER_PIDS+=($!)
  wait_for is_held "$FRONT_BROKER"
  kill -KILL "$FRONT_BROKER"
  wait_for has_ended "$FRONT_BROKER"
  wait_for has_ended "$guard"
  run -0 grep -c setgroups strace.out
  wait "${SERVER_PIDS[-1]}"
  run -0 cat answer
  assert_output "the service's broker has ended: nobody can be served any more"
}

parent_of() {
  awk '/^PPid:/ { print $2 }' "/proc/$1/status"
}

# In the middle of that call, and longer than for a look.
is_held() {
  local held
  held=$(held_of "$1")
  pause
  [[ -n $held && $held == "$(held_of "$1")" ]]
}

held_of() {
  grep -l '^State:.t' "/proc/$1"/task/*/status
}

is_traced() {
  ! grep -qx 'TracerPid:[[:space:]]0' "/proc/$1/status"
}
