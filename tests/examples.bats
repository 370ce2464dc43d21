#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The examples: a client's identity through pools that know nothing of it, and by a service that can
# be nobody.

load lib/common
load lib/programs

setup() {
  common_setup
  need_world
  need curl
  as alice sh -c 'umask 077 && echo "of alice" >~/diary'
  as bob sh -c 'umask 077 && echo "of bob" >~/diary'
  mkdir -m 1777 "$SCRATCH/sockets"
}

# A service's own user, who is not root: just the two capabilities.
ordinary=(setpriv --reuid daemon --regid daemon --clear-groups "--inh-caps=+setuid,+setgid"
  "--ambient-caps=+setuid,+setgid" --)

# example NAME [OPTION...]: starts it, as root or by SERVICE, and returns when it listens.
example() {
  local line=
  type -P "$1" >/dev/null || skip "needs $1, which was not built: its library was missing"
  SOCKET=$SCRATCH/sockets/$1
  rm -f "$SOCKET"
  exec {example_out}< <(exec 3>&- 4>&-; exec "${SERVICE[@]}" "$@" "$SOCKET" 2>&1)
  EXAMPLE=$!
  SERVER_PIDS+=("$EXAMPLE")
  read -rt "$patience" -u "$example_out" line || true
  assert_equal "$line" "listening on $SOCKET"
}

# ask USER PATH: what the service answers that user.
ask() {
  as "$1" curl -s --max-time 20 --unix-socket "$SOCKET" "gopher://localhost/0$2"
}

answers() {
  run -0 ask "$1" "$2"
  assert_output "$3"
}

diary() {
  echo "$WORLD/home/$1/diary"
}

# No thread of it is anybody but the service.
all_are_back() {
  run idn-show --threads --json "$EXAMPLE"
  assert_success
  need jq
  assert [ "$(jq -s 'flatten | length' <<<"$output")" -ge 4 ]
  assert_equal "$(jq -s -c 'flatten | map(.impersonating) | unique' <<<"$output")" '[false]'
  assert_equal "$(jq -s -c 'flatten | map(.state) | unique' <<<"$output")" '["consistent"]'
}

# kept_apart NAME: one client after the other.
kept_apart() {
  local round
  for SERVICE in "" "${ordinary[*]}"; do
    # shellcheck disable=SC2206 # words
    SERVICE=($SERVICE)
    example "$1"
    for ((round = 0; round < 6; round++)); do
      answers alice "$(diary alice)" $'as uid 2001: sent\nof alice'
      answers bob "$(diary alice)" "as uid 2002: Permission denied"
      answers bob "$(diary bob)" $'as uid 2002: sent\nof bob'
    done
    all_are_back
  done
}

# Asks for its own file and for the other's, many times, and says how often it was told what.
ask_often() {
  local i
  for ((i = 0; i < 15; i++)); do
    ask "$1" "$(diary "$1")"
    ask "$1" "$(diary "$2")"
  done | sort | uniq -c | sed 's/^ *//'
}

# at_a_time NAME: several clients at once.
at_a_time() {
  local n pids=()
  example "$1"
  for n in 1 2 3; do
    ask_often alice bob >"$SCRATCH/alice.$n" 3>&- 4>&- &
    pids+=("$!")
    ask_often bob alice >"$SCRATCH/bob.$n" 3>&- 4>&- &
    pids+=("$!")
  done
  wait "${pids[@]}"
  for n in 1 2 3; do
    run cat "$SCRATCH/alice.$n"
    assert_output $'15 as uid 2001: Permission denied\n15 as uid 2001: sent\n15 of alice'
    run cat "$SCRATCH/bob.$n"
    assert_output $'15 as uid 2002: Permission denied\n15 as uid 2002: sent\n15 of bob'
  done
  all_are_back
}

# lost NAME: whose work it is, is not handed over: found out, not done, and seen from outside.
lost() {
  example "$1" --without-capture
  answers alice "$(diary alice)" "lost: uid 0, not 2001"
  answers bob "$(diary alice)" "lost: uid 0, not 2002"
  run idn-show --all --state lost
  assert_success
  assert_output --partial "$EXAMPLE/"
}

@test "a queue of one's own reads alice's file for alice, and not for bob" {
  kept_apart pthread-queue
}

@test "a queue of one's own does not mix several clients at a time" {
  at_a_time pthread-queue
}

@test "a queue of one's own without capture loses the client, and assert finds it out" {
  lost pthread-queue
}

@test "libuv's pool reads alice's file for alice, and not for bob" {
  kept_apart libuv-pool
}

@test "libuv's pool does not mix several clients at a time" {
  at_a_time libuv-pool
}

@test "libuv's pool without capture loses the client, and assert finds it out" {
  lost libuv-pool
}

@test "GLib's pool reads alice's file for alice, and not for bob" {
  kept_apart glib-pool
}

@test "GLib's pool does not mix several clients at a time" {
  at_a_time glib-pool
}

@test "GLib's pool without capture loses the client, and assert finds it out" {
  lost glib-pool
}

# A service that can be nobody, started by root and by an ordinary user with two capabilities.
@test "a service without privilege reads alice's file for alice, and not for bob" {
  local zero=$'\n0000000000000000'
  for SERVICE in "" "${ordinary[*]}"; do
    # shellcheck disable=SC2206 # words
    SERVICE=($SERVICE)
    example ring-service 61190
    [[ $(ask alice "$(diary alice)") != thread:* ]] || skip "needs the ring engine"
    run -0 awk '/^Uid:/ { print $2, $3, $4, $5 } /^Cap(Inh|Prm|Eff|Amb):/ { print $2 }' "/proc/$EXAMPLE/status"
    assert_output "61190 61190 61190 61190${zero}${zero}${zero}${zero}"
    answers alice "$(diary alice)" $'ring: sent\nof alice'
    answers bob "$(diary alice)" "ring: Permission denied"
    answers bob "$(diary bob)" $'ring: sent\nof bob'
  done
}

@test "the same service does the same by the thread engine, where there is no other" {
  example ring-service 61190
  [[ $(ask alice "$(diary alice)") == thread:* ]] || skip "needs to be without the ring engine"
  answers alice "$(diary alice)" $'thread: sent\nof alice'
  answers bob "$(diary alice)" "thread: Permission denied"
}

@test "each example is built by the command that it gives" {
  local name command tried=0
  need cc
  stage_library
  cp "$SRC"/man/examples/*.[ch] "$SCRATCH"
  for name in pthread-queue libuv-pool glib-pool ring-service; do
    type -P "$name" >/dev/null || continue
    command=$(sed -n 's/^ \* *\(cc .*\)/\1/p' "$name.c")
    run -0 bash -c "${command/cc /cc -Wall -Werror }"
    assert [ -x a.out ]
    rm a.out
    tried=$((tried + 1))
  done
  ((tried))
}
