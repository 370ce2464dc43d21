#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-serve-demo by the ring engine: the same for its clients, by a process that has no privilege; and how
# the engine is chosen.
# shellcheck disable=SC2034 # SERVE_ENGINE, SERVER_BY: of lib/common

load lib/common

setup() {
  need_world
  need curl
  need jq
  SERVE_ENGINE=ring
}

# The build and the kernel have it; asked of neither the service nor the library.
need_ring() {
  grep -q 'define WITH_RING' "$BUILD/config.h" || skip "needs a build with the ring engine"
  [[ $(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0) == 0 ]] || skip "needs io_uring"
}

need_backend() {
  run idn-serve-demo --engine thread --unix "$SCRATCH/absent/x" --backend unix:/x
  [[ $output != *"without libcurl"* ]] || skip "needs a build with libcurl"
}

make_secret() {
  as alice sh -c 'umask 077 && echo "only alice" >~/secret'
  secret=/files$WORLD/home/alice/secret
}

# Of the process that serves.
of_service() {
  awk -v "name=$1:" '$1 == name { print $2 }' "/proc/$SERVER_PID/status"
}

# reply USER PATH [CURL-ARGUMENT...]: a request that is answered with 200
reply() {
  get "$@"
  assert_equal "$status_code" 200
}

# first_event USER: sets data, what the page of that user shows first.  Nobody waits for more: the next one comes
# when something changes.
first_event() {
  local line
  become "$1"
  exec {events}< <(exec 3>&- 4>&-; exec "${BECOME[@]}" curl -sN --unix-socket "$SOCKET" http://x/events)
  SERVER_PIDS+=($!)
  while read -rt "$patience" -u "$events" line && [[ $line != "data: "* ]]; do :; done
  data=${line#data: }
}

policy() {
  printf '[impersonation]\n%s\n' "$@" >"$SCRATCH/policy.conf"
}

# --- which one ----------------------------------------------------------------------------------

@test "an engine that there is not, or that an option excludes, is wrong usage" {
  run -2 idn-serve-demo --unix "$SCRATCH/x" --engine fork
  assert_output "idn-serve-demo: --engine: fork: must be ring, thread or auto"
  run -2 idn-serve-demo --unix "$SCRATCH/x" --engine ring --stay-root
  assert_output "idn-serve-demo: --engine ring and --stay-root exclude each other"
  run -2 idn-serve-demo --unix "$SCRATCH/x" --engine ring --demo-defect no-flow
  assert_output "idn-serve-demo: --engine ring and --demo-defect exclude each other"
}

@test "ring without the privilege that it takes: one line, status 1" {
  mkdir -m 1777 "$SCRATCH/sockets"
  run -1 as alice idn-serve-demo --unix "$SCRATCH/sockets/x" --engine ring
  assert_output "idn-serve-demo: --engine ring: CAP_SETUID is missing"
  assert [ ! -e "$SCRATCH/sockets/x" ]
}

@test "left to choose, it serves by threads what a ring cannot, and the log says why" {
  SERVE_ENGINE=
  server_start --stay-root
  assert_equal "$(cat "$SERVER_LOG")" "idn-serve-demo: engine: thread, not ring: --stay-root"
  reply alice /whoami
  assert_equal "$(fact '"\(.engine) \(.token)"')" "thread null"
  server_stop
  server_start --demo-defect no-flow
  assert_equal "$(tail -n 1 "$SERVER_LOG")" "idn-serve-demo: engine: thread, not ring: --demo-defect"
  server_stop
  SERVER_USER=alice server_start --unix "$SCRATCH/sockets/own"
  run cat "$SERVER_LOG"
  assert_line "idn-serve-demo: engine: thread, not ring: CAP_SETUID is missing"
}

@test "without io_uring it serves by threads, and the log says why; asked for the ring it does not start" {
  grep -q 'define WITH_RING' "$BUILD/config.h" || skip "needs a build with the ring engine"
  make_secret
  without_io_uring io_uring_setup "this kernel has no io_uring, or a filter hides it"
  without_io_uring io_uring_setup=EPERM \
    "io_uring is disabled (kernel.io_uring_disabled), or a filter forbids it"
}

# without_io_uring CALL WHY, of tests/without.c
without_io_uring() {
  SERVER_BY=(without "$1")
  SERVE_ENGINE=
  SERVER_NAME=$1 server_start
  assert_equal "$(cat "$SERVER_LOG")" "idn-serve-demo: engine: thread, not ring: $2"
  reply alice /whoami
  assert_equal "$(fact '"\(.engine) \(.kernel.uids.filesystem)"')" "thread $(id -u alice)"
  reply alice "$secret"
  assert_equal "$body" "only alice"
  get bob "$secret"
  assert_equal "$status_code" 403
  server_stop
  run -1 without "$1" idn-serve-demo --unix "$SCRATCH/x" --engine ring
  assert_output "idn-serve-demo: --engine ring: $2"
  assert [ ! -e "$SCRATCH/x" ]
}

@test "thread is told in the log too, on the page, and in the metrics" {
  SERVE_ENGINE=thread
  server_start
  assert_equal "$(cat "$SERVER_LOG")" "idn-serve-demo: engine: thread"
  reply alice /metrics
  assert_regex "$body" $'\nidn_engine_info\\{engine="thread"\\} 1\n'
  first_event alice
  assert_equal "$(jq -r .service.engine <<<"$data")" thread
}

@test "started as root, left to choose, it is the ring engine, and that is told" {
  need_ring
  SERVE_ENGINE=
  server_start
  assert_equal "$(cat "$SERVER_LOG")" "idn-serve-demo: engine: ring"
  reply alice /metrics
  assert_regex "$body" $'\nidn_engine_info\\{engine="ring"\\} 1\n'
  first_event alice
  assert_equal "$(jq -r .service.engine <<<"$data")" ring
}

# --- the service --------------------------------------------------------------------------------

@test "the service is an ordinary user without any capability, and can get none" {
  need_ring
  server_start
  reply alice /whoami
  assert_not_equal "$(of_service Uid)" 0
  assert_not_equal "$(of_service Uid)" 65534
  assert_equal "$(of_service NoNewPrivs)" 1
  local set
  for set in CapInh CapPrm CapEff CapBnd CapAmb; do
    assert_equal "$set $(of_service "$set")" "$set 0000000000000000"
  done
  # Of every thread, and for each client.
  run cat /proc/"$SERVER_PID"/task/*/status
  refute_line --regexp '^Cap(Prm|Eff|Amb):.*[1-9a-f]'
  refute_line --regexp '^Uid:.*[[:space:]](0|2001)([[:space:]]|$)'
  # Nothing of it is to be had by another process of its uid.
  assert_equal "$(stat -c %u "/proc/$SERVER_PID/maps")" 0
}

@test "an ordinary user with the two capabilities serves everybody too, and gives them up" {
  need_ring
  make_secret
  mkdir -m 1777 "$SCRATCH/sockets"
  SERVER_BY=(setpriv --reuid carol --regid carol --clear-groups --inh-caps "-all,+setuid,+setgid"
    --ambient-caps "-all,+setuid,+setgid" --bounding-set "-all,+setuid,+setgid")
  server_start
  assert_equal "$(of_service Uid)" 2003
  assert_equal "$(of_service CapPrm)" 0000000000000000
  assert_equal "$(of_service NoNewPrivs)" 1
  assert_equal "$(cat "$SERVER_LOG")" "idn-serve-demo: engine: ring"
  reply alice "$secret"
  assert_equal "$body" "only alice"
}

@test "whoami has the client, its number, and that the thread is the service" {
  need_ring
  server_start
  reply alice /whoami
  conforms idn-serve-demo-whoami.schema.json <<<"$body"
  assert_equal "$(fact '"\(.identity.name) \(.level) \(.level_decided_by) \(.engine)"')" \
    "alice impersonation default ring"
  assert_equal "$(fact '[.access_as.groups[].name] | join(" ")')" "alice projects reports"
  assert_equal "$(fact '.token > 0')" true
  assert_equal "$(fact .kernel.uids.filesystem)" "$(of_service Uid)"
}

# --- files --------------------------------------------------------------------------------------

@test "alice reads her own 0600 file, and neither bob nor a service that could" {
  need_ring
  make_secret
  server_start
  reply alice "$secret"
  assert_equal "$body" "only alice"
  get bob "$secret"
  assert_equal "$status_code $body" "403 $WORLD/home/alice/secret: Permission denied"

  # What the service's own account may read, and the client may not.
  echo service >"$SCRATCH/own"
  chown "$(of_service Uid)" "$SCRATCH/own"
  chmod 600 "$SCRATCH/own"
  get alice "/files$SCRATCH/own"
  assert_equal "$status_code" 403
  get carol /files/etc/shadow
  assert_equal "$status_code" 403
}

@test "groups count: what a group may read is read for who is in it" {
  need_ring
  mkdir "$WORLD/of-projects"
  echo shared >"$WORLD/of-projects/file"
  chgrp -R projects "$WORLD/of-projects"
  chmod 750 "$WORLD/of-projects"
  server_start
  reply bob "/files$WORLD/of-projects/file"
  reply bob "/list$WORLD/of-projects"
  assert_equal "$(fact '.entries[0].name')" file
  get carol "/files$WORLD/of-projects/file"
  assert_equal "$status_code" 403
  get carol "/list$WORLD/of-projects"
  assert_equal "$status_code" 403
}

# read_as UID OTHER: what the service shows UID of the file that is OTHER's.
read_as() {
  setpriv --reuid "$1" --regid "$1" --clear-groups -- \
    curl -s --unix-socket "$SOCKET" "http://x/files$WORLD/of-many/$2"
}

@test "of more clients than the broker keeps a thread for, each is itself, the first time and the next" {
  local uid next round
  need_ring
  mkdir "$WORLD/of-many"
  for uid in {3001..3080}; do
    echo "of $uid" >"$WORLD/of-many/$uid"
    chmod 600 "$WORLD/of-many/$uid"
    chown "$uid" "$WORLD/of-many/$uid"
  done
  server_start
  for round in 1 2; do
    for uid in {3001..3080}; do
      next=$((uid == 3080 ? 3001 : uid + 1))
      assert_equal "$(read_as "$uid" "$uid")" "of $uid"
      assert_equal "$(read_as "$uid" "$next")" "$WORLD/of-many/$next: Permission denied"
    done
  done
}

@test "a PUT makes, replaces and, as DELETE, removes as the client" {
  need_ring
  local file=$WORLD/home/alice/note
  server_start
  get alice "/files$file" -T - <<<first
  assert_equal "$status_code" 201
  assert_equal "$(stat -c '%U:%G %a' "$file")" "alice:alice 644"
  chmod 640 "$file"
  get alice "/files$file" -T - <<<second
  assert_equal "$status_code" 204
  assert_equal "$(cat "$file") $(stat -c '%U:%G %a' "$file")" "second alice:alice 640"
  assert_equal "$(find "$WORLD/home/alice" -name '.put-*')" ""

  # In a directory of all, what is another's is not replaced.
  chmod 755 "$WORLD/home/alice"
  get bob "/files$file" -T - <<<third
  assert_equal "$status_code" 403
  get bob "/files$file" -X DELETE
  assert_equal "$status_code" 403
  assert_equal "$(cat "$file")" second
  chmod 700 "$WORLD/home/alice"
  get alice "/files$file" -X DELETE
  assert_equal "$status_code" 204
  assert [ ! -e "$file" ]
}

@test "a file that is replaced keeps its ACL; one without loses that of the directory" {
  need_ring
  need setfacl
  local file=$WORLD/acl/file
  mkdir "$WORLD/acl"
  chown alice:alice "$WORLD/acl"
  setfacl -m u:carol:r "$WORLD/acl" 2>/dev/null || skip "needs ACLs on a tmpfs"
  setfacl -b "$WORLD/acl"
  server_start
  as alice sh -c "echo old >$file && setfacl -m u:bob:rw $file"
  get alice "/files$file" -T - <<<new
  assert_equal "$status_code" 204
  assert_equal "$(getfacl -cpE "$file" | xargs)" "user::rw- user:bob:rw- group::r-- mask::rw- other::r--"

  setfacl -b "$file"
  chmod 604 "$file"
  setfacl -d -m u:carol:rw "$WORLD/acl"
  get alice "/files$file" -T - <<<newer
  assert_equal "$status_code" 204
  assert_equal "$(getfacl -cpE "$file" | xargs) $(cat "$file")" "user::rw- group::--- other::r-- newer"
}

@test "a group that cannot be kept narrows the permissions to what both had" {
  need_ring
  local file=$WORLD/home/alice/grouped
  echo old >"$file"
  chown alice:reports "$file"
  chmod 664 "$file"
  server_start
  get alice "/files$file" -T - <<<new
  assert_equal "$status_code" 204
  assert_equal "$(stat -c '%U:%G %a' "$file")" "alice:alice 644"
}

@test "without ACLs a file is replaced where the permissions are right from the beginning" {
  need_ring
  need bindfs
  mkdir -m 755 "$SCRATCH/below" "$SCRATCH/seen"
  chown alice:alice "$SCRATCH/below"
  as alice sh -c "echo old >$SCRATCH/below/private && chmod 600 $SCRATCH/below/private && echo old >$SCRATCH/below/open"
  bindfs --xattr-none "$SCRATCH/below" "$SCRATCH/seen" 2>/dev/null || skip "needs FUSE"
  server_start
  get alice "/files$SCRATCH/seen/private" -T - <<<new
  local first=$status_code
  get alice "/files$SCRATCH/seen/open" -T - <<<new
  local second=$status_code
  wait_for umount -q "$SCRATCH/seen"
  assert_equal "$first $second" "204 403"
  assert_equal "$(cat "$SCRATCH/below/private" "$SCRATCH/below/open" | xargs)" "new old"
  assert_equal "$(find "$SCRATCH/below" -name '.put-*')" ""
}

# --- levels -------------------------------------------------------------------------------------

@test "at identification alice is known, and her own file is refused; at anonymous she is not known" {
  need_ring
  make_secret
  server_start
  reply alice /whoami -H 'Impersonation-Level: identification'
  assert_equal "$(fact '"\(.identity.name) \(.access_as.name) \(.level_decided_by)"')" "alice nobody request"
  get alice "$secret" -H 'Impersonation-Level: identification'
  assert_equal "$status_code" 403
  reply alice /whoami -H 'Impersonation-Level: anonymous'
  assert_equal "$(fact '"\(.identity.name) \(.access_as.name)"')" "Anonymous nobody"
  get alice "$secret" -H 'Impersonation-Level: anonymous'
  assert_equal "$status_code" 403
  reply alice /files/etc/passwd -H 'Impersonation-Level: anonymous'
  # On one connection, one after the other: each request is at its own level.
  run as alice curl -s -o /dev/null -o /dev/null -o /dev/null -w '%{http_code} ' --unix-socket "$SOCKET" \
    "http://x$secret" --next -s -o /dev/null -w '%{http_code} ' --unix-socket "$SOCKET" \
    -H 'Impersonation-Level: identification' "http://x$secret" --next -s -o /dev/null -w '%{http_code} ' \
    --unix-socket "$SOCKET" "http://x$secret"
  assert_output "200 403 200 "
}

@test "the level that a socket is bound to holds, and a request can lower it alone" {
  need_ring
  make_secret
  server_start
  local level
  for level in anonymous identification impersonation delegation; do
    bound alice "impersonate/$level/0123456789abcdef$RANDOM" /whoami
    assert_equal "$status_code $(fact '"\(.level) \(.level_decided_by)"')" "200 $level address"
  done
  bound alice impersonate/identification/a1 "$secret"
  assert_equal "$status_code" 403
  bound alice impersonate/identification/a2 "$secret" 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 403
  bound alice impersonate/impersonation/a3 "$secret"
  assert_equal "$status_code" 200
  bound alice impersonate/impersonation/a4 "$secret" 'Impersonation-Level: anonymous'
  assert_equal "$status_code" 403
  bound alice impersonate/much/a5 /whoami
  assert_equal "$status_code" 400
}

# bound USER NAME PATH [HEADER...]: asks from a socket that is bound to NAME
bound() {
  local user=$1 name=$2 path=$3
  shift 3
  as "$user" http-client "$SOCKET" "$name" "GET $path HTTP/1.1" 'Host: x' 'Connection: close' "$@" |
    tr -d '\r' >"$SCRATCH/answer"
  status_code=$(awk 'NR == 1 { print $2 }' "$SCRATCH/answer")
  body=$(sed '1,/^$/d' "$SCRATCH/answer")
}

@test "root is identified and not acted for, whatever it says" {
  need_ring
  server_start
  reply root /whoami
  assert_equal "$(fact '"\(.identity.name) \(.level) \(.level_decided_by) \(.access_as.name)"')" \
    "root identification privileged_client nobody"
  get root /files/etc/shadow -H 'Impersonation-Level: delegation'
  assert_equal "$status_code" 403
}

@test "the policy's max_level holds, and one that is read again raises nothing" {
  need_ring
  make_secret
  policy 'max_level = identification'
  server_start --policy "$SCRATCH/policy.conf"
  get alice "$secret" -H 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 403
  policy 'max_level = delegation'
  kill -HUP "$SERVER_PID"
  read -rt "$patience" -u "$server_out"
  assert_equal "$REPLY" "the policy was read again"
  get alice "$secret" -H 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 403
}

# --- handed over, held, passed on ---------------------------------------------------------------

@test "what is handed over is done as who handed it over" {
  need_ring
  make_secret
  server_start
  reply alice "/async$secret"
  assert_equal "$body" "only alice"
  get bob "/async$secret"
  assert_equal "$status_code" 403
  get alice "/async$secret" -H 'Impersonation-Level: identification'
  assert_equal "$status_code" 403
  get alice "/async/files$WORLD/home/alice/handed" -T - <<<over
  assert_equal "$status_code" 201
  assert_equal "$(stat -c %U "$WORLD/home/alice/handed")" alice
}

@test "where identity does not flow the work is not done, by the service neither" {
  need_ring
  printf '[runtime]\nlegacy_impersonation_policy = on\n' >"$SCRATCH/policy.conf"
  server_start --policy "$SCRATCH/policy.conf"
  get alice /async/files/etc/passwd
  assert_equal "$status_code $body" "500 the thread was not who it should have been"
  reply alice /files/etc/passwd
  reply alice /metrics
  assert_regex "$body" $'\nidn_assertion_failures_total 1\n'

  # The thread that it would have been done by is lost, and is seen to be.
  need idn-check
  exec {held}< <(exec 3>&- 4>&-; become alice; exec "${BECOME[@]}" curl -sN --unix-socket "$SOCKET" \
    "http://x/async/hold?ms=600000")
  SERVER_PIDS+=($!)
  read -rt "$patience" -u "$held" line
  assert_equal "$(jq -r .error <<<"$line")" "the thread is not who it should be"
  run -1 idn-check threads "$SERVER_PID"
  assert_line --regexp "^$SERVER_PID/[0-9]+ idn-serve-demo \(hold\): lost: should be alice, is uid $(of_service Uid)"
}

@test "one that is held is told by the ledger, and not after" {
  need_ring
  server_start
  exec {held}< <(exec 3>&- 4>&-; become alice; exec "${BECOME[@]}" curl -sN --unix-socket "$SOCKET" \
    "http://x/hold?ms=600000")
  SERVER_PIDS+=($!)
  read -rt "$patience" -u "$held" line
  conforms idn-serve-demo-whoami.schema.json <<<"$line"
  assert_equal "$(jq -r '"\(.identity.name) \(.engine)"' <<<"$line")" "alice ring"
  first_event bob
  assert_equal "$(jq -r '.threads[] | select(.command == "hold") | "\(.client.name) \(.level)"' <<<"$data")" \
    "alice impersonation"
  kill -TERM "$SERVER_PID"
  read -rt "$patience" -u "$held" line
  assert_equal "$(jq -c '[.reverted, .stayed]' <<<"$line")" "[true,true]"
}

@test "the next server sees the client, from the kernel" {
  need_ring
  need_backend
  make_secret
  server_start
  server_start --backend "unix:$SOCKET"
  reply alice /backend/whoami
  assert_equal "$(fact '"\(.identity.name) \(.level) \(.engine)"')" "alice impersonation ring"
  reply bob /backend/whoami
  assert_equal "$(fact .identity.name)" bob
  reply alice "/async/backend$secret"
  assert_equal "$body" "only alice"
  get bob "/backend$secret"
  assert_equal "$status_code" 403
  reply alice /backend/whoami -H 'Impersonation-Level: identification'
  assert_equal "$(fact .identity.name)" Anonymous
}

@test "what a ring cannot do as the client is a 501 that names what can" {
  need_ring
  server_start
  get alice /keys/some
  assert_equal "$status_code" 501
  [[ $body == *"built without libkeyutils"* ]] ||
    assert_equal "$body" "kernel keys are not served by the ring engine: with --engine thread they are"
}

@test "with the client goes what it is known by: another gets the number, and never its identity" {
  need_ring
  make_secret
  server_start
  local user i
  for ((i = 0; i < 30; i++)); do
    for user in alice bob; do
      reply "$user" /whoami
      assert_equal "$(fact .identity.name)" "$user"
      get "$user" "$secret"
      assert_equal "$user $status_code" "$user $([[ $user == alice ]] && echo 200 || echo 403)"
    done
  done
}

@test "many clients at a time are never mixed, by one thread or by four" {
  need_ring
  local user threads pids
  for user in alice bob carol; do
    as "$user" sh -c "umask 077 && echo of-$user >~/own"
  done
  for threads in 1 4; do
    server_start --threads "$threads"
    pids=()
    for user in alice bob carol; do
      (
        of=$user
        for ((i = 0; i < 30; i++)); do
          as "$of" curl -s -w '%{http_code}\n' --unix-socket "$SOCKET" \
            "http://x/files$WORLD/home/"{alice,bob,carol}/own | sed 's/^.*: //'
        done | sort | uniq -c | xargs >"$SCRATCH/$of"
      ) &
      pids+=($!)
    done
    wait "${pids[@]}"
    for user in alice bob carol; do
      assert_equal "$(cat "$SCRATCH/$user")" "30 200 60 403 60 Permission denied 30 of-$user"
    done
  done
}

# The broker of this test's service.
find_broker() {
  local directory
  for directory in /proc/[0-9]*; do
    if grep -qx imp-broker "$directory/comm" 2>/dev/null &&
      grep -qzx "BATS_TEST_TMPDIR=$BATS_TEST_TMPDIR" "$directory/environ" 2>/dev/null; then
      broker=${directory#/proc/}
      return
    fi
  done
  echo "there is no broker" >&2
  return 1
}

broker_has() {
  [[ $(ls "/proc/$broker/fd" | wc -l) -eq $1 ]]
}

counts() {
  curl -s --unix-socket "$SOCKET" http://x/metrics | grep -qxF "$1"
}

# sleeping PID COMMAND: waits for an answer
sleeping() {
  [[ $(awk '/^(Name|State):/ { print $2 }' "/proc/$1/status" | xargs) == "$2 S" ]]
}

@test "a client that has gone is not served any more, and the service does not do it either" {
  need_ring
  need_backend
  local next before impersonations
  mkdir -m 1777 "$WORLD/open"
  SERVE_ENGINE=thread server_start
  next=$SERVER_PID
  kill -STOP "$next"
  server_start --workers 1 --backend "unix:$SOCKET"
  find_broker

  # The one worker waits for the next server: what alice asks for has to wait for it.
  (exec 3>&- 4>&-; become bob; exec "${BECOME[@]}" curl -s --unix-socket "$SOCKET" http://x/backend/whoami) &
  SERVER_PIDS+=($!)
  wait_for counts 'idn_threads_impersonating 1'
  wait_for counts 'idn_connections 2'
  before=$(ls "/proc/$broker/fd" | wc -l)
  impersonations=$(curl -s --unix-socket "$SOCKET" http://x/metrics | awk '$1 == "idn_impersonations_total" { print $2 }')
  (exec 3>&- 4>&-; become alice; exec "${BECOME[@]}" http-client "$SOCKET" - "PUT /files$WORLD/open/hers HTTP/1.1" 'Host: x' \
    'Content-Length: 0') &
  local client=$!
  SERVER_PIDS+=("$client")
  wait_for sleeping "$client" http-client
  wait_for broker_has $((before + 1))
  kill -KILL "$client"
  wait_for broker_has "$before"
  kill -KILL "$next"

  # What bob asks for comes after it: it has been begun, and was alice's, and nothing came of it.
  get bob "/files$WORLD/open/bobs" -T - <<<here
  assert_equal "$status_code" 201
  counts "idn_impersonations_total $((impersonations + 2))"
  assert_equal "$(ls -A "$WORLD/open")" bobs
}

@test "over TCP, without a keytab, all are Anonymous by the ring engine too" {
  need_ring
  server_start --tcp 127.0.0.1:0
  body=$(curl -s "http://$SERVER_ADDRESS/whoami")
  assert_equal "$(fact '"\(.identity.name) \(.access_as.name) \(.engine)"')" "Anonymous nobody ring"
  assert_equal "$(curl -s -o /dev/null -w '%{http_code}' "http://$SERVER_ADDRESS/files/etc/shadow")" 403
  assert_equal "$(curl -s -o /dev/null -w '%{http_code}' "http://$SERVER_ADDRESS/files/etc/passwd")" 200
}
