#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-serve-demo's status page, in a browser.

load lib/common

# A browser takes its time to start.
# shellcheck disable=SC2034 # for bats
BATS_TEST_TIMEOUT=120

setup_file() {
  export MODULES=$BUILD/browser-modules CHROMIUM NO_BROWSER=
  CHROMIUM=$(type -P chromium chromium-browser | head -n 1) || true
  if [[ -z $CHROMIUM ]]; then
    NO_BROWSER="needs chromium"
  elif ! type -P node npm >/dev/null; then
    NO_BROWSER="needs node and npm"
  elif ! fetch_modules >"$BATS_FILE_TMPDIR/npm" 2>&1; then
    NO_BROWSER="needs the npm registry: $(grep -m 1 . "$BATS_FILE_TMPDIR/npm")"
  fi
}

# Into the build directory; once, as long as they are to be the same.
fetch_modules() {
  local lock=$SRC/tests/browser/package-lock.json
  ! cmp -s "$lock" "$MODULES/fetched" || return 0
  mkdir -p "$MODULES"
  cp "${lock%/*}"/package*.json "$MODULES"
  timeout 60 npm ci --prefix "$MODULES" --cache "$MODULES/cache" --no-audit --no-fund --no-update-notifier --loglevel error &&
    cp "$lock" "$MODULES/fetched"
}

setup() {
  need_world
  need curl
  [[ -z $NO_BROWSER ]] || skip "$NO_BROWSER"
}

teardown() {
  server_teardown
}

# browse PROMISE [USER [HEADER]]: with a USER, whom a thread is held as meanwhile, for 3 seconds
browse() {
  local hold=()
  if (($# > 1)); then
    become "$2"
    hold=("${BECOME[@]}" curl -s ${3:+-H "$3"} --unix-socket "$SOCKET" "http://x${hold_path:-/hold}?ms=3000")
  fi
  HOME=$SCRATCH node "$SRC/tests/browser/status.mjs" "$SOCKET" "$SCRATCH" "$1" "${hold[@]}"
}

@test "the threads of the service appear, with its policy and totals" {
  server_start
  browse appear
}

@test "a thread turns into alice while it is held for her, and back" {
  server_start
  browse turn alice
}

@test "at anonymous nothing on the page tells who the client is" {
  server_start
  browse hide alice 'Impersonation-Level: anonymous'
}

@test "a thread that has lost its identity is shown to be lost, and whom it should act as" {
  server_start -q --demo-defect no-flow
  hold_path=/async/hold browse lose alice
}

@test "the page says when the service is gone, and shows the next one by itself" {
  local line
  server_start
  exec {seen}< <(exec 3>&- 4>&-; browse reconnect 2>&1)
  SERVER_PIDS+=($!)
  read -rt 60 -u "$seen" line
  assert_equal "$line" live
  server_stop
  read -rt 60 -u "$seen" line
  assert_equal "$line" lost
  server_start --unix "$SOCKET"
  wait "${SERVER_PIDS[1]}"
}

@test "no script but the page's own runs, and nothing is loaded from elsewhere" {
  server_start
  browse forbid
}

@test "on a phone nothing is wider than the screen" {
  server_start
  browse fit alice
}

@test "without JavaScript the page says what it needs" {
  server_start
  browse explain
}
