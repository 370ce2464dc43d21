#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-serve-demo over TCP with one client that proves who it is: what curl and it make of one another, and
# the options about that.  What may be refused, and chains, are in network-proof.bats and network-hosts.bats.

load lib/common
load lib/realm

setup_file() {
  [[ -d ${WORLD-}/home/alice ]] && type -P krb5kdc kdb5_util kadmin.local kinit >/dev/null || return 0
  realm_start
  realm_keytab "$REALM/keytab" HTTP/a.test
  realm_keytab "$REALM/both.keytab" HTTP/a.test HTTP/b.test
  realm_kinit alice "$REALM/alice"
  realm_kinit bob "$REALM/bob"
  realm_kinit mallory@OTHER.TEST "$REALM/mallory"
}

teardown_file() {
  [[ -z ${REALM-} ]] || realm_stop
}

setup() {
  common_setup
  need_world
  need_realm
  need curl jq
  curl --version | grep -qw SPNEGO || skip "needs a curl with SPNEGO"
  type -P network-test >/dev/null || skip "needs a build with Kerberos"
}

# serve [OPTION...]: by another keytab where KEYTAB says so
serve() {
  server_start --tcp 127.0.0.2:0 --keytab "${KEYTAB:-$REALM/keytab}" --log stderr "$@"
  port=${SERVER_ADDRESS##*:}
}

# fetch USER PATH... [-- CURL-ARGUMENT...]: one curl; sets body, and codes, of each response on the way
fetch() {
  local user=$1 urls=()
  shift
  while (($#)) && [[ $1 != -- ]]; do
    urls+=("http://${HOST:-a.test}:$port$1")
    shift
  done
  body=$(KRB5CCNAME=$REALM/$user curl -sv --max-time "$patience" --path-as-is --negotiate -u : "${@:2}" \
    "${urls[@]}" 2>"$SCRATCH/said")
  codes=$(sed -n 's/^< HTTP[^ ]* \([0-9]*\).*/\1/p' "$SCRATCH/said" | xargs)
}

# How many requests carried a proof.
proofs() {
  grep -c '^> Authorization: Negotiate' "$SCRATCH/said" || true
}

@test "whoami tells the principal, until when, and that nothing is lent" {
  need_jsonschema
  serve
  fetch alice /whoami
  assert_equal "$codes $(proofs)" "200 1"
  conforms idn-serve-demo-whoami.schema.json <<<"$body"
  assert_equal "$(fact '[.identity.name, .identity.principal, .level, .level_decided_by, .access_as.name,
    .transport, .delegated] | join(" ")')" "alice alice@IDN.TEST identification default nobody tcp none"
  assert_equal "$(fact .access_as.principal)" null
  # To the second: when the ticket ends.
  run env LC_ALL=C TZ=UTC klist -c "$REALM/alice"
  assert_equal "$(date -u -d "$(awk '/krbtgt/ { print $3, $4 }' <<<"$output")" +%FT%T)" \
    "$(fact '.expires | sub("[.].*"; "")')"
}

@test "one proof is enough for all requests of a connection" {
  serve
  fetch alice /whoami /whoami /whoami -- -H 'Impersonation-Level: impersonation'
  assert_equal "$codes" "200 200 200"
  assert_equal "$(proofs)" 1
  assert_equal "$(fact .kernel.uids.effective | xargs)" "2001 2001 2001"
}

@test "files are written and read as the account that the principal is, and by nobody else" {
  mkdir -m 0700 "$SCRATCH/hers"
  chown alice: "$SCRATCH/hers"
  serve --root "$SCRATCH"
  echo "a line" >"$SCRATCH/line"
  local level='Impersonation-Level: impersonation'
  fetch alice /files/hers/line -- -H "$level" -T "$SCRATCH/line"
  assert_equal "${codes##* }" 201
  assert_equal "$(stat -c '%U' "$SCRATCH/hers/line")" alice
  fetch alice /files/hers/line -- -H "$level"
  assert_equal "$codes $body" "200 a line"
  fetch bob /files/hers/line -- -H "$level"
  assert_equal "$codes" 403
  # Nor at the level that nobody has stated.
  fetch alice /files/hers/line
  assert_equal "$codes" 403
}

@test "a client that may not, and has not said who it is, is made to say so" {
  mkdir -m 0700 "$SCRATCH/hers"
  echo hers >"$SCRATCH/hers/file"
  chown -R alice: "$SCRATCH/hers"
  serve --root "$SCRATCH"
  fetch alice /files/hers/file -- --anyauth -H 'Impersonation-Level: impersonation'
  assert_equal "$codes $body" "401 200 hers"
}

@test "a ticket that was forwarded is told, and makes a level of delegation" {
  serve
  fetch alice /whoami -- --delegation always -H 'Impersonation-Level: delegation'
  assert_equal "$(fact '[.level, .level_decided_by, .delegated] | join(" ")')" "delegation request forwarded"
  fetch alice /whoami -- -H 'Impersonation-Level: delegation'
  assert_equal "$(fact '[.level, .level_decided_by, .delegated] | join(" ")')" "impersonation ticket none"
  # At anonymous nothing is told, whatever came.
  fetch alice /whoami -- --delegation always -H 'Impersonation-Level: anonymous'
  assert_equal "$(fact '[.identity.name, .identity.principal, .delegated, .expires] | map(. // "-") | join(" ")')" \
    "Anonymous - none -"
}

@test "events are told to a client that is somebody, with principals, and to no other" {
  need_jsonschema
  local held line
  serve
  fetch mallory /events
  assert_equal "$codes" 403
  exec {held}< <(exec 3>&- 4>&-; stream alice '/hold?ms=60000')
  SERVER_PIDS+=($!)
  read -rt "$patience" line <&"$held"
  line=$(stream bob /events | sed -n '/^data: /{s///p;q}')
  conforms idn-serve-demo-status.schema.json <<<"$line"
  assert_equal "$(jq -r '.threads[].client | select(.) | [.name, .principal, .transport, .delegated] | join(" ")' \
    <<<"$line")" "alice alice@IDN.TEST tcp none"
}

# stream USER PATH: as it comes
stream() {
  KRB5CCNAME=$REALM/$1 exec curl -sN --negotiate -u : "http://a.test:$port$2"
}

@test "whose ticket has to be for somebody is said by --accept-principal" {
  KEYTAB=$REALM/both.keytab serve --accept-principal HTTP/b.test
  sed -i '/ b\.test$/d' /etc/hosts
  echo "127.0.0.2 b.test" >>/etc/hosts
  HOST=b.test fetch alice /whoami
  assert_equal "$codes" 200
  fetch alice /whoami
  assert_equal "${codes##* }" 401
  wait_for grep -q not_authenticated "$SERVER_LOG"
}

@test "--replay-cache names a file that is the service's own, where messages are noted" {
  mkdir -m 1777 "$SCRATCH/replay"
  serve --replay-cache "file2:$SCRATCH/replay/cache"
  fetch alice /whoami
  assert_equal "$codes" 200
  assert_equal "$(stat -c %a:%u "$SCRATCH/replay/cache")" "600:$(stat -c %u "/proc/$SERVER_PID")"
  server_stop
  # One that cannot be written lets nobody in.
  serve --replay-cache "file2:$SCRATCH/absent/cache"
  fetch alice /whoami
  assert_equal "${codes##* }" 401
}

@test "the keytab may go once it has been read" {
  cp "$REALM/keytab" "$SCRATCH/keytab"
  KEYTAB=$SCRATCH/keytab serve
  rm "$SCRATCH/keytab"
  fetch alice /whoami
  assert_equal "$codes" 200
}
