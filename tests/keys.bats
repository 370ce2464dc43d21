#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Kernel keys, as the client: the kernel's permissions are asked, and what the service possesses is
# nobody's.

load lib/common

# Permissions: possessor, user, group, other; view 1, read 2.
view_own=0x3f010000 read_own=0x3f030000 read_group=0x3f030300 view_all=0x3f010101 read_all=0x3f030303

setup_file() {
  hold_machine
}

setup() {
  common_setup
  need_world
  need keyctl
  type -P put-test >/dev/null || skip "needs idn-serve-demo, which is not built"
  [[ -r /proc/keys ]] || skip "needs a kernel with keys"
  keyctl session - true >/dev/null 2>&1 || skip "needs leave to use kernel keys"
  kept=()
  KIND=ordinary
  run -0 put-test key ordinary alice nothing
  [[ $output != 501* ]] || skip "needs libkeyutils, which this is built without"
}

# The keyrings of uids are the machine's, not this world's.
teardown() {
  local each
  for each in "${kept[@]}"; do
    as "${each%%:*}" keyctl session - keyctl unlink "${each#*:}" @u >/dev/null 2>&1 || true
  done
  server_teardown
}

# add USER PERMISSIONS DESCRIPTION [PAYLOAD [TYPE [GID]]]: sets serial
add() {
  serial=$(as "$1" keyctl session - sh -c '
    keyctl link @u @s
    id=$(printf %s "$3" | keyctl padd "$4" "$2" @u) || exit
    [ -z "$5" ] || keyctl chgrp "$id" "$5"
    keyctl setperm "$id" "$1"
    echo "$id"' sh "$2" "$3" "${4-payload}" "${5-user}" "${6-}" 2>/dev/null)
  kept+=("$1:$serial")
  [[ $serial =~ ^[0-9]+$ ]]
}

# key USER DESCRIPTION CODE [TEXT]
key() {
  run -0 put-test key "$KIND" "$1" "$2"
  assert_equal "${output%% *}" "$3"
  (($# == 3)) || assert_equal "${output#* }" "$4"
}

@test "a key that its owner may read is read by its owner, and by nobody else" {
  add alice $read_own secret "it is alice's"
  for KIND in ordinary root; do
    key alice secret 200 "it is alice's"
    key bob secret 404 "key secret: Required key not available"
    key root secret 404
  done
}

@test "a key with the permissions that keyctl gives is the possessor's alone, which no service is" {
  add alice $view_own secret
  key alice secret 403 "key secret: Permission denied"
}

@test "a key that all may see and its owner read is a 403 for the others" {
  add alice 0x3f030001 secret
  key alice secret 200 payload
  key bob secret 403 "key secret: Permission denied"
}

@test "the groups count: the client's primary one and the supplementary ones" {
  add bob $read_group shared "for the projects" user 2100
  key alice shared 200 "for the projects"
  key carol shared 404
}

@test "what was put into the service's session keyring is no client's to read" {
  local commands='
    id=$(keyctl add user possessed "of the service" @s)
    keyctl setperm "$id" 0x3f010101
    put-test possessed "$1" alice "$id"
    echo
    put-test key "$1" alice possessed
    put-test key "$1" root possessed'
  for KIND in ordinary root; do
    run -0 keyctl session - sh -c "$commands" sh "$KIND"
    # A service that did nothing about it would give it away.
    assert_line "200 of the service"
    assert_line "403 key possessed: Permission denied"
    assert_equal "$(grep -c '^403' <<<"$output")" 2
  done
}

@test "nor what is in the keyrings of the service's uid, where it was started without a session keyring" {
  add root 0x3f010101 possessed "of the service"
  KIND=root
  key alice possessed 403 "key possessed: Permission denied"
}

@test "the payload is bytes, up to the most that a key can hold, and may be of one" {
  add alice $read_own one "x"
  key alice one 200 x
  head -c 32767 /dev/urandom >"$SCRATCH/payload"
  serial=$(keyctl padd user many @u <"$SCRATCH/payload" 2>/dev/null) || skip "needs room for a key of 32,767 bytes"
  kept+=("root:$serial")
  keyctl session - sh -c 'keyctl link @u @s; keyctl setperm "$1" "$2"' sh "$serial" $read_all 2>/dev/null
  put-test key ordinary alice many >"$SCRATCH/said"
  cmp <(tail -c +5 "$SCRATCH/said") "$SCRATCH/payload"
}

@test "a description may have blanks, colons, lines, and what looks like a length" {
  local description
  for description in 'a b' 'a: 5' ': ' ' leading' 'x;y;z' $'two\nlines' $'tab\t' '%s%n' $'\xff\xfe'; do
    add alice $read_own "$description" "of $description"
    key alice "$description" 200 "of $description"
  done
  key alice a 404
  key alice two 404
  key alice '' 404
}

@test "a line of another's making is not believed" {
  local alices forged
  add alice $read_own real "of alice"
  alices=$serial
  # Bob describes his key in two lines: the second one tells of alice's as though it were another.
  printf -v forged 'x\n%08x I--Q---     1 perm 3f030303  2001  2001 user      wanted' "$alices"
  add bob $read_all "$forged" "of bob"
  run -0 as alice cat /proc/keys
  assert_line --regexp '^[0-9a-f]{8} .* wanted: 6$'
  key alice wanted 404
  key alice real 200 "of alice"
}

@test "the client's own key comes first, then root's, then others'" {
  add bob $read_all same "of bob"
  key alice same 200 "of bob"
  add root $read_all same "of root"
  key alice same 200 "of root"
  key bob same 200 "of bob"
  add alice $read_own same "of alice"
  key alice same 200 "of alice"
  key carol same 200 "of root"
}

@test "where the client has one that it may not read, nobody else's is taken for it" {
  add bob $read_all same "of bob"
  add alice $view_own same "of alice"
  key alice same 403
  key carol same 200 "of bob"
}

@test "a revoked key is not there" {
  add alice $read_own secret
  key alice secret 200
  as alice keyctl session - sh -c 'keyctl link @u @s; keyctl revoke "$1"' sh "$serial" 2>/dev/null
  key alice secret 404
}

@test "an expired key is not there" {
  add alice $read_own secret
  as alice keyctl session - sh -c 'keyctl link @u @s; keyctl timeout "$1" 1' sh "$serial" 2>/dev/null
  wait_for has_expired
  key alice secret 404
}

has_expired() {
  ! as alice cat /proc/keys | grep -q "^$(printf '%08x' "$serial") .* [0-9]*[smhdw] "
}

@test "a logon key is there, and nobody may read it" {
  add alice $read_own service:secret payload logon
  key alice service:secret 403
}

@test "keyrings and keys of other types are not served" {
  key alice _uid.2001 404
  key alice _uid_ses.2001 404
}
