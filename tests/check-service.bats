#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check service: whether a service can impersonate, and is safe to, a line each.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # set by lib, and what a test sets is for itself alone

load lib/common
load lib/programs

teardown() {
  server_teardown
  # As they found it, for who comes next: this one is the world's own.
  [[ -z ${WORLD-} ]] || rm -rf /run/impersonate
}

# serving COMMAND...: a process that is looked at; a directory of ledgers of this test's own
serving() {
  need_world
  rm -rf /run/impersonate
  started "$@"
}

# checked STATUS [OPTION...]: sets output
checked() {
  local status=$1
  shift
  run "-$status" idn-check service "$@" "$process"
}

# says CHECK RESULT WORDS: the line of that check
says() {
  assert_line --regexp "^$2 +$1 +$3\$"
}

@test "an ordinary user with the two capabilities, at home in every way, is all right" {
  serving lapse ordinary alice plain
  checked 0
  says engine ok "thread: its threads become its clients"
  says capabilities ok "CAP_SETUID and CAP_SETGID are permitted in every thread"
  says account ok "61184 \(no account\), group 61184 \(no name\), with no other capability"
  says securebits skip "cannot be seen from outside"
  says no_new_privs ok "not set: a program that it runs may be set-user-ID"
  says seccomp ok "no filter"
  says dumpable ok "no: its own user cannot trace it"
  says ledger ok "in /run/impersonate; threads in it: 1"
  says directory ok "/run/impersonate: of root, mode 1777"
  says policy ok "no /etc/impersonate/lapse.conf: the built-in one"
  says threads ok "1 in all, of which 0 act for clients"
  says counters ok "1 impersonations, 0 flows, 0 refused, 0 mismatches, 0 of these of channels"
  says keys ok "its user owns none"
  assert_equal "${#lines[@]}" 13
}

@test "--json gives each check as an object, and --quiet nothing" {
  need jq
  serving lapse ordinary alice plain
  checked 0
  local text=$output
  assert_equal "$(idn-check service --json "$process" | jq -r '"\(.check) \(.result) \(.line)"')" \
    "$(awk '{ print $2, $1, "null" }' <<<"$text")"
  checked 0 -q
  assert_output ""
}

@test "the demo service is all right" {
  need_world
  need idn-serve-demo
  server_start
  run -0 idn-check service "$SERVER_PID"
  refute_line --regexp '^(warn|fail)'
}

# --- capabilities, account --------------------------------------------------------------------------

@test "a process without the capabilities fails" {
  need_world
  become alice
  serving "${BECOME[@]}" pose named plain
  checked 1
  says capabilities fail "CAP_SETUID is missing \(threads: 2 of 2\), CAP_SETGID is missing \(threads: 2 of 2\): it can impersonate nobody but itself"
  checked 1 -q
  assert_output ""
}

@test "a thread that has lost them is counted" {
  serving pose thread-for-good 2002
  checked 1
  says capabilities warn "CAP_SETUID is missing \(threads: 1 of 2\), CAP_SETGID is missing \(threads: 1 of 2\)"
  says threads fail "0 lost, 1 leaked, 0 mismatched: idn-check threads $process"
}

@test "root, and capabilities besides the two, are warned of" {
  serving pose named plain
  checked 0
  says account warn "root \(0\), group root \(0\): an ordinary user with the two capabilities would do"
  serving setpriv --reuid carol --regid carol --clear-groups --inh-caps +setuid,+setgid,+chown \
    --ambient-caps +setuid,+setgid,+chown pose named plain
  checked 0
  says account warn "carol \(2003\), group carol \(2003\), who may use cap_chown besides"
}

# --- engine -----------------------------------------------------------------------------------------

# serving_by_ring SETPRIV-OPTIONS POSE...: as carol, who may not make the directory of ledgers herself
serving_by_ring() {
  need_world
  rm -rf /run/impersonate
  install -d -m 1777 /run/impersonate
  # shellcheck disable=SC2086 # words
  started setpriv --reuid carol --regid carol --init-groups $1 pose "${@:2}"
  [[ $ready == ready ]] || skip "$ready"
}

@test "by the ring engine a service without any capability is all right" {
  serving_by_ring --no-new-privs idle-ring
  checked 0
  says engine ok "ring: it has one; for whom an operation is, the kernel does not show"
  says capabilities ok "ring: the service holds no privilege to switch; a broker does"
  says account ok "carol \(2003\), group carol \(2003\), with no capability"
  says no_new_privs ok "set: no program that it runs gains any"
  says dumpable ok "no: its own user cannot trace it"
  run -0 as bob idn-check service "$process"
  says engine skip "ring, by its ledger; whether it has one cannot be seen"
}

@test "by the ring engine a service that has kept a capability to switch is warned of, and so is root" {
  serving_by_ring "--inh-caps +setuid --ambient-caps +setuid" idle-ring
  checked 0
  says capabilities warn "CAP_SETUID or CAP_SETGID is permitted \(threads: 1 of 1\): taken over, it is anybody, ring or not"
  says account ok "carol \(2003\), group carol \(2003\), with no other capability"
  serving pose no-ring alice impersonation 7
  checked 1
  says account warn "root \(0\), group root \(0\): an ordinary user with no capability would do"
}

@test "a service with a broker is all right while it serves a client" {
  need_world
  rm -rf /run/impersonate
  install -d -m 1777 /run/impersonate
  started pose broker alice carol
  [[ $ready == ready ]] || skip "$ready"
  checked 0
  says engine ok "ring: .*"
  says capabilities ok "ring: .*"
  says account ok "carol \(2003\), group carol \(2003\), with no capability"
  says dumpable ok "no: its own user cannot trace it"
  says threads ok "1 in all, of which 1 act for clients"
  says counters ok "1 impersonations, .*"
}

@test "by the ring engine a thread that acts for a client has the service's capabilities, and that is right" {
  serving pose ring alice impersonation 7
  [[ $ready == ready ]] || skip "$ready"
  checked 0
  says securebits skip "cannot be seen from outside"
  says threads ok "1 in all, of which 1 act for clients"
}

@test "by the ring engine a service without a ring fails, and one that its user can trace" {
  serving_by_ring --no-new-privs no-ring alice impersonation 7
  checked 1
  says engine fail "ring, by its ledger, and it has no descriptor of one: nothing can be done as a client"
  says threads fail "1 lost, 0 leaked, 0 mismatched: idn-check threads $process"
  says dumpable fail "yes: its own user can trace it, and do what it may do for clients"
}

# --- sandbox --------------------------------------------------------------------------------------

@test "no_new_privs is seen" {
  serving setpriv --no-new-privs pose named plain
  checked 0
  says no_new_privs ok "set: no program that it runs gains any"
}

@test "a service that was made dumpable again after it had impersonated fails" {
  serving lapse ordinary alice dumpable
  checked 1
  says dumpable fail "it was made so again \(PR_SET_DUMPABLE\): its own user can trace it while it acts for clients"
}

@test "a process that has never switched can be traced by its user, and root's cannot be told" {
  need_world
  become alice
  serving "${BECOME[@]}" pose named plain
  checked 1
  says dumpable warn "yes: its own user can trace it"
  serving pose named plain
  checked 0
  says dumpable skip "of root it cannot be seen"
}

# --- ledger ---------------------------------------------------------------------------------------

@test "no ledger is a warning, one that is not believed a failure" {
  serving pose named plain
  checked 0
  says ledger warn "none in /run/impersonate: it has not impersonated yet, or not by this library, or cannot write there"
  says directory warn "/run/impersonate: No such file or directory"
  says counters skip "no ledger"
  serving lapse ordinary alice plain
  chmod 0666 /run/impersonate/"$process"-*
  checked 1
  says ledger fail "ledger not believed: wrong owner or mode, or a symbolic link"
}

@test "a directory in which others could exchange ledgers fails" {
  serving lapse ordinary alice plain
  chmod 0777 /run/impersonate
  checked 1
  says directory fail "/run/impersonate: of root, mode 0777: others could exchange ledgers in it"
  chmod 1777 /run/impersonate
  chown bob /run/impersonate
  checked 1
  says directory fail "/run/impersonate: of bob, mode 1777: others could exchange ledgers in it"
}

# --- policy ---------------------------------------------------------------------------------------

# What a process does that is there, and no child of its own.
# shellcheck disable=SC2016 # for the inner shell
stays='exec {never}<> <(:); echo ready; read -ru "$never"'

# policy FILE: an empty one, made long ago as far as the service is concerned
policy() {
  mkdir -p "${1%/*}"
  install -m 0644 /dev/null "$1"
}

@test "the policy file is that of the command, as long as the command's name is" {
  need_world
  cp "$(type -P sleep)" "$SCRATCH/a-service-with-a-long-name"
  policy /etc/impersonate/a-service-with-a-long-name.conf
  serving sh -c 'echo ready; exec "$@"' sh "$SCRATCH/a-service-with-a-long-name" 1000
  wait_for grep -q a-service "/proc/$process/comm"
  checked 0
  says policy ok /etc/impersonate/a-service-with-a-long-name.conf
  rm -r /etc/impersonate
}

@test "the policy file is the one that the command line names, beside its working directory" {
  need_world
  policy "$SCRATCH/policies/first"
  policy "$SCRATCH/policies/last"
  serving bash -c "cd policies; $stays" service --policy=first --policy last -- --policy none
  checked 0
  says policy ok last
  rm "$SCRATCH/policies/last"
  checked 1
  says policy fail "last: No such file or directory"
}

@test "a policy file that others could write fails, and so does a way there" {
  need_world
  policy "$SCRATCH/policies/file"
  serving bash -c "$stays" service --policy "$SCRATCH/policies/file"
  local file=$SCRATCH/policies/file
  chown bob "$file"
  checked 1
  says policy fail "$file: belongs to bob, neither to root nor to the service's user"
  chown root "$file"
  chmod 0664 "$file"
  checked 1
  says policy fail "$file: mode 0664: its group, or who is in its ACL, may write it"
  chmod 0646 "$file"
  checked 1
  says policy fail "$file: mode 0646: everybody may write it"
  chmod 0644 "$file"
  chmod 0777 "$SCRATCH/policies"
  checked 1
  says policy fail "$file: $SCRATCH/policies: mode 0777: everybody can put another policy there"
  chmod 1777 "$SCRATCH/policies"
  checked 0
  rm "$file"
  mkfifo "$file"
  checked 1
  says policy fail "$file: not a regular file"
}

@test "a policy of the service's own user is the service's, and nobody else's" {
  need_world
  policy "$SCRATCH/policies/file"
  chown 61184 "$SCRATCH/policies/file"
  serving idn-run-as 61184:61184 bash -c "$stays" service --policy "$SCRATCH/policies/file"
  checked 1
  says policy ok "$SCRATCH/policies/file"
  serving bash -c "$stays" service --policy "$SCRATCH/policies/file"
  checked 1
  says policy fail "$SCRATCH/policies/file: belongs to 61184, neither to root nor to the service's user"
}

@test "a policy that the service refuses to read fails, with the line; one that is dangerous warns" {
  need_world
  need jq
  local file=$SCRATCH/policies/file
  policy "$file"
  printf '%s\n' '[runtime]' 'flow = on' >"$file"
  serving bash -c "$stays" service --policy "$file"
  checked 1
  assert_line --regexp "^fail +policy +line 2: $file: .*flow"
  assert_equal "$(idn-check service --json "$process" | jq -c 'select(.check == "policy") | [.result, .line]')" '["fail",2]'
  printf '%s\n' '[runtime]' 'legacy_impersonation_policy = on' >"$file"
  checked 0
  says policy warn "$file: 1 problem: idn-check policy $file"
  run -1 idn-check policy "$file"
}

@test "a policy that was changed after the service had started is warned of" {
  need_world
  policy "$SCRATCH/policies/file"
  serving bash -c "$stays" service --policy "$SCRATCH/policies/file"
  checked 0
  says policy ok "$SCRATCH/policies/file"
  changed_later() { touch "$SCRATCH/policies/file"; idn-check service "$process" | grep -q '^warn  policy'; }
  wait_for changed_later
  checked 0
  says policy warn "$SCRATCH/policies/file was changed after the service had started: it may not be what is in force"
}

# --- threads, counters, keys ------------------------------------------------------------------------

@test "threads that are not who they should be fail, and counters of that warn" {
  serving lapse mismatched alice bob
  checked 1
  says threads fail "0 lost, 0 leaked, 1 mismatched: idn-check threads $process"
  serving lapse channel alice bob
  checked 0
  says threads ok "1 in all, of which 1 act for clients"
  says counters warn "1 impersonations, 0 flows, 0 refused, 1 mismatches, 1 of these of channels"
  serving lapse lost alice
  checked 1
  says counters warn "[0-9]+ impersonations, 0 flows, 1 refused, 0 mismatches, 0 of these of channels"
}

@test "a thread that acts for a client with capabilities in effect fails" {
  serving lapse keeping alice
  checked 1
  says securebits fail "$process/$process acts as alice with cap_chown in effect, as under SECBIT_NO_SETUID_FIXUP"
}

@test "threads that act for somebody without a ledger are warned of" {
  serving lapse foreign-acting alice
  checked 0
  says threads warn "2 in all, of which 1 act for somebody without being recorded"
}

@test "keys of the service's user are warned of by name, which root and the user see" {
  need_world
  need keyctl
  local key
  become carol
  key=$("${BECOME[@]}" keyctl add user test:secret hidden @u) || skip "needs kernel keys"
  serving "${BECOME[@]}" pose named plain
  checked 1
  says keys warn "its user owns 1 \(test\): those that its session keyring leads to stay usable while it acts for a client"
  run -1 "${BECOME[@]}" idn-check service "$process"
  says keys warn "its user owns 1 \(test\): .*"
  run -1 as bob idn-check service "$process"
  says keys skip "its user's are seen by root and its user"
  "${BECOME[@]}" keyctl unlink "$key" @u
}

# --- usage ----------------------------------------------------------------------------------------

@test "wrong usage is one line and 2, a process that is not there 3" {
  local gone
  run -2 idn-check service
  assert_output "idn-check: wants one process: try idn-check service --help"
  run -2 idn-check service 1 2
  assert_output "idn-check: wants one process: try idn-check service --help"
  run -2 idn-check service 1/1
  assert_output "idn-check: 1/1: not a PID"
  run -2 idn-check service --verbose 1
  assert_output "idn-check: --verbose: unknown option"
  sh -c : &
  gone=$!
  wait "$gone"
  run -3 idn-check service "$gone"
  assert_output "idn-check: $gone: no such process"
}
