#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The demonstration, as ./bootstrap demo starts it.

load lib/common
load lib/realm

demo=$SRC/cmd/idn-serve-demo

setup() {
  common_setup
  need_world
  need curl
  type -P idn-serve-demo >/dev/null || skip "needs idn-serve-demo"
  [[ $BUILD != /run/* && $SRC != /run/* ]] || skip "needs to be built outside of /run"
}

teardown() {
  server_teardown
  [[ -z ${hidden-} ]] || umount "$hidden"
}

# From the place that bootstrap starts it from: in a world of its own, inside this one.
demonstrate() {
  cd "$SRC" || return
  run -0 env -u WORLD NO_COLOR=1 timeout 120 bash "$demo/demo" "$BUILD"
}

# Credential and replay caches in their usual places.
left_by_kerberos() {
  find /tmp /var/tmp -maxdepth 1 -name 'krb5*'
}

@test "the demonstration shows all of it, over the network too where there is a KDC, and leaves nothing behind" {
  local cannot='' before
  need_realm
  before=$(left_by_kerberos)
  demonstrate
  assert_line "Impersonation Level: Impersonation"
  assert_line --regexp '^[0-9]+/[0-9]+ idn-serve-demo \(hold\): lost: should be alice'
  cannot=$(sed -n 's/^Over the network, by Kerberos, it is not shown: //p' <<<"$output")
  [[ -z $cannot ]] || skip "$cannot"
  assert_line '{... "name":"alice", "principal":"alice@DEMO.TEST", "level":"delegation", "level_decided_by":"request", "delegated":"forwarded" ...}'
  assert_line "backend: no second hop at level impersonation: delegation is needed"
  assert_line "Delegated Credentials: forwarded"
  assert_equal "$(grep -c '^the service ended with status 0$' <<<"$output")" 3
  assert_equal "$(left_by_kerberos)" "$before"
  assert [ ! -e /etc/impersonate/idn-serve-demo.conf ]
}

@test "without a KDC it says so, in one line" {
  local program
  if program=$(type -P krb5kdc); then
    [[ ${program%/*} == */sbin ]] || skip "krb5kdc cannot be hidden alone"
    mkdir empty
    mount --bind empty "${program%/*}"
    hidden=${program%/*}
    hash -r
  fi
  # shellcheck disable=SC2016 # for the inner shell
  run -0 bash -c 'set -euo pipefail; say() { echo "$*"; }; . "$1/demo-network"; over_the_network' bash "$demo"
  assert_output "Over the network, by Kerberos, it is not shown: there is no krb5kdc."
}
