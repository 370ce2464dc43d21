#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-serve-demo: work that is handed to other threads, and to other servers, is done as the client; and
# the mistakes that it can make on purpose are found.

load lib/common

setup() {
  need_world
  need curl jq
  cd "$SCRATCH" || return
}

teardown() {
  server_teardown
}

# alice's own, and nobody else's to look into.
make_place() {
  place=$SCRATCH/alice
  [[ -d $place ]] || install -d -o alice -g alice -m 0700 "$place"
}

make_secret() {
  make_place
  install -o alice -g alice -m 0600 /dev/null "$place/secret"
  echo "only alice" >"$place/secret"
  secret=/files$place/secret
}

# Two of them, the second behind the first; more options are the first one's.
start_two() {
  server_start --unix "$SCRATCH/second.socket"
  SECOND_PID=$SERVER_PID
  server_start --unix "$SCRATCH/first.socket" --backend "unix:$SCRATCH/second.socket" "$@"
}

# policy LINE...: of the section [runtime]
policy() {
  printf '%s\n' '[runtime]' "$@" >"$SCRATCH/policy.conf"
}

reload() {
  local line
  kill -HUP "$SERVER_PID"
  read -rt "$patience" -u "$server_out" line
  assert_equal "$line" "the policy was read again"
}

# hold_open USER PATH: sets HELD, the thread that is held; the rest comes from descriptor held.
hold_open() {
  local line
  become "$1" || return
  exec {held}< <(exec "${BECOME[@]}" curl -sN --unix-socket "$SOCKET" "http://x$2")
  HOLD_PID=$!
  SERVER_PIDS+=("$HOLD_PID")
  read -rt "$patience" -u "$held" line
  HELD=$(jq -r .thread <<<"$line")
  HELD_LINE=$line
}

hold_rest() {
  read -rt "$patience" -u "$held" HELD_LINE
  exec {held}<&-
}

# --- to other threads -----------------------------------------------------------------------------

@test "work that is handed over twice is done as the client, in another thread" {
  server_start
  get alice /async/whoami
  assert_equal "$status_code" 200
  assert_equal "$(fact .identity.name)" alice
  assert_equal "$(fact '.kernel.uids.filesystem')" 2001
  assert_equal "$(fact '.kernel.groups | map(tostring) | join(" ")')" "2001 2100 2101"
  local first
  first=$(fact .thread)
  get alice /whoami
  refute [ "$(fact .thread)" = "$first" ]
}

@test "what only alice may read, handed over, is read for her and for nobody else" {
  make_secret
  server_start
  get alice "/async$secret"
  assert_equal "$status_code" 200
  assert_equal "$body" "only alice"
  get bob "/async$secret"
  assert_equal "$status_code" 403
}

@test "a level goes along: at identification the handed-over work is the anonymous identity's" {
  make_secret
  server_start
  get alice /async/whoami -H 'Impersonation-Level: identification'
  assert_equal "$(fact .level)" identification
  assert_equal "$(fact .kernel.uids.filesystem)" 65534
  get alice "/async$secret" -H 'Impersonation-Level: identification'
  assert_equal "$status_code" 403
}

@test "the thread that did handed-over work is the service's again" {
  need idn-show
  server_start
  get alice /async/whoami
  run idn-show "$(fact .thread)"
  assert_line "Impersonating: no"
  assert_line --regexp "^State: +consistent"
}

@test "with the policy that loses identity handed-over work is not done, and the rest is as before" {
  make_secret
  policy "legacy_impersonation_policy = on"
  server_start --policy "$SCRATCH/policy.conf"
  get alice "/async$secret"
  assert_equal "$status_code" 500
  assert_equal "$body" "the thread was not who it should have been"
  get alice "$secret"
  assert_equal "$status_code" 200
  run cat "$SERVER_LOG"
  assert_line --regexp 'exchange\.c:[0-9]+: work of uid 2001 is handed over without its identity: legacy_impersonation_policy is on'
}

@test "the loss is told once for each place, and counted always" {
  policy "legacy_impersonation_policy = on"
  server_start --threads 1 --policy "$SCRATCH/policy.conf"
  for _ in 1 2 3; do get alice /async/whoami; done
  # It is handed over at two places.
  run grep -oE 'exchange\.c:[0-9]+: work of uid 2001 is handed over without its identity' "$SERVER_LOG"
  assert_equal "${#lines[@]}" 2
  refute [ "${lines[0]}" = "${lines[1]}" ]
  run curl -s --unix-socket "$SOCKET" http://x/metrics
  assert_line "idn_flows_refused_total 6"
}

@test "a policy that is changed is in force after SIGHUP, as a whole" {
  policy "legacy_impersonation_policy = on"
  server_start --policy "$SCRATCH/policy.conf"
  get alice /async/whoami
  assert_equal "$status_code" 500
  policy "legacy_impersonation_policy = off"
  reload
  get alice /async/whoami
  assert_equal "$status_code" 200
  printf '[impersonation]\nmax_level = identification\n' >"$SCRATCH/policy.conf"
  reload
  get alice /whoami
  assert_equal "$(fact .level)" identification
  assert_equal "$(fact .level_decided_by)" max_level
}

@test "a policy with a mistake in it changes nothing, and does not end the service" {
  policy "legacy_impersonation_policy = off"
  server_start --policy "$SCRATCH/policy.conf"
  printf '[impersonation]\nmax_level = anonymous\nlegacy = 1\n' >"$SCRATCH/policy.conf"
  kill -HUP "$SERVER_PID"
  wait_for grep -q "the policy stays as it was" "$SERVER_LOG"
  run cat "$SERVER_LOG"
  assert_line --regexp "policy\.conf: 3:"
  get alice /whoami
  assert_equal "$(fact .level)" impersonation
}

@test "a policy with a mistake in it keeps the service from starting" {
  printf '[runtime]\nno_such_key = on\n' >"$SCRATCH/policy.conf"
  run idn-serve-demo --unix "$SCRATCH/x" --policy "$SCRATCH/policy.conf"
  assert_failure 1
  assert_output --regexp "idn-serve-demo: .*policy\.conf: 2:[0-9]+: "
}

# --- to other servers -------------------------------------------------------------------------------

@test "the second server sees the client from the kernel, and the first one not at all" {
  start_two
  get alice /backend/whoami
  assert_equal "$status_code" 200
  assert_equal "$(fact .identity.name)" alice
  assert_equal "$(fact .level)" impersonation
  assert_equal "$(fact .level_decided_by)" address
  assert_equal "$(fact .kernel.uids.filesystem)" 2001
  assert_equal "$(fact '.kernel.groups | map(tostring) | join(" ")')" "2001 2100 2101"
  assert_equal "$(fact '.thread | split("/")[0]')" "$SECOND_PID"
  assert_equal "$(fact '.via | length')" 1
  assert_equal "$(fact '.via[0].service')" "$SOCKET"
  assert_equal "$(fact '.via[0].thread | split("/")[0]')" "$SERVER_PID"
  assert_equal "$(fact '.via[0].transport')" unix
}

@test "a third server too, and it is told which way the request came" {
  start_two
  local first=$SOCKET
  server_start --unix "$SCRATCH/zeroth.socket" --backend "unix:$first"
  get alice /backend/backend/whoami
  assert_equal "$(fact .identity.name)" alice
  assert_equal "$(fact '[.via[].service] | join(" ")')" "$SOCKET $first"
}

@test "through the pool and to the second server, and there through its pool" {
  make_secret
  start_two
  local way
  for way in /async/backend /backend/async /async/backend/async; do
    get alice "$way$secret"
    assert_equal "$status_code" 200
    assert_equal "$body" "only alice"
    get bob "$way$secret"
    assert_equal "$status_code" 403
  done
}

@test "many clients through both servers are never mixed" {
  start_two --threads 4
  local user pids=()
  for user in alice bob carol g32; do
    (
      for ((i = 0; i < 25; i++)); do
        as "$user" curl -s --unix-socket "$SOCKET" http://x/backend/whoami http://x/async/backend/whoami
      done | jq -r '"\(.identity.name) \(.kernel.uids.filesystem)"' | sort | uniq -c >"$SCRATCH/$user.seen"
    ) &
    pids+=($!)
  done
  wait "${pids[@]}"
  for user in alice bob carol g32; do
    run cat "$SCRATCH/$user.seen"
    assert_equal "${#lines[@]}" 1
    assert_output --regexp "^ *50 $user $(id -u "$user")$"
  done
}

@test "below impersonation the second server sees nobody that it knows" {
  start_two
  get alice /backend/whoami -H 'Impersonation-Level: identification'
  assert_equal "$(fact .level)" anonymous
  assert_equal "$(fact .identity.name)" Anonymous
  refute_alice "$body"
}

@test "files are written, replaced and removed through the second server" {
  start_two
  make_place
  local path=$place/through
  get alice "/backend/files$path" -X PUT --data-binary "one"
  assert_equal "$status_code" 201
  assert_equal "$(<"$path")" one
  assert_equal "$(stat -c %U "$path")" alice
  get alice "/async/backend/files$path" -X PUT --data-binary "two"
  assert_equal "$status_code" 204
  assert_equal "$(<"$path")" two
  get bob "/backend/files$path" -X DELETE
  assert_equal "$status_code" 403
  get alice "/backend/files$path" -X DELETE
  assert_equal "$status_code" 204
  refute [ -e "$path" ]
}

@test "a large file comes through whole, and a slow reader takes no memory" {
  start_two
  make_place
  install -o alice -g alice -m 0600 /dev/null "$place/large"
  head -c 20000000 /dev/urandom >"$place/large"
  as alice curl -s --unix-socket "$SOCKET" "http://x/backend/files$place/large" >"$SCRATCH/copy"
  cmp "$place/large" "$SCRATCH/copy"
  local before after
  before=$(awk '/^VmRSS:/ { print $2 }' "/proc/$SERVER_PID/status")
  as alice curl -s --limit-rate 4M --unix-socket "$SOCKET" \
    "http://x/backend/files$place/large" | cmp - "$place/large"
  after=$(awk '/^VmRSS:/ { print $2 }' "/proc/$SERVER_PID/status")
  ((after < before + 8192))
}

@test "no backend, none that answers, and one that the client may not connect to" {
  server_start
  get alice /backend/whoami
  assert_equal "$status_code" 404
  server_start --backend "unix:$SCRATCH/nobody"
  get alice /backend/whoami
  assert_equal "$status_code" 502
  server_start --unix "$SCRATCH/closed.socket" --socket-mode 0600
  server_start --backend "unix:$SCRATCH/closed.socket"
  get alice /backend/whoami
  assert_equal "$status_code" 403
}

@test "a backend that was restarted is asked again, as the client" {
  start_two
  (
    # Over one connection to the first server, whose own to the second one ends in between.
    exec 3> >(as alice curl -sN --unix-socket "$SOCKET" -K - >"$SCRATCH/answers")
    echo 'url = http://x/backend/whoami' >&3
  )
  get alice /backend/whoami
  assert_equal "$status_code" 200
  kill -KILL "$SECOND_PID"
  wait "$SECOND_PID" || true
  local first=$SOCKET first_pid=$SERVER_PID
  server_start --unix "$SCRATCH/second.socket"
  SOCKET=$first
  get alice /backend/whoami
  assert_equal "$status_code" 200
  assert_equal "$(fact .identity.name)" alice
  get bob /backend/whoami
  assert_equal "$(fact .identity.name)" bob
  kill -0 "$first_pid"
}

@test "a way that nobody can have come is refused" {
  server_start
  for via in 'x' 'a b c' '/run/x 1/2 unix,' '/run/x 1/2 unix, ' '/run/x -1/2 unix' '/run/x 1/2 UNIX' \
    '/run/x 1/2 unix ' '/run/x 1/2 unix delegation' '/run/x 1/2 unix delegation request' \
    '/run/x 1/2 unix delegation request 7 8'; do
    get alice /whoami -H "Impersonation-Via: $via"
    assert_equal "$status_code" 400
  done
  get alice /whoami -H "Impersonation-Via: /run/a%20b.sock 12/34 unix, y 5/6 tcp identification default -, z 7/8 tcp delegation request al%40x"
  assert_equal "$status_code" 200
  assert_equal "$(fact '[.via[] | "\(.service) \(.thread) \(.transport)"] | join("|")')" \
    "/run/a b.sock 12/34 unix|y 5/6 tcp|z 7/8 tcp"
  assert_equal "$(fact '[.via[] | "\(.level) \(.level_decided_by) \(.client)"] | join("|")')" \
    "null null null|identification default null|delegation request al@x"
}

# --- mistakes ------------------------------------------------------------------------------------------

# finding STATE EXPECTED ACTUAL: the one that idn-check tells of this service.
finding() {
  run --separate-stderr idn-check threads --json "$SERVER_PID"
  assert_failure 1
  assert_equal "${#lines[@]}" 1
  assert_equal "$(jq -r '"\(.state) \(.expected.name // .expected.uid) \(.actual.name // .actual.uid)"' <<<"$output")" "$1 $2 $3"
  [[ -z ${HELD-} ]] || assert_equal "$(jq -r '"\(.pid)/\(.tid)"' <<<"$output")" "${4:-$HELD}"
}

service_uid() {
  awk '/^Uid:/ { print $2 }' "/proc/$SERVER_PID/status"
}

@test "a hand-over without flow: the work is not done, and the thread is lost" {
  make_secret
  server_start --demo-defect no-flow
  get alice "/async$secret"
  assert_equal "$status_code" 500
  get alice "$secret"
  assert_equal "$status_code" 200
  hold_open alice '/async/hold?ms=600000'
  finding lost alice "$(service_uid)"
}

@test "the policy that loses identity: the thread that has the work is lost, until it is off" {
  policy "legacy_impersonation_policy = on"
  server_start --policy "$SCRATCH/policy.conf"
  hold_open alice '/async/hold?ms=600000'
  finding lost alice "$(service_uid)"
  kill "$HOLD_PID"
  policy "legacy_impersonation_policy = off"
  reload
  hold_open bob '/async/hold?ms=600000'
  assert_equal "$(jq -r .identity.name <<<"$HELD_LINE")" bob
}

@test "a forgotten revert: the thread is leaked" {
  server_start --demo-defect forgotten-revert
  hold_open alice '/hold?ms=0'
  hold_rest
  assert_equal "$(jq -r .reverted <<<"$HELD_LINE")" false
  wait_for grep -q "went idle as somebody else" "$SERVER_LOG"
  finding leaked "$(service_uid)" alice
}

@test "a thread that was born while its maker impersonated: leaked, for life" {
  server_start --demo-defect born-impersonating
  hold_open alice '/hold?ms=0'
  hold_rest
  assert_equal "$(jq -r '"\(.reverted) \(.stayed)"' <<<"$HELD_LINE")" "true true"
  local born
  born=$(grep -lx born "/proc/$SERVER_PID/task/"*/comm | cut -d / -f 5)
  finding leaked "$(service_uid)" alice "$SERVER_PID/$born"
}

@test "ids changed behind the library: the thread is mismatched" {
  server_start --demo-defect raw-setresuid
  hold_open alice '/hold?ms=600000'
  wait_for not_alice "$HELD"
  finding mismatched alice "$(service_uid)"
}

@test "the C library's seteuid in another thread: every thread that impersonates is mismatched" {
  server_start --demo-defect glibc-seteuid
  hold_open alice '/hold?ms=600000'
  wait_for not_alice "$HELD"
  finding mismatched alice "$(service_uid)"
}

not_alice() {
  refute grep -q '^Uid:.*2001$' "/proc/${1%/*}/task/${1#*/}/status" 2>/dev/null
}

@test "a channel that is opened by whoever comes first is refused to the next, and told of" {
  start_two --demo-defect lazy-channel
  get alice /backend/whoami
  assert_equal "$status_code" 200
  assert_equal "$(fact .identity.name)" alice
  get bob /backend/whoami
  assert_equal "$status_code" 500
  assert_equal "$body" "the connection to the backend is another's"
  finding mismatched bob alice
}

@test "the same with a policy that only warns: bob's request is made as alice, and that is told of" {
  policy "channel_mismatch = warn"
  start_two --demo-defect lazy-channel --policy "$SCRATCH/policy.conf"
  get alice /backend/whoami
  get bob /backend/whoami
  assert_equal "$status_code" 200
  assert_equal "$(fact .identity.name)" alice
  finding mismatched bob alice
  run cat "$SERVER_LOG"
  assert_line --partial "channel"
}

@test "no such defect is a usage error" {
  run idn-serve-demo --unix "$SCRATCH/x" --demo-defect nothing
  assert_failure 2
}

# --- health under load -------------------------------------------------------------------------------

BATS_TEST_TIMEOUT=$((${LOAD_SECONDS:-60} + 120))

@test "a healthy service under full load for a minute: nothing is found" {
  need soak
  mkdir -m 0755 files
  start_two
  soak --socket "$SOCKET" --directory "$SCRATCH/files" --backend --requests 100000000 \
    >"$SCRATCH/soak.out" 2>&1 &
  local soaking=$!
  SERVER_PIDS+=("$soaking")
  run idn-check threads --for "${LOAD_SECONDS:-60}s" --every 20ms "$SERVER_PID" "$SECOND_PID"
  assert_success
  assert_output ""
  kill -0 "$soaking" || { cat "$SCRATCH/soak.out" >&2; return 1; }
}
