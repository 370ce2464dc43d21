#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Fifty users at once, who check every byte: on a whole machine, and while things break.

load lib/common
load lib/soak

# What all of them together ask for; SOAK_REQUESTS=10000000 is the long form.
requests=${SOAK_REQUESTS:-100000}
hostile_requests=${SOAK_HOSTILE_REQUESTS:-10000}
BATS_TEST_TIMEOUT=${SOAK_TIMEOUT:-600}

setup() {
  need_world
  need soak jq
  cd "$SCRATCH" || return
  mkdir -m 0755 files
}

teardown() {
  server_teardown
  ! mountpoint -q files || umount -l files
}

# --- whole ------------------------------------------------------------------------------------------

@test "fifty users, sixteen workers: not one byte of another user's, every file its client's, memory flat" {
  local before after
  front_options=(--workers 16) back_options=(--workers 16)
  start_both
  requests=$((requests / 5)) soak_them
  before=$(resident "$FRONT_PID")
  run soak_them --seed 2
  echo "$output"
  assert_success
  assert_output --regexp ' 0 failed, 0 cut;'
  after=$(resident "$FRONT_PID")
  echo "resident: $before KiB, then $after KiB"
  is_flat "$before" "$after"
  all_are_back "$FRONT_PID" "$BACK_PID"
  files_are_whole
  server_stop
}

# --- while things break -------------------------------------------------------------------------------

@test "connections cut in the middle leave no thread as a client, and nothing half-written" {
  start_both
  hostile pause
  all_are_back "$FRONT_PID" "$BACK_PID"
  files_are_whole
}

@test "a backend that is killed and started again: each request gets one honest answer" {
  start_both
  hostile restart_back
  run grep -E ' (failed|cut)' soak.out
  assert_success
  all_are_back "$FRONT_PID" "$BACK_PID"
  files_are_whole killed
}

@test "a server that is killed with its workers: what was answered holds, and nothing is half-written" {
  start_both
  hostile restart_front
  all_are_back "$FRONT_PID" "$BACK_PID"
  files_are_whole killed
}

@test "on a disk that is full a PUT is refused, and what was there stays whole" {
  mount -t tmpfs -o size=640k,mode=0755 small files || skip "needs to mount a tmpfs"
  start_both
  hostile pause
  all_are_back "$FRONT_PID" "$BACK_PID"
  files_are_whole
  run curl -s --unix-socket "$FRONT" "http://x/metrics"
  assert_line --regexp '^idn_requests_total\{.*code="507"'
}
