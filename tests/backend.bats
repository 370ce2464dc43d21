#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The next server: requests to it are made as the client, over a connection that is the client's.

load lib/common
load lib/programs

setup() {
  common_setup
  need backend-test
}

@test "what is asked for is what goes out, over one connection, whatever proxies there are" {
  both backend-test sent
}

@test "a large body is sent whole, without asking first" {
  both backend-test large-body
}

@test "nothing goes out that would end a line or a word early" {
  both backend-test unsendable
}

@test "each kind of answer is told as it is, and what is none is an error" {
  both backend-test answers
}

@test "a head that does not end is given up" {
  both backend-test endless-head
}

@test "the rest of an answer that was not wanted is nobody's" {
  both backend-test stopped
}

@test "a server that says nothing is given up in time" {
  both backend-test timed-out
}

@test "the connection of a call that was given up is closed at once" {
  both backend-test given-up
}

@test "a connection is kept as long as the server keeps it" {
  both backend-test kept
}

@test "what ended with the connection is repeated once where it can do no harm, else told" {
  both backend-test repeated
}

@test "what was not sent at all is repeated, whatever it is" {
  need_world
  need_strace
  run env WORLD="$SCRATCH" timeout 60 strace -f -qq -o /dev/null -e signal=none -e trace=sendto \
    -e inject=sendto:error=EPIPE:when=11 backend-test unsent ordinary
  [ "$status" -eq 77 ] && skip "$output"
  assert_success
  # And without that the server is asked, and it is not.
  run env WORLD="$SCRATCH" timeout 60 backend-test unsent ordinary
  assert_failure 1
  assert_output --partial "expected 0, saw -104"
}

@test "bob's request is not made over alice's connection" {
  both backend-test mismatch
}

@test "a server that is not there, or will not have the client, is told as such" {
  both backend-test refused
}

@test "a server that accepts nobody is given up in time" {
  both backend-test crowded
}

@test "hundreds of calls take one connection, and leave nothing behind" {
  both backend-test many
}

@test "nothing is opened, and no thread made, while the thread is the client" {
  need_world
  need_strace
  local trace=$BATS_TEST_TMPDIR/trace
  run env WORLD="$SCRATCH" timeout 60 strace -f -qq -o "$trace" -e signal=none \
    -e trace=open,openat,openat2,clone,clone3,fork,vfork,execve,write backend-test nothing-lazy ordinary
  [ "$status" -eq 77 ] && skip "$output"
  assert_success
  run awk '/write\(1, "end/ { inside = 0 } inside { print } /write\(1, "begin/ { inside = 1; n++ }
    END { exit n != 1 }' "$trace"
  assert_success
  assert_output ""
}

@test "idn-serve-demo sees alice, from the kernel, and serves her what is hers" {
  need_world
  need idn-serve-demo
  install -m 0600 -o alice -g alice /dev/null "$SCRATCH/hers"
  install -m 0600 -o bob -g bob /dev/null "$SCRATCH/bobs"
  printf hers >"$SCRATCH/hers"
  server_start
  for kind in root ordinary; do
    run env WORLD="$SCRATCH" SOCKET="$SOCKET" HERS="/files$SCRATCH/hers" BOBS="/files$SCRATCH/bobs" \
      timeout 60 backend-test demo "$kind"
    assert_success
  done
}
