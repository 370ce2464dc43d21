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
  has_ring || skip "needs the ring engine"
  differential --cases "$cases"
}

@test "where there is the thread engine alone it is, too" {
  has_ring && skip "is compared with the ring engine"
  differential --cases "$cases" --thread-only
}

@test "an engine that takes each client for another is found out" {
  need_world
  run engines-differential --cases 5000 --thread-only --defect
  assert_failure 1
  assert_output --partial DISAGREEMENT
}
