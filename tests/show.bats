#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-show: who a thread acts as, and whether what the service claims is what the kernel does.

load lib/common

teardown() {
  server_teardown
}

# held USER [CURL-ARGUMENT...]: a thread of the service that is held as USER; sets thread
held() {
  local user=$1 line fd
  shift
  exec {fd}< <(as "$user" curl -sN --unix-socket "$SOCKET" "$@" 'http://x/hold?ms=60000')
  read -r line <&"$fd"
  thread=$(jq -r .thread <<<"$line")
}

# started COMMAND...: a process that has printed a line when it is ready; sets process
started() {
  local fd
  exec {fd}< <(exec "$@")
  process=$!
  SERVER_PIDS+=("$process")
  read -r ready <&"$fd"
}

@test "the three lines come first, exactly so" {
  need_world
  server_start
  held alice
  run -0 idn-show "$thread"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Impersonation"
}

@test "at identification the user is the client, and access is the anonymous identity's" {
  need_world
  server_start
  held alice -H 'Impersonation-Level: identification'
  run -0 idn-show "$thread"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 2 "Impersonation Level: Identification"
  assert_line --regexp '^Access As: +nobody \(65534\)'
  assert_line --regexp '^Level Decided By: +request$'
}

@test "at anonymous the user is Anonymous, and nothing tells of the client" {
  need_world
  server_start
  held alice -H 'Impersonation-Level: anonymous'
  run -0 idn-show "$thread"
  assert_line --index 0 "User: S-1-5-7 (Anonymous)"
  assert_line --index 2 "Impersonation Level: Anonymous"
  refute_alice "$output"
  refute_line --partial "Client:"
  run -0 idn-show --json "$thread"
  refute_alice "$output"
}

@test "a process is its main thread, and a line for each thread that differs" {
  need_world
  server_start
  held alice
  run -0 idn-show "${thread%/*}"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp "^$thread hold: alice, impersonating at level impersonation, consistent$"
  assert_equal "$(grep -c "^${thread%/*}/" <<<"$output")" 1
  run -0 idn-show -v "${thread%/*}"
  (($(grep -c "^${thread%/*}/" <<<"$output") > 1))
}

@test "what it says is what the kernel says" {
  need_world
  server_start
  held alice
  local kernel
  kernel=$(cat "/proc/${thread%/*}/task/${thread#*/}/status")
  run -0 idn-show --json "$thread"
  assert_equal "$(jq -r '.uids | "\(.real)\t\(.effective)\t\(.saved)\t\(.filesystem)"' <<<"$output")" \
    "$(sed -n 's/^Uid:\t//p' <<<"$kernel")"
  assert_equal "$(jq -r '.gids | "\(.real)\t\(.effective)\t\(.saved)\t\(.filesystem)"' <<<"$output")" \
    "$(sed -n 's/^Gid:\t//p' <<<"$kernel")"
  assert_equal "$(jq -r '[.access_as.groups[].gid | tostring] | join(" ")' <<<"$output")" \
    "$(sed -n 's/^Groups:\t//p' <<<"$kernel" | sed 's/ *$//')"
  assert_equal "$(jq -r '.capabilities.permitted | join(" ")' <<<"$output")" "cap_setgid cap_setuid"
  assert_equal "$(jq -r '.capabilities.effective | length' <<<"$output")" 0
  assert_equal "$(jq -r '"\(.state) \(.level) \(.level_decided_by) \(.engine) \(.client.transport) \(.client.command)"' <<<"$output")" \
    "consistent impersonation default thread unix curl"
}

@test "any user may look, without privilege" {
  need_world
  server_start
  held alice
  run -0 as bob idn-show "$thread"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --regexp '^State: +consistent$'
}

@test "no argument: whoever called" {
  run -0 bash -c "idn-show; true"
  assert_line --index 0 "User: S-1-22-1-$(id -u) ($(id -un))"
  assert_line --index 1 "Impersonating: no"
  refute_line --partial "Impersonation Level"
  assert_line --regexp '^State: +unrecorded \(no ledger\)$'
}

@test "several at a time, each under its name" {
  run -0 idn-show $$ $PPID
  assert_line --index 0 "$$:"
  assert_line "$PPID:"
  run -0 idn-show --json $$ $PPID
  assert_equal "$(jq -s 'map(.pid) | join(" ")' -r <<<"$output")" "$$ $PPID"
}

# --- what others do, without a ledger ---------------------------------------------------------------

@test "a thread with other filesystem ids acts as those, at a level that nobody knows" {
  need_world
  started pose filesystem 2001
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Unknown"
  assert_line --regexp '^Service: +root \(0\)'
  assert_line --regexp '^State: +unrecorded'
}

@test "a thread with other effective ids acts as those" {
  need_world
  started pose effective 2001
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 2 "Impersonation Level: Unknown"
}

@test "a thread that took an identity for good is leaked, without a ledger too" {
  need_world
  started pose thread-for-good 2001
  run -0 idn-show "$process"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp "^$process/[0-9]+ .*: alice, impersonating at level unknown, leaked$"
  run -0 idn-show "$process/$(ls "/proc/$process/task" | grep -vx "$process")"
  assert_line --regexp "^State: +leaked: for good, and not who its process is$"
}

@test "a set-user-ID program is not taken for impersonation" {
  need_world
  started pose set-user-id 2001
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-0 (root)"
  assert_line --index 1 "Impersonating: no"
}

# --- states -------------------------------------------------------------------------------------

@test "lost: recorded as a client, while the kernel has the primary identity" {
  need_world
  started pose lost alice
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-0 (root)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^State: +lost: recorded as acting as alice'
}

@test "leaked: a client's identity that nothing records" {
  need_world
  started pose leaked alice
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Unknown"
  assert_line --regexp '^State: +leaked'
}

@test "leaked: a thread that was born while its creator impersonated" {
  need_world
  started pose born alice
  run -0 idn-show "$ready"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --regexp '^State: +leaked'
}

@test "mismatched: another client than the one recorded" {
  need_world
  started pose mismatched alice 2002
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2002 (bob)"
  assert_line --index 2 "Impersonation Level: Unknown"
  assert_line --regexp '^State: +mismatched: recorded as acting as alice'
}

@test "mismatched: the right ids and the wrong groups" {
  need_world
  started pose wrong-groups alice
  run -0 idn-show "$process"
  assert_line --regexp '^State: +mismatched'
}

@test "a thread that switches all the time is never taken for lost, leaked or mismatched" {
  need_world
  started pose switching alice
  local round
  for round in {1..60}; do
    run -0 idn-show "$process"
    assert_line --regexp '^State: +consistent$'
  done
}

@test "what the ledger has counted is shown where it is not 0, and with -v in any case" {
  need_world
  need jq
  started lapse channel alice bob
  run -0 idn-show "$process"
  assert_line --regexp '^Mismatches: +1$'
  assert_line --regexp '^  of channels +1$'
  refute_output --partial Flows
  run -0 idn-show -v "$process"
  assert_line --regexp '^Flows: +0$'
  assert_line --regexp '^Flows Refused: +0$'
  assert_equal "$(idn-show --json "$process" | jq -c '.counters | [.impersonations, .flows, .flows_refused,
    .mismatches, .channel_mismatches]')" '[1,0,0,1,1]'
  started pose named plain
  run -0 idn-show -v "$process"
  refute_output --partial Mismatches
  assert_equal "$(idn-show --json "$process" | jq -c .counters)" null
}

# --- the ring engine ------------------------------------------------------------------------------

# posed COMMAND...: as started; not where it had to do without io_uring
posed() {
  need_world
  need jq
  started "$@"
  [[ $ready == ready ]] || skip "$ready"
}

word="by the service's word: the kernel does not show for whom a ring's operations are"

@test "by the ring engine user and access are the client's, the ids the service's, by its word" {
  posed pose ring alice impersonation 7
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Impersonation"
  assert_line "Engine:                ring (token 7)"
  assert_line --regexp '^Access As: +alice \(2001\), group alice \(2001\)$'
  assert_line --regexp '^Groups: +with the kernel'
  assert_line --regexp '^Service: +root \(0\)'
  assert_line --regexp '^UIDs: +real 0, effective 0, saved 0, filesystem 0$'
  assert_line "State:                 consistent ($word)"
  run -0 idn-show --json "$process"
  assert_equal "$(jq -c '[.user.name, .access_as.name, .access_as.groups, .service.name, .uids.filesystem, .engine,
    .token, .state]' <<<"$output")" '["alice","alice",null,"root",0,"ring",7,"consistent"]'
}

@test "by the ring engine below impersonation the token is everybody's, and at anonymous nothing is told" {
  posed pose ring alice identification 7
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 2 "Impersonation Level: Identification"
  assert_line --regexp '^Access As: +nobody \(65534\)'
  assert_line "Engine:                ring (token 1)"
  posed pose ring alice anonymous 7
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-5-7 (Anonymous)"
  assert_line "Engine:                ring (token 1)"
  refute_output --partial alice
}

@test "by the thread engine the line says so, and nobody who does not impersonate has one" {
  need_world
  need jq
  server_start
  held alice
  run -0 idn-show "$thread"
  assert_line "Engine:                thread"
  assert_equal "$(idn-show --json "$thread" | jq -c '[.engine, .token]')" '["thread",null]'
  posed pose idle-ring
  run -0 idn-show "$process"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^State: +consistent$'
  refute_output --partial Engine
  assert_equal "$(idn-show --json "$process" | jq -c '[.engine, .token]')" '[null,null]'
}

@test "who says that it works by a ring and has none is lost, and so is one without a token" {
  posed pose no-ring alice impersonation 7
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-0 (root)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^State: +lost: recorded as acting as alice, but has no ring to do so$'
  refute_output --partial Engine
  posed pose ring alice impersonation 0
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-0 (root)"
  assert_line --regexp '^State: +lost: recorded as acting as alice, but has no token to do so$'
}

@test "a thread that works by a ring and is somebody else itself is leaked" {
  posed pose ring-leaked alice impersonation 7 2002
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2002 (bob)"
  assert_line --index 2 "Impersonation Level: Unknown"
  assert_line --regexp '^State: +leaked: by the ring engine it should have the primary identity$'
  posed pose ring-leaked alice impersonation 7 2001
  run -0 idn-show "$process"
  assert_line --regexp '^State: +leaked: '
}

@test "who may not see the descriptors of a service is told that not even a ring is seen" {
  posed pose no-ring alice impersonation 7
  run -0 as bob idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line "State:                 consistent (by the service's word: not even whether it has a ring can be seen)"
}

@test "a service with a broker: the client whose connection it was, and no capability" {
  need_world
  install -d -m 1777 /run/impersonate # which a service that is not root may not make
  posed pose broker alice carol
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 2 "Impersonation Level: Impersonation"
  assert_line --regexp '^Access As: +alice \(2001\)'
  assert_line --regexp '^Service: +carol \(2003\)'
  assert_line --regexp '^Client: +[0-9]+ \(pose\), unix$'
  assert_line --regexp '^Engine: +ring \(token [1-9][0-9]*\)$'
  assert_line --regexp '^UIDs: +real 2003, effective 2003, saved 2003, filesystem 2003$'
  assert_line --regexp '^ +permitted +none$'
  assert_line "State:                 consistent ($word)"
  run -0 as carol idn-show "$process"
  assert_line --regexp "^State: +consistent \(by the service's word: not even"
}

@test "the demo service by the ring engine: threads that differ in nothing but whom they work for" {
  posed pose broker alice carol # where that cannot be, neither can this
  SERVE_ENGINE=ring server_start
  held alice
  local first=$thread
  held bob -H 'Impersonation-Level: identification'
  run -0 idn-show "${thread%/*}"
  assert_line --index 1 "Impersonating: no"
  assert_line "$first hold: alice, impersonating at level impersonation, consistent"
  assert_line "$thread hold: bob, impersonating at level identification, consistent"
  run -0 idn-show --json --compare "$first" "$thread"
  assert_equal "$(jq -c '[.a.engine, .b.engine, .a.token != .b.token, .a.uids == .b.uids, .b.access_as.name]' <<<"$output")" \
    '["ring","ring",true,true,"nobody"]'
  run -0 idn-check threads "${thread%/*}"
  run -0 idn-check service "${thread%/*}"
  refute_line --regexp '^(warn|fail)'
}

@test "--compare and the table tell two clients of the ring engine apart" {
  posed pose ring alice impersonation 7
  local first=$process
  posed pose ring bob impersonation 8
  run -0 idn-show --compare "$first" "$process"
  assert_line --regexp '^!=  User +.*alice.*bob'
  assert_line --regexp '^!=  Engine +ring \(token 7\) +ring \(token 8\)$'
  assert_line --regexp '^=   UIDs '
  run -0 idn-show --all
  assert_line --regexp "^$first/$first +alice +impersonation +consistent +alice +root "
  run -0 idn-show --json --user bob
  assert_equal "$(jq -c '[.pid, .token]' <<<"$output")" "[$process,8]"
}

# --- clients of the network ----------------------------------------------------------------------

@test "a Kerberos client: its principal, and what it has lent" {
  need_world
  need jq
  started pose network alice alice@IDN.TEST forwarded delegation
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 2 "Impersonation Level: Delegation"
  assert_line "Client:                tcp"
  assert_line "Principal:             alice@IDN.TEST"
  assert_line "Delegated Credentials: forwarded"
  run -0 idn-show --json "$process"
  assert_equal "$(jq -c '[.user.principal, .access_as.principal, .service.principal, .delegated]' <<<"$output")" \
    '["alice@IDN.TEST","alice@IDN.TEST",null,"forwarded"]'
  started pose network alice alice@IDN.TEST constrained delegation
  run -0 idn-show "$process"
  assert_line --index 2 "Impersonation Level: Impersonation"
  assert_line --regexp '^Level Decided By: +ticket$'
  assert_line "Delegated Credentials: constrained"
  started pose network alice alice@IDN.TEST none identification
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --regexp '^Access As: +nobody'
  assert_line "Principal:             alice@IDN.TEST"
  assert_line "Delegated Credentials: none"
  run -0 idn-show --json "$process"
  assert_equal "$(jq -c '[.user.name, .user.principal, .access_as.principal, .delegated]' <<<"$output")" \
    '["alice","alice@IDN.TEST",null,"none"]'
}

@test "a Kerberos client at anonymous, and one of a Unix socket, have neither line" {
  need_world
  need jq
  started pose network alice alice@IDN.TEST forwarded anonymous
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-5-7 (Anonymous)"
  refute_output --partial alice
  refute_output --regexp 'Principal|Credentials'
  run -0 idn-show --json "$process"
  assert_equal "$(jq -c '[.user.principal, .access_as.principal, .delegated]' <<<"$output")" '[null,null,"none"]'
  server_start
  held alice
  run -0 idn-show "$thread"
  refute_output --regexp 'Principal|Credentials'
  run -0 idn-show --json "$thread"
  assert_equal "$(jq -c '[.user.principal, .access_as.principal, .delegated]' <<<"$output")" '[null,null,"none"]'
  run -0 idn-show --json $$
  assert_equal "$(jq -c '[.user.principal, .delegated]' <<<"$output")" '[null,null]'
}

@test "two clients of one account are told apart by their principals" {
  need_world
  need jq
  started pose network alice alice@IDN.TEST forwarded impersonation
  local first=$process
  started pose network alice alice/admin@IDN.TEST none impersonation
  run -0 idn-show --compare "$first" "$process"
  assert_line --regexp '^!=  Principal +alice@IDN.TEST +alice/admin@IDN.TEST$'
  assert_line --regexp '^!=  Delegated Credentials +forwarded +none$'
  assert_line --regexp '^=   Access As '
  run -0 idn-show --json --compare "$first" "$process"
  assert_equal "$(jq -c '.different - ["pid", "tid", "since"]' <<<"$output")" '["user","access_as","delegated"]'
}

@test "a principal that is no text reaches no terminal" {
  need_world
  need jq
  started pose network alice $'al\xc2\x9bice\xff@IDN.TEST' none impersonation
  run -0 idn-show "$process"
  assert_line --regexp '^Principal: +al\?\?ice\?@IDN\.TEST$'
  run -0 idn-show --json "$process"
  assert_equal "$(jq -r '.user.principal.bytes' <<<"$output" | base64 -d)" $'al\xc2\x9bice\xff@IDN.TEST'
}

# --- what cannot be shown -----------------------------------------------------------------------

@test "a process that is not there, and a thread that is another's: one line, status 1" {
  run -1 idn-show 4194304
  assert_output "idn-show: 4194304: no such thread"
  run -1 idn-show $$/1
  assert_output "idn-show: $$/1: no such thread"
}

@test "what is no PID or PID/TID: one line, status 2, and nothing is shown of the others" {
  local wrong
  for wrong in 0 -1 x 1x 1/ /1 1/2/3 01 +1 99999999999999999999 '' ' 1'; do
    run -2 idn-show -- 1 "$wrong"
    assert_output "idn-show: $wrong: not a PID or PID/TID"
  done
  run -2 idn-show --nonsense
  assert_output "idn-show: --nonsense: unknown option"
}

@test "a command name that is no text reaches no terminal" {
  need_world
  started pose named $'\e[31mred\n\x9b'
  run -0 idn-show -v "$process"
  refute_output --partial $'\e'
  run -0 idn-show --json "$process"
  assert_equal "$(jq -r '.command.bytes' <<<"$output" | base64 -d)" $'\e[31mred\n\x9b'
}

@test "output that cannot be written is an error" {
  [[ -c /dev/full ]] || skip "needs /dev/full"
  run -1 bash -c 'idn-show 1 >/dev/full'
  assert_output "idn-show: standard output: No space left on device"
}

@test "help and version" {
  run -0 idn-show --help
  assert_line --partial "PID/TID"
  run -0 idn-show -V
  assert_output --regexp '^idn-show \(idn-tools\) [0-9]'
}
