#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Each credential, open and connect call of one request of each kind, made to fail in turn: a clean error,
# or the process ends; never is anything done as somebody else.

load lib/common
load lib/programs
load lib/strike

BATS_TEST_TIMEOUT=${FAULT_TIMEOUT:-300}

setup() {
  need_world
  need curl idn-check
  need_strace
  cd "$SCRATCH" || return
  strike_setup
}

teardown() {
  server_teardown
}

# --- every kind of request ---------------------------------------------------------------------------

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
  BASE=http://x ASK_WITH=(--unix-socket "$SOCKET")
  # What is read once is read.
  as alice curl -s --unix-socket "$SOCKET" http://x/whoami http://x/async/whoami http://x/backend/whoami >warm
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
