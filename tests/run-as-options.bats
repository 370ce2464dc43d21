#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-run-as: groups, capabilities, environment and what else goes along, as its options say.

load lib/common

status_of() {
  sed -n "s/^$1:[[:space:]]*//p" <<<"$output"
}

# fails_with MESSAGE ARGUMENT...: one line, status 125, and nothing is run.
fails_with() {
  local message=$1
  shift
  run -125 idn-run-as "$@" echo ran
  assert_output "idn-run-as: $message"
}

# mask CAPABILITY...: as /proc/PID/status has the set of these numbers.
mask() {
  local number set=0
  for number; do set=$((set | 1 << number)); done
  printf '%016x' "$set"
}

# --- groups -------------------------------------------------------------------------------------

@test "--groups is that list, by names and numbers, each once" {
  need_world
  run -0 idn-run-as --groups reports,4444,projects,2101 alice cat /proc/self/status
  assert_equal "$(status_of Gid)" $'2001\t2001\t2001\t2001'
  assert_equal "$(status_of Groups | xargs)" "2100 2101 4444"
}

@test "--groups goes with a group of one's choice" {
  need_world
  run -0 idn-run-as --groups projects alice:daemon cat /proc/self/status
  assert_equal "$(status_of Gid)" $'1\t1\t1\t1'
  assert_equal "$(status_of Groups | xargs)" 2100
}

@test "--clear-groups is none" {
  need_world
  run -0 idn-run-as --clear-groups alice cat /proc/self/status
  assert_equal "$(status_of Groups | xargs)" ""
}

@test "--keep-groups is the caller's" {
  need_world
  run -0 setpriv --groups 7,4,27 idn-run-as --keep-groups alice cat /proc/self/status
  assert_equal "$(status_of Groups | xargs)" "4 7 27"
}

@test "--keep-groups and --clear-groups take no CAP_SETGID where they change nothing" {
  need_world
  run -0 as alice idn-run-as --keep-groups alice id -G
  assert_output "2001 2100 2101"
  run -0 setpriv --reuid carol --regid carol --clear-groups idn-run-as --clear-groups carol id -G
  assert_output 2003
}

@test "wrong groups are named" {
  need_world
  fails_with "--groups: nosuch: no such group" --groups projects,nosuch alice
  fails_with "--groups: : neither a name nor a number that is an id" --groups projects, alice
  fails_with "--groups: 65535: neither a name nor a number that is an id" --groups 65535 alice
  fails_with "--groups: -1: no such group" --groups=-1 alice
  fails_with "--groups, --clear-groups, --keep-groups: only one of them" --groups 1 --clear-groups alice
  fails_with "--groups, --clear-groups, --keep-groups: only one of them" --clear-groups --keep-groups alice
}

# --- capabilities -------------------------------------------------------------------------------

@test "--caps keeps those, and they outlive exec, again and again" {
  need_world
  run -0 idn-run-as --caps cap_net_bind_service,CHOWN alice sh -c 'exec cat /proc/self/status'
  assert_equal "$(status_of Uid)" $'2001\t2001\t2001\t2001'
  local set
  for set in CapEff CapPrm CapInh CapAmb; do
    assert_equal "$set $(status_of $set)" "$set $(mask 0 10)"
  done
}

@test "--caps all is what the caller has" {
  need_world
  run -0 setpriv --bounding-set=-all,+setuid,+setgid,+chown,+setpcap idn-run-as --caps all alice cat /proc/self/status
  assert_equal "$(status_of CapEff)" "$(mask 0 6 7 8)"
}

@test "a capability that the caller does not have is named" {
  need_world
  run -125 setpriv --bounding-set=-sys_admin idn-run-as --caps chown,sys_admin alice echo ran
  assert_output "idn-run-as: --caps: cap_sys_admin: the caller does not have this capability"
  fails_with "--caps: nosuch: no such capability" --caps nosuch alice
  fails_with "--caps: : no such capability" --caps chown, alice
}

@test "root with --caps has those alone, and cannot get the others back" {
  need_world
  run -0 idn-run-as --caps chown root sh -c 'cat /proc/self/status; exec cat /proc/self/status'
  assert_equal "$(status_of CapEff | uniq)" "$(mask 0)"
  assert_equal "$(status_of CapBnd | uniq)" "$(mask 0)"
  run -0 idn-run-as --caps none root cat /proc/self/status
  assert_equal "$(status_of CapPrm)" "$(mask)"
}

@test "a command with --caps setuid is let keep it, and nothing else" {
  need_world
  run -0 idn-run-as --caps setuid alice ways-back
  assert_line setuid
  refute_line --partial setgroups
  refute_line --partial capset
}

# --- the environment ----------------------------------------------------------------------------

@test "--reset-env leaves what is the user's, a path and the terminal" {
  need_world
  run -0 env -i PATH="$PATH" TERM=dumb SECRET=1 LD_DEBUG_OUTPUT=x IMPERSONATION_CLIENT=bob \
    idn-run-as --reset-env alice env
  assert_equal "$(sort <<<"$output")" "HOME=$WORLD/home/alice
IMPERSONATION_LEVEL=impersonation
LOGNAME=alice
PATH=/usr/local/bin:/usr/bin:/bin
SHELL=/bin/sh
TERM=dumb
USER=alice"
}

@test "--keep-env leaves the four as they are" {
  need_world
  run -0 env -u SHELL HOME=/somewhere USER=me LOGNAME=myself idn-run-as --keep-env alice env
  assert_line HOME=/somewhere
  assert_line USER=me
  assert_line LOGNAME=myself
  refute_line --regexp '^SHELL='
  fails_with "--reset-env, --keep-env: only one of them" --reset-env --keep-env alice
}

# --- the rest -----------------------------------------------------------------------------------

@test "--chdir is done as the user" {
  need_world
  run -0 idn-run-as --chdir "$WORLD/home/alice" alice pwd
  assert_output "$WORLD/home/alice"
  fails_with "bob: cannot enter $WORLD/home/alice: Permission denied" --chdir "$WORLD/home/alice" bob
}

@test "--umask is octal" {
  need_world
  run -0 idn-run-as --umask 027 alice sh -c umask
  assert_output 0027
  local mode
  for mode in 8 '' 1000 -1 0x7 u=rwx; do
    fails_with "--umask: $mode: not an octal mode up to 777" --umask="$mode" alice
  done
}

@test "--no-new-privs is on in the command, with the capabilities that it was to keep" {
  need_world
  run -0 idn-run-as --no-new-privs --caps chown alice cat /proc/self/status
  assert_equal "$(status_of NoNewPrivs)" 1
  assert_equal "$(status_of CapEff)" "$(mask 0)"
  run -0 idn-run-as alice cat /proc/self/status
  assert_equal "$(status_of NoNewPrivs)" 0
}

@test "--no-new-privs that fails stops it before the command" {
  need_world
  need strace
  local number
  strace -qq -o "$SCRATCH/calls" -e trace=prctl idn-run-as --no-new-privs alice true
  number=$(grep -n PR_SET_NO_NEW_PRIVS "$SCRATCH/calls" | cut -d: -f1)
  run -125 strace -qq -o /dev/null -e trace=prctl -e inject=prctl:error=EINVAL:when="$number" \
    idn-run-as --no-new-privs alice echo ran
  assert_output "idn-run-as: alice: cannot set no_new_privs: Invalid argument"
  run -125 strace -qq -o /dev/null -e trace=prctl -e inject=prctl:retval=0:when="$number" \
    idn-run-as --no-new-privs alice echo ran
  assert_output "idn-run-as: alice: cannot set no_new_privs: it is still off"
}

@test "--setsid is a session of its own, without a terminal; the status is the command's" {
  need_world
  run -7 idn-run-as --setsid alice sh -c 'ps -o sid= -p $$ | tr -d " "; echo $$; exit 7'
  assert_equal "${lines[0]}" "${lines[1]}"
  # A leader of a process group cannot start one itself.
  run -7 setsid --wait idn-run-as --setsid alice sh -c 'ps -o sid= -p $$ | tr -d " "; echo $$; exit 7'
  assert_equal "${lines[0]}" "${lines[1]}"
}

@test "a leader of a process group passes signals on to the command that it has to stay for" {
  need_world
  local pid result=0
  rm -f "$WORLD"/home/alice/{started,never}
  setsid idn-run-as --setsid alice sh -c \
    'trap "echo got it >'"$WORLD"'/home/alice/got; exit 9" TERM; mkfifo ~/never; echo $$ >~/started; read -r _ <>~/never' \
    3>&- 4>&- &
  pid=$!
  wait_for "$WORLD/home/alice/started"
  kill -TERM "$pid"
  wait "$pid" || result=$?
  assert_equal "$result" 9
  assert_equal "$(<"$WORLD/home/alice/got")" "got it"
}

@test "--close-fds closes all above 2, and without it they stay" {
  need_world
  run -0 idn-run-as --close-fds alice sh -c 'echo /proc/$$/fd/*' 7</dev/null 250</dev/null
  refute_output --partial /fd/7
  refute_output --partial /fd/250
  run -0 idn-run-as alice sh -c 'echo /proc/$$/fd/*' 7</dev/null 250</dev/null
  assert_output --partial /fd/7
  assert_output --partial /fd/250
}

# Two processes of bob's, where the kernel compares with one.
occupy() {
  local number
  for number in 1 2; do
    idn-run-as bob sleep 60 3>&- 4>&- &
    SERVER_PIDS+=("$!")
    wait_for grep -qx sleep "/proc/$!/comm"
  done
}

@test "--limit-nproc refuses a user who has more processes than the limit allows" {
  need_world
  need prlimit
  run -0 prlimit --nproc=1:1 idn-run-as --limit-nproc bob true
  occupy
  run -126 prlimit --nproc=1:1 idn-run-as --limit-nproc bob true
  assert_output "idn-run-as: true: bob has all processes that RLIMIT_NPROC allows: Resource temporarily unavailable"
}

@test "without --limit-nproc the command starts, and has the limit that there was" {
  need_world
  need prlimit
  occupy
  run -0 prlimit --nproc=1:4096 idn-run-as bob prlimit --nproc --raw --noheadings -o SOFT,HARD
  assert_output "1 4096"
}

@test "--dry-run prints the identity as idn-show does, and runs nothing" {
  need_world
  run -0 as carol idn-run-as --dry-run --no-new-privs alice touch "$WORLD/home/alice/made"
  refute [ -e "$WORLD/home/alice/made" ]
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: no"
  assert_line "Groups:                alice (2001), projects (2100), reports (2101)"
  assert_line "UIDs:                  real 2001, effective 2001, saved 2001, filesystem 2001"
  assert_line "Capabilities:          effective   none"
  assert_line "No New Privs:          yes"
  run -0 idn-run-as --dry-run alice
}

@test "what --dry-run says is what idn-show finds in the command" {
  need_world
  local options shown
  for options in alice "--clear-groups bob" "--caps chown,kill carol" "--no-new-privs 4444:2100" root \
    "-l anonymous alice" "--groups 7,8 alice" "--caps chown root"; do
    # shellcheck disable=SC2086 # words
    run -0 idn-run-as --dry-run $options
    # shellcheck disable=SC2086
    shown=$(idn-run-as $options sh -c 'idn-show $$')
    while read -r line; do
      [[ $line == Level:* ]] || grep -qxF -- "$line" <(sed 's/^ *//' <<<"$shown") ||
        fail "$options: $line: not in: $shown"
    done <<<"$output"
  done
}

@test "-v says each step; -q leaves warnings out" {
  need_world
  run -0 idn-run-as -v --no-new-privs --chdir / alice true
  assert_output --partial "idn-run-as: alice: uid 2001, gid 2001, 3 supplementary groups; no way back"
  assert_output --partial "idn-run-as: alice: runs true"
  run -0 idn-run-as -q alice true
  assert_output ""
}

@test "an option without what it takes, or with what it does not take: one line, status 125" {
  run -125 idn-run-as --groups
  assert_output "idn-run-as: --groups: missing argument"
  run -125 idn-run-as -l
  assert_output "idn-run-as: -l: missing argument"
  run -125 idn-run-as --pty=yes root true
  assert_output "idn-run-as: --pty=yes: option does not take an argument"
  run -125 idn-run-as -x root true
  assert_output "idn-run-as: -x: unknown option"
  run -125 idn-run-as -l nosuch root true
  assert_output "idn-run-as: --level: nosuch: not anonymous, identification, impersonation or delegation"
}
