#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-show's table: which threads are in it, in which order, what it looks like, and how it is watched;
# and two threads side by side.
# shellcheck disable=SC2030,SC2031 # what a test sets is for itself alone

load lib/common
load lib/programs

teardown() {
  [[ ! -s $SCRATCH/apart ]] || kill "$(<"$SCRATCH/apart")" 2>/dev/null || true
  server_teardown
}

# started COMMAND...: a process that has printed a line when it is ready; sets process and ready
started() {
  local fd
  exec {fd}< <(exec 3>&- 4>&- "$@")
  process=$!
  SERVER_PIDS+=("$process")
  # shellcheck disable=SC2154 # of lib/common
  read -rt "$patience" -u "$fd" ready
}

# held USER [CURL-ARGUMENT...]: a thread of the service that is held as USER; sets thread
held() {
  local user=$1 line fd
  shift
  exec {fd}< <(exec 3>&- 4>&-; as "$user" curl -sN --unix-socket "$SOCKET" "$@" 'http://x/hold?ms=60000')
  read -rt "$patience" -u "$fd" line
  thread=$(jq -r .thread <<<"$line")
}

# pose_all: processes in every state; sets pids, all of them, and expected, "PID/TID STATE" for each
# thread that acts for somebody, or should.
pose_all() {
  need_world
  started pose named plain; pids=("$process")
  started pose set-user-id 2001; pids+=("$process")
  started pose filesystem 2001; pids+=("$process"); expected="$process/$process unrecorded"
  started pose effective 4444; pids+=("$process"); expected+=$'\n'"$process/$process unrecorded"
  started pose thread-for-good 2002; pids+=("$process")
  expected+=$'\n'"$process/$(other_thread) leaked"
  started pose lost alice; pids+=("$process"); expected+=$'\n'"$process/$process lost"
  started pose leaked bob; pids+=("$process"); expected+=$'\n'"$process/$process leaked"
  started pose born alice; pids+=("$process"); expected+=$'\n'"$ready leaked"
  started pose mismatched alice 2002; pids+=("$process"); expected+=$'\n'"$process/$process mismatched"
}

# pose_service: the service with a client at each level; sets pids, and expected, "PID/TID LEVEL"
pose_service() {
  need_world
  need curl
  need idn-serve-demo
  local level user
  server_start
  pids=("$SERVER_PID")
  expected=
  for level in anonymous:bob identification:alice impersonation:carol delegation:alice; do
    held "${level#*:}" -H "Impersonation-Level: ${level%:*}"
    expected+="$thread ${level%:*}"$'\n'
  done
  expected=${expected%$'\n'}
}

other_thread() {
  local task
  for task in "/proc/$process/task"/*; do
    [[ ${task##*/} == "$process" ]] || echo "${task##*/}"
  done
}

# shown FILTER OPTION...: of pids, what jq's FILTER makes of each thread
shown() {
  local filter=$1
  shift
  idn-show --json "$@" "${pids[@]}" | jq -r "$filter"
}

id='"\(.pid)/\(.tid)'

# --- which threads ------------------------------------------------------------------------------

@test "--all has the threads that act for somebody, or should, and no other" {
  pose_all
  assert_equal "$(shown "$id \(.state)\"" --all | sort)" "$(sort <<<"$expected")"
  run -0 idn-show -a "${pids[@]}"
  assert_equal "$(awk 'NR > 1 { print $1, $4 }' <<<"$output" | sort)" "$(sort <<<"$expected")"
}

@test "--all without a process has them of the whole machine" {
  pose_all
  local pattern
  pattern=$(IFS='|'; echo "^(${pids[*]})/")
  idn-show --all --json | jq -r "$id \(.state)\"" >"$SCRATCH/all"
  assert_equal "$(grep -E "$pattern" "$SCRATCH/all" | sort)" "$(sort <<<"$expected")"
}

@test "--all has clients at every level" {
  pose_service
  assert_equal "$(shown "$id \(.level)\"" --all | sort)" "$(sort <<<"$expected")"
}

@test "--threads has every thread of the machine, once" {
  local before=(/proc/[0-9]*/task/[0-9]*) after
  idn-show --threads --json | jq -r "$id\"" >"$SCRATCH/shown"
  after=(/proc/[0-9]*/task/[0-9]*)
  assert_equal "$(sort "$SCRATCH/shown" | uniq -d)" ""
  # Those that were there before and after.
  comm -12 <(printf '%s\n' "${before[@]}" | sort) <(printf '%s\n' "${after[@]}" | sort) |
    sed 's|^/proc/\([0-9]*\)/task/|\1/|' | sort >"$SCRATCH/there"
  [[ -s $SCRATCH/there ]]
  assert_equal "$(comm -23 "$SCRATCH/there" <(sort "$SCRATCH/shown"))" ""
}

@test "--threads with processes and threads has those alone" {
  pose_all
  local tasks=(/proc/"${pids[0]}"/task/*)
  assert_equal "${#tasks[@]}" 2
  run -0 idn-show --threads "${pids[0]}"
  assert_equal "$(awk 'NR > 1 { print $1 }' <<<"$output")" \
    "$(printf '%s\n' "${tasks[@]}" | sed 's|.*/|'"${pids[0]}"'/|')"
  run -0 idn-show --threads "${pids[0]}/${tasks[1]##*/}" "${pids[1]}"
  assert_equal "$(awk 'NR > 1 { print $1 }' <<<"$output")" \
    "${pids[0]}/${tasks[1]##*/}"$'\n'"${pids[1]}/${pids[1]}"
}

@test "one that is not there: one line, status 1, and the others are shown" {
  run -1 idn-show --threads 4194304 $$
  assert_line --index 0 "idn-show: 4194304: no such thread"
  assert_line --regexp "^$$/$$ "
  run -1 idn-show --threads $$/1
  assert_line --index 0 "idn-show: $$/1: no such thread"
}

@test "an empty --all is no error" {
  run -0 idn-show --all $$
  assert_equal "${#lines[@]}" 1
  assert_line --regexp '^PID/TID +USER +LEVEL +STATE +ACCESS +SERVICE +CLIENT +SINCE +COMMAND$'
  run -0 idn-show --all --json $$
  assert_output ""
}

@test "threads that vanish meanwhile are no error" {
  need_world
  local round churn
  started pose churning
  churn=$process
  started bash -c 'echo; for ((;;)); do (:); done'
  # shellcheck disable=SC2034 # counts
  for round in {1..8}; do
    run -0 idn-show --threads
    refute_line --partial idn-show:
    run -0 idn-show --threads --json "$churn"
    refute_line --partial idn-show:
    run -0 idn-show --all
    refute_line --partial idn-show:
    refute_line --regexp "^$churn/"
    run -0 idn-show -v "$churn"
    refute_line --partial idn-show:
  done
}

# --- filters ------------------------------------------------------------------------------------

@test "--user: by name and by number, by user and by access" {
  pose_all
  assert_equal "$(shown "$id\"" --all --user alice | wc -l)" 2
  assert_equal "$(shown .access_as.name --all --user alice | uniq)" alice
  assert_equal "$(shown "$id\"" -au 2001)" "$(shown "$id\"" -a -u alice)"
  assert_equal "$(shown .access_as.uid -au 4444)" 4444
  assert_equal "$(shown .access_as.name -u bob | sort | uniq -c | xargs)" "3 bob"
}

@test "--user: a client at identification is found by its name and by the account it has" {
  pose_service
  assert_equal "$(shown .level --user alice | sort | xargs)" "delegation identification"
  assert_equal "$(shown .level --user nobody | sort | xargs)" "anonymous identification"
  assert_equal "$(shown .level --user anonymous)" anonymous
  assert_equal "$(shown .level --user Anonymous)" anonymous
}

@test "--level: each of them, unknown too, and the names that RPC has" {
  pose_service
  local level
  for level in anonymous identification impersonation delegation; do
    assert_equal "$(shown "$id \(.level)\"" --level "$level")" "$(grep " $level$" <<<"$expected")"
  done
  assert_equal "$(shown .level -l identify)" identification
  assert_equal "$(shown .level -l delegate)" delegation
  started pose filesystem 2001
  pids+=("$process")
  assert_equal "$(shown .pid -l unknown)" "$process"
}

@test "--state: each of them" {
  pose_all
  local state
  for state in lost leaked mismatched; do
    assert_equal "$(shown "$id \(.state)\"" --state "$state" | sort)" "$(grep " $state$" <<<"$expected" | sort)"
  done
  assert_equal "$(shown .state --state consistent | uniq)" consistent
  assert_equal "$(shown .state -as unrecorded | wc -l)" 2
  (($(shown .state -s unrecorded | wc -l) > 3))
}

@test "--service: by the command of the process, by account and by number" {
  pose_service
  local account
  account=$(shown .service.uid -l impersonation)
  assert_equal "$(shown .level --service idn-serve-demo --all | wc -l)" 4
  assert_equal "$(shown .level --service "$account" --all | wc -l)" 4
  started pose filesystem 2001
  pids+=("$process")
  assert_equal "$(shown .pid --service pose)" "$process"
  assert_equal "$(shown .pid --service root --all)" "$process"
  assert_equal "$(shown .pid --service 0 --all)" "$process"
}

@test "filters are combined" {
  pose_all
  assert_equal "$(shown "$id \(.state)\"" --user bob --state leaked)" \
    "$(shown "$id \(.state)\"" --state leaked | grep -E "^(${pids[4]}|${pids[6]})/")"
  assert_equal "$(shown .state -u alice -l unknown -s unrecorded --service pose)" unrecorded
  run -1 idn-show -u alice -s mismatched "${pids[@]}"
}

@test "a filter that matches none: status 1, and a heading alone" {
  local filter
  for filter in --user=4321 --level=delegation --state=lost --service=no-such-service; do
    run -1 idn-show "$filter" $$
    assert_equal "${#lines[@]}" 1
    assert_line --partial PID/TID
    run -1 idn-show --json --all "$filter" $$
    assert_output ""
  done
}

@test "wrong values: one line, and status 2" {
  local line
  while IFS='|' read -r line expected; do
    # shellcheck disable=SC2086 # words
    run -2 idn-show $line
    assert_output "idn-show: $expected"
  done <<'END'
--user no-such-user|--user: no-such-user: no such account
--user +5|--user: +5: no such account
--user 4294967295|--user: 4294967295: Invalid argument
--level high|--level: high: not a level
--state fine|--state: fine: not a state
--sort name|--sort: name: not a key
--sort pid,|--sort: : not a key
--sort pid,,user|--sort: : not a key
--sort --pid|--sort: -pid: not a key
--watch=0|--watch: 0: not a number of seconds from 0.1 to 86400
--watch=nan|--watch: nan: not a number of seconds from 0.1 to 86400
--watch=1s|--watch: 1s: not a number of seconds from 0.1 to 86400
--watch=100000|--watch: 100000: not a number of seconds from 0.1 to 86400
--all --threads|--all and --threads exclude each other
--compare|--compare: wants two threads, and nothing else
--compare 1|--compare: wants two threads, and nothing else
--compare 1 1 1|--compare: wants two threads, and nothing else
--compare --all 1 1|--compare: wants two threads, and nothing else
--compare --sort pid 1 1|--compare: wants two threads, and nothing else
--threads x|x: not a PID or PID/TID
--user|--user: missing argument
END
}

# --- order --------------------------------------------------------------------------------------

# in_order KEY, of objects on standard input: what one has to come before another by, as jq compares it.
in_order() {
  jq -es 'def levels: ["anonymous", "identification", "impersonation", "delegation"];
    def states: ["consistent", "lost", "leaked", "mismatched", "unrecorded"];
    def key: {
      pid: [.pid, .tid],
      user: (if .user.uid == null then [true, null, 4294967295]
        else [.user.name == null, .user.name, .user.uid] end),
      level: (.level as $level | if $level == null then -2 elif $level == "unknown" then -1
        else levels | index($level) end),
      state: (.state as $state | states | index($state)),
      service: [.service.name == null, .service.name, .service.uid],
      client: (.client.pid // 0),
      since: (.since // ""),
      command: .command
    }[$key];
    length > 1 and ([.[] | key] | . == sort)' --arg key "$1" >/dev/null
}

backwards() {
  jq -sc 'reverse[]'
}

@test "--sort: by each key, both ways" {
  pose_service
  local key served=("${pids[@]}")
  pose_all
  pids+=("${served[@]}")
  for key in pid user level state service client since command; do
    idn-show --all --json --sort "$key" "${pids[@]}" | in_order "$key" || fail "--sort $key"
    idn-show --all --json --sort "-$key" "${pids[@]}" | backwards | in_order "$key" || fail "--sort -$key"
  done
  assert_equal "$(shown .pid --all)" "$(shown .pid --all --sort pid)"
}

@test "--sort: by the second key what is equal by the first" {
  pose_all
  # Who has no name comes last by the letters of null, too.
  assert_equal "$(shown '"\(.user.name) \(.pid)"' --all -l unknown --sort user,-pid)" \
    "$(shown '"\(.user.name) \(.pid)"' --all -l unknown | LC_ALL=C sort -k1,1 -k2,2nr)"
}

@test "--sort alone is a table too" {
  run -0 idn-show --sort user $$
  assert_line --index 0 --partial PID/TID
  assert_line --index 1 --regexp "^$$/$$ "
}

# --- what it looks like -------------------------------------------------------------------------

# aligned: every cell of the table in output begins under its heading, two blanks behind the one before
aligned() {
  local LC_ALL=C.UTF-8 heading=${lines[0]} line position
  for ((position = 2; position < ${#heading}; position++)); do
    [[ ${heading:position - 2:3} =~ ^"  "[^\ ]$ ]] || continue
    for line in "${lines[@]}"; do
      [[ ${line:position - 2:3} =~ ^"  "[^\ ]$ ]] || fail "not aligned at $position: $line"
    done
  done
}

@test "columns are aligned, names without a number and numbers without a name" {
  pose_all
  run -0 idn-show --all "${pids[@]}"
  aligned
  assert_line --regexp "^${pids[2]}/${pids[2]} +alice +unknown +unrecorded +alice +root +- +- +pose$"
  assert_line --regexp "^${pids[3]}/${pids[3]} +4444 +unknown +unrecorded +4444 +root +- +- +pose$"
  assert_line --regexp "^${pids[5]}/${pids[5]} +root +- +lost +root +root +- +- +pose$"
  refute_line --regexp ' $'
}

@test "columns are aligned behind names that are not ASCII" {
  need_world
  local LC_ALL=C.UTF-8
  started pose named plain; pids=("$process")
  started pose named grün; pids+=("$process")
  started pose named 'größe ñ'; pids+=("$process")
  run -0 idn-show -v --threads "${pids[@]}"
  assert_line --index 0 --regexp 'COMMAND +CAPABILITIES +GROUPS$'
  aligned
  # As wide as the longest, in characters.
  assert_line --index 0 --partial "  COMMAND  CAPABILITIES  "
  assert_line --partial "  größe ñ  "
}

@test "-v has capabilities and groups" {
  pose_service
  run -0 idn-show -av -l impersonation "${pids[@]}"
  assert_line --index 0 --regexp ' COMMAND +CAPABILITIES +GROUPS$'
  assert_line --index 1 --regexp ' none +carol$'
  aligned
}

@test "-v has as many groups as fit, and says how many it left out" {
  need_world
  started setpriv --reuid g1024 --regid 2013 --init-groups pose named many
  run -0 idn-show -v --threads "$process"
  assert_line --index 1 --regexp ' many +none +g1024,extra30000,.*,\+[0-9]+$'
  aligned
}

@test "a client's pid and since when, and Anonymous with none" {
  pose_service
  run -0 idn-show -a "${pids[@]}"
  aligned
  assert_line --regexp "^[0-9/]+ +carol +impersonation +consistent +carol +[^ ]+ +[0-9]+ +[0-9T:.-]+Z +hold$"
  assert_line --regexp "^[0-9/]+ +alice +identification +consistent +nobody +[^ ]+ +[0-9]+ +[0-9T:.-]+Z +hold$"
  assert_line --regexp "^[0-9/]+ +Anonymous +anonymous +consistent +nobody +[^ ]+ +- +[0-9T:.-]+Z +hold$"
  refute_line --partial bob
}

@test "a command name that is no text reaches no terminal by the table either" {
  need_world
  started pose named $'\e[31mred\n\x9b'
  run -0 idn-show --threads "$process"
  refute_output --partial $'\e'
  assert_equal "${#lines[@]}" 3
  aligned
}

# --- both ways to look --------------------------------------------------------------------------

# by_strace OPTION...: what --all shows of pids, with system calls that fail as OPTIONs say
by_strace() {
  ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$SCRATCH/trace" -e signal=none "$@" \
    idn-show --all --json "${pids[@]}"
}

@test "kernels without pidfd_open, or without PIDFD_GET_INFO, give the same answer" {
  need_strace
  pose_service
  local served=("${pids[@]}") plain only
  pose_all
  pids+=("${served[@]}")
  for only in euid egid fsuid fsgid; do
    started pose only "$only" 2001
    pids+=("$process")
  done
  plain=$(by_strace -e trace=pidfd_open,ioctl)
  # The seven of pose_all, four clients, and these four.
  assert_equal "$(wc -l <<<"$plain")" 15
  grep -q pidfd_open "$SCRATCH/trace" || fail "pidfd_open is not used"
  assert_equal "$plain" "$(idn-show --all --json "${pids[@]}")"
  assert_equal "$(by_strace -e trace=pidfd_open -e inject=pidfd_open:error=ENOSYS)" "$plain"
  grep -q 'ENOSYS.*INJECTED' "$SCRATCH/trace"
  assert_equal "$(by_strace -e trace=pidfd_open -e inject=pidfd_open:error=EINVAL)" "$plain"
  assert_equal "$(by_strace -e trace=pidfd_open -e inject=pidfd_open:error=EPERM)" "$plain"
  assert_equal "$(by_strace -e trace=ioctl -e inject=ioctl:error=ENOTTY)" "$plain"
  grep -q 'ENOTTY.*INJECTED' "$SCRATCH/trace"
  # Not from the first call on, too.
  assert_equal "$(by_strace -e trace=pidfd_open -e inject=pidfd_open:error=EMFILE:when=5+)" "$plain"
}

# --- two side by side ---------------------------------------------------------------------------

@test "--compare: what is equal and what is not" {
  pose_all
  run -0 idn-show --compare "${pids[2]}" "${pids[3]}"
  assert_line --index 0 --regexp "^ +${pids[2]} +${pids[3]}$"
  assert_line --regexp '^!= +User +S-1-22-1-2001 \(alice\) +S-1-22-1-4444 \(uid 4444\)$'
  assert_line --regexp '^= +Impersonating +yes +yes$'
  assert_line --regexp '^= +Service +root \(0\), group root \(0\) +root \(0\), group root \(0\)$'
  assert_line --regexp '^!= +UIDs +real 0, effective 0, saved 0, filesystem 2001 +real 0, effective 4444, saved 0, filesystem 4444$'
  assert_line --regexp '^!= +Capabilities effective '
  assert_line --regexp '^= +Capabilities bounding '
  assert_line --regexp '^= +State +unrecorded \(no ledger\) +unrecorded \(no ledger\)$'
  # All that idn-show says of one, a line each.
  assert_equal "$((${#lines[@]} - 1))" "$(idn-show "${pids[2]}/${pids[2]}" | wc -l)"
}

@test "--compare: a thread with itself differs in nothing" {
  run -0 idn-show --compare $$/$$ $$
  refute_line --regexp '^!='
  run -0 idn-show --compare --json $$/$$ $$
  assert_equal "$(jq -c .different <<<"$output")" '[]'
  assert_equal "$(jq '.a == .b' <<<"$output")" true
}

@test "--compare: a service's thread that acts for its client, with the service" {
  pose_service
  thread=$(grep ' impersonation$' <<<"$expected")
  thread=${thread% *}
  run -0 idn-show -c "$SERVER_PID" "$thread"
  assert_line --regexp '^!= +User .* S-1-22-1-2003 \(carol\)$'
  assert_line --regexp '^!= +Impersonating +no +yes$'
  assert_line --regexp '^!= +Impersonation Level +- +Impersonation$'
  assert_line --regexp '^!= +Client +- +[0-9]+ \(curl\), unix$'
  assert_line --regexp '^= +State +consistent +consistent$'
  run -0 idn-show -c "$thread" "$SERVER_PID"
  assert_line --regexp '^!= +Impersonation Level +Impersonation +-$'
}

@test "--compare --json: both threads, and the keys in which they differ" {
  pose_service
  thread=${expected##*$'\n'}
  run -0 idn-show --compare --json "$SERVER_PID" "${thread% *}"
  assert_equal "${#lines[@]}" 1
  jq -e '. as $all | [.a | keys[] | select($all.a[.] != $all.b[.])] == ($all.different | sort)' <<<"$output"
  jq -e '.different | contains(["access_as", "client", "level", "uids", "user"])' <<<"$output"
}

@test "--compare: one that is not there is named, and status 1" {
  run -1 idn-show --compare $$ 4194304
  assert_output "idn-show: 4194304: no such thread"
  run -1 idn-show --compare 4194304 $$
  assert_output "idn-show: 4194304: no such thread"
}

# --- again and again ----------------------------------------------------------------------------

# left_well: what the terminal helper says last
left_well() {
  assert_line "status 0"
  assert_line "modes restored"
  assert_line "cursor shown"
  assert_line "screen first"
  assert_line "scrolled 0"
  assert_line "wrapped 0"
}

@test "--watch paints the same screen again and never scrolls it; q ends it" {
  run -0 terminal 8x60 see=PID/TID see-again see-again show type=q -- idn-show -w0.1 --threads
  left_well
  assert_line --index 0 --regexp '^\|[0-9]+ threads  [0-9T:.-]+Z  every 0\.1 s, q quits$'
  assert_line --index 1 --regexp '^\|PID/TID +USER'
  assert_line --index 2 --regexp '^\|1/1 '
  # The last line is the cursor's.
  assert_line --index 7 '|'
}

@test "--watch shows a thread that begins to act for somebody, and no longer once it ended" {
  need_world
  run -0 terminal 24x120 "see=0 threads" \
    run="pose filesystem 4321 </dev/null >/dev/null 2>&1 & echo \$! >$SCRATCH/apart" \
    "see=1 thread " see=4321 show run="kill \$(cat $SCRATCH/apart)" "see=0 threads" miss=pose type=q \
    -- idn-show --watch=0.1 --user 4321
  left_well
  assert_line --regexp '^\|[0-9]+/[0-9]+ +4321 +unknown +unrecorded +4321 +root +- +- +pose$'
}

@test "--watch paints in the new size when the terminal's changes" {
  started pose named shown
  run -0 terminal 6x20 see=PID/TID show resize=8x150 see=COMMAND see="$process/$process" see=shown show \
    resize=3x30 miss=COMMAND see=PID/TID show resize=1x12 miss=PID/TID "see=2 threads  2" show type=q \
    -- idn-show -w60 --threads "$process"
  left_well
  assert_line --index 0 --regexp '^\|2 threads  20[0-9-]{7}$'
  assert_line --index 6 --regexp 'q quits$'
  assert_line --index 8 --regexp ' shown$'
  # Cut where the terminal ends, which the width of the process's number shifts.
  assert_line --index 15 --regexp '^\|PID/TID +USER  LEVEL  ST(A|AT|ATE)?$'
  assert_line --index 17 '|2 threads  2'
}

@test "--watch: a terminal of unknown size has 24 lines of 80" {
  run -0 terminal 24x80 see=PID/TID run='true' type=q -- \
    sh -c 'stty rows 0 columns 0; exec idn-show -w60 --threads'
  left_well
}

@test "--watch gives the terminal back when it is told to end" {
  local number
  for number in 1 2 3 15; do
    run -0 terminal 10x80 see=PID/TID signal=$number -- idn-show -w60 --threads
    left_well
  done
}

@test "--watch gives the terminal back while it is stopped, and comes again" {
  run -0 terminal 10x80 see=PID/TID type=$'\x1a' stopped signal=18 see=PID/TID type=q -- \
    idn-show -w60 --threads
  assert_equal "$(grep -c '^modes restored$' <<<"$output")" 2
  assert_equal "$(grep -c '^screen first$' <<<"$output")" 2
  assert_equal "$(grep -c '^cursor shown$' <<<"$output")" 2
  left_well
}

@test "--watch takes no process for its seconds" {
  run -0 terminal 10x80 "see=1 thread " "see=every 2 s" see=$$/$$ type=q -- idn-show --watch $$/$$
  run -0 terminal 10x80 "see=every 2 s" see=$$/$$ type=q -- idn-show -qw $$/$$
  run -0 terminal 10x80 "see=every 7.5 s" see=$$/$$ type=q -- idn-show -w7.5 $$/$$
}

@test "--watch of what is not there ends at once, with the terminal as it was" {
  run -0 terminal 10x80 "see=idn-show: 4194304: no such thread" -- idn-show -w 4194304
  assert_line "status 1"
  assert_line "modes restored"
}

@test "--watch of a process that ends meanwhile goes on, and shows no message" {
  need_world
  run -0 terminal 10x100 \
    run="pose filesystem 4321 </dev/null >/dev/null 2>&1 & echo \$! >$SCRATCH/apart" "see=1 thread " \
    run="kill \$(cat $SCRATCH/apart)" "see=0 threads" see-again miss=idn-show: type=q -- \
    sh -c "while ! idn-show -qu 4321 >/dev/null 2>&1; do :; done; exec idn-show -w0.1 --threads \$(cat $SCRATCH/apart)"
  left_well
}

@test "--watch elsewhere is a JSON object a line" {
  run -0 bash -c "timeout 20 idn-show -w0.1 --threads $$ 2>&1 | head -n 4"
  assert_equal "$(jq -r '"\(.pid)/\(.tid)"' <<<"$output" | sort -u)" "$$/$$"
  assert_equal "${#lines[@]}" 4
}

@test "--watch --json on a terminal too" {
  run -0 terminal 10x400 'see={"pid":' signal=2 -- idn-show --watch --json $$
  assert_line "status 0"
  assert_line "modes restored"
}

@test "--watch ends quietly when nobody reads it any more, even if it has nothing to say" {
  local filter
  for filter in --threads --user=4321; do
    timeout 20 idn-show -w0.1 "$filter" 2>"$SCRATCH/messages" | head -n 0
    [[ ${PIPESTATUS[0]} == 141 || ${PIPESTATUS[0]} == 0 ]]
    assert_equal "$(<"$SCRATCH/messages")" ""
  done
}
