#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Each system call of a hand-off made to fail in turn, on both threads: work is done as whoever handed it
# over or not at all, and a thread that cannot come back ends the process.

load lib/common
load lib/programs

setup() {
  common_setup
  need_world
  need_strace
}

# count CASE KIND CALL: sets BEFORE and IN_WALK, how many of that call the thread of the walk makes before
# the walk begins, and in it.
count() {
  local trace=$BATS_TEST_TMPDIR/trace
  strace -f -qq -o "$trace" -e signal=none -e "trace=$3,getpriority" flow-fault-test "$1" "$2" >/dev/null
  read -r BEFORE IN_WALK < <(awk -v call="$3" '
    !walker && $2 ~ /^getpriority\(/ { walker = $1; before = calls[$1] }
    index($2, call "(") == 1 { calls[$1]++ }
    END { print before, calls[walker] - before }' "$trace")
  [ "$BEFORE" -ge 100 ]
}

# strike CASE KIND CALL FAULT WHEN: one walk with that fault; sets OUTCOME.
#   given-up, refused  work was not done, and whoever is to know was told
#   ended              the process, by its own hand
#   told               in the log alone: something was amiss, and all work done
#   survived           the same without a word: what could not be read was read again
strike() {
  run timeout 60 strace -f -qq -o /dev/null -e signal=none -e "trace=$3" \
    -e "inject=$3:$4:when=$5" flow-fault-test "$1" "$2"
  if [[ $status -eq 134 && $output == *"the process cannot go on"* ]]; then
    OUTCOME=ended
  elif [[ $status -ne 0 || $output != *done ]]; then
    echo "$*: expected the work done, given up or refused, or a process that ends, saw $status: $output" >&2
    return 1
  elif [[ $output == *"is given up"* ]]; then
    OUTCOME=given-up
  elif [[ $output == *"is not taken"* ]]; then
    OUTCOME=refused
  elif [[ $output == *"<"[0-4]">"* ]]; then
    OUTCOME=told
  else
    OUTCOME=survived
  fi
}

# expect "OUTCOME..." CASE KIND CALL FAULT: as the fault moves from the first call of the walk to the last.
expect() {
  local outcomes="" n
  count "$2" "$3" "$4"
  for ((n = 1; n <= IN_WALK; n++)); do
    strike "$2" "$3" "$4" "$5" $((BEFORE + n))
    outcomes+=" $OUTCOME"
  done
  [ "${outcomes# }" = "$1" ] && return
  echo "$2 $3 $4 $5: expected \"$1\", saw \"${outcomes# }\"" >&2
  return 1
}

# expect_both "OUTCOME..." CASE CALL FAULT: the same in both kinds of service.
expect_both() {
  expect "$1" "$2" root "$3" "$4"
  expect "$1" "$2" ordinary "$3" "$4"
}

# --- a pool's worker: alice's work, bob's, the service's own, alice's -----------------------------

@test "a worker that cannot switch gives the work up, and one that cannot come back ends the process" {
  for call in setresuid setresgid setgroups; do
    expect_both "given-up ended given-up ended given-up ended" pool "$call" error=EPERM
  done
}

@test "the same for want of memory" {
  for call in setresuid setresgid setgroups; do
    expect_both "given-up ended given-up ended given-up ended" pool "$call" error=ENOMEM
  done
}

@test "the same with the capabilities that an ordinary service raises and drops, there and back" {
  local each="given-up given-up ended ended"
  expect "$each $each $each" pool ordinary capset error=EPERM
}

@test "a worker's first switch is proven or given up, and what cannot be read later is read again" {
  # The end of what is before the walk; the first switch; after the work of three clients; the service's
  # own work before and after: only there, where nothing is switched, is all of it read.
  for call in getresuid getresgid capget; do
    expect_both "survived given-up survived survived survived survived survived" pool "$call" error=EPERM
  done
  expect_both "survived given-up survived survived" pool getgroups error=ENOMEM
}

@test "filesystem ids that are not the expected ones are read again, too" {
  for call in setfsuid setfsgid; do
    expect_both "survived given-up survived survived" pool "$call" retval=12345
  done
}

@test "a worker to which a call fails for ever gives up or ends, and does no work as another" {
  local call kind n
  for call in setresuid setresgid setgroups capset getresuid getresgid capget getgroups; do
    for kind in root ordinary; do
      count pool "$kind" "$call"
      for n in 1 2 3 4; do
        ((n <= IN_WALK)) || continue
        strike pool "$kind" "$call" error=EPERM $((BEFORE + n))+
        [[ $OUTCOME == given-up || $OUTCOME == ended ]]
      done
    done
  done
}

# --- who hands in ---------------------------------------------------------------------------------

@test "handing in changes no credentials" {
  for case in submit submit-always; do
    for call in setresuid setresgid setgroups capset; do
      expect_both "" "$case" "$call" error=EPERM
    done
  done
}

@test "what cannot be read while capturing is read again, and then refused" {
  local call
  expect_both "survived survived" submit getgroups error=ENOMEM
  expect_both "survived survived" submit setfsuid retval=12345
  expect_both "survived survived" submit setfsgid retval=12345
  for call in getresuid getresgid capget getgroups; do
    expect_both "survived survived" submit-always "$call" error=ENOMEM
  done
  for call in getgroups:error=ENOMEM setfsuid:retval=12345 setfsgid:retval=12345; do
    count submit root "${call%%:*}"
    strike submit root "${call%%:*}" "${call#*:}" $((BEFORE + 1))+
    [ "$OUTCOME" = refused ]
  done
}

# --- threads --------------------------------------------------------------------------------------

@test "who makes a thread is who it was afterwards, or the process ends" {
  for call in setresuid setresgid setgroups; do
    expect_both "ended ended" create "$call" error=EPERM
  done
  expect "ended ended ended ended" create ordinary capset error=EPERM
}

@test "a new thread that cannot become whom it was made for ends the process" {
  for call in setresuid setresgid setgroups; do
    expect_both "ended ended" born "$call" error=EPERM
  done
  expect "ended ended ended ended" born ordinary capset error=EPERM
}

@test "a new thread that cannot find out or prove who it is ends the process" {
  # At birth, where it is looked at and proven to be the service; at its first switch; after START.
  for call in getresuid getresgid capget; do
    expect_both "ended ended ended survived" born "$call" error=ENOMEM
  done
  expect_both "ended ended ended" born getgroups error=ENOMEM
  expect_both "ended" born prctl error=EPERM
  # A wrong answer at first is put right by what it leads to.
  expect_both "survived ended ended" born setfsuid retval=12345
  expect_both "survived ended ended" born setfsgid retval=12345
}
