#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The policy file: read whole or not at all, and only where nobody else can have written it.

load lib/common
load lib/programs

@test "every key is taken, in its every form, and a list goes on in lines that begin with a blank" {
  promise policy-test every-key
}

@test "what a file does not say is the default" {
  promise policy-test defaults
}

@test "an empty list allows nobody, and what is no service principal is refused" {
  promise policy-test allowed-list
}

@test "a switch is on, true, yes or 1, or off, false, no or 0, and nothing else" {
  promise policy-test switches
}

@test "a policy belongs to root or to the service's user, or it is refused" {
  promise policy-test owner
}

@test "a policy that its group or others may write is refused" {
  promise policy-test mode
}

@test "what is no regular file is refused, and never waited for" {
  promise policy-test no-file
}

@test "each kind of mistake is an error with its line and column, and nothing of the file is taken" {
  promise policy-test malformed
}

@test "every problem of a file is told, in the order of its lines" {
  promise policy-test all-problems
}

@test "a service's policy is in /etc/impersonate, and a name that leads out of it is none" {
  promise policy-test service-path
}

@test "a policy is exchanged in one step while other threads make tokens by it" {
  promise policy-test reload
}
