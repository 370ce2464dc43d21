#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Each credential, open and connect call of one request of a client of the network, its proof and the hop to
# the next server among them, made to fail in turn: a clean error, or the process ends; never is anything done
# as somebody else.

load lib/common
load lib/programs
load lib/realm
load lib/strike

BATS_TEST_TIMEOUT=${FAULT_TIMEOUT:-300}

setup() {
  need_world
  need curl idn-check
  need_strace
  need_realm
  curl --version | grep -qw SPNEGO || skip "needs a curl with SPNEGO"
  cd "$SCRATCH" || return
  strike_setup
  realm_start
  realm_keytab a.keytab HTTP/a.test
  realm_keytab b.keytab HTTP/b.test
  realm_kinit alice
}

teardown() {
  server_teardown
  realm_stop
}

ensure_server() {
  [[ -z ${FRONT_PID-} ]] || has_ended "$FRONT_PID" || return 0
  [[ -z ${FRONT_PID-} ]] || wait "$FRONT_PID" 2>/dev/null || true
  if [[ -z ${BACK_PID-} ]]; then
    server_start --user daemon --tcp "$(host_address b):0" --keytab b.keytab --threads 1 --workers 1
    BACK_PID=$SERVER_PID BACK_PORT=${SERVER_ADDRESS##*:}
  fi
  server_start --user daemon --tcp "$(host_address a):0" --keytab a.keytab --threads 1 --workers 1 \
    --backend "http://b.test:$BACK_PORT"
  FRONT_PID=$SERVER_PID
  BASE=http://a.test:${SERVER_ADDRESS##*:}
  ASK_WITH=(--negotiate -u : --delegation always -H "Impersonation-Level: delegation")
  # What is read once is read.
  as alice curl -s "${ASK_WITH[@]}" "$BASE/whoami" "$BASE/async/whoami" "$BASE/backend/whoami" >warm
}

@test "a client of the network: a credential call fails" {
  in_turn get "" setgroups error=EPERM
  in_turn get "" setresgid error=EPERM
  in_turn get "" setresuid error=EAGAIN
  in_turn put "" setresuid error=EAGAIN
  in_turn whoami "" capset error=EPERM
}

@test "a client of the network: what the kernel has cannot be read" {
  local call
  for call in getresuid getgroups capget; do
    in_turn get "" "$call" error=ENOMEM
  done
}

@test "a client of the network: what its proof is held against cannot be opened" {
  in_turn get "" openat error=EMFILE "if any"
  in_turn get "" openat error=EACCES "if any"
}

@test "the hop to the next server: a credential call fails" {
  in_turn get /backend setgroups error=EPERM
  in_turn get /backend setresuid error=EAGAIN
  in_turn put /async/backend setresgid error=EPERM
}

@test "the hop to the next server: it, or the KDC, cannot be connected to" {
  local call
  for call in socket connect openat; do
    in_turn get /backend "$call" error=EACCES "if any"
  done
}
