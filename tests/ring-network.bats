#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Clients of the network by the ring engine: the keys are the acceptor's, the decision is the broker's, and
# the service has neither.

load lib/common
load lib/realm
load lib/network

setup() {
  common_setup
  grep -q 'define WITH_RING' "$BUILD/config.h" || skip "needs a build with the ring engine"
  [[ $(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0) == 0 ]] || skip "needs io_uring"
  [[ $BATS_TEST_DESCRIPTION != *"a service that has been taken over"* ]] || return 0
  need_network
  hosts_start
  realm_start
  SERVE_ENGINE=ring
}

teardown() {
  network_teardown
}

impersonation='Impersonation-Level: impersonation'
delegation='Impersonation-Level: delegation'

# process NAME: sets PROCESS, its pid, of the service that was started last
process() {
  local pid
  for pid in $(pgrep -x "$1"); do
    if [[ $(stat -Lc %i "/proc/$pid/ns/net" 2>/dev/null) == "$(stat -Lc %i "/proc/$SERVER_PID/ns/net")" ]]; then
      PROCESS=$pid
      return 0
    fi
  done
  return 1
}

# of PID FIELD: in its status
of() {
  awk -v "name=$2:" '$1 == name { print $2 }' "/proc/$1/status"
}

# --- who it is ------------------------------------------------------------------------------------

@test "alice reads her own file, and not bob's, by a service without any privilege" {
  serve a
  client alice
  install -m 0600 -o bob -g bob <(echo "his") "$SCRATCH/a/his"
  ask alice a /files/hers -H "$impersonation"
  assert_equal "$status_code $body" "200 hers on a"
  ask alice a /files/his -H "$impersonation"
  assert_equal "$status_code" 403
  client bob
  ask bob a /files/his -H "$impersonation"
  assert_equal "$status_code $body" "200 his"
  ask alice a /whoami -H "$impersonation"
  assert_equal "$(fact '[.identity.name, .identity.principal, .level, .level_decided_by, .engine, .transport] |
    join(" ")')" "alice alice@IDN.TEST impersonation request ring tcp"
  assert_equal "$(fact '.token > 0')" true
  assert_equal "$(fact '[.access_as.groups[].name] | join(" ")')" "alice projects reports"
  assert_equal "$(of "$SERVER_PID" CapPrm) $(of "$SERVER_PID" CapBnd)" "0000000000000000 0000000000000000"
}

@test "left to choose, a service with a keytab is one of the ring engine" {
  SERVE_ENGINE=
  serve a
  assert_equal "$(cat "$SERVER_LOG")" "idn-serve-demo: engine: ring"
}

@test "she is identified, and no more, where no request says so" {
  serve a
  client alice
  ask alice a /files/hers
  assert_equal "$status_code" 403
  ask alice a /whoami
  assert_equal "$(fact '[.identity.name, .level, .level_decided_by, .access_as.name] | join(" ")')" \
    "alice identification default nobody"
}

@test "what alice puts there is hers" {
  serve a
  client alice
  chmod 1777 "$SCRATCH/a"
  echo line >"$SCRATCH/line"
  ask alice a /files/line -H "$impersonation" -T "$SCRATCH/line"
  assert_equal "$status_code" 201
  assert_equal "$(stat -c %U:%G:%a "$SCRATCH/a/line")" "$(stat -c %U:%G "$SCRATCH/a/hers"):$(stat -c %a "$SCRATCH/a/line")"
}

@test "root is identified alone, and a principal without an account is nobody" {
  serve a
  client root
  ask root a /whoami -H "$impersonation"
  assert_equal "$(fact '[.identity.name, .level, .level_decided_by] | join(" ")')" \
    "root identification privileged_client"
  ask root a /files/hers -H "$impersonation"
  assert_equal "$status_code" 403
  client stranger
  ask stranger a /whoami -H "$impersonation"
  assert_equal "$(fact '[.identity.name, .level, .level_decided_by] | join(" ")')" \
    "Anonymous anonymous unmapped_client"
  ask stranger a /files/hers -H "$impersonation"
  assert_equal "$status_code" 403
}

@test "the broker's policy is the one that it was started with: what is read later raises nobody" {
  policy a '[impersonation]' 'max_level = identification'
  serve a
  client alice
  policy a
  kill -HUP "$SERVER_PID"
  IFS= read -rt "$patience" -u "$server_out" line
  assert_equal "$line" "the policy was read again"
  ask alice a /whoami -H "$impersonation"
  assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "identification max_level"
  ask alice a /files/hers -H "$impersonation"
  assert_equal "$status_code" 403
}

@test "a message that was sent before is refused, and the service's log says why" {
  serve a
  client alice
  message=$(token alice mutual)
  session_open a
  session_ask /whoami "Authorization: Negotiate $message"
  assert_equal "$status_code $(fact .identity.name)" "200 alice"
  session_open a
  session_ask /whoami "Authorization: Negotiate $message"
  assert_equal "$status_code" 401
  logged a "[Rr]eplay"
}

@test "who replaces the client of a connection is another client, with a number of its own" {
  serve a
  client alice
  client bob
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice mutual)" "$impersonation"
  assert_equal "$(fact .identity.name)" alice
  first=$(fact .token)
  session_ask /whoami "Authorization: Negotiate $(token bob mutual)" "$impersonation"
  assert_equal "$(fact .identity.name)" bob
  assert_not_equal "$(fact .token)" "$first"
  session_ask /files/hers "$impersonation"
  assert_equal "$status_code" 403
}

# --- where the keys are ---------------------------------------------------------------------------

# has PID HEX: are these bytes somewhere in its memory?
has() {
  python3 - "$1" "$2" <<'SEARCH'
import re, sys
pid, key = sys.argv[1], bytes.fromhex(sys.argv[2])
with open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in open(f"/proc/{pid}/maps"):
        first, last, access = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
        if access[0] != "r" or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            continue
        try:
            memory.seek(int(first, 16))
            if key in memory.read(int(last, 16) - int(first, 16)):
                sys.exit(0)
        except OSError:
            pass
sys.exit(1)
SEARCH
}

@test "the keytab is root's, and its keys are in the acceptor's memory, and not in the service's" {
  need python3 klist
  ! grep -qE 'define WITH_(THREAD_)?SANITIZER' "$BUILD/config.h" || skip "the sanitizers have memory without end"
  serve a
  client alice
  ask alice a /whoami -H "$impersonation"
  assert_equal "$(stat -c %u:%a "$SCRATCH/a.keytab")" 0:600
  key=$(klist -Kk "$SCRATCH/a.keytab" | sed -n 's/.*(0x\([0-9a-f]*\)).*/\1/p')
  [[ ${#key} == 64 ]]
  process imp-acceptor
  has "$PROCESS" "$key"
  run has "$SERVER_PID" "$key"
  assert_failure
  process imp-broker
  run has "$PROCESS" "$key"
  assert_failure
  run find "/proc/$SERVER_PID/fd" -lname '*keytab*'
  assert_output ""
}

@test "the acceptor is neither root nor the service, holds no privilege, and has no ring" {
  serve a
  process imp-acceptor
  assert_not_equal "$(of "$PROCESS" Uid)" 0
  assert_not_equal "$(of "$PROCESS" Uid)" "$(of "$SERVER_PID" Uid)"
  assert_not_equal "$(of "$PROCESS" Uid)" 65534
  local set
  for set in CapInh CapPrm CapEff CapBnd CapAmb; do
    assert_equal "$set $(of "$PROCESS" "$set")" "$set 0000000000000000"
  done
  assert_equal "$(of "$PROCESS" NoNewPrivs) $(of "$PROCESS" Seccomp)" "1 2"
  assert_equal "$(awk '/^Groups:/ { print NF }' "/proc/$PROCESS/status")" 1
  # Not to be traced by another of its uid.
  assert_equal "$(stat -c %u "/proc/$PROCESS/maps")" 0
  run find "/proc/$PROCESS/fd" -lname '*io_uring*'
  assert_output ""
}

@test "a keytab that is none: one line, and no service" {
  run -1 idn-serve-demo --tcp 127.0.0.1:0 --engine ring --keytab "$SCRATCH/absent"
  assert_output --regexp '^idn-serve-demo: --engine ring: .*absent.*$'
}

# --- forwarded tickets ----------------------------------------------------------------------------

@test "a ticket that was forwarded to the acceptor takes alice to the next service, and the one after it" {
  serve_all
  client alice
  delegate alice a /backend/files/hers
  assert_equal "$status_code $body" "200 hers on b"
  delegate alice a /backend/backend/whoami
  assert_equal "$status_code" 200
  assert_equal "$(fact '[.identity.name, .identity.principal, .level, .engine] | join(" ")')" \
    "alice alice@IDN.TEST delegation ring"
  # At impersonation, nor where nothing was forwarded, there is no second hop.
  ask alice a /backend/whoami -H "$impersonation" --delegation always
  assert_equal "$status_code" 403
  ask alice a /backend/whoami -H "$delegation"
  assert_equal "$status_code" 403
}

@test "a client of this machine, whose own cache it would take, is told that it is not done" {
  serve_all local
  realm_kinit alice
  logged a "engine: ring"
  local level
  for level in impersonation delegation; do
    get alice /backend/whoami -H "Impersonation-Level: $level"
    assert_equal "$status_code" 501
    [[ $body == *"the ring engine calls nobody over the network for a client"* ]]
  done
  get alice /backend/whoami -H 'Impersonation-Level: identification'
  assert_equal "$status_code" 200
  assert_equal "$(fact .level)" anonymous
  # By itself, meanwhile, alice is served.
  get alice /files/hers
  assert_equal "$status_code $body" "200 hers on a"
}

# --- ends -----------------------------------------------------------------------------------------

sockets_of() {
  find "/proc/$1/fd" -lname 'socket:*' | wc -l
}

has_sockets() {
  [[ $(sockets_of "$1") == "$2" ]]
}

@test "a token ends when its client hangs up, whatever the service does" {
  serve a
  client alice
  process imp-broker
  before=$(sockets_of "$PROCESS")
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice mutual)" "$impersonation"
  assert_equal "$(fact .identity.name)" alice
  has_sockets "$PROCESS" $((before + 1))
  kill -STOP "$SERVER_PID"
  exec {SESSION[0]}<&- {SESSION[1]}>&-
  wait_for has_sockets "$PROCESS" "$before"
  kill -CONT "$SERVER_PID"
}

@test "a token ends with its client's ticket, whatever the service does, and though nobody hangs up" {
  serve a
  client alice -l 3s
  process imp-broker
  before=$(sockets_of "$PROCESS")
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice mutual)" "$impersonation"
  assert_equal "$(fact .identity.name)" alice
  has_sockets "$PROCESS" $((before + 1))
  kill -STOP "$SERVER_PID"
  wait_for has_sockets "$PROCESS" "$before"
  kill -CONT "$SERVER_PID"
  session_ask /files/hers "$impersonation"
  assert_equal "$status_code" 401
}

@test "without its acceptor a service says so, and serves whom it knows already" {
  serve a
  client alice
  session_open a
  session_ask /whoami "Authorization: Negotiate $(token alice mutual)" "$impersonation"
  assert_equal "$(fact .identity.name)" alice
  process imp-acceptor
  kill -KILL "$PROCESS"
  wait_for has_ended "$PROCESS"
  ask alice a /whoami
  assert_equal "$status_code" 500
  assert_equal "$body" "the service cannot authenticate clients"
  logged a "the acceptor has ended"
  session_ask /files/hers "$impersonation"
  assert_equal "$status_code" 200
  # Anonymous clients need nobody.
  body=$(on_host kdc curl -s "http://a.test:8080/whoami")
  assert_equal "$(fact .level)" anonymous
}

@test "acceptor, broker and guard end with the service" {
  serve a
  process imp-acceptor
  acceptor=$PROCESS
  process imp-broker
  kill -KILL "$SERVER_PID"
  wait_for has_ended "$acceptor"
  wait_for has_ended "$PROCESS"
}

# --- the service itself ---------------------------------------------------------------------------

@test "a service that has been taken over cannot tell the broker who a client is" {
  need_world
  run -0 claim broker
  assert_output "the broker has ended"
}

@test "nor does a service that has been taken over have other sockets taken for its clients' connections" {
  run -0 claim connections </dev/null
  assert_output "accepted here: taken
the client's end: Operation not permitted
accepted elsewhere: Operation not permitted
the listening socket: Invalid argument
a socketpair: Address family not supported by protocol
datagrams: Protocol wrong type for socket
unconnected: Transport endpoint is not connected
a pipe: Socket operation on non-socket"
}
