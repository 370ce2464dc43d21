#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A service's log: where it goes, what each record says, and what nobody can do to it.

load lib/common
load lib/programs

JOURNAL=/run/systemd/journal/socket

setup() {
  common_setup
  need_world
  rm -rf "${JOURNAL%/*}" # in the world's own /run
  mkdir -p "${JOURNAL%/*}"
  LOG=$SCRATCH/log
  SOCKETS=(syslog)
  ! built_with_journal || SOCKETS=(journal syslog)
}

built_with_journal() {
  grep -q 'define WITH_JOURNAL' "$BUILD/config.h"
}

need_journal() {
  built_with_journal || skip "needs to be built with libsystemd"
}

# logs CASE TARGET [KEPT-OUT-GROUP]: sets output and status; LOG has what came to the target, a line a
# record.  Members of the group may not even look for the socket.
logs() {
  : >"$LOG"
  TARGET=$2
  case $2 in
    journal)
      keep_out "${3-}" "${JOURNAL%/*}"
      run in_world journal-reader "$JOURNAL" "$LOG" timeout 30 log-test "$1" journal
      rm "$JOURNAL"
      ;;
    syslog) run in_world in_own_dev "${3-}" journal-reader /dev/log "$LOG" timeout 30 log-test "$1" syslog ;;
    stderr)
      run in_world timeout 30 log-test "$1" stderr
      grep '^log-test: ' <<<"$output" >"$LOG" || true
      ;;
  esac
  [ "$status" -ne 77 ] || skip "$output"
}

in_world() {
  (
    export WORLD=$SCRATCH
    "$@"
  )
}

keep_out() {
  [[ -n $1 ]] || return 0
  chgrp "$1" "$2"
  chmod 0705 "$2"
}

# in_own_dev KEPT-OUT-GROUP COMMAND...: where /dev is as good as empty, and nobody listens to /dev/log.
in_own_dev() {
  # shellcheck disable=SC2016 # for the shell inside
  unshare --mount --propagation private "$BASH" -c '
    set -e
    mkdir -p "$WORLD/dev"
    mount -t tmpfs -o mode=0755 dev "$WORLD/dev"
    for device in null zero full random urandom; do
      : >"$WORLD/dev/$device"
      mount --bind "/dev/$device" "$WORLD/dev/$device"
    done
    [[ -z $1 ]] || { chgrp "$1" "$WORLD/dev"; chmod 0705 "$WORLD/dev"; }
    mount --rbind "$WORLD/dev" /dev
    exec "${@:2}"' bash "$@"
}

# field NAME: of the record on standard input, as the journal has it.
field() {
  tr '\t' '\n' | sed -n "s/^$1=//p"
}

# records_of EVENT: how many there are, by the field of an entry, or of a line.
records_of() {
  if [[ $TARGET == journal ]]; then
    grep -cP "(^|\t)IDN_EVENT=$1(\t|\$)" "$LOG" || true
  else
    grep -cP " event=$1( |\$)" "$LOG" || true
  fi
}

# How many were left out of which it says so.
left_out() {
  sed -nE 's/.*(IDN_LEFT_OUT|left_out)=([0-9]+).*/\2/p' "$LOG" | awk '{ sum += $1 } END { print sum + 0 }'
}

# ------------------------------------------------------------------------------------------ records --

@test "the journal gets one entry of each event, with its fields" {
  need_journal
  logs events journal
  [ "$status" -eq 0 ]
  assert_equal "$(wc -l <"$LOG")" 4

  local entry
  entry=$(grep 'IDN_EVENT=flow_refused' "$LOG")
  assert_equal "$(field MESSAGE <<<"$entry")" \
    "work.c:12: work of uid 2001 is handed over without its identity: legacy_impersonation_policy is on"
  assert_equal "$(field PRIORITY <<<"$entry")" 4
  assert_equal "$(field SYSLOG_IDENTIFIER <<<"$entry")" log-test
  assert_equal "$(field IDN_EXPECTED_UID <<<"$entry")" 2001
  assert_equal "$(field IDN_ACTUAL_UID <<<"$entry")" 61184
  assert_equal "$(field IDN_SITE <<<"$entry")" work.c:12
  assert_equal "$(field CODE_FILE <<<"$entry")" work.c
  assert_equal "$(field CODE_LINE <<<"$entry")" 12
  assert_equal "$(field IDN_ERROR <<<"$entry")" ""
  [[ $(field IDN_TID <<<"$entry") =~ ^[0-9]+$ ]]

  entry=$(grep 'IDN_EVENT=mismatch' "$LOG")
  assert_equal "$(field PRIORITY <<<"$entry")" 3
  assert_equal "$(field IDN_EXPECTED_UID <<<"$entry")" 2001
  assert_equal "$(field IDN_ACTUAL_UID <<<"$entry")" 61184
  assert_equal "$(field IDN_ERROR <<<"$entry")" ESTALE
  assert_equal "$(field IDN_SITE <<<"$entry")" ""

  entry=$(grep 'IDN_EVENT=note' "$LOG")
  [[ $(field MESSAGE <<<"$entry") == "no ledger in /dev/null: "* ]]

  entry=$(grep 'IDN_EVENT=service' "$LOG")
  assert_equal "$(field MESSAGE <<<"$entry")" "of the service"
  assert_equal "$(field PRIORITY <<<"$entry")" 4

  logs powerless journal
  [ "$status" -eq 0 ]
  assert_equal "$(wc -l <"$LOG")" 1
  entry=$(grep 'IDN_EVENT=switch_failed' "$LOG")
  assert_equal "$(field IDN_ERROR <<<"$entry")" EPERM
  assert_equal "$(field ERRNO <<<"$entry")" 1
  [[ $(field MESSAGE <<<"$entry") == "cannot impersonate: "* ]]
}

@test "that somebody is not authenticated is an event of its own" {
  local target
  for target in "${SOCKETS[@]}" stderr; do
    logs unauthenticated "$target"
    [ "$status" -eq 0 ]
    assert_equal "$(wc -l <"$LOG")" 1
    assert_equal "$(records_of not_authenticated)" 1
    grep -qF "uid 2001 at impersonation, to HTTP/files.test@IDN.TEST: the policy's allow does not name it" "$LOG"
    if [[ $target == journal ]]; then
      assert_equal "$(field IDN_ERROR <"$LOG")" EACCES
      assert_equal "$(field PRIORITY <"$LOG")" 4
      mandoc -T ascii "$SRC/man/idn-serve-demo.8" | sed 's/.\x08//g' |
        grep -qE "^ +not_authenticated +$(field MESSAGE_ID <"$LOG")\$"
    else
      grep -qE ' event=not_authenticated tid=[0-9]+ error=EACCES$' "$LOG"
    fi
  done
}

@test "syslog and stderr get one line of each event, with what is known of it behind the message" {
  local target
  for target in syslog stderr; do
    logs events "$target"
    [ "$status" -eq 0 ]
    assert_equal "$(wc -l <"$LOG")" 4
    grep -qE ': work\.c:12: work of uid 2001 is handed over without its identity: legacy_impersonation_policy is on event=flow_refused tid=[0-9]+ expected=2001 actual=61184 site=work\.c:12$' "$LOG"
    grep -qE ' event=mismatch tid=[0-9]+ expected=2001 actual=61184 error=ESTALE$' "$LOG"
    grep -q ': of the service$' "$LOG"
    grep 'no ledger in /dev/null: ' "$LOG" | grep -qv =
    logs powerless "$target"
    [ "$status" -eq 0 ]
    grep -qE ': cannot impersonate: .* event=switch_failed tid=[0-9]+ expected=2001 actual=61184 error=EPERM$' "$LOG"
  done
}

@test "syslog gets facility daemon, the priority and the process" {
  logs events syslog
  grep -qE '^<28>.* log-test\[[0-9]+\]: work\.c:12: ' "$LOG"
  grep -qE '^<27>.* log-test\[[0-9]+\]: .* event=mismatch ' "$LOG"
}

@test "the manual tells the message ids" {
  need_journal
  need mandoc
  logs events journal
  mandoc -T ascii "$SRC/man/idn-serve-demo.8" | sed 's/.\x08//g' >"$SCRATCH/page"
  local event
  for event in flow_refused mismatch note service; do
    grep -qE "^ +$event +$(grep "IDN_EVENT=$event" "$LOG" | field MESSAGE_ID)\$" "$SCRATCH/page"
  done
  logs powerless journal
  grep -qE "^ +switch_failed +$(field MESSAGE_ID <"$LOG")\$" "$SCRATCH/page"
  logs flood-abort journal
  grep -qE "^ +abort +$(grep 'IDN_EVENT=abort' "$LOG" | field MESSAGE_ID)\$" "$SCRATCH/page"
  grep -qE "^ +left out +$(grep 'IDN_LEFT_OUT' "$LOG" | field MESSAGE_ID)\$" "$SCRATCH/page"
}

# ---------------------------------------------------------------------------------------- how much --

@test "twenty of a kind pass at once, and then one a second" {
  promise log-test rate
}

@test "of a flood the first come through, and the others are counted" {
  local target passed
  for target in "${SOCKETS[@]}" stderr; do
    logs flood "$target"
    [ "$status" -eq 0 ]
    passed=$(grep -cE 'mismatch' <(grep -v 'left out' "$LOG"))
    [ "$passed" -ge 20 ]
    [ "$passed" -lt 250 ]
    assert_equal $((passed + $(left_out))) 500
    tail -n 1 "$LOG" | grep -qE '[0-9]+ more of mismatch left out'
  done
}

@test "an abort is always written, and what was left out before it is told" {
  local target
  for target in "${SOCKETS[@]}" stderr; do
    logs flood-abort "$target"
    [ "$status" -eq 134 ]
    tail -n 1 "$LOG" | grep -qE '(IDN_EVENT|event)=abort'
    assert_equal $(($(grep -v 'left out' "$LOG" | grep -c mismatch) + $(left_out))) 500
  done
}

@test "the last words of a service that cannot go on are always written" {
  local target
  for target in "${SOCKETS[@]}" stderr; do
    logs last-words "$target"
    [ "$status" -eq 1 ]
    tail -n 1 "$LOG" | grep -q 'cannot start'
    assert_equal "$(grep -c 'a complaint' "$LOG")" 20
    assert_equal "$(left_out)" 40
  done
}

# ------------------------------------------------------------------------------------------ forging --

@test "what a client says forges neither a record nor a field" {
  local target
  for target in "${SOCKETS[@]}" stderr; do
    logs forged "$target"
    [ "$status" -eq 0 ]
    assert_equal "$(wc -l <"$LOG")" 2
    assert_equal "$(records_of abort)" 0
    assert_equal "$(records_of flow_refused)" 1
    # Nor anything that a terminal would obey.  The reader shows what it does not escape as \\ooo.
    refute grep -qP '[\x00-\x08\x0a-\x1f\x7f]|\xc2[\x80-\x9f]' "$LOG"
    [[ $target == journal ]] || refute grep -qF '\012' "$LOG"
  done
  grep -q ' site=a\\040b\.c:1\\040event\\075abort\\040tid\\0751\\n<2>log-test:' "$LOG"
}

# --------------------------------------------------------------------------------- as somebody else --

@test "what a thread logs while it is alice arrives" {
  local target
  for target in "${SOCKETS[@]}" stderr; do
    logs as-alice "$target"
    [ "$status" -eq 0 ]
    assert_equal "$(records_of flow_refused)" 1
  done
}

@test "what a thread logs while it is somebody who cannot reach the socket arrives" {
  local target
  for target in "${SOCKETS[@]}"; do
    logs as-alice "$target" projects
    [ "$status" -eq 0 ]
    assert_equal "$(records_of flow_refused)" 1
  done
}

@test "an abort as somebody who cannot reach the socket is written" {
  local target
  for target in "${SOCKETS[@]}"; do
    logs abort "$target" projects
    [ "$status" -eq 134 ]
    assert_equal "$(records_of abort)" 1
  done
}

@test "of an anonymous client nothing is in the log" {
  local target
  for target in "${SOCKETS[@]}" stderr; do
    logs as-anonymous "$target"
    [ "$status" -eq 0 ]
    assert_equal "$(records_of flow_refused)" 1
    grep -qE '(IDN_EXPECTED_UID|expected)=65534' "$LOG"
    refute_alice "$(<"$LOG")"
  done
}

@test "a syslog daemon that starts anew is found, whoever has something to log" {
  run in_world in_own_dev projects timeout 30 log-test restarted syslog
  [ "$status" -eq 0 ]
}

# ------------------------------------------------------------------------------------- daemons, children --

@test "a log that nobody reads holds up no client, and no abort: that is told on stderr" {
  local target
  for target in "${SOCKETS[@]}"; do
    run in_world in_own_dev "" timeout 30 log-test stuck "$target"
    [ "$status" -ne 77 ] || skip "$output"
    [ "$status" -eq 134 ]
    [[ $output == *served* ]]
    [[ $output == *" event=abort "* ]]
  done
}

@test "what a child of the service logs goes to stderr" {
  local target
  for target in "${SOCKETS[@]}"; do
    logs child "$target"
    [ "$status" -eq 0 ]
    [[ $output == *"log-test: of a child"* ]]
    assert_equal "$(wc -l <"$LOG")" 0
  done
}

# -------------------------------------------------------------------------------------------- where --

@test "auto is the journal where JOURNAL_STREAM says that stderr leads there" {
  need_journal
  local file=$SCRATCH/stderr
  : >"$file"
  in_world journal-reader "$JOURNAL" "$LOG" env JOURNAL_STREAM="$(stat -c %d:%i "$file")" \
    log-test message auto 2>>"$file"
  assert_equal "$(grep -c 'MESSAGE=a complaint' "$LOG")" 1
  assert_equal "$(cat "$file")" ""
}

@test "auto is stderr where JOURNAL_STREAM means another file" {
  local file=$SCRATCH/stderr
  in_world journal-reader "$JOURNAL" "$LOG" env JOURNAL_STREAM="$(stat -c %d:%i "$SRC")" \
    log-test message auto 2>"$file"
  in_world journal-reader "$JOURNAL.2" "$LOG" env JOURNAL_STREAM=7 log-test message auto 2>>"$file"
  assert_equal "$(cat "$LOG")" ""
  assert_equal "$(grep -c '^log-test: a complaint$' "$file")" 2
}

@test "auto is syslog where stderr is /dev/null or closed" {
  local how
  for how in '2>/dev/null' '2>&-' '0>&- 1>&- 2>&-'; do
    in_world in_own_dev "" journal-reader /dev/log "$LOG" \
      "$BASH" -c "exec log-test message auto $how"
    assert_equal "$(grep -c ': a complaint$' "$LOG")" 1
  done
}

@test "standard descriptors that are closed do not become files of the service" {
  "$BASH" -c 'exec log-test closed stderr 0>&- 1>&- 2>&- 3>&- 4>&-'
}

@test "a journal or a syslog that is not there is said so, and auto does without" {
  run in_own_dev "" idn-serve-demo --log syslog --unix "$SCRATCH/socket"
  [ "$status" -eq 1 ]
  assert_output "idn-serve-demo: --log: there is none here"
  run idn-serve-demo --log journal --unix "$SCRATCH/socket"
  [ "$status" -eq 1 ]
  assert_output --regexp '^idn-serve-demo: --log: (there is none here|built without the journal)$'
  run in_own_dev "" "$BASH" -c 'log-test message auto 2>&-'
  [ "$status" -eq 0 ]
}

@test "--log takes four words" {
  run idn-serve-demo --log file --unix "$SCRATCH/socket"
  [ "$status" -eq 2 ]
  assert_output "idn-serve-demo: --log: file: must be auto, journal, syslog or stderr"
}

@test "quiet leaves warnings out on stderr, and nowhere else" {
  local target
  logs quiet stderr
  assert_equal "$(cat "$LOG")" "log-test: a complaint"
  for target in "${SOCKETS[@]}"; do
    logs quiet "$target"
    grep -q 'a warning' "$LOG"
    grep -q 'a complaint' "$LOG"
  done
}

# -------------------------------------------------------------------------------------- idn-serve-demo --

@test "idn-serve-demo: a client that it cannot become is an entry in the journal" {
  need_journal
  need curl
  journal-reader "$JOURNAL" "$LOG" 3>&- 4>&- &
  SERVER_PIDS+=($!)
  wait_for "$JOURNAL"
  SERVER_USER=alice server_start --log journal
  as bob curl -s --unix-socket "$SOCKET" http://localhost/whoami | grep -q CAP_SETUID
  wait_for grep -q 'IDN_EVENT=switch_failed' "$LOG"
  server_stop
  local entry
  entry=$(grep 'IDN_EVENT=switch_failed' "$LOG")
  assert_equal "$(field SYSLOG_IDENTIFIER <<<"$entry")" idn-serve-demo
  assert_equal "$(field IDN_EXPECTED_UID <<<"$entry")" 2002
  assert_equal "$(field IDN_ACTUAL_UID <<<"$entry")" 2001
  grep 'IDN_EVENT=service' "$LOG" | grep -q 'CAP_SETUID is missing'
  assert_equal "$(cat "$SERVER_LOG")" ""
}

@test "idn-serve-demo: why it could not start is in the log" {
  run in_own_dev "" journal-reader /dev/log "$LOG" "$BASH" -c \
    "exec idn-serve-demo --unix $SCRATCH/nowhere/socket 2>/dev/null"
  [ "$status" -eq 1 ]
  grep -qE "^<27>.* idn-serve-demo\[[0-9]+\]: $SCRATCH/nowhere/socket: No such file or directory\$" "$LOG"
}
