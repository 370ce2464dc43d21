#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-serve-demo over HTTP: PUT, DELETE and keys reach the work, by every way there is to it.

load lib/common

setup() {
  common_setup
  need_world
  need curl
  dir=$SCRATCH/served
  mkdir "$dir"
  chown alice "$dir"
}

# ask USER METHOD PATH [CURL-ARGUMENT...]: sets code, and body
ask() {
  local user=$1 method=$2 path=$3
  shift 3
  body=$(as "$user" curl -s --path-as-is -X "$method" -w '\n%{http_code}' --unix-socket "$SOCKET" "$@" \
    "http://x$path")
  code=${body##*$'\n'}
  body=${body%$'\n'*}
  body=${body%$'\n'}
}

# expect CODE [BODY]
expect() {
  assert_equal "$code" "$1"
  (($# == 1)) || assert_equal "$body" "$2"
}

@test "a file is made, replaced, read and deleted by its owner, and by nobody else" {
  server_start --root "$dir"
  local way
  for way in '' /async; do
    ask alice PUT "$way/files/note" --data-binary first
    expect 201 created
    assert_equal "$(stat -c %U "$dir/note")" alice
    ask bob PUT "$way/files/note" --data-binary stolen
    expect 403 "/note: Permission denied"
    ask alice PUT "$way/files/note" --data-binary second
    expect 204 ""
    ask alice GET "$way/files/note"
    expect 200 second
    ask bob DELETE "$way/files/note"
    expect 403 "/note: Permission denied"
    ask alice DELETE "$way/files/note"
    expect 204 ""
    ask alice DELETE "$way/files/note"
    expect 404
    ask alice PUT "$way/files/"  --data-binary x
    expect 409
  done
  assert_equal "$(ls -A "$dir")" ""
  server_stop
}

@test "below impersonation nothing of the client's is written" {
  server_start --root "$dir"
  local level
  for level in identification anonymous; do
    ask alice PUT /files/note -H "Impersonation-Level: $level" --data-binary x
    expect 403 "/note: Permission denied"
  done
  ask alice PUT /files/note --data-binary x
  expect 201
  ask alice DELETE /files/note -H 'Impersonation-Level: identification'
  expect 403
  server_stop
}

@test "a body of any size up to the limit arrives whole, and one beyond it not at all" {
  server_start --root "$dir" --max-body 300000
  head -c 300000 /dev/urandom >"$SCRATCH/body"
  ask alice PUT /files/note --data-binary "@$SCRATCH/body"
  expect 201
  cmp "$dir/note" "$SCRATCH/body"
  # Without a length, too.
  ask alice PUT /files/note -H 'Transfer-Encoding: chunked' --data-binary "@$SCRATCH/body"
  expect 204
  echo x >>"$SCRATCH/body"
  ask alice PUT /files/note --data-binary "@$SCRATCH/body"
  expect 413
  ask alice PUT /files/note -H 'Transfer-Encoding: chunked' --data-binary "@$SCRATCH/body"
  expect 413
  assert_equal "$(stat -c %s "$dir/note")" 300000
  ask alice PUT /files/empty --data-binary ''
  expect 201
  assert_equal "$(stat -c %s "$dir/empty")" 0
  server_stop
}

@test "what a limit on the size of files ends is a request, and not the service" {
  head -c 1000000 /dev/zero >"$SCRATCH/body"
  # In KiB, or in blocks of half of that.
  ulimit -S -f 512
  server_start --root "$dir"
  ulimit -S -f unlimited
  ask alice PUT /files/note --data-binary "@$SCRATCH/body"
  expect 507 "/note: File too large"
  ask alice PUT /files/note --data-binary small
  expect 201
  server_stop
}

@test "PUT and DELETE are for files alone" {
  server_start --root "$dir"
  local path
  for path in /whoami /list/ /keys/x /hold?ms=1; do
    for method in PUT DELETE POST; do
      ask alice "$method" "$path" --data-binary x
      expect 405
    done
  done
  ask alice POST /files/note --data-binary x
  expect 405
  server_stop
}

@test "a key is read as the client, and never one that the service possesses" {
  need keyctl
  keyctl session - true >/dev/null 2>&1 || skip "needs leave to use kernel keys"
  # What it is started with, and what its account has.
  cat >"$SCRATCH/start" <<'SH'
id=$(keyctl add user possessed secret @s) && keyctl setperm "$id" 0x3f010101 && exec idn-serve-demo "$@"
SH
  SOCKET=$SCRATCH/keys.sock
  keyctl session - sh "$SCRATCH/start" --unix "$SOCKET" >"$SCRATCH/out" 2>&1 3>&- 4>&- &
  SERVER_PIDS+=($!)
  wait_for "$SOCKET"
  ask alice GET /keys/none
  [[ $code != 501 ]] || skip "needs libkeyutils, which this is built without"
  expect 404 "key none: Required key not available"
  ask alice GET /keys/possessed
  expect 403 "key possessed: Permission denied"
  ask alice GET /async/keys/possessed
  expect 403

  local id
  id=$(as alice keyctl session - sh -c '
    keyctl link @u @s
    id=$(keyctl add user "of alice" payload @u) && keyctl setperm "$id" 0x3f030000 && echo "$id"' 2>/dev/null)
  ask alice GET /keys/of%20alice
  expect 200 payload
  ask alice GET /async/keys/of%20alice
  expect 200 payload
  ask bob GET /keys/of%20alice
  expect 404
  ask alice GET /keys/of%20alice -H 'Impersonation-Level: identification'
  expect 404
  as alice keyctl session - keyctl unlink "$id" @u >/dev/null 2>&1
}
