#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Each system call of the switch made to fail in turn: forwards the thread is whole, backwards the
# process ends.

load lib/common
load lib/programs

setup() {
  common_setup
  need_world
  need_strace
}

# strike CASE KIND INJECTION...: one walk with faults, in each INJECTION as strace(1) writes them with
# "when=" counted from the walk's beginning.  Sets STRUCK to the stage that failed, "none", or "undo".
strike() {
  local case=$1 kind=$2 calls="" faults=() each when
  shift 2
  for each; do
    when=${each##*=}
    [[ $when == *+ ]] && when=$((100 + ${when%+}))+ || when=$((100 + when))
    faults+=(-e "inject=${each%=*}=$when")
    calls+=,${each%%:*}
  done
  run timeout 60 strace -f -qq -o /dev/null -e signal=none -e "trace=${calls#,}" \
    "${faults[@]}" fault-test "$case" "$kind"
  [ "$status" -eq 77 ] && skip "$output"

  local last
  last=$(grep -xE 'impersonate|replace|revert|done' <<<"$output" | tail -n 1)
  if [[ $status -eq 0 && $last == done && $output != *failed* ]]; then
    STRUCK=none
  elif [[ $status -eq 0 && $output == *", whole"* ]]; then
    STRUCK=$(awk '/^failed/ { print stage; exit } { stage = $0 } /^</ { stage = kept }
      { kept = stage }' <<<"$output")
  elif [[ $status -eq 134 && $last == revert && $output == *"<2>reverting to the primary"* ]]; then
    STRUCK=revert
  elif [[ $status -eq 134 && $output == *"<2>undoing a failed impersonation"* ]]; then
    STRUCK=undo
  else
    echo "$case $kind $*: expected a thread that is whole or a process that ends," \
      "saw $status: $output" >&2
    return 1
  fi
}

# stages CASE KIND CALL:FAULT: the stages that are struck as the fault moves from the first call of
# the walk to the last.  After each that was survived the walk must go on to its end.
stages() {
  local stages=""
  for ((n = 1; n <= 30; n++)); do
    strike "$1" "$2" "$3:when=$n"
    [ "$STRUCK" = none ] && break
    stages+=" $STRUCK"
    [[ $STRUCK == revert || $output == *$'again 0\n'*done* ]]
  done
  STAGES=${stages# }
}

# expect STAGES CASE KIND CALL:FAULT
expect() {
  stages "$2" "$3" "$4"
  [ "$STAGES" = "$1" ] && return
  echo "$2 $3 $4: expected \"$1\", saw \"$STAGES\"" >&2
  return 1
}

@test "a failed setgroups leaves the identity whole, and ends the process on the way back" {
  for error in EPERM ENOMEM EINVAL; do
    expect "impersonate replace revert" all root "setgroups:error=$error"
    expect "impersonate replace revert" all ordinary "setgroups:error=$error"
  done
}

@test "a failed setresgid leaves the identity whole, and ends the process on the way back" {
  for error in EPERM ENOMEM EINVAL; do
    expect "impersonate replace revert" all root "setresgid:error=$error"
    expect "impersonate replace revert" all ordinary "setresgid:error=$error"
  done
}

@test "a failed setresuid leaves the identity whole, and ends the process on the way back" {
  for error in EPERM ENOMEM EAGAIN; do
    expect "impersonate replace revert" all root "setresuid:error=$error"
    expect "impersonate replace revert" all ordinary "setresuid:error=$error"
  done
}

@test "a failed capset leaves the identity whole, and ends the process on the way back" {
  for error in EPERM ENOMEM; do
    # Root's capabilities go and come with the uid: only from client to client are they set.
    expect "replace replace" all root "capset:error=$error"
    expect "impersonate impersonate replace replace revert revert" \
      all ordinary "capset:error=$error"
  done
}

@test "setfsuid, which reports no failure, is found out by reading back" {
  # Looking, setting, reading back, proving; setting and reading back; the same on the way back.
  for kind in root ordinary; do
    expect "impersonate impersonate impersonate impersonate replace replace revert revert" \
      files "$kind" setfsuid:retval=12345
    expect "impersonate impersonate" all "$kind" setfsuid:retval=12345
  done
}

@test "setfsgid, which reports no failure, is found out by reading back" {
  for kind in root ordinary; do
    expect "impersonate impersonate impersonate impersonate replace replace revert revert" \
      files "$kind" setfsgid:retval=12345
    expect "impersonate impersonate" all "$kind" setfsgid:retval=12345
  done
}

@test "scope files: a failed setgroups or capset leaves the identity whole" {
  for kind in root ordinary; do
    expect "impersonate replace revert" files "$kind" setgroups:error=EPERM
  done
  expect "impersonate impersonate replace replace revert revert" \
    files ordinary capset:error=EPERM
}

@test "a client that is root: a failed setresuid leaves the permitted capabilities whole" {
  expect "impersonate replace revert" root ordinary setresuid:error=EAGAIN
  expect "replace revert" root root setresuid:error=EAGAIN
}

@test "a client that is root: KEEPCAPS that cannot be set is a failure like any other" {
  # From root to bob: securebits and dumpable, as many questions after ambient capabilities as there are
  # and one more, and then the flag is read, set and put back.
  local first=$(($(</proc/sys/kernel/cap_last_cap) + 5))
  strike root ordinary prctl:error=EPERM:when=$first
  [ "$STRUCK" = replace ]
  strike root ordinary prctl:error=EPERM:when=$((first + 1))
  [ "$STRUCK" = replace ]
  strike root ordinary prctl:error=EPERM:when=$((first + 2))
  [ "$STRUCK" = undo ]
}

@test "a thread whose securebits or dumpable flag cannot be had is not switched" {
  for kind in root ordinary; do
    expect "impersonate impersonate" all "$kind" prctl:error=EPERM
  done
}

@test "credentials that cannot be read at first use leave the thread as it is" {
  for call in capget getgroups getresuid getresgid; do
    for n in 1 2 3; do
      strike unprepared root "$call:error=ENOMEM:when=$n"
      [ "$STRUCK" = impersonate ]
      strike unprepared ordinary "$call:error=ENOMEM:when=$n"
      [ "$STRUCK" = impersonate ]
    done
    strike unprepared root "$call:error=ENOMEM:when=4"
    [ "$STRUCK" = none ]
  done
}

@test "a call that fails once and succeeds later does not lock the service out" {
  for call in capget getgroups getresuid getresgid; do
    strike unprepared root "$call:error=ENOMEM:when=1"
    [[ $output == *$'again 0\n'*done* ]]
  done
}

@test "what cannot be undone ends the process, which says why" {
  for kind in root ordinary; do
    strike all "$kind" setresgid:error=EPERM:when=1 setgroups:error=EPERM:when=2
    [ "$STRUCK" = undo ]
    [[ $output == *"cannot set the supplementary groups: Operation not permitted"* ]]
    strike all "$kind" setresuid:error=EPERM:when=1 setresgid:error=EPERM:when=2
    [ "$STRUCK" = undo ]
    [[ $output == *"cannot set the effective gid: Operation not permitted"* ]]
  done
  strike all ordinary capset:error=EPERM:when=2+
  [ "$STRUCK" = undo ]
}

@test "a call that fails for ever leaves the thread whole or the process ended, never in between" {
  for kind in root ordinary; do
    for call in setgroups setresgid setresuid capset; do
      for n in 1 2 3 4 5 6; do
        strike all "$kind" "$call:error=EPERM:when=$n+"
      done
    done
  done
}
