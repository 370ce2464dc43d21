#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The next server over the network: what a handshake is answered with, and calls that need none.

load lib/common
load lib/programs

setup() {
  common_setup
  need backend-test
}

@test "a handshake is one header there and one back, and what is no answer to it is an error" {
  both backend-test handshake
}

@test "a long message of a handshake goes out whole, and the next one over the same connection" {
  both backend-test long-message
}

@test "a server that stops in the middle of a handshake is given up in time" {
  both backend-test silent
}

@test "below impersonation a server of the network is told of nobody, and each request says so" {
  both backend-test unknown
}

@test "a server that no longer knows the client is called over a new connection" {
  both backend-test disowned
}

@test "a server of the network that is not there is told as such" {
  both backend-test not-there
}

@test "idn-serve-demo takes no backend that makes no sense" {
  need idn-serve-demo
  local backend
  for backend in http:// http://b http://b: http://:80 http://b:0 http://b:65536 http://b:80/ \
    http://b:80x http://u@b:80 'http://b c:80' 'http://[::1:80' 'http://[b]:80' http://::1:80 \
    https://b:80 socket unix:socket; do
    run idn-serve-demo --unix "$SCRATCH/x" --backend "$backend"
    assert_failure 2
    assert_output --partial "--backend: $backend: "
  done
  run idn-serve-demo --unix "$SCRATCH/x" --backend unix:/x --backend-principal HTTP/b
  assert_failure 2
  run idn-serve-demo --unix "$SCRATCH/x" --backend-principal HTTP/b
  assert_failure 2
  run idn-serve-demo --unix "$SCRATCH/x" --backend-level much
  assert_failure 2
  assert_output --partial "--backend-level: much: no such level"
}
