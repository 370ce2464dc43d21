#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the fuzzers start from, and what they have found: none of it is a fault any more.  'make fuzz' goes
# on from there.

load lib/common

# replayed TARGET: all of its corpus is read, and nothing ends the program before
replayed() {
  local corpus=("$SRC/tests/fuzz/corpus/$1"/*)
  ((${#corpus[@]} > 3))
  run -0 env TMPDIR="$BATS_TEST_TMPDIR" timeout 50 "replay-$1" "${corpus[@]}"
  assert_equal "$output" "$(printf '%s\n' "${corpus[@]}")"
}

@test "any file may be a ledger: it is read, or refused" {
  replayed ledger
}

@test "any text may be a thread's status: it is understood, or refused" {
  replayed status
}

@test "any word may be a level or an id, any address may carry a level" {
  replayed level
}

@test "any line may be of mountinfo: it is understood, or ignored" {
  replayed mount
}

@test "any text may be a policy file: all that is wrong is told, or nothing is" {
  replayed policy
}

@test "anything may be an aspnet.config: it is understood, or refused" {
  need_expat
  replayed aspnet
}

@test "any text may be of /proc/keys: a key is found in it, or none" {
  replayed keys
}

@test "any value may be of an Authorization header: it is what was written, or refused" {
  replayed negotiate
}

@test "any list may be of services that a request came through: it is one, or refused" {
  type -P replay-via >/dev/null || skip "needs a build with libmicrohttpd"
  replayed via
}

@test "anything may be a client's message: whoever sends it has not proven who it is" {
  type -P replay-handshake >/dev/null || skip "needs a build with Kerberos"
  replayed handshake
}

@test "any bytes may come for the broker, or from it: they are a message, or refused" {
  type -P replay-broker >/dev/null || skip "needs a build with the ring engine"
  replayed broker
}

@test "the fuzzers' runner refuses what is no time" {
  run -2 "$SRC/tests/fuzz/fuzz" "$BUILD" 0
  assert_output "usage: fuzz BUILD SECONDS"
  run -2 "$SRC/tests/fuzz/fuzz" "$BUILD"
}
