#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Clients and services of the network, by the library alone: who has proven what, who is lent which ticket,
# and that none of them is left behind.

load lib/common
load lib/programs
load lib/realm

setup_file() {
  can_have_realm || return 0
  realm_start
  make_keytabs
  make_caches
}

setup() {
  common_setup
  need_realm
  need_network
}

can_have_realm() {
  [[ -d ${WORLD-}/home/alice ]] && type -P network-test krb5kdc kdb5_util kadmin.local kinit ktutil >/dev/null
}

teardown_file() {
  [[ -z ${REALM-} ]] || realm_stop
}

need_network() {
  type -P network-test >/dev/null || skip "needs a build with Kerberos"
}

# For a service of either kind to read; but one, which is root's.
make_keytabs() {
  local name
  realm_principal addprinc -randkey HTTP/plain.test
  realm_principal addprinc -randkey HTTP/stale.test
  realm_principal addprinc -randkey HTTP/forged.test
  for name in a b c plain stale; do
    realm_keytab "$REALM/$name.keytab" "HTTP/$name.test"
  done
  realm_keytab "$REALM/both.keytab" HTTP/a.test HTTP/b.test
  realm_keytab "$REALM/root.keytab" HTTP/a.test
  realm_principal cpw -randkey HTTP/stale.test
  forge_keytab
  head -c 512 /dev/urandom >"$REALM/garbage.keytab"
  : >"$REALM/empty.keytab"
  chown 61184:61184 "$REALM"/*.keytab
  chown 0:0 "$REALM/root.keytab"
}

# Of the right name and version, with a key of somebody's making.
forge_keytab() {
  printf 'addent -password -p HTTP/a.test -k 1 -e aes256-cts-hmac-sha1-96\nforged\nwkt %s\n' \
    "$REALM/forged.keytab" | ktutil >/dev/null
}

# Those of clients elsewhere, and those that users of this machine have in their own.
make_caches() {
  local user
  mkdir "$REALM/client"
  for user in alice root stranger mallory@OTHER.TEST; do
    realm_kinit "$user" "$REALM/client/${user%@*}"
  done
  realm_kinit alice
  realm_kinit carol "$REALM/caches/2002"
  chown bob: "$REALM/caches/2002"
  realm_principal addprinc -randkey g1
  realm_principal ktadd -norandkey -k "$REALM/users" g1
  realm_kinit g1 '' -F
  chown -R 61184:61184 "$REALM/client"
}

# --- acceptors ------------------------------------------------------------------------------------

@test "a service without a keytab is told so" {
  both network-test keytab-missing
}

@test "a keytab that the service may not read is none, and is told so" {
  promise network-test keytab-unreadable
}

@test "a keytab without the principal that clients have to ask for is told so" {
  both network-test no-key
}

@test "what is no keytab, and what is no principal, is refused" {
  both network-test keytab-garbage
  both network-test keytab-empty
}

@test "no acceptor is made under a client" {
  both network-test acceptor-busy
}

@test "a principal is named with its realm or without; without a keytab named it is libkrb5's" {
  KRB5_KTNAME=$REALM/a.keytab both network-test acceptor-good
}

# --- handshakes -----------------------------------------------------------------------------------

@test "a client that proves who it is, negotiated or not, in one message or two, is that account" {
  both network-test success
}

@test "the level is identification until one is stated; delegation where a ticket was forwarded" {
  both network-test levels
}

@test "the thread acts as the client of the network, and comes back" {
  both network-test impersonates
}

@test "a principal without an account is anonymous, of this realm or another; root is held back" {
  both network-test accounts
}

@test "a ticket of another key version is refused, and the log names it" {
  both network-test wrong-version
}

@test "a ticket forwarded without mutual authentication is refused, and not kept" {
  both network-test lent-to-nobody
}

@test "a ticket that the key does not open is refused" {
  both network-test wrong-key
}

@test "a ticket for another service is refused, though its key is there" {
  both network-test wrong-service
}

@test "a message that was there before is refused, and the log calls it a replay" {
  both network-test replayed
}

@test "garbage, a megabyte of zeros, what is cut or changed: refused, and told once" {
  both network-test garbage
}

@test "a client that says nothing is told what is spoken here, once" {
  both network-test nothing
}

@test "no handshake goes on under a client" {
  both network-test handshake-busy
}

@test "a client whose ticket is over is nobody's to impersonate any more" {
  local kind
  for kind in root ordinary; do
    realm_kinit alice "$REALM/client/brief" -l 4s
    chown 61184:61184 "$REALM/client/brief"
    promise network-test expires "$kind"
  done
}

# --- what is held ---------------------------------------------------------------------------------

@test "a forwarded ticket is held by the client's tokens, and gone with the last of them" {
  both network-test released
}

@test "of a client that is gone in the middle nothing is left" {
  both network-test unfinished
}

@test "what is held ends as the service, whoever the thread is by then" {
  both network-test ends-under-another
}

@test "a ticket of a client that never comes to delegation is not held" {
  both network-test useless
}

@test "a hundred clients leave nothing behind" {
  promise network-test many ordinary
}

@test "the key of a forwarded ticket is nowhere in memory once the client is gone" {
  ! grep -qE 'define WITH_(THREAD_)?SANITIZER' "$BUILD/config.h" || skip "needs a build without sanitizers, and their memory"
  promise network-test wiped ordinary
}

# --- targets --------------------------------------------------------------------------------------

@test "a target is a service's principal" {
  promise network-test target-principal
}

@test "a target is at a host and a port" {
  promise network-test target-address
}

@test "no target is looked up under a client" {
  both network-test target-busy
}

# --- channels -------------------------------------------------------------------------------------

@test "at delegation what the client forwarded goes on, hop after hop" {
  both network-test forwarded
}

@test "a channel at impersonation forwards nothing" {
  both network-test lowered
}

@test "a client of this machine at delegation: the tickets in its own cache" {
  both network-test local-delegation
}

@test "a client of this machine at impersonation: one hop and no more, or none" {
  both network-test one-hop
}

@test "below impersonation the other end sees nobody" {
  both network-test nobody
}

@test "without a client it is the service itself" {
  both network-test as-the-service
}

@test "a channel over the network is used by whom it was opened as alone" {
  both network-test belongs
}

@test "of a channel's credentials nothing is left behind" {
  both network-test leaves-nothing
}

@test "a client of the network at impersonation goes no further: nobody is asked" {
  both network-test no-second-hop
}

@test "a target that is not on the list is refused before the KDC or anybody is asked" {
  both network-test not-on-the-list
}

@test "a client without credentials, or with another's, is told so" {
  both network-test no-cache
  both network-test of-another
}

@test "a client's cache that is no file is left alone, and nothing of it is possessed afterwards" {
  realm_variant "$REALM/keyring.conf" 'libdefaults: default_ccache_name = KEYRING:persistent:%{uid}'
  chmod 0644 "$REALM/keyring.conf"
  KRB5_CONFIG=$REALM/keyring.conf both network-test no-file
}

@test "a client's cache is taken as it is, without waiting, and where it is not too large" {
  mkfifo "$REALM/caches/2012"
  truncate -s 1T "$REALM/caches/2013"
  chown g32: "$REALM/caches/2012"
  chown g1024: "$REALM/caches/2013"
  both network-test pipe
  both network-test without-end
  both network-test held-by-another
}

@test "a client whose own tickets are over is told so" {
  realm_kinit carol '' -l 1s
  wait_for ticket_over "$REALM/caches/2003"
  both network-test over
}

ticket_over() {
  ! klist -s -c "$1"
}

@test "delegation asked for and not to be had is an error: a ticket that is not forwardable" {
  both network-test not-forwardable
  both network-test not-forwardable-one-hop
}

@test "delegation asked for and not to be had is an error: a service without ok-as-delegate" {
  both network-test not-marked
}

@test "a service that the realm does not know is told" {
  both network-test no-such-service
}

@test "another end that accepts without proof is not who it has to be" {
  both network-test no-proof
  both network-test no-proof-but-garbage
}

@test "another end without the key is not who it has to be" {
  both network-test another
}

@test "what keeps a connection from being made is told as it is" {
  both network-test refused-connection
  both network-test carrier
}
