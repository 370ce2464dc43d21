#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-run-as --thread: exactly what a thread of a service may, by trying.

load lib/common

status_of() {
  sed -n "s/^$1:[[:space:]]*//p" <<<"$output"
}

teardown() {
  local pid
  for pid in "${POSES[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  server_teardown
}

POSES=()

# strike WHAT [ARGUMENT...]: sets POSE, the pid of a process in that pose.
strike() {
  local line
  exec {posing}< <(exec 3>&- 4>&-; exec pose "$@")
  POSE=$!
  POSES+=("$POSE")
  read -rt "$patience" -u "$posing" line
  [[ $line == ready* ]]
}

# other_thread PID: the id of a thread that is not the main one
other_thread() {
  local tid
  for tid in "/proc/$1/task"/*; do
    [[ ${tid##*/} == "$1" ]] || echo "${tid##*/}"
  done
}

# A tree of files with all kinds of owners, modes and lists.
make_tree() {
  local owner mode
  mkdir -m 0755 "$SCRATCH/tree"
  cd "$SCRATCH/tree" || return
  for owner in root:root alice:alice bob:projects root:reports carol:daemon daemon:alice 4444:30000; do
    for mode in 000 004 040 400 444 600 640 604 060 006 777 2750; do
      echo "$owner" >"$owner-$mode"
      mkdir -p "d-$owner-$mode"
      echo inside >"d-$owner-$mode/file"
      chown "$owner" "$owner-$mode" "d-$owner-$mode"
      chmod "$mode" "$owner-$mode" "d-$owner-$mode"
    done
  done
  if type -P setfacl >/dev/null && touch acl-1 && setfacl -m u:2001:r acl-1 2>/dev/null; then
    chmod o= acl-1
    install -m 0640 /dev/null acl-2 && setfacl -m g:2100:rw,m::r acl-2
    install -m 0644 /dev/null acl-3 && setfacl -m u:2001:- acl-3
    install -m 0600 /dev/null acl-4 && setfacl -m g:2101:rwx acl-4
  fi
  cd "$SCRATCH" || return
}

# Asks the kernel for each file: as who runs it.
# shellcheck disable=SC2016 # for the inner shell
ask='cd "$1" && for file in * */file; do
  printf "%s " "$file"
  { true <"$file"; } 2>/dev/null && printf r
  [ -f "$file" ] && { true >>"$file"; } 2>/dev/null && printf w
  (cd "$file") 2>/dev/null && printf x
  echo
done'

@test "it has the thread's uid, gid, groups and capabilities, as all four ids" {
  need_world
  strike effective 2001
  run -0 idn-run-as --thread "$POSE" cat /proc/self/status
  assert_equal "$(status_of Uid)" $'2001\t2001\t2001\t2001'
  assert_equal "$(status_of Gid)" $'2001\t2001\t2001\t2001'
  assert_equal "$(status_of Groups | xargs)" "$(sed -n 's/^Groups:\t//p' "/proc/$POSE/status" | xargs)"
  assert_equal "$(status_of CapEff)" "$(sed -n 's/^CapEff:\t//p' "/proc/$POSE/status")"
}

@test "the filesystem ids decide" {
  need_world
  strike filesystem 2002
  run -0 idn-run-as --thread "$POSE" id
  assert_output --partial "uid=2002(bob) gid=2002(bob)"
}

@test "PID/TID is that thread, and not the main one" {
  need_world
  local tid
  strike thread-for-good 2002
  tid=$(other_thread "$POSE")
  run -0 idn-run-as --thread "$POSE/$tid" id -u
  assert_output 2002
  run -0 idn-run-as --thread "$POSE" id -u
  assert_output 0
}

@test "it may what the thread may, over files of all owners, modes and lists" {
  need_world
  local user options
  make_tree
  for options in "--reuid alice --regid alice --init-groups" \
    "--reuid bob --regid bob --init-groups" \
    "--reuid carol --regid 30000 --groups 2100,2101" \
    "--reuid carol --regid carol --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search" \
    "--reuid 4444 --regid 1 --clear-groups --inh-caps +dac_override --ambient-caps +dac_override" \
    "--reuid 0 --regid 2001 --groups 2100 --bounding-set -all"; do
    # shellcheck disable=SC2086 # words
    setpriv $options sh -c "$ask"'; echo >"$2"; exec sleep 60' sh "$SCRATCH/tree" "$SCRATCH/sink" \
      >"$SCRATCH/thread" 2>/dev/null 3>&- 4>&- &
    POSE=$!
    POSES+=("$POSE")
    wait_for grep -qx sleep "/proc/$POSE/comm"
    idn-run-as --thread "$POSE" sh -c "$ask" sh "$SCRATCH/tree" >"$SCRATCH/command" 2>/dev/null
    run -0 diff "$SCRATCH/thread" "$SCRATCH/command"
    assert [ "$(wc -l <"$SCRATCH/thread")" -gt 150 ]
  done
}

@test "no_new_privs goes along" {
  need_world
  setpriv --no-new-privs --reuid alice --regid alice --init-groups sleep 60 3>&- 4>&- &
  POSE=$!
  POSES+=("$POSE")
  wait_for grep -qx sleep "/proc/$POSE/comm"
  run -0 idn-run-as --thread "$POSE" cat /proc/self/status
  assert_equal "$(status_of NoNewPrivs)" 1
}

@test "HOME and USER are those of the thread's account" {
  need_world
  strike effective 2001
  run -0 idn-run-as --thread "$POSE" env
  assert_line "HOME=$WORLD/home/alice"
  assert_line USER=alice
  assert_line IMPERSONATION_LEVEL=impersonation
}

@test "a capability of the thread's that the caller does not have is named" {
  need_world
  strike effective 0
  run -125 setpriv --bounding-set=-sys_admin idn-run-as --thread "$POSE" echo ran
  assert_output "idn-run-as: $POSE: cap_sys_admin: the caller does not have this capability"
}

@test "capabilities in another user namespace are none here: refused" {
  need_world
  unshare --user --map-root-user true 2>/dev/null || skip "needs user namespaces"
  unshare --user --map-root-user sleep 60 3>&- 4>&- &
  POSE=$!
  POSES+=("$POSE")
  wait_for grep -qx sleep "/proc/$POSE/comm"
  run -125 idn-run-as --thread "$POSE" echo ran
  assert_output "idn-run-as: --thread: $POSE: its capabilities are those of another user namespace"
}

@test "a thread that works for a client by the ring engine is its service, and that is said" {
  need_world
  strike no-ring alice impersonation 7
  run -0 --separate-stderr idn-run-as --thread "$POSE" id -un
  assert_output root
  assert_equal "$stderr" "idn-run-as: $POSE: by the ring engine, and its own word, it acts as alice; taken here is what it is itself, its service"
  run -0 --separate-stderr idn-run-as -q --thread "$POSE" id -un
  assert_output root
  assert_equal "$stderr" ""
}

@test "what is no thread, and what does not go with one: one line, status 125" {
  need_world
  local thread
  for thread in 0 -1 x 1/0 1/x 1/ /1 1/2/3 05 +5 4294967296 99999999999; do
    run -125 idn-run-as --thread="$thread" echo ran
    assert_output "idn-run-as: --thread: $thread: not of the form PID or PID/TID"
  done
  run -125 idn-run-as --thread="$$/1" echo ran
  assert_output "idn-run-as: --thread: $$/1: no such thread"
  for thread in "--groups 1" "--caps chown" "--level anonymous" --clear-groups; do
    # shellcheck disable=SC2086 # words
    run -125 idn-run-as --thread "$$" $thread echo ran
    assert_output "idn-run-as: --thread: takes just what the thread has: no --groups, --caps or --level beside it"
  done
}
