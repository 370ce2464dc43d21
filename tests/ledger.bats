#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The ledger: what a service says of its threads, and what a reader believes.

load lib/common
load lib/programs

# --- the writer -----------------------------------------------------------------------------------

@test "each level's entry says what that level may say, and nothing of the higher one before it" {
  both ledger-test levels
}

@test "at anonymous no byte of the client is in the file" {
  both ledger-test anonymous
}

@test "a Kerberos client's principal is there, as much as there is room for, and what it has lent" {
  both ledger-test principals
}

@test "no byte of a principal is left once the thread is another client, or an anonymous one" {
  both ledger-test no-remains
}

@test "impersonations are counted, repetitions and failures are not" {
  both ledger-test counters
}

@test "what is counted of all threads is not less when some have ended, and their slots are others'" {
  both ledger-test totals
}

@test "the file is 0644 and the service's, the directory 1777 and root's, whatever the umask" {
  both ledger-test file-mode
}

@test "a reader never sees two clients mixed in one settled entry" {
  both ledger-test no-mixture
}

@test "more than 1024 threads have entries, and later ones have theirs in the same room" {
  both ledger-room-test many-threads
}

@test "a reader finds threads that came after it had opened the ledger" {
  both ledger-room-test grown
}

@test "a service works without a ledger where the directory is read-only, and warns once" {
  both ledger-room-test read-only
}

@test "a service works without a ledger where the file system is full, and leaves no file" {
  both ledger-room-test full
}

@test "a file system that fills up costs late threads their entry and nobody a SIGBUS" {
  both ledger-room-test filling-up
}

@test "a directory that everyone may write to without the sticky bit is not used" {
  both ledger-room-test open-to-all
}

@test "a directory that belongs to somebody else is not used" {
  both ledger-room-test others-directory
}

@test "a service works where no directory can be made" {
  both ledger-room-test no-directory
}

@test "a link in the place of the ledger is removed, and not followed" {
  promise ledger-room-test squatter
}

@test "a link that cannot be removed is not followed either" {
  promise ledger-room-test squatter-refused
}

@test "the next service removes stale ledgers, and no other file" {
  promise ledger-room-test stale
}

# --- the reader -----------------------------------------------------------------------------------

@test "a ledger of the process's own user is believed, and root's" {
  promise ledger-hostile-test unspoilt
}

@test "each wrong header is refused with its errno" {
  promise ledger-hostile-test headers
}

@test "a ledger larger than any can be is refused" {
  promise ledger-hostile-test too-large
}

@test "another user's ledger, and one that others may write, is not believed" {
  promise ledger-hostile-test owners
}

@test "a ledger that may not be read is one of a wrong mode" {
  promise ledger-hostile-test unreadable
}

@test "a symbolic link is not followed" {
  promise ledger-hostile-test symbolic-link
}

@test "what is no file is not read, and not waited for" {
  promise ledger-hostile-test not-a-file
}

@test "an entry that makes no sense is refused, and an unsettled one is said to be" {
  promise ledger-hostile-test slots
}

@test "a principal that does not end, or has controls in it, is an error" {
  promise ledger-hostile-test principals
}

@test "a ledger that shrinks while it is open is an error and no SIGBUS" {
  promise ledger-hostile-test shrinks
}
