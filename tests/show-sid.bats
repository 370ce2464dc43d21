#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-show: the domain's SID, where SSSD or winbind can tell it.

load lib/common

setup() {
  common_setup
  need_world
  grep -q '^#define WITH_DOMAIN_SIDS 1' "$BUILD/config.h" || skip "built without domain SIDs"
}

# with LIBRARY...: puts stand-ins where the loader looks
with() {
  local library
  mkdir -p "$SCRATCH/lib"
  for library; do
    cp "$BUILD/tests/.libs/$library.so" "$SCRATCH/lib/$library.so.0"
  done
  export LD_LIBRARY_PATH=$SCRATCH/lib
}

shown_for() {
  exec {ready}< <(exec 3>&- 4>&-; exec setpriv --reuid "$1" --regid "$1" --clear-groups sh -c 'echo; exec cat' <&"$never")
  SERVER_PIDS+=($!)
  read -r <&"$ready"
  run -0 idn-show $!
}

teardown() {
  unset LD_LIBRARY_PATH
  server_teardown
}

@test "without either library the SID is the well-known form" {
  pause
  shown_for 2001
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
}

@test "SSSD tells the domain's SID, in text and JSON" {
  pause
  with libsss_nss_idmap
  shown_for 2001
  assert_line --index 0 "User: S-1-5-21-1004336348-1177238915-682003330-1013 (alice)"
  run -0 idn-show --json "${SERVER_PIDS[0]}"
  assert_equal "$(jq -r .user.sid <<<"$output")" S-1-5-21-1004336348-1177238915-682003330-1013
}

@test "what SSSD does not know, and what is no SID, is the well-known form" {
  pause
  with libsss_nss_idmap
  shown_for 2003
  assert_line --index 0 "User: S-1-22-1-2003 (carol)"
  shown_for 2002
  assert_line --index 0 "User: S-1-22-1-2002 (bob)"
}

@test "winbind tells it where SSSD cannot" {
  pause
  with libsss_nss_idmap libwbclient
  shown_for 2003
  assert_line --index 0 "User: S-1-5-21-7-8-9-3003 (carol)"
  shown_for 2001
  assert_line --index 0 "User: S-1-5-21-1004336348-1177238915-682003330-1013 (alice)"
}

@test "a library without the functions is as good as none" {
  pause
  with libsss_nss_idmap
  cp "$SCRATCH/lib/libsss_nss_idmap.so.0" "$SCRATCH/lib/libwbclient.so.0"
  shown_for 2003
  assert_line --index 0 "User: S-1-22-1-2003 (carol)"
}
