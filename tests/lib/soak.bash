# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Two servers under load, and what is asked of them after many requests: is their memory what it was, and are
# their threads back.  A suite sets requests and hostile_requests.

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

is_sanitized() {
  grep -q 'define WITH_SANITIZERS' "$BUILD/config.h"
}

# is_flat BEFORE AFTER, of resident
is_flat() {
  # What the allocator keeps is not counted to the byte; the sanitizers keep what is freed.
  is_sanitized || (($2 <= $1 + $1 / 10 + 2048))
}

# --- two servers, and who soaks them --------------------------------------------------------------------

# Two servers; the first one's backend is the second.  Sets FRONT, BACK and their pids.
start_both() {
  start_back
  start_front
}

start_back() {
  server_start --unix "$SCRATCH/back.socket" --timeout 10 "${back_options[@]}"
  BACK=$SOCKET BACK_PID=$SERVER_PID
}

start_front() {
  server_start --unix "$SCRATCH/front.socket" --backend "unix:$SCRATCH/back.socket" --timeout 10 \
    "${front_options[@]}"
  FRONT=$SOCKET FRONT_PID=$SERVER_PID
}

soak_them() {
  local engine=()
  [[ ${SERVE_ENGINE-} != ring ]] || engine=(--ring)
  soak "${engine[@]}" --socket "$FRONT" --directory "$SCRATCH/files" --backend --requests "$requests" "$@"
}

# Of whole contents alone, each its owner's: the same line over and over, the last one cut.  A server that
# was killed may have left a name that it was about to rename: of a whole file, too.
files_are_whole() {
  local file
  if [[ ${1-} != killed ]]; then
    run find files -name '.*' -type f
    assert_output ""
  fi
  while IFS= read -r file; do
    awk -v uid="$(stat -c %u "$file")" 'NR == 1 { first = $0 }
      index(first, $0) != 1 || index($0, "of uid " uid ": ") != 1 && NR == 1 { exit 1 }
      END { if (!NR) exit 1 }' "$file" || { echo "$file: not its owner's alone" >&2; return 1; }
  done < <(find files -type f)
}

# --- while things break ---------------------------------------------------------------------------------

# hostile COMMAND [ARG...]: soaks, and calls COMMAND over and over meanwhile.
hostile() {
  local soaking
  requests=$hostile_requests soak_them --hostile >"$SCRATCH/soak.out" 2>&1 &
  soaking=$!
  SERVER_PIDS+=("$soaking")
  while ! has_ended "$soaking"; do
    "$@"
  done
  run wait "$soaking"
  cat "$SCRATCH/soak.out"
  assert_success
}

a_while() {
  local i
  for ((i = 0; i < 6; i++)); do pause; done
}

restart_back() {
  kill -KILL "$BACK_PID"
  wait "$BACK_PID" || true
  # Of the ring engine, which ends with its service: until it has it listens, too.
  [[ -z ${BACK_BROKER-} ]] || wait_for has_ended "$BACK_BROKER"
  start_back
  a_while
}

restart_front() {
  kill -KILL "$FRONT_PID"
  wait "$FRONT_PID" || true
  start_front
  a_while
}
