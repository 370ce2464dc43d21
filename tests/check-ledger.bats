#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check ledger: which ledgers there are, and removing those that nobody needs any more.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # set by lib, and what a test sets is for itself alone

load lib/common
load lib/programs

teardown() {
  server_teardown
  # As they found it, for who comes next: this one is the world's own.
  [[ -z ${WORLD-} ]] || rm -rf /run/impersonate
}

# serving USER: a process with a ledger, of root's, which acts as USER
serving() {
  need_world
  rm -rf /run/impersonate
  started lapse channel "$1" bob
  ledger=$(echo /run/impersonate/"$process"-*)
}

# gone: a ledger whose process has ended without a word
gone() {
  serving alice
  kill -KILL "$process"
  wait_for has_ended "$process"
  wait "$process" 2>/dev/null || true
  [[ -e $ledger ]]
}

# row PID: the columns of its line, one blank between them
row() {
  awk -v pid="$1" '$1 == pid { $1 = $1; print }' <<<"$output"
}

@test "no ledger, and no directory for them, is 0 and a heading at most" {
  need_world
  rm -rf /run/impersonate
  run -0 idn-check ledger
  assert_output ""
  install -d -m 1777 /run/impersonate
  run -0 idn-check ledger
  assert_output --regexp '^PID +OWNER +COMMAND +THREADS +ACTING +IMPERSONATIONS +FLOWS +REFUSED +MISMATCHES +STATE$'
}

@test "a live ledger is listed with its owner, command, threads and counters" {
  need jq
  serving alice
  run -0 idn-check ledger
  assert_equal "$(row "$process")" "$process root lapse 1 1 1 0 0 1 live"
  assert_equal "$(idn-check ledger --json | jq -c '[.pid, .owner.name, .command, .found, .reason, .threads,
    .impersonating, .counters.impersonations, .counters.mismatches, .counters.channel_mismatches, .removed]')" \
    "[$process,\"root\",\"lapse\",\"live\",null,1,1,1,1,1,false]"
}

@test "the owner is the service's user" {
  need_world
  rm -rf /run/impersonate
  started lapse ordinary alice plain
  run -0 idn-check ledger
  assert_regex "$(row "$process")" "^$process uid 61184 lapse 1 0 1 0 0 0 live$"
}

@test "a ledger whose process was killed is stale, and that is 1" {
  gone
  run -1 idn-check ledger
  assert_equal "$(row "$process")" "$process root - - - - - - - stale"
  run -1 idn-check ledger -q
  assert_output ""
}

@test "a ledger of an earlier process of that number is stale" {
  serving alice
  mv "$ledger" "/run/impersonate/$process-1"
  run -1 idn-check ledger
  assert_equal "$(row "$process")" "$process root - - - - - - - stale"
}

@test "--clean removes what is stale, says so, and leaves the others" {
  serving alice
  local live=$process
  # Made before it is stale: a service that starts removes what is.
  started lapse ordinary alice plain
  kill -KILL "$process"
  wait_for has_ended "$process"
  wait "$process" || true
  run -0 idn-check ledger --clean
  assert_equal "$(row "$process")" "$process uid 61184 - - - - - - - stale, removed"
  process=$live
  assert_equal "$(row "$process")" "$process root lapse 1 1 1 0 0 1 live"
  run -0 idn-check ledger
  refute_output --partial stale
}

@test "--clean removes nothing that is not a ledger's, nor what is not believed" {
  serving alice
  touch /run/impersonate/notes "/run/impersonate/+$process-1" "/run/impersonate/0$process-1"
  chmod 0666 "$ledger"
  run -1 idn-check ledger --clean
  assert_line --regexp '^- .* not a ledger.s name: notes$'
  assert_regex "$(row "$process")" "^$process root lapse - - - - - - ledger not believed: wrong owner or mode, or a symbolic link$"
  [[ -e $ledger && -e /run/impersonate/notes && -e /run/impersonate/+$process-1 && -e /run/impersonate/0$process-1 ]]
}

@test "--clean says what the caller may not remove, and that is 1" {
  gone
  run -1 --separate-stderr as alice idn-check ledger --clean
  assert_line --regexp "^$process +root .* stale$"
  assert_equal "$stderr" "idn-check: $ledger: cannot be removed: Operation not permitted"
  [[ -e $ledger ]]
}

@test "--clean removes a link, and not what it leads to" {
  need_world
  rm -rf /run/impersonate
  install -d -m 1777 /run/impersonate
  sh -c : &
  local dead=$!
  wait "$dead"
  echo precious >"$SCRATCH/precious"
  ln -s "$SCRATCH/precious" "/run/impersonate/$dead-1"
  run -0 idn-check ledger --clean
  [[ ! -L /run/impersonate/$dead-1 ]]
  assert_equal "$(<"$SCRATCH/precious")" precious
}

@test "a directory in which others could exchange files is said to be one" {
  serving alice
  chmod 0777 /run/impersonate
  run -0 --separate-stderr idn-check ledger
  assert_equal "$stderr" "idn-check: /run/impersonate: others could exchange files in it"
}

@test "IMPERSONATION_RUNTIME_DIR names another directory; one that cannot be read is 3" {
  need_world
  run -0 env IMPERSONATION_RUNTIME_DIR="$SCRATCH/none" idn-check ledger
  mkdir -m 0700 "$SCRATCH/closed"
  run -3 as alice env IMPERSONATION_RUNTIME_DIR="$SCRATCH/closed" idn-check ledger
  assert_output "idn-check: $SCRATCH/closed: Permission denied"
}

@test "wrong usage is one line and 2" {
  run -2 idn-check ledger 1
  assert_output "idn-check: 1: an argument is not expected"
  run -2 idn-check ledger --all
  assert_output "idn-check: --all: unknown option"
}
