#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What somebody can do who has taken over a service that has the ring engine: it is the service, with all
# of its descriptors, its rings and its connections to the broker, and no more than its clients besides.

load lib/common
load lib/programs

takeover() {
  type -P takeover-test >/dev/null || skip "needs a build with the ring engine"
  promise takeover-test "$@"
}

# A service that was root before it gave that up, and one that was an ordinary user with two capabilities.
takeover_both() {
  takeover "$1" root
  takeover "$1" ordinary
}

# --- tokens -----------------------------------------------------------------------------------------

@test "it opens files of clients that are there: none of root's, and none of who is not" {
  takeover_both files
}

@test "it gets no higher than the level that a client has bound its socket to; of root, identification" {
  takeover_both levels
}

@test "the policy is the one that there was when the service started" {
  takeover_both policy
}

@test "a token ends when its client leaves, also where the service keeps the connection open" {
  takeover_both left
}

@test "a client that leaves while the broker looks at it leaves no token" {
  takeover hurry
}

@test "what it lets go of is gone, and what is not its own to let go of stays" {
  takeover lies
}

@test "a number whose client has left is nobody else's after 65,600 others" {
  takeover reuse
}

# --- rings ------------------------------------------------------------------------------------------

@test "the rings do what is to be had as a client, and nothing else, nor later" {
  takeover operations
}

@test "a service that does without connects to nobody as a client, whoever has it" {
  takeover_both unconnected
}

@test "nothing of the rings can be changed but who is registered" {
  takeover register
}

@test "without io_uring there is no ring engine, which says why, and threads serve" {
  takeover without hidden
  takeover without disabled
}

@test "what it registers itself is itself, and then everything ends" {
  takeover_both mint-one
  takeover_both mint-all
}

@test "numbers that were taken all the way around are whose the broker says" {
  takeover mint-around
}

@test "a number that it has put itself in the place of is itself" {
  takeover mint-in-place
}

# --- what the broker is handed ----------------------------------------------------------------------

@test "nothing is made of what is no client's connection to this service" {
  takeover_both handed
}

@test "nothing is made of what it has connected to itself, as a client or by a child" {
  takeover_both own
}

@test "nothing is made of a connection to the same path in another mount namespace" {
  takeover namespaces mount
}

@test "nothing is made of a connection to the same name in another network namespace" {
  takeover namespaces network
}

@test "a message that makes no sense ends everything" {
  takeover messages
}

@test "a service that reads no answers does not keep a token from ending" {
  takeover_both unread
}

@test "a broker that has no room for a connection says so, and goes on" {
  takeover full-table
}

@test "a connection that takes long to close does not keep a token from ending" {
  takeover lingering root
  takeover lingering ordinary
}

@test "a ring that is held does not keep the tokens of the others from ending" {
  takeover held leaves
  takeover held comes
  takeover held killed
}

# --- faults -----------------------------------------------------------------------------------------

@test "whatever fails while an identity is made, no number is somebody else's" {
  takeover fault refused
  takeover fault no-memory
}

@test "wherever the broker is killed meanwhile, nothing is left" {
  takeover fault dies
}

# --- the broker and its guard -----------------------------------------------------------------------

@test "broker and guard have what they need, and nothing else" {
  takeover_both confined
}

@test "it can neither signal, trace, slow down nor limit broker and guard" {
  takeover_both untouchable
}

@test "when the broker is killed the guard ends all tokens, or none if they are to be kept" {
  takeover broker-killed end
  takeover broker-killed keep
}

@test "when the guard is killed the broker ends all tokens, or none if they are to be kept" {
  takeover guard-killed end
  takeover guard-killed keep
}

@test "when the service ends nothing is left" {
  takeover_both service-ends
}
