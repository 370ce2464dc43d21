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
    assert_equal "$(fact '[.via[] | "\(.transport) \(.level) \(.level_decided_by) \(.client)"] | unique | join(" ")')" \
      "${way:+tcp delegation request alice@IDN.TEST}"
  done
  # Who is to be anonymous there is not named by those on the way either.
  delegate alice a /backend/whoami -H 'Impersonation-Backend-Level: identification'
  assert_equal "$(fact '[.level, .via[0].level, .via[0].client] | map(tostring) | join(" ")')" \
    "anonymous delegation null"
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
  get alice /backend/whoami -H 'Impersonation-Level: delegation'
  assert_equal "$(fact '"\(.level) \(.delegated)"')" "delegation forwarded"
  assert_equal "$(tickets_for krbtgt/IDN.TEST)" 1
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

@test "a ticket that is forwarded without mutual authentication is refused, and the log says why" {
  serve_all
  client alice
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice delegate)" 'Impersonation-Level: delegation'
  assert_equal "$status_code" 401
  logged a "without mutual authentication"
}

@test "a ticket of somebody else's that a client forwards is not taken for the client's" {
  serve_all
  client alice
  client bob
  # The message is as it should be where the ticket is her own.
  for lender in alice bob; do
    message=$(KRB5CCNAME=clients/alice on_host kdc lend-token HTTP/a.test@IDN.TEST "clients/$lender")
    session_open a
    session_ask /backend/whoami "Authorization: Negotiate $message" 'Impersonation-Level: delegation'
    case $lender in
      alice) assert_equal "$(fact '"\(.identity.principal) \(.level)"')" "alice@IDN.TEST delegation" ;;
      bob) [[ $status_code == 40[13] ]] ;;
    esac
  done
}

@test "a forwarded ticket is in no file and in no environment" {
  serve_all
  client alice
  session_open a
  session_ask /backend/backend/whoami "Authorization: Negotiate $(token alice mutual delegate)" \
    'Impersonation-Level: delegation'
  assert_equal "$(fact .delegated)" forwarded
  run find "$REALM/caches" -type f
  assert_output ""
  for host in a b c; do
    run grep -qa KRB5CCNAME "/proc/${server_pid[$host]}/environ"
    assert_failure
    run find "/proc/${server_pid[$host]}/fd" -lname '*krb5cc*'
    assert_output ""
  done
}

@test "idn-run-as --level delegation: the command has the caller's ticket, and it goes all the way" {
  serve_all
  client alice
  become alice
  body=$(on_host kdc "${BECOME[@]}" env "KRB5CCNAME=$SCRATCH/clients/alice" idn-run-as --level delegation alice -- \
    curl -s --negotiate -u : --delegation always -H 'Impersonation-Level: delegation' \
    http://a.test:8080/backend/backend/whoami)
  assert_equal "$(fact '[.identity.name, .level, .delegated] | join(" ")')" "alice delegation forwarded"
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
  assert_equal "$(tickets_for HTTP/b.test)" 1
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
  wait_for grep -q '^Authorization: Negotiate .' asked
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
