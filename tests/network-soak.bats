#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Twenty principals at once on three hosts, who check every byte.

load lib/common
load lib/realm
load lib/network
load lib/soak

# What all of them together ask for.
requests=${NETWORK_REQUESTS:-20000}
BATS_TEST_TIMEOUT=${SOAK_TIMEOUT:-600}

setup() {
  common_setup
  need_network
  need soak
  hosts_start
  realm_start
  mkdir -m 0755 files clients
}

teardown() {
  network_teardown
  [[ -z ${WORLD-} ]] || sed -i '/^u[0-9]*:/d' /etc/passwd /etc/group
}

# An account for each of u1 to u20, from uid 6001 on, and a ticket, in a cache of that name.
make_users() {
  local i
  for i in {1..20}; do
    echo "u$i:x:$((6000 + i)):$((6000 + i))::/nonexistent:/bin/false" >>/etc/passwd
    echo "u$i:x:$((6000 + i)):" >>/etc/group
    realm_kinit "u$i" "clients/$((6000 + i))"
    chown "u$i:" "clients/$((6000 + i))"
  done
}

# soak_hosts REQUESTS [OPTION...]
soak_hosts() {
  on_host kdc soak --url http://a.test:8080 --caches "$SCRATCH/clients" --directory "$SCRATCH/files" \
    --users 20 --first-uid 6001 --requests "$@"
}

resident_of_all() {
  local host
  for host in a b c; do
    resident "${server_pid[$host]}"
  done
}

@test "twenty principals on three hosts: nobody gets what is another's, every file its client's, memory flat" {
  local before after i
  make_users
  serve c --root / --workers 4
  serve b --root / --workers 4 --backend http://c.test:8080
  serve a --root / --workers 4 --backend http://b.test:8080
  soak_hosts $((requests / 5))
  mapfile -t before < <(resident_of_all)
  run soak_hosts "$requests" --seed 2
  echo "$output"
  assert_success
  assert_output --regexp ' 0 failed, 0 cut;'
  mapfile -t after < <(resident_of_all)
  for i in 0 1 2; do
    echo "resident: ${before[i]} KiB, then ${after[i]} KiB"
    is_flat "${before[i]}" "${after[i]}"
  done
  all_are_back "${server_pid[a]}" "${server_pid[b]}" "${server_pid[c]}"
}
