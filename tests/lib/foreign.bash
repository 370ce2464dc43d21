# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what is set is for the suites
# Services that nobody here wrote, and that keep no ledger: Samba and diod, each started from files of the
# test's own, on the loopback interface or a socket of its own.  A suite calls foreign_teardown in its own
# teardown, and has lib/common loaded.

# Those of distributions that keep servers out of the way of ordinary users.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

foreign_teardown() {
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
