# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What is asked of a server after many requests: is its memory what it was, and are its threads back.

resident() {
  awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"
}

# None is lost or leaked, and none is anybody's when there is nothing to do.
all_are_back() {
  local pid
  for pid; do
    run idn-check threads "$pid"
    assert_success
    assert_output ""
    wait_for none_impersonates "$pid"
  done
}

none_impersonates() {
  [[ -z $(idn-show --all --json 2>/dev/null | jq -r "select(.pid == $1) | .tid") ]]
}

# is_flat BEFORE AFTER, of resident
is_flat() {
  # What the allocator keeps is not counted to the byte; the sanitizers keep what is freed.
  grep -q 'define WITH_SANITIZERS' "$BUILD/config.h" || (($2 <= $1 + $1 / 10 + 2048))
}
