#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-show on services that nobody here wrote, and that keep no ledger: what it makes of them is what they
# do.  Each is started from files of the test's own, on the loopback interface or a socket of its own.

# shellcheck disable=SC2154 # set by lib/foreign

load lib/common
load lib/foreign

teardown() {
  foreign_teardown
}

# --- Samba: a process for each connection -----------------------------------------------------------

@test "smbd: the process of a connection acts as its user, for the service that is root" {
  need_world
  need smbd smbclient smbpasswd jq
  smbd_start
  smb_session
  assert_equal "$(stat -c %U "$SCRATCH/share/copy")" alice
  run -0 idn-show "$connection"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Unknown"
  assert_line --regexp '^Access As: +alice \(2001\), group alice \(2001\)$'
  assert_line --regexp '^Groups: .*projects \(2100\), reports \(2101\)'
  assert_line --regexp '^Service: +root \(0\), group root \(0\)$'
  assert_line --regexp '^State: +unrecorded \(no ledger\)$'
  run -0 idn-show --json "$connection"
  assert_equal "$(jq -r '"\(.command) \(.impersonating) \(.level) \(.user.name) \(.service.name) \(.client)"' \
    <<<"$output")" "smbd true unknown alice root null"
}

@test "smbd: the process that waits for connections acts for nobody" {
  need_world
  need smbd smbclient smbpasswd
  smbd_start
  smb_session
  run -0 idn-show "$smbd"
  assert_line --index 0 "User: S-1-22-1-0 (root)"
  assert_line --index 1 "Impersonating: no"
}

# --- diod: threads, by filesystem ids ---------------------------------------------------------------

@test "diod: each thread acts as the user whose file it opens, while the others act as theirs" {
  need_world
  need diod diodcat
  diod_start
  diod_open alice
  wait_for threads_of 2001
  run -0 idn-show "$diod/${tids[0]}"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Unknown"
  assert_line --regexp '^Access As: +alice \(2001\), group alice \(2001\)$'
  assert_line --regexp '^Service: +root \(0\), group root \(0\)$'
  assert_line --regexp '^UIDs: +real 0, effective 0, saved 0, filesystem 2001$'
  assert_line --regexp '^State: +unrecorded \(no ledger\)$'

  diod_open bob
  wait_for threads_of 2002
  run -0 idn-show "$diod"
  assert_line --index 0 "User: S-1-22-1-0 (root)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp "^$diod/[0-9]+ diod: alice, impersonating at level unknown, unrecorded$"
  assert_line --regexp "^$diod/[0-9]+ diod: bob, impersonating at level unknown, unrecorded$"
}

# --- set-user-ID ------------------------------------------------------------------------------------

@test "a set-user-ID program is its owner, and impersonates nobody" {
  need_world
  install -m 4755 -o alice -g alice "$(type -P sleep)" "$SCRATCH/sleep"
  become bob
  in_background "$SCRATCH/out" "${BECOME[@]}" "$SCRATCH/sleep" 1000
  wait_for grep -qs '^Uid:[[:space:]]*2002[[:space:]]*2001' "/proc/$process/status" ||
    skip "needs a scratch directory where set-user-ID programs count"
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^Access As: +alice \(2001\), group bob \(2002\)$'
  assert_line --regexp '^Service: +alice \(2001\)'
  assert_line --regexp '^UIDs: +real 2002, effective 2001, saved 2001, filesystem 2001$'
}

# --- other namespaces ---------------------------------------------------------------------------------

# A process in a user and a pid namespace of its own, in which 0 is 100000 here; and its member, there 1000.
container_start() {
  need unshare nsenter setpriv
  unshare --user --pid --fork true 2>/dev/null || skip "needs user namespaces"
  in_background "$SCRATCH/container.log" unshare --user --pid --fork --kill-child sleep 1000
  wait_for is_up "$process"
  container=${children[0]}
  echo 0 100000 65534 >"/proc/$container/uid_map"
  echo 0 100000 65534 >"/proc/$container/gid_map"
  in_background "$SCRATCH/member.log" nsenter --user --pid --target "$container" \
    setpriv --reuid 1000 --regid 1000 --groups 7,8 sleep 1000
  wait_for is_up "$process"
  member=${children[0]}
}

# Has it a child that is itself by now?
is_up() {
  children_of "$1" && [[ $(<"/proc/${children[0]}/comm") == sleep ]]
}

inside() {
  nsenter --user --target "$container" "$@"
}

@test "a process in a container is shown with the ids that it has here, and its namespace is another" {
  need_world
  container_start
  run -0 idn-show "$member"
  assert_line --index 0 "User: S-1-22-1-101000 (uid 101000)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^Access As: +101000 \(no account\), group 101000 \(no name\)$'
  assert_line --regexp '^Groups: +100007 \(no name\), 100008 \(no name\)$'
  assert_line --regexp '^UIDs: +real 101000, effective 101000, saved 101000, filesystem 101000$'
  assert_line --regexp "^User Namespace: +$(stat -L -c %i "/proc/$member/ns/user") \\(another\\)$"
}

@test "the container's own idn-show shows the ids that the process has there" {
  need_world
  container_start
  run -0 inside idn-show "$member"
  assert_line --index 0 --regexp '^User: S-1-22-1-1000 '
  assert_line --regexp '^Groups: +7 \(.*\), 8 \(.*\)$'
  assert_line --regexp '^UIDs: +real 1000, effective 1000, saved 1000, filesystem 1000$'
  assert_line --regexp "^User Namespace: +$(stat -L -c %i "/proc/$member/ns/user") \\(own\\)$"
}

@test "from within a container, a process outside is nobody's that has a name there" {
  need_world
  need jq
  container_start
  run -0 inside idn-show $$
  assert_line --index 0 "User: S-1-5-7 (Anonymous)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^Access As: +Anonymous \(unmapped\)'
  assert_line --regexp '^Service: +Anonymous \(unmapped\)'
  run -0 inside idn-show --json $$
  assert_equal "$(jq -r .user.sid <<<"$output")" S-1-5-7
}
