#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Clients over the network: three services on three hosts, each of which calls the next, and how far an
# identity goes.

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

# --- level by level -------------------------------------------------------------------------------

# levels COMMAND...: a table of what A, B and C know and may open at each level; the path and the level are put
# behind COMMAND, which asks A.
levels() {
  local level way line
  echo "| level | A sees | opens her file | B sees | opens | C sees | opens |"
  echo "|---|---|---|---|---|---|---|"
  for level in anonymous identification impersonation delegation; do
    line="| $level |"
    for way in "" /backend /backend/backend; do
      line+=" $(sees "$@") | $(opens "$@") |"
    done
    echo "$line"
  done
}

sees() {
  "$@" "$way/whoami" "$level"
  case $status_code in
    200) fact 'if .level == "anonymous" then "Anonymous" else .identity.name end' ;;
    403) echo - ;;
    *) echo "$status_code" ;;
  esac
}

opens() {
  "$@" "$way/files/hers" "$level"
  case $status_code in
    200) echo yes ;;
    401 | 403) echo no ;;
    *) echo "$status_code" ;;
  esac
}

over_the_network() {
  ask alice a "$1" --delegation always -H "Impersonation-Level: $2"
}

locally() {
  get alice "$1" -H "Impersonation-Level: $2"
}

@test "level by level, what three hosts see of a client of the network, and may open" {
  serve_all
  client alice
  levels over_the_network >levels
  diff "$SRC/tests/expected/network-levels" levels
}

@test "level by level, what three hosts see of a client of the first one's socket, and may open" {
  serve_all local
  realm_kinit alice
  levels locally >levels
  diff "$SRC/tests/expected/local-levels" levels
}

@test "whoami through three hosts tells each hop's identity, level and what decided it" {
  serve_all
  client alice
  for way in "" /backend /backend/backend; do
    delegate alice a "$way/whoami"
    assert_equal "$(fact '[.identity.name, .identity.principal, .access_as.name] | join(" ")')" \
      "alice alice@IDN.TEST alice"
    assert_equal "$(fact '[.level, .level_decided_by, .transport, .delegated] | join(" ")')" \
      "delegation request tcp forwarded"
    # Of /backend, a slash each.
    assert_equal "$(fact '.via | length')" "$(tr -cd / <<<"$way" | wc -c)"
    assert_equal "$(fact '[.via[].transport] | unique | join(" ")')" "${way:+tcp}"
  done
}

@test "the second service cannot tell the first one's request from the client's own" {
  serve_all
  client alice
  delegate alice b /whoami
  own=$(fact 'del(.thread, .via) | tojson')
  delegate alice a /backend/whoami
  assert_equal "$(fact 'del(.thread, .via) | tojson')" "$own"
}

@test "who states no level is identified, and who does not authenticate is anonymous" {
  serve a
  client alice
  ask alice a /whoami
  assert_equal "$(fact '[.identity.name, .level, .level_decided_by, .access_as.name] | join(" ")')" \
    "alice identification default nobody"
  body=$(on_host kdc curl -s http://a.test:8080/whoami -H 'Impersonation-Level: impersonation')
  assert_equal "$(fact '[.level, .level_decided_by, .transport] | join(" ")')" "anonymous unauthenticated tcp"
  assert_equal "$(fact .identity.principal)" null
}

@test "where an unknown client is refused it is asked who it is" {
  serve a
  client alice
  run on_host kdc curl -si http://a.test:8080/files/hers
  assert_line --regexp '^HTTP/1.1 401'
  assert_line --regexp '^WWW-Authenticate: Negotiate'
  body=$(on_host kdc env "KRB5CCNAME=clients/alice" curl -s --anyauth -u : \
    -H 'Impersonation-Level: impersonation' http://a.test:8080/files/hers)
  assert_equal "$body" "hers on a"
}

@test "work that is handed to other threads is alice's on each host" {
  serve_all
  client alice
  for way in /async /async/backend /backend/async /async/backend/async/backend/async; do
    delegate alice a "$way/files/hers"
    assert_equal "$status_code" 200
  done
}

@test "a request can lower what the next service is asked for" {
  serve_all
  client alice
  delegate alice a /backend/whoami -H 'Impersonation-Backend-Level: impersonation'
  assert_equal "$(fact '[.identity.name, .level, .delegated] | join(" ")')" "alice impersonation none"
  delegate alice a /backend/backend/whoami -H 'Impersonation-Backend-Level: impersonation'
  assert_equal "$status_code" 403
  delegate alice a /backend/whoami -H 'Impersonation-Backend-Level: identification'
  assert_equal "$(fact .level)" anonymous
  delegate alice a /backend/whoami -H 'Impersonation-Backend-Level: utmost'
  assert_equal "$status_code" 400
}

@test "--backend-level is the most that the next service is asked for" {
  serve c
  serve b --backend http://c.test:8080
  serve a --backend http://b.test:8080 --backend-level impersonation
  client alice
  delegate alice a /backend/whoami
  assert_equal "$(fact '[.identity.name, .level] | join(" ")')" "alice impersonation"
  delegate alice a /backend/backend/whoami
  assert_equal "$status_code" 403
}

# --- one hop --------------------------------------------------------------------------------------

@test "from the network at impersonation there is no second hop, though her cache is in reach" {
  serve_all
  client alice
  realm_kinit alice
  ask alice a /backend/whoami --delegation always -H 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 403
  assert_equal "$(tickets_for HTTP/b.test)" 0
}

@test "from the local socket at impersonation there is one hop, and nothing is forwarded" {
  serve_all local
  realm_kinit alice
  get alice /backend/whoami
  assert_equal "$(fact '[.identity.name, .level, .delegated] | join(" ")')" "alice impersonation none"
  get alice /backend/files/hers
  assert_equal "$body" "hers on b"
  get alice /backend/backend/whoami
  assert_equal "$status_code" 403
  # A ticket for the realm itself is what would be forwarded.
  assert_equal "$(tickets_for krbtgt/IDN.TEST)" 0
}

@test "with one_hop = off there is none" {
  policy a '[delegation]' 'one_hop = off'
  serve_all local
  realm_kinit alice
  get alice /backend/whoami
  assert_equal "$status_code" 403
  assert_equal "$(tickets_for HTTP/b.test)" 0
}

@test "a client of the local socket without a ticket, or with another's, goes nowhere" {
  serve_all local
  get alice /backend/whoami
  assert_equal "$status_code" 403
  realm_kinit bob "$REALM/caches/2001"
  chown alice: "$REALM/caches/2001"
  get alice /backend/whoami
  assert_equal "$status_code" 403
  assert_equal "$(tickets_for HTTP/b.test)" 0
}

@test "a cache that its owner alone can read is opened as its owner, and no other client gets at it" {
  serve_all local
  realm_kinit alice
  assert_equal "$(stat -c '%U %a' "$REALM/caches/2001")" "alice 600"
  get bob /backend/files/hers
  assert_equal "$status_code" 403
  get alice /backend/files/hers
  assert_equal "$status_code" 200
}

# --- what may be forwarded ------------------------------------------------------------------------

@test "a ticket that may not be forwarded makes no level of delegation" {
  serve_all
  client alice -F
  delegate alice a /whoami
  assert_equal "$(fact '[.level, .level_decided_by, .delegated] | join(" ")')" "impersonation ticket none"
  delegate alice a /backend/whoami
  assert_equal "$status_code" 403
}

@test "delegation that is asked for and not granted is an error, and no step down" {
  serve_all local
  realm_kinit alice '' -F
  get alice /backend/whoami -H 'Impersonation-Level: delegation'
  assert_equal "$status_code" 403
  # Which the account decides as well as the ticket.
  realm_principal modprinc -allow_forwardable alice
  realm_kinit alice
  get alice /backend/whoami -H 'Impersonation-Level: delegation'
  assert_equal "$status_code" 403
  get alice /backend/whoami -H 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 200
}

@test "an account that may not be delegated forwards nothing over the network" {
  serve_all
  realm_principal modprinc -allow_forwardable alice
  client alice
  delegate alice a /backend/whoami
  assert_equal "$status_code" 403
  ask alice a /files/hers --delegation always -H 'Impersonation-Level: impersonation'
  assert_equal "$body" "hers on a"
}

@test "a ticket is forwarded only to whom the realm marks ok-as-delegate, unless the policy says otherwise" {
  realm_principal modprinc -ok_as_delegate HTTP/b.test
  serve_all
  client alice
  delegate alice a /backend/whoami
  assert_equal "$status_code" 403
  policy a '[delegation]' 'require_ok_as_delegate = off'
  server_stop
  serve a --backend http://b.test:8080
  delegate alice a /backend/whoami
  assert_equal "$(fact '[.identity.name, .level] | join(" ")')" "alice delegation"
}

@test "a service ticket that is in the cache keeps the mark that it came with" {
  serve_all local
  realm_kinit alice
  become alice
  on_host kdc "${BECOME[@]}" kvno -q HTTP/b.test
  realm_principal modprinc -ok_as_delegate HTTP/b.test
  get alice /backend/whoami -H 'Impersonation-Level: delegation'
  assert_equal "$(fact .level)" delegation
  realm_kinit alice
  # Over a connection of its own, as each of get's is.
  get alice /backend/whoami -H 'Impersonation-Level: delegation'
  assert_equal "$status_code" 403
}

@test "curl --delegation policy forwards to whom the realm marks" {
  serve a
  client alice
  ask alice a /whoami --delegation policy -H 'Impersonation-Level: delegation'
  assert_equal "$(fact '"\(.level) \(.delegated)"')" "delegation forwarded"
  realm_principal modprinc -ok_as_delegate HTTP/a.test
  client alice
  ask alice a /whoami --delegation policy -H 'Impersonation-Level: delegation'
  assert_equal "$(fact '"\(.level) \(.delegated)"')" "impersonation none"
}

@test "a ticket that is forwarded without mutual authentication is not used" {
  serve_all
  client alice
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice delegate)" 'Impersonation-Level: delegation'
  if [[ $status_code == 200 ]]; then
    assert_equal "$(fact '"\(.level) \(.delegated)"')" "impersonation none"
  else
    assert_equal "$status_code" 401
  fi
}

# --- to whom --------------------------------------------------------------------------------------

@test "a target that the policy does not name is refused before any ticket is asked for" {
  policy a '[delegation]' 'allow = HTTP/c.test@IDN.TEST'
  serve_all
  client alice
  delegate alice a /backend/whoami
  assert_equal "$status_code" 403
  assert_equal "$(tickets_for HTTP/b.test)" 0
  policy a '[delegation]' 'allow = HTTP/c.test@IDN.TEST' '  HTTP/b.test@IDN.TEST'
  server_stop
  serve a --backend http://b.test:8080
  delegate alice a /backend/whoami
  assert_equal "$status_code" 200
}

@test "it is refused for the one hop from the local socket, too" {
  policy a '[delegation]' 'allow ='
  serve_all local
  realm_kinit alice
  get alice /backend/whoami
  assert_equal "$status_code" 403
  assert_equal "$(tickets_for HTTP/b.test)" 0
}

@test "whom the next service has to be is configured, and another that is there gets nothing" {
  serve c
  serve b --backend http://c.test:8080
  serve a --backend http://b.test:8080 --backend-principal HTTP/c.test
  client alice
  delegate alice a /backend/files/hers
  assert_equal "$status_code" 502
}

@test "a service that does not prove itself gets no request" {
  serve a --backend http://b.test:8080
  client alice
  become_host b
  printf 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' >answer
  "${ON_HOST[@]}" socat TCP-LISTEN:8080,reuseaddr,fork SYSTEM:'cat answer; exec cat >>asked' 3>&- 4>&- &
  SERVER_PIDS+=($!)
  wait_for on_host b bash -c '</dev/tcp/b.test/8080' 2>/dev/null
  delegate alice a /backend/files/hers
  assert_equal "$status_code" 502
  run grep /files asked
  assert_failure
}

@test "two clients on two connections, with one thread and one worker, each get their own" {
  local i user
  serve c --threads 1 --workers 1
  serve b --threads 1 --workers 1 --backend http://c.test:8080
  serve a --threads 1 --workers 1 --backend http://b.test:8080
  declare -A from to
  for user in alice bob; do
    client "$user"
    session_open a
    session_ask /whoami "Authorization: Negotiate $(token "$user" mutual delegate)"
    from[$user]=${SESSION[0]} to[$user]=${SESSION[1]}
  done
  for i in {1..20}; do
    for user in alice bob; do
      SESSION=("${from[$user]}" "${to[$user]}")
      session_ask /async/backend/backend/async/whoami 'Impersonation-Level: delegation'
      assert_equal "$(fact '[.identity.name, .identity.principal, .level] | join(" ")')" \
        "$user $user@IDN.TEST delegation"
    done
  done
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
  kill "$(<"$REALM/kdc/pid")"
  wait_for has_ended "$(<"$REALM/kdc/pid")"
  session_ask /backend/whoami 'Impersonation-Level: delegation'
  assert_equal "$status_code" 200
}
