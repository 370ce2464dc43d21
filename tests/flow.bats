#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Identity that goes along with work: what flows to another thread, what does not and who is told, and
# that the thread which did the work is the service again.

load lib/common
load lib/programs

# --- what is captured -----------------------------------------------------------------------------

@test "a thread that never used the library hands over what the kernel has it for" {
  both flow-test new-thread
}

@test "capturing may be the first thing that a process does with the library" {
  both flow-test first-of-all
}

@test "what became of an identity has a name" {
  promise flow-test names
}

@test "a client's thread that is somebody else to the kernel hands nothing over, and says so" {
  both flow-test changed
}

@test "with always_flow_impersonation_policy it is the kernel's word that flows, not the record" {
  both flow-test changed-and-always
}

@test "one whose effective and filesystem ids are of two clients is nobody that could flow" {
  both flow-test two-in-one
}

@test "filesystem ids alone, set behind the library's back, flow as scope files" {
  both flow-test raw-files
}

@test "suppression nests, and is restored from the inside out" {
  both flow-test suppression
}

@test "suppression is one thread's alone" {
  both flow-test suppression-is-the-threads
}

@test "a refusal is told once for each place, and counted always" {
  both flow-test places
}

@test "more places than can be remembered are told of too often, never too seldom" {
  both flow-test many-places
}

# --- the truth table ------------------------------------------------------------------------------

# Switches, how the identity was set, and the thread's wish: what is captured, who does the work, how it
# looks from outside meanwhile, who the worker is then, what is counted and told.  Legacy wins.
@test "the truth table of flow holds, cell by cell" {
  local kind
  for kind in root ordinary; do
    promise flow-test table "$kind"
    diff "$SRC/tests/expected/flow-table" - <<<"$output"
  done
}

# --- what runs ------------------------------------------------------------------------------------

@test "work is done as a client whose connection, process and token are gone" {
  both flow-test outlived
}

@test "below impersonation the level flows, and with it that the client's files stay shut" {
  both flow-test levels
}

@test "scope files flows as such" {
  both flow-test scope-files
}

@test "after work the thread is who it was before, whatever the work did with the library" {
  both flow-test back-to-before
}

@test "work begins unsuppressed, and its suppression ends with it" {
  both flow-test suppression-in-work
}

@test "several threads may run one context at once" {
  both flow-test shared
}

@test "work handed on three times through two pools is the client's to the end" {
  both flow-test nested
}

@test "work that lost its identity is lost behind further hand-offs, too" {
  both flow-test nested-and-lost
}

@test "a thread that does lost work is lost until that is done" {
  both flow-test lost-again
}

@test "in a child contexts run, its parent's pools are refused, and new ones work" {
  both flow-test forked
}

# --- work that goes wild --------------------------------------------------------------------------

@test "work that leaves its thread as somebody else is told of, and the thread brought back" {
  both flow-test taken-back
}

@test "a worker is itself again before the next piece, whatever the last one left" {
  both flow-test next-piece
}

@test "work is never begun by a thread that something has made somebody else meanwhile" {
  both flow-test before-work
}

@test "real or saved ids or permitted capabilities changed by work end the process, which says why" {
  both flow-test cannot-be-taken-back
}

# --- pools ----------------------------------------------------------------------------------------

@test "the identity is that of the moment when work is handed in, and so is the policy" {
  both flow-test queued
}

@test "workers are different clients at the same time" {
  both flow-test side-by-side
}

@test "workers are born at the primary identity, whoever makes the pool" {
  both flow-test made-while-impersonating
}

@test "each piece begins unsuppressed" {
  both flow-test begins-unsuppressed
}

@test "draining waits for what work hands in, however long that goes on" {
  both flow-test chained
}

@test "a worker does not wait for itself" {
  both flow-test drained-by-a-worker
}

@test "a pool that is destroyed gives up what has not begun, as the service, and finishes what has" {
  both flow-test destroyed
}

@test "a pool with nothing to do can be destroyed at once" {
  both flow-test destroyed-with-nothing-to-do
}

@test "a pool without threads is refused" {
  promise flow-test pool-refused
}

# --- threads --------------------------------------------------------------------------------------

@test "a thread made while impersonating is born at the primary identity, and then its maker's client" {
  both flow-test thread-flows
}

@test "a thread made while flow is suppressed is the service's" {
  both flow-test thread-suppressed
}

@test "a thread that was made so is recorded while it lives, and not afterwards" {
  both flow-test thread-recorded
}

@test "under legacy_impersonation_policy a new thread is lost, and that is told" {
  both flow-test thread-legacy
}

@test "a thread whose maker was somebody behind the library's back leaves that first" {
  both flow-test thread-made-raw
}

@test "making a thread does not change who its maker is to the kernel" {
  both flow-test thread-made-while-another
}

@test "a thread that is born with no way back ends the process" {
  both flow-test thread-no-way-back
}

@test "a thread that ends itself has reverted before its destructors are called" {
  both flow-test thread-ends-early
}

@test "what the destructors of a thread hand over is not the work that it has left" {
  both flow-test thread-ends-lost
}

@test "a thread may be cancelled while it is a client" {
  both flow-test thread-cancelled
}

@test "a thread that cannot be made leaves its maker as it was" {
  both flow-test thread-not-made
}

# --- all at once ----------------------------------------------------------------------------------

# Under ThreadSanitizer (configure --enable-thread-sanitizer) any data race fails this.
@test "many threads hand over, policies change, ledgers are read, pools end: nobody is another" {
  both flow-stress stress
}
