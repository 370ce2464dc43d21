#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Channels: a connection to another service is used only by whom it was opened as.

load lib/common
load lib/programs

setup() {
  common_setup
}

# --- whose it is ----------------------------------------------------------------------------------

@test "a channel that alice's thread opens is alice's, and her calls go over it" {
  both channel-test explicit-open
}

@test "a channel opens itself at first use, as whoever uses it" {
  both channel-test first-use
}

@test "a channel that is open as alice is not opened as bob" {
  both channel-test opened-as-another
}

@test "bob's call over a channel that alice's thread has opened fails, is logged and counted" {
  both channel-test defect
}

@test "with channel_mismatch = warn it goes on, and is logged and counted each time" {
  both channel-test defect-warns
}

@test "the service's own channel is not alice's, nor hers the service's" {
  both channel-test primary
}

@test "the same uid with other groups is another identity" {
  both channel-test other-groups
}

@test "the other end is told the lower level of channel and client; anonymous below impersonation" {
  both channel-test levels
}

@test "the same client at another level is a mismatch" {
  both channel-test other-level
}

@test "in scope files, where the other end would see the service, nothing is opened" {
  both channel-test scope-files
}

@test "a thread that is alice behind the library's back calls as alice, at impersonation at most" {
  both channel-test behind-the-back
}

@test "a thread that is not who its token says opens nothing" {
  both channel-test lost
}

# --- what becomes of it -----------------------------------------------------------------------------

@test "after a restart of the other service the channel is its next user's" {
  both channel-test restart
}

@test "a service that closes after each call is connected to anew, as whoever calls" {
  both channel-test closed-each-time
}

@test "what the other end said without being asked is nobody's answer" {
  both channel-test stray-bytes
}

@test "a broken connection is closed, and the next is its next user's" {
  both channel-test broken
}

@test "whether a service may be connected to is up to the client's rights, not the service's" {
  both channel-test refused
}

@test "a socket that only alice may reach is reached for alice" {
  both channel-test allowed
}

@test "a service that accepts nobody is waited for as long as it was said, and can be called after that" {
  both channel-test crowded
}

@test "no channel is made of what is no path or no level, and an empty path is nobody's socket" {
  promise channel-test no-channel
}

@test "a thread that begins a call within its call is refused, and ends only its own" {
  both channel-test begin-twice
}

@test "eight threads share a channel, a call at a time" {
  both channel-test shared
}

@test "closing within a call takes effect at its end, and is not waited for" {
  both channel-test close-in-call
}

@test "a child has no use of its parent's channel, and does not spoil it" {
  both channel-test forked
}

@test "a channel's connection is not inherited by programs" {
  promise channel-test close-on-exec
}

@test "a process that impersonates nobody calls as itself, until it becomes somebody else" {
  promise channel-test unprepared
}

# --- faults ---------------------------------------------------------------------------------------

# strikes STAGES CALL:FAULT: as the fault moves from call to call of two calls over the channel, those
# stages report it; each time nothing leaks, and the next call succeeds.
strikes() {
  local stages="" n
  need_world
  need_strace
  for ((n = 101; n <= 110; n++)); do
    run env WORLD="$SCRATCH" timeout 60 strace -f -qq -o /dev/null -e signal=none \
      -e "trace=${2%%:*}" -e "inject=$2:when=$n" channel-test faults ordinary
    [ "$status" -eq 77 ] && skip "$output"
    if [[ $status -ne 0 || $output != *done ]]; then
      echo "$2:when=$n: expected a clean error, saw $status: $output" >&2
      return 1
    fi
    stages+=$(sed -n 's/^\(open\|again\) -.*/ \1/p' <<<"$output")
  done
  assert_equal "$2:$stages" "$2: $1"
}

@test "a connection that cannot be made is an error, and leaves nothing behind" {
  strikes open socket:error=EMFILE
  strikes open bind:error=ENOMEM
  strikes open connect:error=EINTR
}

@test "an identity that cannot be read opens nothing" {
  # Of the assertion, and of what is recorded; after that, what cannot be read is read again.
  strikes "open open" getresuid:error=ENOMEM
  strikes "open open" capget:error=ENOMEM
  strikes "open open" getgroups:error=ENOMEM
  strikes "open open" setfsuid:retval=12345
}

# --- over the network -----------------------------------------------------------------------------

@test "a library that was built without Kerberos says so, whatever of the network is asked for" {
  type -P network-none-test >/dev/null || skip "needs a build without Kerberos"
  promise network-none-test missing
}
