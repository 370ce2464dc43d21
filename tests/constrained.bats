#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Constrained delegation (S4U2Proxy): a realm that would let a service speak for its clients has not been
# asked by any of them.

load lib/common
load lib/realm
load lib/directory

setup() {
  common_setup
  need_world
  need_realm
  need_directory
  [[ -x $BUILD/tests/constrained ]] || skip "needs a build with Kerberos"
  directory_start
  realm_start
  realm_keytab a.keytab HTTP/a.test
  realm_kinit alice cache
}

teardown() {
  realm_stop
  directory_stop
}

constrained() {
  KRB5CCNAME=FILE:$PWD/cache "$BUILD/tests/constrained" a.keytab HTTP/a.test@IDN.TEST "$@"
}

@test "what the realm would let a service do is told apart from what the client has forwarded" {
  directory_allow HTTP/a.test HTTP/b.test
  run -0 constrained
  assert_output "alice@IDN.TEST constrained impersonation ticket"
  run -0 constrained forward
  assert_output "alice@IDN.TEST forwarded delegation request"
  # Asked for is not done: the ticket cannot be forwarded.
  realm_kinit alice cache -F
  run -0 constrained forward
  assert_output "alice@IDN.TEST constrained impersonation ticket"
}

@test "the KDC lets that service alone speak for a client, and to whom it may" {
  directory_allow HTTP/a.test HTTP/b.test
  # The oracle: krb5's own program, which has the KDC vouch for the client, too.
  realm_principal modprinc +ok_to_auth_as_delegate HTTP/a.test
  run -0 kinit -k -t a.keytab -c own HTTP/a.test
  run -0 kvno -c own -k a.keytab -I alice -P HTTP/b.test
  run kvno -c own -k a.keytab -I alice -P HTTP/c.test
  assert_failure
}
