#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-serve-demo: what it shows of itself, as a stream of events and as metrics.

load lib/common

setup() {
  need_world
  need curl
  need jq
}

teardown() {
  server_teardown
}

# get USER PATH [CURL-ARGUMENT...]: what comes, then the status
get() {
  local user=$1 path=$2
  shift 2
  as "$user" curl -s -w '%{http_code}\n' --unix-socket "$SOCKET" "$@" "http://x$path"
}

# --- /events ------------------------------------------------------------------------------------

# listen USER [CURL-ARGUMENT...]: sets events, a descriptor that the stream can be read from, and listener
listen() {
  become "$1"
  shift
  exec {events}< <(exec 3>&- 4>&-; exec "${BECOME[@]}" curl -sN --unix-socket "$SOCKET" "$@" http://x/events)
  listener=$!
  SERVER_PIDS+=("$listener")
}

# next_event [FD]: sets id and data, of the next event; fails when there is none in time
next_event() {
  local line name='' fd=${1:-$events}
  id='' data=''
  # shellcheck disable=SC2154 # of lib/common
  while read -rt "$patience" -u "$fd" line; do
    case $line in
      'event: '*) name=${line#event: } ;;
      'id: '*) id=${line#id: } ;;
      'data: '*) data=${line#data: } ;;
      '') [[ -z $data ]] || break ;;
    esac
  done
  [[ $name == status && -n $id && -n $data ]]
}

# await_event FILTER: until an event comes of which jq says so
await_event() {
  local deadline=$((SECONDS + patience))
  until next_event && jq -e "$1" <<<"$data" >/dev/null; do
    ((SECONDS <= deadline)) || fail "no such event: $1"
  done
}

hold() {
  local user=$1 query=$2
  shift 2
  as "$user" curl -s -o /dev/null --unix-socket "$SOCKET" "$@" "http://x$query" 3>&- 4>&- &
  SERVER_PIDS+=("$!")
}

@test "an event tells of every thread there is, as the schema says" {
  need_jsonschema
  server_start --threads 2
  listen alice
  next_event
  assert_equal "$id" 1
  conforms idn-serve-demo-status.schema.json <<<"$data"
  # shellcheck disable=SC2153 # set by server_start
  assert_equal "$(jq -c '.threads | map(.tid)' <<<"$data")" \
    "$(printf '%s\n' /proc/"$SERVER_PID"/task/* | sed 's/.*\///' | sort -n | jq -cs .)"
  assert_equal "$(jq -c '.threads | map(.command) | group_by(.) | map([.[0], length])' <<<"$data")" \
    '[["idn-serve-demo",1],["serve",2],["status",1],["worker",16]]'
  assert_equal "$(jq -c '[.service.pid, .service.uid]' <<<"$data")" \
    "[$SERVER_PID,$(awk '/^Uid:/ { print $2 }' "/proc/$SERVER_PID/status")]"
  # It is a schema that something can fail.
  run -1 conforms idn-serve-demo-status.schema.json < <(jq -c 'del(.threads[0].state)' <<<"$data")
  run -1 conforms idn-serve-demo-status.schema.json < <(jq -c '.threads[0].level = "root"' <<<"$data")
}

@test "a thread is seen to become its client, and to come back" {
  need_jsonschema
  server_start
  listen bob
  next_event
  hold alice '/hold?ms=3000'
  await_event 'any(.threads[]; .command == "hold" and .impersonating)'
  conforms idn-serve-demo-status.schema.json <<<"$data"
  assert_equal "$(jq -c '.threads[] | select(.impersonating) |
    [.access_as.name, .client.uid, .level, .level_decided_by, .state, .counters.impersonations]' <<<"$data")" \
    '["alice",2001,"impersonation","default","consistent",1]'
  await_event 'any(.threads[]; .command == "hold" and (.impersonating | not))'
  assert_equal "$(jq -c '.threads[] | select(.command == "hold") | [.client, .level, .since]' <<<"$data")" '[null,null,null]'
}

@test "each event is another one, and none comes twice" {
  local before=0 last=
  server_start
  listen alice
  hold bob '/hold?ms=300'
  hold bob '/hold?ms=600'
  hold bob '/hold?ms=900'
  for ((n = 0; n < 4; n++)); do
    next_event
    ((id > before))
    [[ $data != "$last" ]]
    before=$id last=$data
  done
}

@test "at anonymous nothing tells who the client is, and at identification the client is told" {
  server_start
  listen bob
  hold alice '/hold?ms=2000' -H 'Impersonation-Level: anonymous'
  await_event 'any(.threads[]; .level == "anonymous")'
  refute_alice "$data"
  assert_equal "$(jq -c '.threads[] | select(.level == "anonymous") | [.client, .access_as.name]' <<<"$data")" '[null,"nobody"]'
  hold carol '/hold?ms=2000' -H 'Impersonation-Level: identification'
  await_event 'any(.threads[]; .level == "identification")'
  assert_equal "$(jq -c '.threads[] | select(.level == "identification") | [.client.name, .access_as.name]' <<<"$data")" \
    '["carol","nobody"]'
}

@test "what a thread lost, and whom it should act as, is told" {
  need_jsonschema
  server_start -q --demo-defect no-flow
  listen bob
  hold alice '/async/hold?ms=2000'
  await_event 'any(.threads[]; .state == "lost")'
  conforms idn-serve-demo-status.schema.json <<<"$data"
  assert_equal "$(jq -c '.threads[] | select(.state == "lost") | [.expected_as.name, .impersonating, .level]' <<<"$data")" \
    '["alice",false,null]'
}

@test "64 listen at a time, one more is a 503, and who leaves makes room" {
  local n first
  server_start
  for ((n = 0; n < 64; n++)); do
    listen alice
    ((n)) || first=$listener
    next_event
  done
  run -0 get bob /events
  assert_output "nobody else can listen just now
503"
  hold bob '/hold?ms=3000'
  await_event 'any(.threads[]; .impersonating)'
  kill "$first"
  # Seen with the next event.
  wait_for some_room
}

some_room() {
  hold bob '/hold?ms=1'
  [[ $(get bob /events -o /dev/null --max-time 1) == 200 ]]
}

@test "a listener that reads nothing holds up nobody, and misses some" {
  local slow slow_listener
  # So many that a few events are more than what lies between the two ends.
  server_start --workers 500
  listen alice
  slow=$events slow_listener=$listener
  next_event
  kill -STOP "$slow_listener"
  listen bob
  next_event
  for ((n = 0; n < 20; n++)); do
    run -0 get carol /whoami -o /dev/null
    assert_output 200
    await_event "(.totals.requests[\"200\"] > $n)"
  done
  local newest=$id before=0 missed=no
  kill -CONT "$slow_listener"
  while ((before < newest)); do
    next_event "$slow"
    ((before == 0 || id == before + 1)) || missed=yes
    before=$id
  done
  assert_equal "$missed" yes
}

@test "SIGTERM ends the streams, and the exit status is 0, also with one that reads nothing" {
  local stopped
  server_start --workers 500
  listen alice
  next_event
  stopped=$listener
  kill -STOP "$stopped"
  listen bob
  for ((n = 0; n < 10; n++)); do
    get carol /whoami -o /dev/null
    await_event "(.totals.requests[\"200\"] > $n)"
  done
  # What comes meanwhile has to be read by somebody: a message is as large as what a pipe has room for.
  cat <&"$events" >"$SCRATCH/rest" 3>&- 4>&- &
  server_stop
  # To its proper end.
  wait "$listener"
  kill -KILL "$stopped"
}

sampler_switches() {
  local task
  for task in /proc/"$SERVER_PID"/task/*; do
    [[ $(<"$task/comm") != status ]] || awk '/^(non)?voluntary_ctxt/ { sum += $2 } END { print sum }' "$task/status"
  done
}

sampler_rests() {
  local before
  before=$(sampler_switches)
  pause
  pause
  pause
  pause
  pause
  [[ $(sampler_switches) == "$before" ]]
}

@test "while nobody listens nobody looks" {
  local before n
  server_start
  get alice /metrics -o /dev/null
  wait_for sampler_rests
  before=$(sampler_switches)
  for ((n = 0; n < 20; n++)); do
    get alice /whoami -o /dev/null
    pause
  done
  assert_equal "$(sampler_switches)" "$before"
}

# --- the page -----------------------------------------------------------------------------------

@test "the page allows no script and no style but its own, whose nonce is another each time" {
  local nonce
  server_start
  run -0 page
  assert_output --partial '<title>idn-serve-demo</title>'
  assert_line "Content-Type: text/html; charset=utf-8"
  assert_line --regexp "^Content-Security-Policy: default-src 'none'; connect-src 'self'; script-src 'nonce-[0-9a-f]{32}'; style-src 'nonce-[0-9a-f]{32}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$"
  nonce=$(grep -oE "script-src 'nonce-[0-9a-f]+" <<<"$output" | sed 's/.*-//')
  assert_output --partial "<script nonce=\"$nonce\">"
  assert_output --partial "<style nonce=\"$nonce\">"
  run -0 page
  refute_output --partial "$nonce"
}

page() {
  as alice curl -si --unix-socket "$SOCKET" http://x/ | tr -d '\r'
}

@test "GET and HEAD are all that is served there, and nothing of it through the pool" {
  local path
  server_start
  for path in / /events /metrics; do
    run -0 get alice "$path" -I -o /dev/null
    assert_output 200
    run -0 get alice "$path" -X PUT --data x -o /dev/null
    assert_output 405
    run -0 get alice "$path" -X DELETE -o /dev/null
    assert_output 405
    run -0 get alice "/async$path" -o /dev/null
    assert_output 404
  done
}

# --- /metrics -----------------------------------------------------------------------------------

metrics() {
  as alice curl -s --unix-socket "$SOCKET" http://x/metrics >"$SCRATCH/metrics"
}

# value SERIES: 0 is written out, all else that is not there is empty
value() {
  awk -v series="$1" '$1 == series { print $2 }' "$SCRATCH/metrics"
}

# metrics_say SERIES VALUE
metrics_say() {
  metrics
  [[ $(value "$1") == "$2" ]]
}

@test "the metrics are such as Prometheus reads" {
  server_start
  run as alice curl -sI --unix-socket "$SOCKET" http://x/metrics
  assert_line --regexp '^Content-Type: text/plain; version=0\.0\.4'
  get alice /whoami
  get alice /nothing
  metrics
  run -0 "$SRC/tests/lib/lint-metrics" "$SCRATCH/metrics"
  assert_output ""
}

@test "what checks them finds what is wrong with metrics" {
  local wrong
  server_start
  metrics
  for wrong in '/^# HELP idn_flows_total/d' '/^# TYPE idn_flows_total/d' 's/^idn_flows_total .*/idn_flows_total/' \
    's/^idn_clients \(.*\)/&\n&/' 's/^idn_clients .*/idn_clients -1/' 's/idn_clients/idn_clients_total/' \
    's/state="lost"/state=lost/' 's/^idn_threads{state="lost"}.*/&\n\n/' '/^idn/!d' '$!N;/./d'; do
    run -1 "$SRC/tests/lib/lint-metrics" < <(sed "$wrong" "$SCRATCH/metrics")
  done
}

@test "requests are counted by method, status and kind" {
  server_start
  make_file
  get alice /whoami -o /dev/null
  get alice /whoami -o /dev/null
  get bob /async/whoami -o /dev/null
  get alice /whoami -I -o /dev/null
  get alice /nothing -o /dev/null
  get alice /list/ -o /dev/null
  get alice "/files$WORLD/home/alice/file" -o /dev/null
  get bob "/files$WORLD/home/alice/file" -o /dev/null
  get alice /whoami -X POST -o /dev/null
  get alice /whoami -H 'Impersonation-Level: nonsense' -o /dev/null
  metrics
  metrics
  assert_equal "$(grep '^idn_requests_total' "$SCRATCH/metrics" | sort)" "$(sort <<'METRICS'
idn_requests_total{method="GET",code="200",kind="whoami"} 3
idn_requests_total{method="HEAD",code="200",kind="whoami"} 1
idn_requests_total{method="GET",code="404",kind="none"} 1
idn_requests_total{method="GET",code="200",kind="list"} 1
idn_requests_total{method="GET",code="200",kind="file"} 1
idn_requests_total{method="GET",code="403",kind="file"} 1
idn_requests_total{method="other",code="405",kind="whoami"} 1
idn_requests_total{method="GET",code="400",kind="whoami"} 1
idn_requests_total{method="GET",code="200",kind="metrics"} 1
METRICS
)"
}

make_file() {
  as alice sh -c 'umask 077 && echo mine >~/file'
}

@test "impersonations, flows and connections are counted" {
  server_start
  metrics
  assert_equal "$(value idn_impersonations_total) $(value idn_flows_total)" "0 0"
  get alice /whoami -o /dev/null
  get bob /whoami -o /dev/null
  metrics
  assert_equal "$(value idn_impersonations_total) $(value idn_flows_total)" "2 0"
  # Handed over twice: two pieces of work under alice's identity.
  get alice /async/whoami -o /dev/null
  metrics
  assert_equal "$(value idn_flows_total)" 2
  assert_equal "$(value idn_connections_total)" 6
  listen bob
  next_event
  # The one that asks, and the listener, once those before are closed.
  wait_for metrics_say idn_connections 2
  assert_equal "$(value idn_event_listeners) $(value idn_clients)" "1 2"
}

@test "a thread that is not who it should be is counted, and so is the request that fails for it" {
  server_start -q --demo-defect no-flow
  run -0 get alice /async/whoami -o /dev/null
  assert_output 500
  metrics
  assert_equal "$(value idn_assertion_failures_total) $(value idn_mismatches_total)" "1 1"
  assert_equal "$(value 'idn_requests_total{method="GET",code="500",kind="whoami"}')" 1
  hold alice '/async/hold?ms=60000'
  wait_for metrics_say 'idn_threads{state="lost"}' 1
  assert_equal "$(value idn_threads_impersonating)" 0
}

@test "threads, descriptors, memory and start are those of the process" {
  server_start
  metrics
  assert_equal "$(value 'idn_threads{state="consistent"}')" "$(printf '%s\n' /proc/"$SERVER_PID"/task/* | wc -l)"
  (($(value process_resident_memory_bytes) > 1000000))
  wait_for descriptors_agree
  local start
  start=$(value process_start_time_seconds)
  ((${start%.*} <= EPOCHSECONDS && ${start%.*} > EPOCHSECONDS - 60))
}

# But for the connection that asks.
descriptors_agree() {
  metrics
  (($(value process_open_fds) - 1 == $(printf '%s\n' /proc/"$SERVER_PID"/fd/* | wc -l)))
}

@test "a service that has no ledger says nothing of what it would count there" {
  need_jsonschema
  IMPERSONATION_RUNTIME_DIR=/proc server_start -q
  get alice /whoami -o /dev/null
  metrics
  run -0 "$SRC/tests/lib/lint-metrics" "$SCRATCH/metrics"
  assert_equal "$(value idn_impersonations_total)" ""
  assert_equal "$(value 'idn_threads{state="consistent"}')" 0
  listen alice
  next_event
  conforms idn-serve-demo-status.schema.json <<<"$data"
  assert_equal "$(jq -c .totals.counters <<<"$data")" null
}

@test "whoever asks, it is the service that answers, also where it can impersonate nobody" {
  chmod 1777 "$SCRATCH"
  SERVER_USER=carol server_start -q
  run -0 get alice /whoami -o /dev/null
  assert_output 500
  for path in / /metrics; do
    run -0 get alice "$path" -o /dev/null
    assert_output 200
  done
  listen alice
  next_event
  assert_equal "$(jq -r .service.name <<<"$data")" carol
}

@test "the relay of the manual lets what cannot open a Unix socket in, as the relay's user" {
  need socat
  need mandoc
  local relay port
  server_start
  relay=$(mandoc -T ascii -O width=300 "$SRC/man/idn-serve-demo.8" | sed 's/.\x08//g' | grep -o 'socat TCP.*')
  # A port that is free, to begin with.
  for ((port = 20000 + RANDOM; ; port++)); do
    ! (: <>/dev/tcp/127.0.0.1/"$port") 2>/dev/null && break
  done
  relay=${relay/8080/$port}
  become bob
  # shellcheck disable=SC2086 # words
  "${BECOME[@]}" ${relay/\/run\/demo.sock/$SOCKET} 3>&- 4>&- &
  SERVER_PIDS+=("$!")
  wait_for curl -sf -o /dev/null "http://127.0.0.1:$port/"
  run -0 curl -s "http://127.0.0.1:$port/whoami"
  assert_equal "$(jq -r .identity.name <<<"$output")" bob
}
