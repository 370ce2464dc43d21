#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The next server over the network: what a handshake is answered with, and calls that need none.

load lib/common
load lib/programs
load lib/realm

setup() {
  common_setup
  need backend-test
}

teardown() {
  server_teardown
  realm_stop
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

@test "a server of the network that accepts nobody is given up in time" {
  both backend-test full
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

# --- a whole service ------------------------------------------------------------------------------

OPTIONS=()

# A realm, and B, which stays the same service; REMOTE is where.
start_remote() {
  need_world
  need idn-serve-demo
  need_realm
  realm_start
  realm_keytab "$SCRATCH/b.keytab" HTTP/b.test
  server_start --tcp 127.0.0.1:0 --keytab "$SCRATCH/b.keytab"
  REMOTE=http://$SERVER_ADDRESS
}

# local_server [LINE...]: A, which calls B, with a policy of these lines, and OPTIONS; in place of the one
# before.
local_server() {
  [[ -z ${SOCKET-} ]] || server_stop
  printf '%s\n' '[delegation]' "$@" >"$SCRATCH/a.conf"
  server_start --unix "$SCRATCH/a.socket" --policy "$SCRATCH/a.conf" --backend "$REMOTE" \
    --backend-principal "${principal:-HTTP/b.test}" "${OPTIONS[@]}"
}

# is_told STATUS REASON: alice is, and nothing else
is_told() {
  get alice /backend/whoami "${@:3}"
  assert_equal "$status_code $body" "$1 backend: $2"
}

@test "a client is told at which step the next service was not called, and nothing of Kerberos" {
  start_remote
  local_server
  is_told 403 "there are no credentials of the client to call it with"
  realm_kinit alice '' -F
  is_told 403 "delegation was asked for, and not granted" -H 'Impersonation-Level: delegation'
  realm_kinit alice
  local_server 'allow ='
  is_told 403 "this service may not call it for a client"
  local_server 'one_hop = off'
  is_told 403 "the policy allows no hop at level impersonation: delegation is needed"
  principal=HTTP/c.test local_server
  is_told 502 "it has not proven who it is"
  principal=HTTP/nobody.test local_server
  is_told 502 "it cannot be called as the client"
}

@test "a connection is authenticated once, and each of its requests is the client's" {
  start_remote
  realm_kinit alice
  local_server
  printf 'url = http://x/backend/whoami\n%.0s' {1..5} >urls
  as alice curl -s --unix-socket "$SOCKET" -K urls >answers
  assert_equal "$(jq -r '[.identity.principal, .level, .level_decided_by, .transport] | join(" ")' answers | uniq -c)" \
    "      5 alice@IDN.TEST impersonation request tcp"
  assert_equal "$(curl -s "$REMOTE/metrics" | awk '/^idn_connections_total / { print $2 }')" 2
  # Those of two clients are two.
  get bob /backend/whoami
  assert_equal "$status_code" 403
  realm_kinit bob
  get bob /backend/whoami
  assert_equal "$(fact .identity.principal)" bob@IDN.TEST
}

@test "a request lowers the level that the next service is asked for, and so does an option" {
  start_remote
  realm_kinit alice
  local_server
  get alice /backend/whoami -H 'Impersonation-Level: delegation' -H 'Impersonation-Backend-Level: impersonation'
  assert_equal "$(fact '"\(.level) \(.delegated)"')" "impersonation none"
  get alice /backend/whoami -H 'Impersonation-Backend-Level: identification'
  assert_equal "$(fact .level)" anonymous
  for header in 'Impersonation-Backend-Level: all' 'Impersonation-Backend-Level;'; do
    get alice /whoami -H "$header"
    assert_equal "$status_code" 400
  done
  get alice /whoami -H 'Impersonation-Backend-Level: delegation' -H 'Impersonation-Backend-Level: delegation'
  assert_equal "$status_code" 400
  OPTIONS=(--backend-level identification)
  local_server
  get alice /backend/whoami
  assert_equal "$(fact .level)" anonymous
}
