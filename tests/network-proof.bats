#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Clients over the network: whom a ticket makes them, what is no proof of that, and what becomes of it when
# things break.

load lib/common
load lib/realm
load lib/network

setup() {
  common_setup
  need_network
  hosts_start
  realm_start
}

teardown() {
  network_teardown
}

# --- who it is ------------------------------------------------------------------------------------

@test "somebody of a foreign realm is nobody here, whatever the name" {
  serve a
  for user in mallory alice; do
    client "$user@OTHER.TEST"
    ask "$user" a /whoami -H 'Impersonation-Level: impersonation'
    assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "anonymous unmapped_client"
    ask "$user" a /files/hers -H 'Impersonation-Level: impersonation'
    assert_equal "$status_code" 403
  done
}

@test "unless auth_to_local says whom the account is for" {
  realm_variant mapping.conf 'IDN.TEST: auth_to_local = DEFAULT' \
    'IDN.TEST: auth_to_local = RULE:[1:$1@$0](^mallory@OTHER\.TEST$)s/.*/bob/'
  chmod 0644 mapping.conf
  SERVER_WITH=(env "KRB5_CONFIG=$PWD/mapping.conf")
  serve a
  client mallory@OTHER.TEST
  ask mallory a /whoami -H 'Impersonation-Level: impersonation'
  assert_equal "$(fact '[.identity.name, .identity.principal, .level] | join(" ")')" \
    "bob mallory@OTHER.TEST impersonation"
  client alice@OTHER.TEST
  ask alice a /whoami -H 'Impersonation-Level: impersonation'
  assert_equal "$(fact .level)" anonymous
}

@test "a principal that no account is for is nobody" {
  serve a
  client stranger
  ask stranger a /whoami -H 'Impersonation-Level: impersonation'
  assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "anonymous unmapped_client"
}

@test "root from the network is only identified, unless the policy trusts privileged clients" {
  serve a
  client root
  ask root a /whoami -H 'Impersonation-Level: impersonation'
  assert_equal "$(fact '[.identity.name, .level, .level_decided_by, .access_as.name] | join(" ")')" \
    "root identification privileged_client nobody"
  ask root a /files/hers -H 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 403
  policy a '[impersonation]' 'privileged_clients = allow'
  server_stop
  serve a --stay-root
  ask root a /whoami -H 'Impersonation-Level: impersonation'
  assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "impersonation request"
}

@test "the policy's max_level is the most that a client of the network gets, and ends the chain there" {
  policy b '[impersonation]' 'max_level = impersonation'
  serve_all
  client alice
  delegate alice a /backend/whoami
  assert_equal "$(fact '[.identity.name, .level, .level_decided_by] | join(" ")')" "alice impersonation max_level"
  delegate alice a /backend/backend/whoami
  assert_equal "$status_code" 403
}

@test "idn-show tells on each host whose thread it is, and what the client has lent" {
  serve_all
  client alice
  declare -A ways=([a]='' [b]=/backend [c]=/backend/backend)
  for host in a b c; do
    session_open a
    # Without waiting for the answer.
    printf '%s\r\n' "GET ${ways[$host]}/hold?ms=10000 HTTP/1.1" 'Host: x' 'Impersonation-Level: delegation' \
      "Authorization: Negotiate $(token alice mutual delegate)" '' >&"${SESSION[1]}"
    wait_for shows_alice "${server_pid[$host]}"
    assert_equal "$(jq -r '[.delegated, .client.transport, .state] | join(" ")' <<<"$shown")" "forwarded tcp consistent"
    run idn-show --all
    assert_line --regexp "^${server_pid[$host]}/[0-9]+ +alice +delegation +consistent +alice +[^ ]+ +tcp "
  done
}

# shows_alice PID: sets shown, a thread of it that is hers, at the level of the request; before that it may be
# at another
shows_alice() {
  shown=$(idn-show --all --json 2>/dev/null |
    jq -c "select(.pid == $1 and .user.principal == \"alice@IDN.TEST\" and .level == \"delegation\")" | head -n 1)
  [[ -n $shown ]]
}

@test "the anonymous principal is Anonymous" {
  need_anonymous
  realm_stop
  realm_start --anonymous
  serve a
  mkdir clients
  on_host kdc kinit -n -c clients/anonymous @IDN.TEST
  ask anonymous a /whoami -H 'Impersonation-Level: impersonation'
  assert_equal "$(fact .level)" anonymous
  assert_equal "$(fact .identity.principal)" null
}

# --- what is no proof -----------------------------------------------------------------------------

# is_refused_with REASON: the last one asked is, and only the log has that
is_refused_with() {
  assert_equal "$status_code" 401
  run grep -q -- "$1" <<<"$body"
  assert_failure
  logged a "$1"
}

@test "a key that is another service's, or an older one, proves nothing" {
  realm_keytab a.keytab HTTP/b.test
  serve a
  client alice
  ask alice a /whoami
  assert_equal "$status_code" 401
  logged a "not_authenticated\|authenticat"
  server_stop
  rm a.keytab
  realm_keytab a.keytab HTTP/a.test
  realm_principal cpw -randkey HTTP/a.test
  serve a
  client alice
  ask alice a /whoami
  assert_equal "$status_code" 401
}

@test "a clock that is off by ten minutes proves nothing, and the log says that it is the clock" {
  need faketime
  ! grep -qE 'define WITH_(THREAD_)?SANITIZER' "$BUILD/config.h" || skip "the sanitizers want to be loaded first"
  serve a
  client alice
  # Of a ticket that was come by in time; nobody would have one now.
  token alice >first
  message=$(KRB5CCNAME=clients/alice on_host kdc faketime -f +10m negotiate-token HTTP@a.test mutual)
  session_open a
  session_ask /whoami "Authorization: Negotiate $message"
  is_refused_with "[Cc]lock skew"
}

@test "a message that was sent before is refused" {
  serve a
  client alice
  message=$(token alice mutual)
  session_open a
  session_ask /whoami "Authorization: Negotiate $message"
  assert_equal "$status_code" 200
  assert_equal "$(fact .identity.name)" alice
  session_open a
  session_ask /whoami "Authorization: Negotiate $message"
  is_refused_with "[Rr]eplay"
}

@test "when a ticket expires the connection's client is asked to authenticate again" {
  serve_all
  client alice -l 3s
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice mutual delegate)" 'Impersonation-Level: delegation'
  assert_equal "$(fact .identity.name)" alice
  session_ask /backend/whoami 'Impersonation-Level: delegation'
  assert_equal "$status_code" 200
  wait_for session_is_over
  grep -q '^WWW-Authenticate: Negotiate' <<<"$headers"
  session_ask /backend/whoami 'Impersonation-Level: delegation'
  assert_equal "$status_code" 401
  # And goes on with a new ticket, on the same connection.
  client alice
  session_ask /whoami "Authorization: Negotiate $(token alice mutual)"
  assert_equal "$(fact .identity.name)" alice
}

session_is_over() {
  session_ask /whoami && [[ $status_code == 401 ]]
}

@test "a new handshake on a connection replaces the client, and a failed one leaves nobody" {
  serve a
  client alice
  client bob
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice mutual)"
  assert_equal "$(fact .identity.name)" alice
  session_ask /whoami
  assert_equal "$(fact .identity.name)" alice
  session_ask /whoami "Authorization: Negotiate $(token bob mutual)"
  assert_equal "$(fact .identity.name)" bob
  session_ask /whoami "Authorization: Negotiate $(head -c 100 /dev/zero | base64 -w 0)"
  assert_equal "$status_code" 401
  session_ask /files/hers 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 401
}

@test "who replaces the client of a connection calls the next service over one of its own" {
  local user i
  serve_all
  client alice
  client bob
  session_open a
  for i in 1 2; do
    for user in alice bob; do
      session_ask /backend/whoami "Authorization: Negotiate $(token "$user" mutual delegate)" \
        'Impersonation-Level: delegation'
      assert_equal "$(fact .identity.name)" "$user"
      session_ask /backend/backend/whoami 'Impersonation-Level: delegation'
      assert_equal "$(fact '"\(.identity.name) \(.identity.principal)"')" "$user $user@IDN.TEST"
    done
  done
  # And who then has forwarded nothing calls nobody.
  session_ask /backend/whoami "Authorization: Negotiate $(token alice mutual)" 'Impersonation-Level: delegation'
  assert_equal "$status_code" 403
}

@test "two proofs in one request are none" {
  serve a
  client alice
  client bob
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice mutual)" "Authorization: Negotiate $(token bob mutual)"
  assert_equal "$status_code" 400
}

@test "a handshake that is not finished does nothing, and is answered how to go on" {
  serve a
  client alice
  session_open a
  # SPNEGO's first message, which offers Kerberos and brings none.
  offer=$(printf '\x60\x1b\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x11\x30\x0f\xa0\x0d\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02' | base64 -w 0)
  session_ask /whoami "Authorization: Negotiate $offer"
  assert_equal "$status_code" 401
  grep -q '^WWW-Authenticate: Negotiate .' <<<"$headers"
  session_ask /files/hers 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 401
}

@test "a megabyte, garbage, and what is no base64 are refused, and others served meanwhile" {
  serve a
  client alice
  { printf 'Authorization: Negotiate '; head -c 750000 /dev/urandom | base64 -w 0; } >megabyte
  run on_host kdc curl -s -o /dev/null -w '%{http_code}' -H @megabyte http://a.test:8080/whoami
  assert_output --regexp '^4..$'
  for message in '' 'AAAA' "$(head -c 3000 /dev/urandom | base64 -w 0)" "$(token alice mutual | head -c 400)"; do
    session_open a
    session_ask /whoami "Authorization: Negotiate $message"
    [[ $status_code == 40[01] ]]
  done
  for message in 'Negotiate !!!!' 'Negotiate YIIB YIIB'; do
    session_open a
    session_ask /whoami "Authorization: $message"
    assert_equal "$status_code" 400
  done
  session_open a
  session_ask /whoami 'Authorization: Basic YWxpY2U6c2VjcmV0'
  assert_equal "$status_code" 401
  ask alice a /whoami
  assert_equal "$status_code" 200
}

@test "a client that stops in the middle of its header holds up nobody, and is closed in time" {
  serve a --timeout 1
  client alice
  session_open a
  printf 'GET /whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Negotiate YIIB' >&"${SESSION[1]}"
  ask alice a /whoami
  assert_equal "$status_code" 200
  run read -rt "$patience" -u "${SESSION[0]}" line
  # The end, or an answer that says so.
  ((status <= 128))
}

# --- when things break ----------------------------------------------------------------------------

@test "a service that is restarted in the middle of a chain is called again, as the client" {
  serve_all
  client alice
  session_open a
  session_ask /backend/backend/whoami "Authorization: Negotiate $(token alice mutual delegate)" \
    'Impersonation-Level: delegation'
  assert_equal "$(fact '"\(.identity.name) \(.level)"')" "alice delegation"
  kill -KILL "${server_pid[b]}"
  wait "${server_pid[b]}" 2>/dev/null || true
  session_ask /backend/backend/whoami 'Impersonation-Level: delegation'
  assert_equal "$status_code" 502
  serve b --backend http://c.test:8080
  session_ask /backend/backend/whoami 'Impersonation-Level: delegation'
  assert_equal "$(fact '"\(.identity.name) \(.level)"')" "alice delegation"
}

@test "without the KDC a chain that stands goes on, and a new one is an error" {
  serve_all
  client alice
  session_open a
  session_ask /backend/whoami "Authorization: Negotiate $(token alice mutual delegate)" \
    'Impersonation-Level: delegation'
  assert_equal "$status_code" 200
  message=$(token alice mutual delegate)
  kill "$(<"$REALM/kdc/pid")"
  wait_for has_ended "$(<"$REALM/kdc/pid")"
  session_ask /backend/whoami 'Impersonation-Level: delegation'
  assert_equal "$status_code" 200
  session_open a
  session_ask /whoami "Authorization: Negotiate $message" 'Impersonation-Level: delegation'
  assert_equal "$status_code" 200
  session_ask /backend/whoami 'Impersonation-Level: delegation'
  assert_equal "$status_code" 502
}
