# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Calling the test programs: each case is a promise, kept (0), broken (1) or not to be tried here (77).

# promise PROGRAM CASE [KIND]
promise() {
  need_world
  run env WORLD="$SCRATCH" timeout 120 "$@"
  [ "$status" -eq 77 ] && skip "$output"
  [ "$status" -eq 0 ] && return
  echo "$*: expected 0, saw $status: $output" >&2
  return 1
}

# A promise that a service keeps that is root, and one that is an ordinary user with two capabilities.
both() {
  promise "$1" "$2" root
  promise "$1" "$2" ordinary
}

# strace, where it is and may trace.
need_strace() {
  need strace
  strace -qq -o /dev/null true 2>/dev/null || skip "needs leave to trace"
}
