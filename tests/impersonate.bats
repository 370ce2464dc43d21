#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# One thread acts as the client: what /proc, the kernel and other services then see.

load lib/common
load lib/programs

# --- one thread -----------------------------------------------------------------------------------

@test "other threads keep the service's identity while one impersonates" {
  both switch-test threads-apart
}

@test "below impersonation the thread is nobody, and cannot open the client's own 0600 file" {
  both switch-test level-access
}

@test "the supplementary groups are the client's and nobody else's, from 0 to 1024 of them" {
  both switch-test groups
}

@test "an account's groups replace another's on one thread, many by none and back" {
  both switch-test account-groups
}

@test "a service with supplementary groups gets its own back" {
  both switch-test own-groups
}

@test "while impersonating there is no effective capability, and afterwards the service's own" {
  both switch-test no-capabilities
}

@test "the client can neither signal, trace, slow down nor pin the thread that acts as it" {
  both switch-test untouchable
}

@test "a service that the thread connects to sees the client, and SCM_CREDENTIALS the service" {
  both switch-test connections
}

@test "scope files changes the filesystem ids and groups, and connections show the service" {
  both switch-test scope-files
}

@test "scopes all and files replace each other on one thread" {
  both switch-test scopes-mixed
}

# --- replace, revert, run -------------------------------------------------------------------------

@test "impersonating while impersonating replaces the client" {
  both run-test replace
}

@test "revert is idempotent, and from another token without effect" {
  both run-test revert
}

@test "impersonating a connection needs neither the token nor the connection afterwards" {
  both run-test connection
}

@test "a thread keeps its token alive" {
  both run-test kept
}

@test "a scoped run comes back to what was before, whatever its work did" {
  both run-test run
}

@test "a list of groups at an old address is not taken for the old list" {
  both run-test other-groups
}

# What the marked parts of a case cost in system calls, by the thread that marks them.
calls_between_marks() {
  need_world
  need_strace
  run timeout 120 strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e signal=none run-test "$@"
  [ "$status" -eq 0 ]
  [ "$(grep -c getpriority "$BATS_TEST_TMPDIR/trace")" -gt 1 ]
  run awk '/getpriority/ { marker = $1; inside = !inside; next } inside && $1 == marker' \
    "$BATS_TEST_TMPDIR/trace"
}

@test "being the same client again, and reverting again, makes no system call" {
  for kind in root ordinary; do
    calls_between_marks same-again "$kind"
    [ "$output" = "" ]
  done
}

@test "equal groups are not set again" {
  for kind in root ordinary; do
    calls_between_marks equal-groups "$kind"
    [ "$(grep -c setresuid <<<"$output")" -eq 3 ]
    run ! grep setgroups <<<"$output"
  done
}

# --- children -------------------------------------------------------------------------------------

@test "a child forked while impersonating knows it, can revert, and has a ledger of its own" {
  both run-test child
}

@test "a child forked while another thread impersonates is the service" {
  both run-test child-of-many
}

@test "the ledger of a service killed while impersonating is removed by the next one" {
  both run-test killed
}

@test "a service that ends takes its ledger along" {
  both run-test ended
}

# --- the privilege --------------------------------------------------------------------------------

@test "without capabilities nobody is impersonated, at any level, and the log names CAP_SETUID" {
  promise privilege-test none
}

@test "CAP_SETGID alone is not enough, and the log names CAP_SETUID" {
  promise privilege-test no-setuid
}

@test "CAP_SETUID alone is not enough, and the log names CAP_SETGID" {
  promise privilege-test no-setgid
}

@test "the two capabilities are enough" {
  both privilege-test enough
}

@test "an identity equal to the service's own needs no privilege" {
  promise privilege-test oneself
}

@test "one more group makes it another identity, which does" {
  promise privilege-test nearly-oneself
}

@test "a client that is root, where the policy allows it, leaves the service whole" {
  both privilege-test root-client
}

@test "KEEPCAPS is left as the service had it" {
  both privilege-test root-client-keepcaps
}

@test "a service that could not come back from root does not go there" {
  promise privilege-test root-client-keepcaps-locked
}

@test "a token of root made by name has the capabilities that its maker was permitted" {
  both privilege-test root-user
}

@test "a token brings no capability that the service has not" {
  promise privilege-test more-than-permitted
}

@test "SECBIT_NO_SETUID_FIXUP leaves no capability on while impersonating" {
  both privilege-test no-fixup
}

@test "from the first switch on the process is not dumpable, and not before" {
  both privilege-test undumpable
}

# --- behind the library's back --------------------------------------------------------------------

@test "any credential changed by a raw system call is found by assert" {
  both assert-test raw
}

@test "a scoped run whose work became somebody else says so, and comes back" {
  both assert-test run-changed
}

@test "a scoped run comes back also from what its own token had not changed" {
  both assert-test run-changed-same
}

@test "a thread born impersonating may not impersonate until it has reverted" {
  both assert-test born
}

@test "glibc's seteuid in one thread is found by assert in another" {
  both assert-test glibc
}

# --- for good -------------------------------------------------------------------------------------

@test "become leaves all ids, groups and sets changed, and no way back" {
  promise become-test for-good
}

@test "become keeps the capabilities that were asked for, permitted and no more" {
  promise become-test keeps
}

@test "become keeps effective what is to be effective" {
  promise become-test effective
}

@test "become leaves the securebits as they were" {
  promise become-test securebits
}

@test "become, sealed, has nothing that is run later give privilege" {
  promise become-test sealed
}

@test "become refuses the ids that are none, and has done nothing" {
  promise become-test no-id
}

@test "become without privilege says which step failed" {
  promise become-test without-privilege
}

@test "become is refused once the library is prepared" {
  promise become-test busy
}
