#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Tokens: who the client is, at which level, and what decided it.

load lib/common
load lib/programs

@test "an unbound client is itself, at impersonation or what the policy says" {
  promise token-test unbound
}

@test "the level is what the client bound its socket to" {
  promise token-test bound
}

@test "an address under impersonate/ that names no level is refused, and nothing is done" {
  promise token-test malformed
}

@test "a path that is named like a level is not one" {
  promise token-test path-bound
}

@test "the library's client is read by the library's service, at every level" {
  promise token-test connect-unix
}

@test "what is no connected Unix socket makes no token" {
  promise token-test no-connection
}

@test "the client's process is named by a pidfd, until long after it has ended" {
  promise token-test client-process
}

@test "a kernel without SO_PEERPIDFD says so, and the token is the same" {
  need_world
  need_strace
  # Option 77 is asked for once: whichever call of its kind that is, it alone fails.
  local trace=$BATS_TEST_TMPDIR/trace options=(-qq -e signal=none -e trace=getsockopt -X raw) nth
  run timeout 60 strace "${options[@]}" -o "$trace" token-test no-pidfd
  nth=$(grep -nE ', (0x4d|77|SO_PEERPIDFD),' "$trace" | cut -d: -f1)
  [ -n "$nth" ]
  run timeout 60 strace "${options[@]}" -o "$trace" \
    -e "inject=getsockopt:error=ENOPROTOOPT:when=$nth" token-test no-pidfd
  assert_success
}

@test "a client whose uid has no meaning here is anonymous, never the local account of that number" {
  promise token-test unmapped
}

@test "a client that is nobody in a user namespace of its own is still who it is" {
  promise token-test hidden
}

@test "a request only lowers a bound level, and takes the place of the default of an unbound one" {
  promise token-level-test requests
}

@test "the policy's max_level holds, whatever was bound or requested" {
  promise token-level-test max-level
}

@test "a client that is root is capped at identification, unless the policy allows it" {
  promise token-level-test privileged
}

@test "what the service has lowered no request raises again" {
  promise token-level-test lowered
}

@test "nor where it was no higher when the service said so" {
  promise token-level-test lowered-to-the-same
}

@test "a token of an account has all of its groups, and what is no account is refused" {
  promise token-test from-user
}

@test "no request raises a token of an account above the level that it was made at" {
  promise token-level-test from-user-request
}

@test "a token of a thread is what the thread is" {
  promise token-test from-thread
}

@test "a policy refuses what it does not know, and is left as it was" {
  promise token-level-test policy-errors
}

@test "each level is read by the name that it is written with" {
  promise level-test names
}

@test "the names that RPC uses are read" {
  promise level-test rpc-names
}

@test "no other name is read as a level" {
  promise level-test refused
}

@test "what decided a level, the transport, and what was lent have names" {
  promise level-test other-names
}

@test "IMPERSONATION_LEVEL is the default, and an error when it is no level" {
  promise level-test environment
}

# --- clients of the network -----------------------------------------------------------------------

@test "each combination of client, ticket, statement and policy has its level, and what decided it" {
  promise token-network-test levels
}

@test "a principal's account is found by its name alone, with all of its groups" {
  promise token-network-test accounts
}

@test "a thread acts as a client of the network as it does as any other" {
  both token-network-test acts
}

@test "once a client's authentication has ended, nobody can be it any more" {
  both token-end-test expired
}

@test "who is a client when its authentication ends stays that client, and can revert" {
  both token-end-test goes-on
}

@test "work that was begun within comes back to a client whose authentication has ended" {
  both token-end-test nests
}

@test "what a client has lent is gone with its last token, and not before" {
  both token-end-test lent
}

@test "what could not be taken over stays with whom it was to be taken from" {
  promise token-end-test lent-in-vain
}
