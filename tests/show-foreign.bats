#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-show on services that nobody here wrote, and that keep no ledger: what it makes of them is what they
# do.  Each is started from files of the test's own, on the loopback interface or a socket of its own.

load lib/common

# Those of distributions that keep servers out of the way of ordinary users.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

teardown() {
  local child
  # The first process of a container takes all others with it; it heeds no other signal from within, and
  # who waits for it none at all.
  [[ -z ${container-} ]] || kill -KILL "$container" 2>/dev/null || true
  [[ -z ${smbd-} ]] || children_of "$smbd" || true
  server_teardown
  for child in "${children[@]}"; do
    wait_for has_ended "$child"
  done
}

children=()

# in_background FILE COMMAND...: with its output in FILE, and none of the descriptors of bats; sets process
in_background() {
  local file=$1
  shift
  (exec 3>&- 4>&- >"$file" 2>&1 && exec "$@") &
  process=$!
  SERVER_PIDS+=("$process")
}

# children_of PID: sets children
children_of() {
  # A line without an end: read says that it fails.
  read -ra children <"/proc/$1/task/$1/children" || ((${#children[@]}))
}

# ids_of PID [TID]: sets uids, the real, effective, saved and filesystem one
ids_of() {
  local line
  line=$(grep '^Uid:' "/proc/$1/task/${2:-$1}/status") && read -ra uids <<<"${line#Uid:}"
}

# --- Samba: a process for each connection -----------------------------------------------------------

smb_configuration() {
  local directory
  for directory in private lock state cache pid ncalrpc; do
    mkdir -m 0700 "$SCRATCH/$directory"
  done
  mkdir -m 1777 "$SCRATCH/share"
  # Samba wants them so.
  chmod 0755 "$SCRATCH"/{lock,state,cache,pid,ncalrpc}
  cat >"$SCRATCH/smb.conf" <<CONFIGURATION
[global]
  server role = standalone server
  smb ports = $port
  interfaces = 127.0.0.1
  bind interfaces only = yes
  private dir = $SCRATCH/private
  lock directory = $SCRATCH/lock
  state directory = $SCRATCH/state
  cache directory = $SCRATCH/cache
  pid directory = $SCRATCH/pid
  ncalrpc dir = $SCRATCH/ncalrpc
  log file = $SCRATCH/smbd.log
  passdb backend = tdbsam:$SCRATCH/private/passdb.tdb
  load printers = no
  printing = bsd
  disable spoolss = yes
[share]
  path = $SCRATCH/share
  read only = no
CONFIGURATION
}

# Below the ports that the kernel gives to who asks for none.
choose_port() {
  for ((port = 20000 + RANDOM % 10000; ; port++)); do
    (exec {fd}<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
  done
}

smb_client() {
  smbclient -s "$SCRATCH/smb.conf" -p "$port" -U alice%secret //127.0.0.1/share "$@"
}

# Sets smbd and port.
smbd_start() {
  choose_port
  smb_configuration
  printf 'secret\nsecret\n' | smbpasswd -c "$SCRATCH/smb.conf" -s -a alice
  in_background "$SCRATCH/smbd.out" smbd --foreground -s "$SCRATCH/smb.conf" \
    --debug-stdout </dev/null
  smbd=$process
  wait_for smb_client -c quit >/dev/null 2>&1 || skip "needs an smbd that starts: $(tail -n 1 "$SCRATCH/smbd.out")"
}

# A session of alice's, which lives as long as this test holds its input; and connection, its process.
smb_session() {
  mkfifo "$SCRATCH/commands"
  exec {commands}<>"$SCRATCH/commands"
  (
    exec 3>&- 4>&- <"$SCRATCH/commands" >"$SCRATCH/session" 2>&1
    exec smbclient -s "$SCRATCH/smb.conf" -p "$port" -U alice%secret //127.0.0.1/share
  ) &
  SERVER_PIDS+=($!)
  echo "put $SCRATCH/smb.conf copy" >&"$commands"
  wait_for grep -qs '^putting file' "$SCRATCH/session"
  wait_for serves_alice
}

serves_alice() {
  local child
  children_of "$smbd"
  for child in "${children[@]}"; do
    ids_of "$child" && ((uids[1] == 2001)) && connection=$child && return
  done
  return 1
}

@test "smbd: the process of a connection acts as its user, for the service that is root" {
  need_world
  need smbd smbclient smbpasswd jq
  smbd_start
  smb_session
  assert_equal "$(stat -c %U "$SCRATCH/share/copy")" alice
  run -0 idn-show "$connection"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Unknown"
  assert_line --regexp '^Access As: +alice \(2001\), group alice \(2001\)$'
  assert_line --regexp '^Groups: .*projects \(2100\), reports \(2101\)'
  assert_line --regexp '^Service: +root \(0\), group root \(0\)$'
  assert_line --regexp '^State: +unrecorded \(no ledger\)$'
  run -0 idn-show --json "$connection"
  assert_equal "$(jq -r '"\(.command) \(.impersonating) \(.level) \(.user.name) \(.service.name) \(.client)"' \
    <<<"$output")" "smbd true unknown alice root null"
}

@test "smbd: the process that waits for connections acts for nobody" {
  need_world
  need smbd smbclient smbpasswd
  smbd_start
  smb_session
  run -0 idn-show "$smbd"
  assert_line --index 0 "User: S-1-22-1-0 (root)"
  assert_line --index 1 "Impersonating: no"
}

# --- diod: threads, by filesystem ids ---------------------------------------------------------------

# A FIFO that its owner alone may open: a thread that opens it for reading stays in there, as that user.
diod_start() {
  local user
  mkdir "$SCRATCH/export"
  for user in alice bob; do
    mkfifo -m 0600 "$SCRATCH/export/$user"
    chown "$user" "$SCRATCH/export/$user"
  done
  in_background "$SCRATCH/diod.log" diod --foreground --no-auth --config-file /dev/null \
    --export "$SCRATCH/export" --listen "$SCRATCH/diod.socket" --logdest stderr
  diod=$process
  wait_for "$SCRATCH/diod.socket" || skip "needs a diod that starts: $(tail -n 1 "$SCRATCH/diod.log")"
}

# diod_open USER
diod_open() {
  become "$1"
  in_background "$SCRATCH/$1.out" "${BECOME[@]}" diodcat --server "$SCRATCH/diod.socket" \
    --aname "$SCRATCH/export" "$1"
}

# threads_of UID: sets tids, those of diod with that filesystem uid; fails when there is none
threads_of() {
  local task
  tids=()
  for task in "/proc/$diod/task"/*; do
    ids_of "$diod" "${task##*/}" && ((uids[3] == $1)) && tids+=("${task##*/}")
  done
  ((${#tids[@]}))
}

@test "diod: each thread acts as the user whose file it opens, while the others act as theirs" {
  need_world
  need diod diodcat
  diod_start
  diod_open alice
  wait_for threads_of 2001
  run -0 idn-show "$diod/${tids[0]}"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: yes"
  assert_line --index 2 "Impersonation Level: Unknown"
  assert_line --regexp '^Access As: +alice \(2001\), group alice \(2001\)$'
  assert_line --regexp '^Service: +root \(0\), group root \(0\)$'
  assert_line --regexp '^UIDs: +real 0, effective 0, saved 0, filesystem 2001$'
  assert_line --regexp '^State: +unrecorded \(no ledger\)$'

  diod_open bob
  wait_for threads_of 2002
  run -0 idn-show "$diod"
  assert_line --index 0 "User: S-1-22-1-0 (root)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp "^$diod/[0-9]+ diod: alice, impersonating at level unknown, unrecorded$"
  assert_line --regexp "^$diod/[0-9]+ diod: bob, impersonating at level unknown, unrecorded$"
}

# --- set-user-ID ------------------------------------------------------------------------------------

@test "a set-user-ID program is its owner, and impersonates nobody" {
  need_world
  install -m 4755 -o alice -g alice "$(type -P sleep)" "$SCRATCH/sleep"
  become bob
  in_background "$SCRATCH/out" "${BECOME[@]}" "$SCRATCH/sleep" 1000
  wait_for grep -qs '^Uid:[[:space:]]*2002[[:space:]]*2001' "/proc/$process/status" ||
    skip "needs a scratch directory where set-user-ID programs count"
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^Access As: +alice \(2001\), group bob \(2002\)$'
  assert_line --regexp '^Service: +alice \(2001\)'
  assert_line --regexp '^UIDs: +real 2002, effective 2001, saved 2001, filesystem 2001$'
}

# --- other namespaces ---------------------------------------------------------------------------------

# A process in a user and a pid namespace of its own, in which 0 is 100000 here; and its member, there 1000.
container_start() {
  need unshare nsenter setpriv
  unshare --user --pid --fork true 2>/dev/null || skip "needs user namespaces"
  in_background "$SCRATCH/container.log" unshare --user --pid --fork --kill-child sleep 1000
  wait_for is_up "$process"
  container=${children[0]}
  echo 0 100000 65534 >"/proc/$container/uid_map"
  echo 0 100000 65534 >"/proc/$container/gid_map"
  in_background "$SCRATCH/member.log" nsenter --user --pid --target "$container" \
    setpriv --reuid 1000 --regid 1000 --groups 7,8 sleep 1000
  wait_for is_up "$process"
  member=${children[0]}
}

# Has it a child that is itself by now?
is_up() {
  children_of "$1" && [[ $(<"/proc/${children[0]}/comm") == sleep ]]
}

inside() {
  nsenter --user --target "$container" "$@"
}

@test "a process in a container is shown with the ids that it has here, and its namespace is another" {
  need_world
  container_start
  run -0 idn-show "$member"
  assert_line --index 0 "User: S-1-22-1-101000 (uid 101000)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^Access As: +101000 \(no account\), group 101000 \(no name\)$'
  assert_line --regexp '^Groups: +100007 \(no name\), 100008 \(no name\)$'
  assert_line --regexp '^UIDs: +real 101000, effective 101000, saved 101000, filesystem 101000$'
  assert_line --regexp "^User Namespace: +$(stat -L -c %i "/proc/$member/ns/user") \\(another\\)$"
}

@test "the container's own idn-show shows the ids that the process has there" {
  need_world
  container_start
  run -0 inside idn-show "$member"
  assert_line --index 0 --regexp '^User: S-1-22-1-1000 '
  assert_line --regexp '^Groups: +7 \(.*\), 8 \(.*\)$'
  assert_line --regexp '^UIDs: +real 1000, effective 1000, saved 1000, filesystem 1000$'
  assert_line --regexp "^User Namespace: +$(stat -L -c %i "/proc/$member/ns/user") \\(own\\)$"
}

@test "from within a container, a process outside is nobody's that has a name there" {
  need_world
  need jq
  container_start
  run -0 inside idn-show $$
  assert_line --index 0 "User: S-1-5-7 (Anonymous)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^Access As: +Anonymous \(unmapped\)'
  assert_line --regexp '^Service: +Anonymous \(unmapped\)'
  run -0 inside idn-show --json $$
  assert_equal "$(jq -r .user.sid <<<"$output")" S-1-5-7
}
