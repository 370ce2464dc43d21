#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What a client has done by either engine, against a process of that user.

load lib/common
load lib/programs

cases=${ENGINE_CASES:-20000}

# Random trees, users and operations: the same results, and the same trees afterwards.
differential() {
  need_world
  run --separate-stderr engines-differential "$@"
  [ "$status" -ne 77 ] || skip "$stderr"
  [ "$status" -eq 0 ] && return
  echo "$output" "$stderr" >&2
  return 1
}

@test "in 20,000 random operations a client of either engine is what a process of that user is" {
  differential --cases "$cases"
}

@test "without the ring engine, in 10,000" {
  differential --cases $((cases / 2)) --thread-only
}

@test "on the file system of the tests, in 4,000" {
  differential --cases $((cases / 5)) --file-system "$SCRATCH"
}

@test "services that take each client for another are found out" {
  need_world
  run engines-differential --cases 5000 --thread-only --defect
  assert_failure 1
  assert_output --partial DISAGREEMENT
}
