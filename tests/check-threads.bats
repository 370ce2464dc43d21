#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check threads: each defect is found, once and as what it is; and nothing is found where nothing is
# wrong, however busy the threads are.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # set by lib, and what a test sets is for itself alone

load lib/common
load lib/foreign
load lib/programs

teardown() {
  foreign_teardown
}

# lapses WHAT [ARGUMENT...]: a process with that defect; sets ready, the thread
lapses() {
  need_world
  started lapse "$@"
  [[ $ready == "$process/"* ]]
}

# found SUBJECT WORDS [PATTERN]: WORDS is what is said of the thread that is ready, at a glance, in half a
# second's looks, and by its own name, each time once
found() {
  local options
  for options in "$process" "$ready" "--every 5ms --for 500ms $process"; do
    # shellcheck disable=SC2086 # words
    run -1 --separate-stderr idn-check threads $options
    assert_equal "$stderr" ""
    assert_output --regexp "^$ready lapse: $1\$"
  done
}

# A time as it is printed, behind "since".
time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z'

# finding FILTER: of the one object that --json writes
finding() {
  idn-check threads --json "$process" | jq -c "$1"
}

# --- each defect ----------------------------------------------------------------------------------

@test "work that the policy handed over without its identity is lost" {
  need jq
  lapses lost alice
  found "lost: should be alice, is root, since $time"
  assert_equal "$(finding '[.what, .state, .expected.name, .actual.name, .expected.gid, .actual.gid]')" \
    '["thread","lost","alice","root",2001,0]'
}

@test "by the ring engine a thread is lost without a ring, and leaked as anybody but the service" {
  need jq
  need_world
  started pose no-ring alice impersonation 7
  run -1 idn-check threads "$process"
  assert_output --regexp "^$process/$process pose: lost: should be alice, is root, since $time\$"
  started pose ring-leaked alice impersonation 7 2002
  run -1 idn-check threads "$process"
  assert_output "$process/$process pose: leaked: should be root, is bob"
  started pose ring alice impersonation 7
  [[ $ready == ready ]] || skip "$ready"
  run -0 idn-check threads --every 5ms --for 100ms "$process"
  assert_output ""
}

@test "a thread that is a client behind the library's back is leaked" {
  need jq
  lapses leaked alice
  found "leaked: should be root, is alice"
  assert_equal "$(finding '[.what, .state, .expected.name, .actual.name, .since]')" \
    '["thread","leaked","root","alice",null]'
}

@test "a thread that is another client than the library made it is mismatched" {
  need jq
  lapses mismatched alice bob
  found "mismatched: should be alice, is bob, since $time"
  assert_equal "$(finding '[.state, .expected.name, .actual.name, .actual.gid]')" \
    '["mismatched","alice","bob",2002]'
}

@test "of a Kerberos client whose work is lost, the principal is told" {
  need_world
  need jq
  started pose network-lost alice alice@IDN.TEST none impersonation
  run -1 idn-check threads --json "$process"
  assert_equal "$(jq -c '[.state, .expected.name, .expected.principal, .actual.principal]' <<<"$output")" \
    '["lost","alice","alice@IDN.TEST",null]'
}

@test "a thread that has other groups alone is told as such" {
  need_world
  started pose wrong-groups alice
  run -1 idn-check threads "$process"
  assert_output --regexp "^$process/$process pose: mismatched: is alice, but has other groups than it should, since $time$"
}

@test "a thread that was made by one that impersonates is leaked" {
  lapses born alice
  found "leaked: should be root, is alice"
}

@test "the C library's seteuid in one thread is found in another that impersonates" {
  lapses glibc alice
  found "mismatched: should be alice, is root, since $time"
}

@test "a failed assertion makes the thread found that it was about" {
  lapses asserted alice
  found "leaked: should be root, is alice"
}

@test "a channel that another had opened is told once, and again when it happens again" {
  need jq
  lapses channel alice bob
  found "mismatched: a channel of bob was used for alice, 1 time so far, the last one at $time"
  assert_equal "$(finding '[.what, .state, .expected.name, .actual.name, .expected.gid, .times]')" \
    '["channel","mismatched","alice","bob",null,1]'
  watch "$process"
  kill -USR1 "$process"
  read -rt "$patience" -u "$watched" line
  assert_regex "$line" "^$ready lapse: mismatched: a channel of bob was used for alice, 2 times so far, "
  watch_ends 1
}

@test "without the library, threads that are somebody else for good are leaked, the main thread's measure" {
  lapses foreign-born alice
  run -1 idn-check threads "$process"
  assert_equal "${#lines[@]}" 2
  assert_line "$ready lapse: leaked: should be root, is alice"
  run -1 idn-check threads "$ready"
  assert_output "$ready lapse: leaked: should be root, is alice"
}

@test "without the library, a thread that can come back is a note, and no finding" {
  lapses foreign-acting alice
  run -0 idn-check threads "$process"
  assert_output ""
  run -0 --separate-stderr idn-check threads -v "$process"
  assert_output ""
  assert_equal "$stderr" \
    "idn-check: $ready lapse: acts as alice, and nothing says whether it should (no ledger)"
}

@test "-v gives the kernel's ids of what is found" {
  need jq
  lapses mismatched alice bob
  run -1 idn-check threads -v "$process"
  assert_line --regexp '^  uids +real 0, effective 2002, saved 0, filesystem 2002$'
  assert_line --regexp '^  gids +real 0, effective 2002, saved 0, filesystem 2002$'
  assert_line --regexp '^  groups +.*projects \(2100\)'
  assert_line --regexp '^  capabilities +none$'
  assert_equal "$(idn-check threads -v --json "$process" | jq -c '[.uids.effective, .capabilities.effective]')" \
    '[2002,[]]'
}

@test "--all finds the same on the whole machine, and ordinary users do" {
  lapses lost alice
  run -1 idn-check threads --all
  assert_line --regexp "^$ready lapse: lost: should be alice, is root, since $time$"
  run -1 as bob idn-check threads "$process"
  assert_output --regexp "^$ready lapse: lost: should be alice, is root, since $time$"
}

@test "--quiet prints nothing, and the exit status tells" {
  lapses leaked alice
  run -1 --separate-stderr idn-check threads -q "$process"
  assert_equal "$output$stderr" ""
}

@test "a thread is found among eight that switch as fast as they can" {
  lapses among alice bob carol g32
  found "leaked: should be root, is alice"
}

# --- nothing is wrong -----------------------------------------------------------------------------

@test "threads that switch as fast as they can are never found, at a thousand looks a second" {
  lapses switching alice bob carol g32
  run -0 idn-check threads --every 1ms --for 5s "$process"
  assert_output ""
}

@test "threads that act for a client and end without coming back are never found" {
  lapses brief alice bob carol g32
  run -0 idn-check threads --every 1ms --for 3s "$process"
  assert_output ""
}

@test "processes that become somebody else, a thread at a time, are never found" {
  lapses becoming alice
  idn-check threads --every 1ms --for 3s --all >"$SCRATCH/found" || true
  refute grep -E " lapse" "$SCRATCH/found"
}

@test "the threads of the service are never found while clients come and go" {
  need_world
  need curl
  need idn-serve-demo
  server_start
  watch --every 1ms "$SERVER_PID"
  for user in alice bob carol alice bob carol; do
    as "$user" curl -s --unix-socket "$SOCKET" 'http://x/hold?ms=50' >/dev/null &
  done
  for user in alice bob carol alice bob carol; do
    as "$user" curl -s --unix-socket "$SOCKET" http://x/whoami >/dev/null
  done
  watch_ends 0
  read -rt 0 -u "$watched" line || line=
  assert_equal "$line" ""
}

@test "no ordinary process of the machine is found, but those of this very test" {
  need_world
  local pids=() path
  for path in /proc/[0-9]*; do
    [[ $path/ns/mnt -ef /proc/$$/ns/mnt ]] || continue
    pids+=("${path#/proc/}")
  done
  install -m 4755 -o alice -g alice "$(type -P sleep)" "$SCRATCH/sleep"
  # shellcheck disable=SC2016 # for the inner shell
  started bash -c 'exec setpriv --reuid bob --regid bob --clear-groups sh -c "echo ready; exec $1 1000"' sh "$SCRATCH/sleep"
  run -0 --separate-stderr idn-check threads "${pids[@]}" "$process"
  assert_output ""
}

@test "diod, whose threads switch on purpose, is not found, and a note at most" {
  need_world
  need diod diodcat
  diod_start
  diod_open alice
  wait_for threads_of 2001
  run -0 --separate-stderr idn-check threads --every 10ms --for 500ms "$diod"
  assert_equal "$output$stderr" ""
  run -0 --separate-stderr idn-check threads -v "$diod"
  assert_equal "$output" ""
  assert_regex "$stderr" "^idn-check: $diod/[0-9]+ diod: acts as alice, and nothing says whether it should \(no ledger\)"
}

@test "smbd, whose processes act for their users, is not found, and a note at most" {
  need_world
  need smbd smbclient smbpasswd
  smbd_start
  smb_session
  run -0 --separate-stderr idn-check threads --every 10ms --for 500ms "$smbd" "$connection"
  assert_equal "$output$stderr" ""
  run -0 --separate-stderr idn-check threads -v "$connection"
  assert_equal "$output" ""
  assert_regex "$stderr" "^idn-check: $connection/$connection smbd.*: acts as alice, and nothing says whether it should \(no ledger\)"
}

@test "a worker that the kernel has made in a process, with whose ids ever, is neither found nor noted" {
  need_world
  local whose
  for whose in worker foreign-worker; do
    started lapse "$whose" alice
    [[ $ready ]] || skip "needs io_uring"
    wait_for grep -qs '^iou-wrk' "/proc/$process/task/"*/comm
    run -0 --separate-stderr idn-check threads -v "$process"
    assert_equal "$output$stderr" ""
    run -0 idn-show -v "$process"
    assert_line --regexp "^$process/[0-9]+ iou-wrk.*: alice, .*, unrecorded$"
  done
}

@test "a container's process, whose ids are others inside, is not found" {
  need_world
  need unshare
  unshare --user --map-root-user true 2>/dev/null || skip "needs user namespaces"
  become alice
  started "${BECOME[@]}" unshare --user --map-root-user pose named inside
  run -0 --separate-stderr idn-check threads -v "$process"
  assert_equal "$output$stderr" ""
}

# --- ledgers that are not believed ------------------------------------------------------------------

@test "a ledger that is not believed is said, once, and what it says is not" {
  lapses mismatched alice bob
  chmod 0666 /run/impersonate/"$process"-*
  run -0 --separate-stderr idn-check threads --every 10ms --for 500ms "$process"
  assert_equal "$output" ""
  assert_equal "$stderr" \
    "idn-check: $process (lapse): ledger not believed: wrong owner or mode, or a symbolic link"
  run -0 --separate-stderr idn-check threads -q "$process"
  assert_equal "$stderr" ""
}

# --- watching -----------------------------------------------------------------------------------

# watch [OPTION...] PID: idn-check threads in the background; sets watcher, and watched to read from.  It
# has looked once when this is done.
watch() {
  local line
  [[ $1 == --every ]] || set -- --every 10ms "$@"
  mkfifo "$SCRATCH/watched"
  (exec 3>&- 4>&- >"$SCRATCH/watched" && exec idn-check threads "$@") &
  watcher=$!
  SERVER_PIDS+=("$watcher")
  exec {watched}<"$SCRATCH/watched"
  [[ ! ${ready-} ]] || read -rt "$patience" -u "$watched" line
}

# watch_ends STATUS: by SIGTERM
watch_ends() {
  local status=0
  kill -TERM "$watcher"
  wait "$watcher" || status=$?
  assert_equal "$status" "$1"
}

@test "until interrupted: SIGTERM and SIGINT end it with the status that is due" {
  lapses leaked alice
  watch "$process"
  watch_ends 1
  started lapse switching alice bob carol g32
  run -0 timeout --preserve-status -s INT 1 idn-check threads --every 10ms "$process"
}

@test "what was named and ends is the end of it" {
  lapses leaked alice
  watch "$process"
  kill -KILL "$process"
  wait_for has_ended "$watcher"
  status=0
  wait "$watcher" || status=$?
  assert_equal "$status" 1
}

# --- usage --------------------------------------------------------------------------------------

@test "wrong usage is one line and 2" {
  local arguments
  while IFS='|' read -r arguments words; do
    # shellcheck disable=SC2086 # words
    run -2 idn-check threads $arguments
    assert_output "idn-check: $words"
  done <<'CASES'
|no process: name some, or say --all
--all 1|--all: takes no process
abc|abc: not a PID or PID/TID
1/|1/: not a PID or PID/TID
-5|-5: unknown option
--for 5 1|--for: 5: not a time from 1ms to 24000h: a number with ms, s, m or h
--every 0s 1|--every: 0s: not a time from 1ms to 24000h: a number with ms, s, m or h
--every -1s 1|--every: -1s: not a time from 1ms to 24000h: a number with ms, s, m or h
--every nans 1|--every: nans: not a time from 1ms to 24000h: a number with ms, s, m or h
--for 1e9h 1|--for: 1e9h: not a time from 1ms to 24000h: a number with ms, s, m or h
CASES
}

@test "a process that is not there is 3, the others are looked at nevertheless, and a finding counts more" {
  local gone
  sh -c : &
  gone=$!
  wait "$gone"
  run -3 idn-check threads "$gone"
  assert_output "idn-check: $gone: no such process"
  run -3 idn-check threads "$$" "$gone/$gone"
  assert_output "idn-check: $gone/$gone: no such thread"
  run -3 idn-check threads "$$/$gone"
  assert_output "idn-check: $$/$gone: no such thread"
  lapses leaked alice
  run -1 idn-check threads "$gone" "$process"
  assert_line "$ready lapse: leaked: should be root, is alice"
}
