#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The realm and the hosts that other suites use: that they work, and leave nothing.

load lib/common
load lib/realm

setup() {
  common_setup
  need_realm
}

teardown() {
  realm_stop
  hosts_stop
}

@test "a realm gives its users tickets, for its services too, and writes down each" {
  realm_start
  realm_kinit alice cache
  run klist -f -c cache
  assert_line --partial "Default principal: alice@IDN.TEST"
  assert_line --regexp 'Flags: F'
  run kvno -c cache HTTP/a.test
  assert_success
  run klist -f -c cache
  # Forwardable, and O: ok as delegate.
  assert_line --regexp 'Flags: F.*O'
  run cat "$(realm_log)"
  assert_line --regexp 'TGS_REQ .* alice@IDN\.TEST for HTTP/a\.test@IDN\.TEST'
}

@test "a ticket has the life and the flags that were asked for and that the principal allows" {
  realm_start
  realm_kinit alice cache -F -l 1h
  run klist -f -c cache
  refute_line --regexp 'Flags: F'
  realm_principal modprinc -allow_forwardable bob
  realm_kinit bob cache
  run klist -f -c cache
  refute_line --regexp 'Flags: F'
  realm_principal modprinc -ok_as_delegate HTTP/b.test
  realm_kinit alice cache
  kvno -q -c cache HTTP/b.test
  run klist -f -c cache
  refute_line --regexp 'Flags: .*O'
  run realm_principal modprinc -ok_as_delegate HTTP/nowhere.test
  assert_failure
  assert_output --partial "Principal does not exist"
}

@test "a service has its key from a keytab, and takes tickets with it" {
  realm_start
  realm_keytab keytab HTTP/a.test HTTP/b.test
  assert_equal "$(stat -c %a keytab)" 600
  realm_kinit alice cache
  run kvno -c cache -k keytab HTTP/a.test
  assert_output --partial "keytab entry valid"
}

@test "a foreign user gets tickets for the services of this realm" {
  realm_start
  realm_kinit mallory@OTHER.TEST cache
  kvno -q -c cache HTTP/a.test@IDN.TEST
  run klist -c cache
  assert_line --partial "Default principal: mallory@OTHER.TEST"
  assert_line --partial "HTTP/a.test@IDN.TEST"
}

@test "the anonymous principal gets a ticket" {
  need_anonymous
  realm_start --anonymous
  kinit -n -c cache @IDN.TEST
  kvno -q -c cache HTTP/a.test
  run klist -c cache
  assert_line --partial "Default principal: WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS"
}

@test "each user has a cache of its own, which only that user can read" {
  need_world
  realm_start
  realm_kinit alice
  realm_kinit bob
  run as alice klist
  assert_line --partial "Default principal: alice@IDN.TEST"
  run as bob klist -c "$REALM/caches/2001"
  assert_failure
  run as bob cat "$REALM/users"
  assert_failure
}

@test "one process can have lines in krb5.conf that others have not" {
  realm_start "forwardable = false"
  realm_kinit alice cache
  run klist -f -c cache
  refute_line --regexp 'Flags: F'
  realm_variant other.conf 'libdefaults: forwardable = true' 'IDN.TEST: auth_to_local = DEFAULT'
  KRB5_CONFIG=other.conf realm_kinit alice cache
  run klist -f -c cache
  assert_line --regexp 'Flags: F'
  run grep -A 1 '^  IDN.TEST' other.conf
  assert_output --partial "    auth_to_local = DEFAULT"
}

@test "when a realm stops, its KDC is gone with all its files" {
  realm_start
  pid=$(<"$REALM/kdc/pid") directory=$REALM
  realm_stop
  has_ended "$pid"
  [[ ! -e $directory && -z ${KRB5_CONFIG-} ]]
}

@test "a KDC that does not start is told, not waited for" {
  realm_start
  directory=$REALM
  kill "$(<"$REALM/kdc/pid")"
  wait_for has_ended "$(<"$REALM/kdc/pid")"
  mv "$REALM/kdc/IDN.TEST.stash" "$REALM/kdc/elsewhere"
  run start_kdc
  assert_failure
  assert_output --partial "krb5kdc did not start: "
}

@test "three hosts reach each other and the KDC by name, and no other network" {
  need_hosts
  hosts_start
  realm_start
  for name in a b c; do
    on_host "$name" kinit -k -t "$REALM/users" -c "cache.$name" alice
    on_host "$name" kvno -q -c "cache.$name" "HTTP/$name.test"
  done
  # There, with nobody listening.
  run on_host c bash -c '</dev/tcp/a.test/80'
  assert_output --partial "Connection refused"
  run on_host a ip -brief link show
  assert_equal "${#lines[@]}" 2
  hosts_stop
  run ip netns list
  assert_output ""
}
