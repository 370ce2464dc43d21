#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-serve-demo: whoever connects is who it acts as.

load lib/common

setup() {
  need_world
  need curl
  need jq
}

teardown() {
  server_teardown
}

whoami_as() {
  local user=$1
  shift
  get "$user" /whoami "$@"
  assert_equal "$status_code" 200
}

make_secret() {
  as alice sh -c 'umask 077 && echo "only alice" >~/secret'
  secret=/files$WORLD/home/alice/secret
}

# --- who it acts as -----------------------------------------------------------------------------

@test "alice reads her own 0600 file, and bob does not" {
  make_secret
  server_start
  get alice "$secret"
  assert_equal "$status_code" 200
  assert_equal "$body" "only alice"
  get bob "$secret"
  assert_equal "$status_code" 403
  assert_equal "$body" "$WORLD/home/alice/secret: Permission denied"
}

@test "what only root may read, the service does not read for an ordinary user" {
  server_start
  get carol /files/etc/shadow
  assert_equal "$status_code" 403
}

@test "whoami tells identity, level, what decided it, and what the kernel has" {
  server_start
  whoami_as alice
  assert_equal "$(fact .identity.name)" alice
  assert_equal "$(fact .identity.sid)" S-1-22-1-2001
  assert_equal "$(fact '[.identity.groups[].name] | join(" ")')" "alice projects reports"
  assert_equal "$(fact .level)" impersonation
  assert_equal "$(fact .level_decided_by)" default
  assert_equal "$(fact .engine)" thread
  assert_equal "$(fact '.kernel.uids | "\(.effective) \(.filesystem)"')" "2001 2001"
  assert_equal "$(fact '.kernel.groups | map(tostring) | join(" ")')" "2001 2100 2101"
  assert_equal "$(fact '.kernel.capabilities.effective | length')" 0
  assert_equal "$(fact '.via | length')" 0
}

@test "real and saved ids stay the service's" {
  server_start
  whoami_as alice
  assert_equal "$(fact '.kernel.uids | .real == .saved and .real != 2001 and .real != 0')" true
  assert_equal "$(fact '.kernel.gids | .real == .saved and .real != 2001 and .real != 0')" true
}

@test "the groups are the client's and nobody else's, with 0, 1, 32 and 1,024 of them" {
  server_start
  local user
  for user in g1024 g0 g32 g1 carol g1024; do
    whoami_as "$user"
    assert_equal "$(fact '.kernel.groups | map(tostring) | join(" ")')" \
      "$(as "$user" id -G | tr ' ' '\n' | sort -n | xargs)"
  done
}

@test "every response tells the level and the thread" {
  server_start
  run as alice curl -si --unix-socket "$SOCKET" http://x/nothing
  assert_line --index 0 --partial "404"
  assert_line --regexp '^Impersonation-Level: impersonation'
  assert_line --regexp "^Impersonation-Thread: $SERVER_PID/[0-9]+"
  run as alice curl -si --unix-socket "$SOCKET" http://x/whoami
  assert_line --regexp '^Impersonation-Level: impersonation'
  assert_line --regexp "^Impersonation-Thread: $SERVER_PID/[0-9]+"
}

@test "many clients at a time are never mixed" {
  server_start --threads 4
  local user pids=()
  for user in alice bob carol g32; do
    (
      name=$user
      for ((i = 0; i < 50; i++)); do
        as "$name" curl -s --unix-socket "$SOCKET" http://x/whoami http://x/whoami http://x/whoami
      done | jq -r '"\(.identity.name) \(.kernel.uids.filesystem)"' | sort | uniq -c >"$BATS_TEST_TMPDIR/$name"
    ) &
    pids+=($!)
  done
  wait "${pids[@]}"
  for user in alice bob carol g32; do
    run cat "$BATS_TEST_TMPDIR/$user"
    assert_equal "${#lines[@]}" 1
    assert_output --regexp "^ *150 $user $(id -u "$user")$"
  done
}

# --- levels -------------------------------------------------------------------------------------

@test "at identification the client is known, and its own file is refused" {
  make_secret
  server_start
  whoami_as alice -H 'Impersonation-Level: identification'
  assert_equal "$(fact .identity.name)" alice
  assert_equal "$(fact .level)" identification
  assert_equal "$(fact .level_decided_by)" request
  assert_equal "$(fact .access_as.name)" nobody
  assert_equal "$(fact .kernel.uids.filesystem)" 65534
  assert_equal "$(fact '.kernel.groups | length')" 0
  get alice "$secret" -H 'Impersonation-Level: identification'
  assert_equal "$status_code" 403
}

@test "at anonymous nothing tells who the client is" {
  make_secret
  server_start
  whoami_as alice -H 'Impersonation-Level: anonymous'
  assert_equal "$(fact .identity.name)" Anonymous
  assert_equal "$(fact .identity.sid)" S-1-5-7
  assert_equal "$(fact .identity.uid)" null
  refute_alice "$body"
  get alice "$secret" -H 'Impersonation-Level: anonymous'
  assert_equal "$status_code" 403
}

@test "the forms of RPC are levels too" {
  server_start
  whoami_as alice -H 'Impersonation-Level: identify'
  assert_equal "$(fact .level)" identification
  whoami_as alice -H 'Impersonation-Level: delegate'
  assert_equal "$(fact .level)" delegation
}

@test "a malformed level is a 400, and nothing is done" {
  server_start
  local level
  for level in Impersonation 'impersonation,identification' 'impersonation x' 3 %69dentify; do
    get alice /whoami -H "Impersonation-Level: $level"
    assert_equal "$status_code" 400
    assert_equal "$body" "malformed Impersonation-Level"
  done
  get alice /whoami -H 'Impersonation-Level;'
  assert_equal "$status_code" 400
  get alice /whoami -H 'Impersonation-Level: identification' -H 'Impersonation-Level: impersonation'
  assert_equal "$status_code" 400
}

# bound USER NAME [HEADER...]: asks for /whoami from a socket that is bound to NAME
bound() {
  local user=$1 name=$2
  shift 2
  as "$user" http-client "$SOCKET" "$name" 'GET /whoami HTTP/1.1' 'Host: x' 'Connection: close' "$@" |
    tr -d '\r' >"$BATS_TEST_TMPDIR/answer"
  status_code=$(awk 'NR == 1 { print $2 }' "$BATS_TEST_TMPDIR/answer")
  body=$(sed '1,/^$/d' "$BATS_TEST_TMPDIR/answer")
}

@test "a client sets the level by the address that it binds" {
  server_start
  local level
  for level in anonymous identification impersonation delegation; do
    bound alice "impersonate/$level/0123456789abcdef$RANDOM"
    assert_equal "$status_code" 200
    assert_equal "$(fact .level)" "$level"
    assert_equal "$(fact .level_decided_by)" address
  done
}

@test "on a bound socket a request can lower the level, and not raise it" {
  server_start
  bound alice impersonate/identification/a1 'Impersonation-Level: impersonation'
  assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "identification address"
  bound alice impersonate/impersonation/a2 'Impersonation-Level: anonymous'
  assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "anonymous request"
}

@test "an address that is malformed is a 400 for whatever is asked" {
  server_start
  local name
  for name in impersonate/impersonation impersonate/impersonation/ impersonate/Impersonation/aa \
    impersonate/root/aa impersonate/impersonation/xyz impersonate/impersonation/AA impersonate/ \
    impersonate/impersonation/aa%00 impersonate/impersonation%00/aa impersonate/impersonation/aa/bb; do
    bound alice "$name" 'Impersonation-Level: identification'
    assert_equal "$name $status_code" "$name 400"
  done
}

@test "an address that is about something else says nothing of levels" {
  server_start
  bound alice someone/else
  assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "impersonation default"
  bound alice "$WORLD/home/alice/impersonate"
  assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "impersonation default"
}

@test "root is identified and not acted for" {
  server_start
  whoami_as root
  assert_equal "$(fact '"\(.level) \(.level_decided_by)"')" "identification privileged_client"
  assert_equal "$(fact .identity.name)" root
  assert_equal "$(fact .kernel.uids.filesystem)" 65534
  get root /files/etc/shadow
  assert_equal "$status_code" 403
}

# --- files and lists ----------------------------------------------------------------------------

@test "a file arrives as it is, small, empty, and larger than a buffer" {
  local size
  server_start
  for size in 0 1 65536 65537 3000000; do
    as alice sh -c "head -c $size /dev/urandom >~/data"
    as alice curl -s --unix-socket "$SOCKET" -o "$WORLD/home/alice/copy" "http://x/files$WORLD/home/alice/data"
    as alice cmp "$WORLD/home/alice/data" "$WORLD/home/alice/copy"
  done
}

@test "what is not there, not a file, or not a path, is told as such" {
  server_start
  get alice "/files$WORLD/home/alice/absent"
  assert_equal "$status_code" 404
  assert_equal "$body" "$WORLD/home/alice/absent: No such file or directory"
  get alice "/files$WORLD/home/alice"
  assert_equal "$status_code" 404
  get alice "/files$WORLD/home/alice/%00"
  assert_equal "$status_code" 400
  get alice "/files$WORLD/home/alice/%zz"
  assert_equal "$status_code" 400
  get alice "/files/$(printf 'a%.0s' {1..300})"
  assert_equal "$status_code" 414
  get alice /nothing
  assert_equal "$status_code" 404
}

@test "a FIFO and a device are refused, and nobody hangs" {
  as alice mkfifo -m 600 "$WORLD/home/alice/fifo"
  server_start
  get alice "/files$WORLD/home/alice/fifo"
  assert_equal "$status_code" 403
  get alice /files/dev/null
  assert_equal "$status_code" 403
}

@test "a path is unescaped once" {
  as alice sh -c 'echo odd >"$HOME/a b%20c"'
  server_start
  get alice "/files$WORLD/home/alice/a%20b%2520c"
  assert_equal "$body" odd
}

@test "below --root is all there is, whatever a path or a link says" {
  mkdir -p "$BATS_TEST_TMPDIR/tree"
  chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/tree"
  echo inside >"$BATS_TEST_TMPDIR/tree/passwd"
  ln -s ../../../../../etc/hostname "$BATS_TEST_TMPDIR/tree/out"
  ln -s /passwd "$BATS_TEST_TMPDIR/tree/absolute"
  server_start --root "$BATS_TEST_TMPDIR/tree"
  get alice /files/../../../../../../passwd
  assert_equal "$body" inside
  get alice /files/%2e%2e/%2e%2e/passwd
  assert_equal "$body" inside
  get alice /files/absolute
  assert_equal "$body" inside
  get alice /files/out
  assert_equal "$status_code" 404
}

@test "a list has the names that the client may see" {
  mkdir "$WORLD/listed"
  touch "$WORLD/listed/file" "$WORLD/listed/"$'odd\xff'
  mkdir "$WORLD/listed/directory"
  server_start
  get alice "/list$WORLD/listed"
  assert_equal "$status_code" 200
  assert_equal "$(fact '[.entries[] | select(.name | type == "string") | "\(.name):\(.type)"] | sort | join(" ")')" \
    "directory:directory file:file"
  assert_equal "$(fact '.entries[] | select(.name | type == "object") | .name.bytes' | base64 -d)" $'odd\xff'
  get bob "/list$WORLD/home/alice"
  assert_equal "$status_code" 403
  get alice "/list$WORLD/listed/file"
  assert_equal "$status_code" 404
}

# --- bad requests -------------------------------------------------------------------------------

@test "methods that it does not serve are a 405 that says which it does" {
  server_start
  run as alice curl -si --unix-socket "$SOCKET" -X DELETE http://x/whoami
  assert_line --partial "405 Method Not Allowed"
  assert_line --regexp '^Allow: GET, HEAD'
}

@test "a malformed request is a 4xx, and the service goes on" {
  server_start
  run as alice http-client "$SOCKET" - 'GET /whoami' 'Host: x'
  assert_output --regexp '^HTTP/1.[01] 400'
  run as alice http-client "$SOCKET" - 'GET /whoami HTTP/1.1' 'Connection: close'
  assert_output --regexp '^HTTP/1.[01] 400'
  run as alice http-client "$SOCKET" - 'GET /whoami HTTP/1.1' 'Host: x' 'no colon here' 'Connection: close'
  assert_output --regexp '^HTTP/1.[01] 400'
  run as alice http-client "$SOCKET" - 'GET /whoami HTTP/9.9' 'Host: x'
  assert_output --regexp '^HTTP/1.[01] 505'
  # What is not HTTP at all gets no HTTP answer: the connection is closed.
  run -0 as alice http-client "$SOCKET" - 'nonsense'
  assert_output ""
  get alice /whoami
  assert_equal "$status_code" 200
}

@test "a level that is folded, or behind a name with a blank, is not passed over" {
  server_start
  local text lines
  for text in $'Impersonation-Level:\n identification' $'Impersonation-Level: ident\n ification' \
    'Impersonation-Level : identification'; do
    readarray -t lines <<<"$text"
    run as alice http-client "$SOCKET" - 'GET /whoami HTTP/1.1' 'Host: x' 'Connection: close' "${lines[@]}"
    # Other versions of libmicrohttpd read what is folded as it was meant.
    assert_output --regexp '^HTTP/1.[01] 400|"level":"identification"'
  done
}

@test "an oversized header is a 4xx, and the service goes on" {
  server_start
  get alice /whoami -H "X-Large: $(printf 'x%.0s' {1..40000})"
  assert_regex "$status_code" '^4(13|14|31)$'
  get alice /whoami
  assert_equal "$status_code" 200
}

@test "a body that nobody asked for is limited" {
  server_start --max-body 100
  get alice /whoami -X GET --data-binary "$(printf 'x%.0s' {1..101})"
  assert_equal "$status_code" 413
  get alice /whoami -X GET -H 'Transfer-Encoding: chunked' --data-binary "$(printf 'x%.0s' {1..101})"
  assert_equal "$status_code" 413
  get alice /whoami -X GET --data-binary "small"
  assert_equal "$status_code" 200
}

@test "one user's connections are limited, and another's are not" {
  server_start --max-client-connections 2
  hold_open alice
  hold_open alice
  get alice /whoami
  assert_equal "$status_code" 503
  get bob /whoami
  assert_equal "$status_code" 200
}

# --- holding ------------------------------------------------------------------------------------

# hold_open USER [CURL-ARGUMENT...]: holds for a minute, or until the service ends; sets thread
hold_open() {
  local user=$1 line held
  shift
  exec {held}< <(as "$user" curl -sN --unix-socket "$SOCKET" "$@" 'http://x/hold?ms=60000')
  read -r line <&"$held"
  thread=$(jq -r .thread <<<"$line")
  held_fd=$held
}

@test "a thread that is held shows the client, and the service when it has reverted" {
  server_start
  exec {held}< <(as alice curl -sN --unix-socket "$SOCKET" 'http://x/hold?ms=4000')
  read -r line <&"$held"
  thread=$(jq -r .thread <<<"$line")

  run -0 idn-show "$thread"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Impersonation"
  assert_line --regexp '^State: +consistent$'

  read -r line <&"$held"
  assert_equal "$(jq -r '"\(.thread) \(.reverted) \(.stayed)"' <<<"$line")" "$thread true true"
  run -0 idn-show "$thread"
  assert_line --index 1 "Impersonating: no"
  refute_line --partial "Impersonation Level"
  assert_line --regexp '^State: +consistent$'
}

@test "while one thread is held the others keep the service's identity" {
  server_start
  hold_open alice
  local task id others=0 service
  service=$(awk '/^Uid:/ { print $2 }' "/proc/$SERVER_PID/status")
  for task in /proc/"$SERVER_PID"/task/*; do
    id=$(awk '/^Uid:/ { print $3, $5 }' "$task/status")
    if [[ ${task##*/} == "${thread#*/}" ]]; then
      assert_equal "$id" "2001 2001"
    else
      assert_equal "$id" "$service $service"
      others=$((others + 1))
    fi
  done
  ((others > 1))
}

@test "several are held at a time, each as its own client" {
  server_start
  hold_open alice
  local alices=$thread
  hold_open bob
  local bobs=$thread
  run -0 idn-show "$alices"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  run -0 idn-show "$bobs"
  assert_line --index 0 "User: S-1-22-1-2002 (bob)"
}

@test "a hold wants a number" {
  server_start
  local query
  for query in '' '?ms=' '?ms=-1' '?ms=x' '?ms=600001' '?ms=1e3' '?seconds=3'; do
    get alice "/hold$query"
    assert_equal "$query $status_code" "$query 400"
  done
}

@test "a client can neither signal nor trace the thread that it has lent its identity" {
  need strace
  server_start
  hold_open alice
  run as alice kill -KILL "$SERVER_PID"
  assert_failure
  run as alice kill -KILL "${thread#*/}"
  assert_failure
  run as alice strace -p "${thread#*/}"
  assert_failure
  assert_output --partial "Operation not permitted"
  run as alice renice -n 5 -p "${thread#*/}"
  assert_failure
  get alice /whoami
  assert_equal "$status_code" 200
}

# --- starting and ending ------------------------------------------------------------------------

# uid_of PID: one number when all four are the same
uid_of() {
  awk '/^Uid:/ { print $2 == $3 && $3 == $4 && $4 == $5 ? $2 : $0 }' "/proc/$1/status"
}

@test "started as root it becomes an ordinary user with two capabilities" {
  server_start
  local uid
  uid=$(uid_of "$SERVER_PID")
  ((uid >= 61184 && uid <= 65519))
  run cat "/proc/$SERVER_PID/status"
  assert_line --regexp "^Gid:"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid"$'\t'"$uid$"
  assert_line --regexp $'^Groups:\t *$'
  assert_line --regexp $'^CapPrm:\t00000000000000c0$'
  assert_line --regexp $'^CapEff:\t0000000000000000$'
  assert_line --regexp $'^CapBnd:\t00000000000000c0$'
  assert_line --regexp $'^CapInh:\t0000000000000000$'
}

@test "a second one takes another uid, and an account idn-demo comes first" {
  server_start
  local first
  first=$(uid_of "$SERVER_PID")
  server_start
  [[ $(uid_of "$SERVER_PID") != "$first" ]]
  echo 'idn-demo:x:2077:2077::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
  echo 'idn-demo:x:2077:' >>/etc/group
  server_start
  sed -i '/^idn-demo:/d' /etc/passwd /etc/group
  assert_equal "$(uid_of "$SERVER_PID")" 2077
}

@test "--user names the account, and root, the anonymous and the absent one are refused" {
  server_start --user carol
  assert_equal "$(awk '/^Uid:/ { print $2, $4 }' "/proc/$SERVER_PID/status")" "2003 2003"
  server_stop
  run -1 idn-serve-demo --unix "$BATS_TEST_TMPDIR/t" --user nobody
  assert_output --partial "anonymous account"
  run -1 idn-serve-demo --unix "$BATS_TEST_TMPDIR/u" --user root
  assert_output --partial "--stay-root"
  run -1 idn-serve-demo --unix "$BATS_TEST_TMPDIR/v" --user absent
  assert_output "idn-serve-demo: absent: no such account"
}

@test "--stay-root stays root, and acts as its client all the same" {
  make_secret
  server_start --stay-root
  get bob "$secret"
  assert_equal "$status_code" 403
  get alice "$secret"
  assert_equal "$status_code" 200
  whoami_as bob
  assert_equal "$(fact '"\(.kernel.uids.real) \(.kernel.uids.filesystem) \(.kernel.capabilities.effective | length)"')" "0 2002 0"
}

@test "without the capabilities it says which, also for what the service could read itself" {
  chmod 1777 "$BATS_TEST_TMPDIR"
  SERVER_USER=carol server_start -q
  as carol sh -c 'echo mine >~/mine && chmod 644 ~/mine && chmod 755 ~'
  get carol "/files$WORLD/home/carol/mine"
  assert_equal "$status_code" 200
  get alice "/files$WORLD/home/carol/mine"
  assert_equal "$status_code" 500
  assert_equal "$body" "the service cannot impersonate: it has not CAP_SETUID"
  chmod 700 "$WORLD/home/carol"
}

@test "SIGTERM drains: what has begun is answered, and the exit status is 0" {
  server_start
  hold_open alice
  server_stop
  read -r line <&"$held_fd"
  assert_equal "$(jq -r '"\(.reverted) \(.stayed)"' <<<"$line")" "true true"
}

@test "a socket that nobody listens on any more is replaced, and one that is in use is not" {
  server_start
  run -1 idn-serve-demo --unix "$SOCKET"
  assert_output "idn-serve-demo: $SOCKET: Address already in use"
  get alice /whoami
  assert_equal "$status_code" 200

  kill -KILL "$SERVER_PID"
  wait "$SERVER_PID" || true
  [[ -S $SOCKET ]]
  server_start
  get alice /whoami
  assert_equal "$status_code" 200
}

@test "killed while it impersonates it leaves nothing that the next start trips over" {
  server_start
  hold_open alice
  local ledger
  ledger=$(echo /run/impersonate/"$SERVER_PID"-*)
  [[ -e $ledger ]]
  kill -KILL "$SERVER_PID"
  wait "$SERVER_PID" || true
  server_start
  [[ -e $(echo /run/impersonate/"$SERVER_PID"-*) ]]
  get bob /whoami
  assert_equal "$(fact .identity.name)" bob
}

@test "a file, a path that is too long, a directory that is absent or not writable: one line, status 1" {
  local long
  long=$WORLD/$(printf 'x%.0s' {1..120})
  touch "$BATS_TEST_TMPDIR/file"
  run -1 idn-serve-demo --unix "$BATS_TEST_TMPDIR/file"
  assert_output "idn-serve-demo: $BATS_TEST_TMPDIR/file: exists and is not a socket"
  run -1 idn-serve-demo --unix "$long"
  assert_output "idn-serve-demo: $long: too long for a socket: at most 107 bytes"
  run -1 idn-serve-demo --unix "$WORLD/absent/s"
  assert_output "idn-serve-demo: $WORLD/absent/s: No such file or directory"
  run -1 as carol idn-serve-demo --unix "$WORLD/s"
  assert_output "idn-serve-demo: $WORLD/s: Permission denied"
  run -1 idn-serve-demo --unix "$WORLD/s" --root /absent
  assert_output "idn-serve-demo: /absent: No such file or directory"
}

@test "options that are wrong: one line, status 2" {
  local -A wrong=(
    ['--unix /x --nonsense']="--nonsense: unknown option"
    ['--unix /x more']="more: an argument is not expected"
    ['--unix /x --threads 0']="--threads: 0: must be from 1 to 1024"
    ['--unix /x --threads two']="two: invalid numeric value"
    ['--unix /x --socket-mode 888']="--socket-mode: 888: not an octal mode up to 0777"
    ['--unix /x --user a --stay-root']="--user and --stay-root exclude each other"
    ['--unix']="--unix: missing argument"
  )
  local options
  run -2 idn-serve-demo
  assert_output "idn-serve-demo: nothing to listen on: try --unix PATH or --tcp ADDR:PORT"
  for options in "${!wrong[@]}"; do
    # shellcheck disable=SC2086 # words
    run -2 idn-serve-demo $options
    assert_output "idn-serve-demo: ${wrong[$options]}"
  done
}

@test "the socket has the mode that was asked for" {
  server_start --socket-mode 0600
  assert_equal "$(stat -c %a "$SOCKET")" 600
  run as alice curl -s --unix-socket "$SOCKET" http://x/whoami
  assert_failure
}

@test "a service manager passes the socket, and is told when the service is ready and when it ends" {
  local line said service
  SOCKET=$BATS_TEST_TMPDIR/passed
  chmod 755 "$BATS_TEST_TMPDIR"
  exec {said}< <(exec 3>&- 4>&-; exec manager "$SOCKET" idn-serve-demo -q 2>&1)
  SERVER_PIDS+=($!)
  read -r _ service <&"$said"
  read -r line <&"$said"
  assert_equal "$line" "listening on an inherited socket"
  read -r line <&"$said"
  assert_equal "$line" READY=1
  get alice /whoami
  assert_equal "$(fact .identity.name)" alice
  kill -TERM "$service"
  read -r line <&"$said"
  assert_equal "$line" STOPPING=1
  read -r line <&"$said"
  assert_equal "$line" "status 0"
}

@test "help and version" {
  run -0 idn-serve-demo --help
  assert_line --partial -- "--socket-mode=MODE"
  run -0 idn-serve-demo --version
  assert_output --regexp '^idn-serve-demo \(idn-tools\) [0-9]'
}
