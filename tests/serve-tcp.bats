#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-serve-demo over TCP, as far as nobody has to prove anything: what it listens on, who a client is that
# has said nothing, and what becomes of what is no proof.

load lib/common

setup() {
  common_setup
  need_world
  need curl
  need jq
}

# request PATH [CURL-ARGUMENT...]: sets status_code, headers and body
request() {
  local path=$1
  shift
  body=$(curl -s --path-as-is -D "$SCRATCH/headers" -w '\n%{http_code}' "$@" "http://$SERVER_ADDRESS$path")
  headers=$(tr -d '\r' <"$SCRATCH/headers")
  status_code=${body##*$'\n'}
  body=${body%$'\n'*}
  body=${body%$'\n'}
}

# connect: CONNECTION, to write to and to read from
connect() {
  exec {CONNECTION}<>"/dev/tcp/${SERVER_ADDRESS%:*}/${SERVER_ADDRESS##*:}"
}

# Until the other end closes it: what came.
rest() {
  timeout "$patience" cat <&"$CONNECTION"
}

# A key for HTTP/a.test of IDN.TEST, of which no realm knows: tickets are none that it could be tried with.
make_keytab() {
  need ktutil
  type -P network-test >/dev/null || skip "needs a build with Kerberos"
  printf '[libdefaults]\n  default_realm = IDN.TEST\n  dns_lookup_kdc = false\n' >"$SCRATCH/krb5.conf"
  export KRB5_CONFIG=$SCRATCH/krb5.conf KRB5RCACHEDIR=$SCRATCH/replay
  mkdir -m 1777 "$SCRATCH/replay"
  printf 'addent -password -p HTTP/a.test -k 1 -e aes256-cts-hmac-sha1-96\nsecret\nwkt %s\n' \
    "$SCRATCH/keytab" | ktutil >/dev/null
  assert [ "$(stat -c %a:%u "$SCRATCH/keytab")" = 600:0 ]
}

serve_with_keytab() {
  make_keytab
  server_start --tcp 127.0.0.1:0 --keytab "$SCRATCH/keytab" --log stderr "$@"
}

# --- listening ----------------------------------------------------------------------------------

@test "port 0 is a free one, and it says which" {
  server_start --tcp 127.0.0.1:0
  assert_regex "$SERVER_ADDRESS" '^127\.0\.0\.1:[1-9][0-9]*$'
  request /whoami
  assert_equal "$status_code" 200
}

@test "an IPv6 address is in brackets, in what is given and in what is said" {
  [[ -e /proc/net/if_inet6 ]] && grep -q ' lo$' /proc/net/if_inet6 || skip "needs IPv6 on the loopback interface"
  server_start --tcp '[::1]:0'
  assert_regex "$SERVER_ADDRESS" '^\[::1\]:[1-9][0-9]*$'
  request /whoami
  assert_equal "$(fact .transport)" tcp
}

@test "it takes its port again at once after it has ended, and no port of somebody else" {
  server_start --tcp 127.0.0.1:0
  # Which the server closes first, so that the kernel remembers it at that port.
  connect
  printf 'GET /whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&"$CONNECTION"
  assert_regex "$(rest)" '^HTTP/1.1 200'
  run -1 idn-serve-demo --tcp "$SERVER_ADDRESS"
  assert_output "idn-serve-demo: $SERVER_ADDRESS: Address already in use"
  server_stop
  server_start --tcp "$SERVER_ADDRESS"
}

@test "what is no address and port, and what does not go together: one line, status 2" {
  local -A wrong=(
    ['--unix /x --tcp 127.0.0.1:0']="--unix and --tcp exclude each other"
    ['--unix /x --keytab /x']="--keytab is for --tcp: of a Unix socket the kernel knows the client"
    ['--tcp 127.0.0.1:0 --accept-principal HTTP/a.test']="--accept-principal needs --keytab"
    ['--tcp 127.0.0.1:0 --replay-cache none:']="--replay-cache needs --keytab"
  )
  local options address
  for options in "${!wrong[@]}"; do
    # shellcheck disable=SC2086 # words
    run -2 idn-serve-demo $options
    assert_output "idn-serve-demo: ${wrong[$options]}"
  done
  for address in 127.0.0.1 127.0.0.1: :80 127.0.0.1:65536 127.0.0.1:+1 127.0.0.1:080000 127.1:80 localhost:80 \
    ::1:80 '[::1]80' '[]:80' '[127.0.0.1]:80' '[::1]:' '' '[:80' ']:80'; do
    run -2 idn-serve-demo --tcp "$address"
    assert_output "idn-serve-demo: --tcp: $address: not as 127.0.0.1:8080 or [::1]:8080"
  done
}

@test "an address that is not of this machine: one line, status 1" {
  run -1 idn-serve-demo --tcp 192.0.2.1:8080
  assert_output "idn-serve-demo: 192.0.2.1:8080: Cannot assign requested address"
}

@test "a service manager passes a socket of TCP as well, but none of the other kind with a keytab" {
  local line said service port
  exec {said}< <(exec 3>&- 4>&-; exec manager tcp idn-serve-demo -q 2>&1)
  SERVER_PIDS+=($!)
  read -r _ service <&"$said"
  read -r _ port <&"$said"
  SERVER_ADDRESS=127.0.0.1:$port
  read -r line <&"$said"
  assert_equal "$line" "listening on an inherited socket"
  read -r line <&"$said"
  assert_equal "$line" READY=1
  request /whoami
  assert_equal "$(fact .transport)" tcp
  kill -TERM "$service"
  read -r line <&"$said"
  assert_equal "$line" STOPPING=1
  read -r line <&"$said"
  assert_equal "$line" "status 0"

  run -1 manager "$SCRATCH/passed" idn-serve-demo --keytab /x
  assert_line "idn-serve-demo: LISTEN_FDS: --keytab is for TCP, and descriptor 3 is a Unix socket"
}

# --- who nobody is ------------------------------------------------------------------------------

@test "a client that has said nothing is Anonymous, whatever level it asks for" {
  local level by
  server_start --tcp 127.0.0.1:0
  for level in '' anonymous identification impersonation delegation; do
    by=unauthenticated
    [[ $level != anonymous ]] || by=request
    request /whoami ${level:+-H "Impersonation-Level: $level"}
    assert_equal "$status_code" 200
    assert_equal "$(fact '[.identity.name, .identity.uid, .identity.principal, .level, .level_decided_by,
      .access_as.name, .transport, .delegated, .expires, .kernel.uids.effective] | map(. // "-") | join(" ")')" \
      "Anonymous - - anonymous $by nobody tcp none - 65534"
    assert_regex "$headers" 'Impersonation-Level: anonymous'
    refute_regex "$headers" 'WWW-Authenticate'
  done
}

@test "it reads what anybody may, is refused what not, and is not asked who it is where nobody could know" {
  server_start --tcp 127.0.0.1:0
  request /files/etc/passwd
  assert_equal "$status_code" 200
  request /files/etc/shadow
  assert_equal "$status_code" 403
  refute_regex "$headers" 'WWW-Authenticate'
  request /whoami -H 'Authorization: Negotiate AAAA'
  assert_equal "$status_code" 403
  assert_equal "$body" "this server has no --keytab: it knows nobody"
}

@test "a malformed level is a 400 over TCP, too" {
  server_start --tcp 127.0.0.1:0
  request /whoami -H 'Impersonation-Level: root'
  assert_equal "$status_code" 400
}

@test "what whoami says is what its schema says" {
  need_jsonschema
  server_start --tcp 127.0.0.1:0
  request /whoami
  conforms idn-serve-demo-whoami.schema.json <<<"$body"
  # It is a schema that something can fail.
  run -1 conforms idn-serve-demo-whoami.schema.json < <(jq -c '.identity.principal = "alice"' <<<"$body")
  run -1 conforms idn-serve-demo-whoami.schema.json < <(jq -c 'del(.transport)' <<<"$body")
}

@test "over a Unix socket the transport is told, and a proof is not looked at" {
  server_start
  get alice /whoami -H 'Authorization: Negotiate garbage!'
  assert_equal "$status_code" 200
  assert_equal "$(fact '[.identity.name, .transport, .delegated, .expires] | map(. // "-") | join(" ")')" \
    "alice unix none -"
}

@test "connections from one address are limited, and those from another are not" {
  local first second
  server_start --tcp 0.0.0.0:0 --max-client-connections 2
  SERVER_ADDRESS=127.0.0.1:${SERVER_ADDRESS##*:}
  connect; first=$CONNECTION
  connect; second=$CONNECTION
  # They are counted once they are accepted, which is before a later one is.
  request /whoami
  assert_equal "$status_code" 503
  request /whoami --interface 127.0.0.2
  assert_equal "$status_code" 200
  exec {first}<&- {second}<&-
  wait_for answers_again
}

answers_again() {
  request /whoami
  [[ $status_code == 200 ]]
}

# --- what is no proof ---------------------------------------------------------------------------

@test "with a keytab, which root alone may read, who may not do something is asked who it is" {
  serve_with_keytab
  request /files/etc/passwd
  assert_equal "$status_code" 200
  refute_regex "$headers" 'WWW-Authenticate'
  request /files/etc/shadow
  assert_equal "$status_code" 401
  assert_regex "$headers" $'\nWWW-Authenticate: Negotiate\n'
  request /whoami
  assert_equal "$(fact .level_decided_by)" unauthenticated
}

@test "events, which tell who others are, are told to nobody who has not said who it is" {
  serve_with_keytab
  request /events
  assert_equal "$status_code" 401
  request /metrics
  assert_equal "$status_code" 200
}

@test "what is no proof is refused by its kind, and nothing is done" {
  local header
  serve_with_keytab
  for header in 'Basic YTpi' 'Bearer x' 'Negotiated AAAA'; do
    request /files/etc/passwd -H "Authorization: $header"
    assert_equal "$header $status_code" "$header 401"
    assert_regex "$headers" 'WWW-Authenticate: Negotiate'
    refute_regex "$body" root
  done
  for header in '!' 'AAA' 'AAAA=' 'AA AA' 'AAAA AAAA' 'AAAA,' '=' ; do
    request /files/etc/passwd -H "Authorization: Negotiate $header"
    assert_equal "$header $status_code" "$header 400"
  done
  for header in $'Authorization: Negotiate\r\n AAAA' 'Authorization : Negotiate AAAA'; do
    request /files/etc/passwd -H "$header"
    assert_regex "$status_code" '^40[01]$'
  done
  request /files/etc/passwd -H 'Authorization: Negotiate AAAA' -H 'Authorization: Negotiate AAAA'
  assert_equal "$status_code" 400
  for header in AAAA TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAA= \
    "$(head -c 3000 /dev/urandom | base64 -w 0)"; do
    request /files/etc/passwd -H "Authorization: Negotiate $header"
    assert_equal "$status_code $body" "401 authentication failed"
  done
  # The scheme alone asks what is spoken here.
  request /files/etc/passwd -H 'Authorization: Negotiate'
  assert_equal "$status_code $body" "401 the authentication goes on"
  wait_for grep -q not_authenticated "$SERVER_LOG"
  request /files/etc/passwd
  assert_equal "$status_code" 200
}

@test "a connection whose proof has failed is nobody's, and not even Anonymous" {
  serve_with_keytab
  connect
  printf 'GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n' \
    /whoami 'X: first' /whoami 'Authorization: Negotiate AAAA' /whoami 'X: third' \
    /whoami 'Authorization: Basic YTpi' /whoami 'Connection: close' >&"$CONNECTION"
  run rest
  assert_equal "$(grep -o '^HTTP/1.1 [0-9]*' <<<"$output" | cut -d ' ' -f 2 | xargs)" "200 401 401 401 401"
}

@test "a header of a megabyte is refused, by its size alone where it fits, and others are served meanwhile" {
  local i
  serve_with_keytab
  head -c 750000 /dev/zero | base64 -w 0 | sed 's/^/Authorization: Negotiate /' >"$SCRATCH/large"
  for ((i = 0; i < 5; i++)); do
    request /whoami -H "@$SCRATCH/large"
    assert_regex "$status_code" '^4(13|31)$'
    request /whoami
    assert_equal "$status_code" 200
  done
  server_stop
  server_start --tcp 127.0.0.1:0 --keytab "$SCRATCH/keytab" --max-header 4000000
  request /whoami -H "@$SCRATCH/large"
  assert_equal "$status_code" 431
  assert_equal "$body" "the message is too large"
}

@test "half a header, and then nothing: closed in time, and nobody waits for it" {
  serve_with_keytab --timeout 1 --threads 1
  connect
  printf 'GET /whoami HTTP/1.1\r\nHost: x\r\nAuthorization: Negotiate YII' >&"$CONNECTION"
  request /whoami
  assert_equal "$status_code" 200
  run rest
  assert_success
}

@test "a refused request without a body leaves the connection, one with a body does not" {
  serve_with_keytab
  connect
  printf 'GET /files/etc/shadow HTTP/1.1\r\nHost: x\r\n\r\nPUT /whoami HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n' \
    >&"$CONNECTION"
  run rest
  assert_equal "$(grep -o '^HTTP/1.1 [0-9]*' <<<"$output" | cut -d ' ' -f 2 | xargs)" "401 405"
}

# --- keytabs ------------------------------------------------------------------------------------

@test "a keytab that is not there, is none, or has not the key: one line, status 1" {
  make_keytab
  run -1 idn-serve-demo --tcp 127.0.0.1:0 --keytab "$SCRATCH/absent"
  assert_output --regexp "^idn-serve-demo: $SCRATCH/absent: .*(No such file|not found)"
  head -c 100 /dev/urandom >"$SCRATCH/garbage"
  run -1 idn-serve-demo --tcp 127.0.0.1:0 --keytab "$SCRATCH/garbage"
  assert_output --regexp "^idn-serve-demo: $SCRATCH/garbage: [^:]+\$"
  run -1 idn-serve-demo --tcp 127.0.0.1:0 --keytab "$SCRATCH/keytab" --accept-principal HTTP/b.test
  assert_output --regexp "^idn-serve-demo: HTTP/b.test: "
}
