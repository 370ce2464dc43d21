#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check run: a command as somebody, and each thing that it was refused, explained in a line.

load lib/common

setup() {
  common_setup
  said=$SCRATCH/said
  # Of what a user may search: a shell looks for each command in all of it.
  [[ -z ${WORLD-} ]] || export PATH=$WORLD/bin:/usr/sbin:/usr/bin:/sbin:/bin
}

teardown() {
  server_teardown
  [[ ! -d $SCRATCH/mount ]] || umount "$SCRATCH/mount" 2>/dev/null || true
}

# explained STATUS ARGUMENT...: runs idn-check run, with what it says in the file "said"; output is the
# command's.
explained() {
  local status=$1
  shift
  run "-$status" --separate-stderr idn-check run -o "$said" "$@"
}

# line PATTERN: one line of what was said matches it, and only one
line() {
  if [[ $(grep -cE -- "$1" "$said") != 1 ]]; then
    printf 'not one line with: %s\n' "$1"
    cat "$said"
    return 1
  fi
}

lines_said() {
  assert_equal "$(wc -l <"$said")" "$1"
}

# LeakSanitizer, where it is built in, cannot look at a process that is traced, and has it fail as it ends.
ends_traced() {
  export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
}

secret() {
  mkdir -m 0755 -p "$SCRATCH/srv"
  echo secret >"$SCRATCH/srv/key"
  chmod 0600 "$SCRATCH/srv/key"
}

# same_facts ENV-OPTIONS COMMAND... -- COMMAND...: what both of them run is the same in all that a program
# inherits.
same_facts() {
  local facts='grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|SigIgn|SigBlk|Umask)" /proc/self/status
    env | grep -E "^(HOME|USER|LOGNAME|SHELL|IMPERSONATION|PATH|PWD)" | sort; echo /proc/self/fd/*; ulimit -a'
  local options=$1 one=() first
  shift
  while [[ $1 != -- ]]; do
    one+=("$1")
    shift
  done
  shift
  # shellcheck disable=SC2086 # words
  run -0 env $options "${one[@]}" bash -c "$facts"
  first=$output
  # shellcheck disable=SC2086
  run -0 env $options "$@" bash -c "$facts"
  assert_output "$first"
}

# --- what is said -------------------------------------------------------------------------------

@test "a refused file is one line: who asked, for what, which rule, and what would allow it" {
  need_world
  secret
  chmod 0700 srv
  explained 1 -u alice -- cat "$SCRATCH/srv/key"
  lines_said 1
  line "^idn-check: [0-9]+ \(cat\) openat $SCRATCH/srv/key for reading: EACCES: $SCRATCH/srv: mode rwx------, other ---; to allow: setfacl -m user:alice:x $SCRATCH/srv && setfacl -m user:alice:r $SCRATCH/srv/key\$"
}

@test "done as it says, nothing is refused any more" {
  need_world
  need setfacl
  secret
  chmod 0700 srv
  explained 1 -u alice -- cat "$SCRATCH/srv/key"
  eval "$(sed 's/.*; to allow: //' said)"
  explained 0 -u alice -- cat "$SCRATCH/srv/key"
  assert_output secret
  lines_said 0
}

@test "where nothing is refused, nothing is said" {
  need_world
  explained 0 -u alice -- sh -c 'ls / >/dev/null; echo hello; cat /etc/passwd >/dev/null; (true) & wait'
  assert_output hello
  lines_said 0
}

@test "what fails for another reason is not explained" {
  need_world
  cp "$(type -P sleep)" program
  mkdir full
  touch full/file
  explained 0 -- sh -c './program 60 & exec 2>/dev/null
    until [ "$(readlink "/proc/$!/exe")" = "$PWD/program" ]; do :; done
    (: >program); cat missing; mkdir full; rmdir full; ls file/x; kill $!; true'
  lines_said 0
}

@test "standard output and standard error are the command's own" {
  need_world
  secret
  explained 1 -u alice -- sh -c 'echo out; echo err >&2; cat srv/key 2>/dev/null'
  assert_output out
  assert_equal "$stderr" err
  lines_said 1
  run -1 --separate-stderr idn-check run -u alice -- sh -c 'echo out; cat srv/key 2>/dev/null'
  assert_output out
  [[ $stderr == "idn-check: "*" openat "*"/srv/key "* ]]
}

@test "the same is said once, of however many processes and threads" {
  need_world
  secret
  explained 1 -u alice -- sh -c 'cat srv/key srv/key; cat srv/key & wait; cat srv/key'
  lines_said 1
  explained 1 -u alice -- refused thread srv/key srv/key srv/key srv/key
  lines_said 1
  line "\(refused\) openat $SCRATCH/srv/key "
}

@test "threads, children and their children are seen" {
  need_world
  secret
  local i names=()
  for i in {1..20}; do
    install -m 0600 /dev/null "srv/$i"
    names+=("srv/$i")
  done
  explained 1 -u alice -- refused thread "${names[@]}"
  lines_said 20
  line "^idn-check: [0-9]+/[0-9]+ \(refused\) openat $SCRATCH/srv/7 "
  explained 0 -u alice -- sh -c '(sh -c "cat srv/1; (cat srv/2) & wait"; cat srv/3); true'
  lines_said 3
}

@test "a program that cannot be run from a vfork is explained" {
  need_world
  install -m 0644 /bin/true program
  explained 1 -u alice -- refused vfork "$SCRATCH/program"
  line "\(refused\) execve $SCRATCH/program: EACCES: $SCRATCH/program: mode rw-r--r--, other r--; to allow: "
  lines_said 1
}

@test "a program that a thread other than the first runs goes on being seen" {
  need_world
  secret
  explained 1 -u alice -- refused exec /bin/cat srv/key
  line "\(cat\) openat $SCRATCH/srv/key "
  lines_said 1
}

@test "paths are relative to the directory of who asks, whatever the way there is" {
  need_world
  secret
  chmod 0700 .
  cd srv
  explained 1 -u alice -- cat key
  chmod 0755 "$SCRATCH"
  lines_said 1
  line "openat $SCRATCH/srv/key for reading: EACCES: .*key: mode rw-------, other ---; to allow .*: setfacl -m user:alice:r key\$"
  cd "$SCRATCH"
  explained 1 -u alice -- sh -c 'cd srv && cat key'
  line "EACCES: $SCRATCH/srv/key: mode rw-------, other ---; to allow: setfacl -m user:alice:r $SCRATCH/srv/key\$"
}

@test "paths are relative to a descriptor where the call says so" {
  need_world
  secret
  mkdir other
  explained 1 -u alice -- sh -c "cd other && refused at $SCRATCH/srv key"
  line "openat $SCRATCH/srv/key for reading: EACCES: $SCRATCH/srv/key: mode rw-------, other ---"
}

@test "what is asked of a descriptor is asked of its file, not of the way there" {
  need_world
  secret
  chmod 0644 srv/key
  explained 1 -u alice -- refused chmod srv/key
  lines_said 1
  line "fchmod $SCRATCH/srv/key: EPERM: $SCRATCH/srv/key: "
}

@test "it is explained for who the process is at that moment" {
  need_world
  need setpriv setfacl
  secret
  setfacl -m user:bob:rw,mask::x srv/key
  explained 0 -- sh -c 'for u in alice bob alice; do
      setpriv --reuid $u --regid $u --init-groups cat srv/key
    done 2>/dev/null; cat srv/key'
  assert_output secret
  lines_said 2
  line "acl other::---; to allow: .*user:alice"
  line "acl user:bob:rw- limited by mask --x"
}

@test "access(2) is explained for the real ids" {
  need_world
  secret
  explained 1 -- setpriv --ruid alice --rgid 2001 --clear-groups refused access srv/key
  line "\(refused\) access $SCRATCH/srv/key for reading: EACCES: .* other ---; to allow: setfacl -m user:alice:r "
}

@test "names are made, removed and moved by the rules of their directories" {
  need_world
  secret
  mkdir -m 0777 open
  mkdir -m 1777 sticky
  touch open/file sticky/file
  explained 0 -u alice -- sh -c 'exec 2>/dev/null; mkdir srv/new; rm -f srv/key; mv open/file srv/moved;
    rm -f sticky/file; mv sticky/file open/file; chmod 666 srv/key; chgrp projects srv/key
    ln -s x srv/link; touch -d 2000-01-01 open/file; touch open/mine; true'
  line "mkdir $SCRATCH/srv/new: EACCES: $SCRATCH/srv: mode "
  line "unlinkat $SCRATCH/srv/key: EACCES: $SCRATCH/srv: mode "
  line "rename[^ ]* $SCRATCH/open/file to $SCRATCH/srv/moved: EACCES: $SCRATCH/srv: mode "
  line "unlinkat $SCRATCH/sticky/file: EPERM: $SCRATCH/sticky/file: .*sticky"
  line "rename[^ ]* $SCRATCH/sticky/file to $SCRATCH/open/file: EPERM: $SCRATCH/sticky/file: .*sticky"
  line "fchmodat $SCRATCH/srv/key: EPERM: $SCRATCH/srv/key: "
  line "chown[^ ]* $SCRATCH/srv/key: EPERM: $SCRATCH/srv/key: "
  line "symlink[^ ]* $SCRATCH/srv/link: EACCES: $SCRATCH/srv: mode "
  line "openat $SCRATCH/open/file for writing: EACCES: $SCRATCH/open/file: mode "
  line "utimensat $SCRATCH/open/file: EPERM: $SCRATCH/open/file: "
  lines_said 10
}

@test "a read-only mount is the reason that is given" {
  need_world
  mkdir -m 0777 writable mount
  install -m 0666 /dev/null writable/file
  mount --bind writable mount
  mount -o remount,bind,ro mount
  explained 0 -u alice -- sh -c 'exec 2>/dev/null; echo x >mount/new; (echo x >mount/file); rm -f mount/file; true'
  line "openat $SCRATCH/mount/new for writing: EROFS: .*read-only"
  line "openat $SCRATCH/mount/file for writing: EROFS: .*read-only"
  line "unlinkat $SCRATCH/mount/file: EROFS: .*read-only"
  umount mount
}

@test "a mount without exec is the reason for a program, and for a mapping" {
  need_world
  ends_traced
  mkdir mount
  mount -t tmpfs -o noexec,mode=0755 noexec mount
  cp /bin/true mount/true
  explained 126 -u alice -- "$SCRATCH/mount/true"
  line "execve $SCRATCH/mount/true: EACCES: $SCRATCH/mount/true: .*noexec"
  explained 1 -u alice -- refused map mount/true
  line "\(refused\) mmap[^ ]* $SCRATCH/mount/true: EPERM: needs a mount without noexec"
  umount mount
}

@test "a script is explained by its interpreter, where that is what may not be run" {
  need_world
  ends_traced
  install -m 0744 /bin/sh interpreter
  printf '#!%s\n' "$SCRATCH/interpreter -e" >script
  chmod 0755 script
  explained 126 -u alice -- ./script
  line "execve $SCRATCH/script: EACCES: its interpreter $SCRATCH/interpreter: mode rwxr--r--, other r--"
}

# --- privilege ----------------------------------------------------------------------------------

@test "a refused call that is about no path names the capability" {
  need_world
  explained 0 -u alice -- sh -c 'exec 2>/dev/null; kill -0 $PPID; setpriv --reuid bob true
    chroot / true; nice -n -5 true; hostname other; refused bind 80; true'
  line "\(sh\) kill: EPERM: needs cap_kill, or its uid: [0-9]+ \(idn-check\) has uid 0\$"
  line "\(setpriv\) setresuid: EPERM: needs cap_setuid\$"
  line "\(chroot\) chroot /: EPERM: needs cap_sys_chroot\$"
  line "\(nice\) setpriority: EACCES: needs cap_sys_nice, or "
  line "\(hostname\) sethostname: EPERM: needs cap_sys_admin\$"
  line "\(refused\) bind: EACCES: needs cap_net_bind_service, .*: 80 is below 1024\$"
}

@test "a socket is connected to by the rules of its file" {
  need_world
  server_start --socket-mode 0600
  explained 1 -u alice -- refused connect "$SOCKET"
  line "connect $SOCKET: EACCES: $SOCKET: mode rw-------, other ---; to allow: setfacl -m user:alice:w $SOCKET\$"
  lines_said 1
}

@test "hard links that fs.protected_hardlinks refuses are told from directories that do" {
  need_world
  [[ $(cat /proc/sys/fs/protected_hardlinks) == 1 ]] || skip "needs fs.protected_hardlinks"
  secret
  mkdir -m 0777 open
  explained 1 -u alice -- refused link srv/key open/key
  line "link $SCRATCH/srv/key to $SCRATCH/open/key: EPERM: $SCRATCH/srv/key: .*protected_hardlinks"
  touch open/mine
  chown alice open/mine
  explained 1 -u alice -- refused link open/mine srv/mine
  line "link $SCRATCH/open/mine to $SCRATCH/srv/mine: EACCES: $SCRATCH/srv: mode"
}

@test "a process that would trace is told that it is traced" {
  need_world
  explained 1 -u alice -- refused trace
  line "ptrace: EPERM: needs a process that is not traced already"
}

@test "where no rule refuses, none is made up" {
  need_world
  explained 0 -- sh -c 'exec 2>/dev/null; echo x >/proc/sys/kernel/osrelease; true'
  line "openat /proc/sys/kernel/osrelease for writing: EACCES: "
  ! grep -q 'to allow' "$said"
}

# --- the command ---------------------------------------------------------------------------------

@test "the command's status is passed on" {
  need_world
  ends_traced
  explained 0 -u alice -- true
  explained 7 -u alice -- sh -c 'exit 7'
  explained 143 -u alice -- sh -c 'kill -TERM $$'
  explained 137 -u alice -- sh -c 'kill -KILL $$'
  explained 127 -u alice -- no-such-command
  run -0 idn-check run --help
  run -125 idn-check run
  run -125 idn-check run --no-such-option true
  run -125 idn-check run -u no-such-user true
  run -125 idn-check run -u alice -u bob true
  run -125 idn-check run -l nonsense true
  run -125 idn-check run -o "$SCRATCH/missing/file" true
}

@test "a command that may not be run is explained itself, and one in PATH that may is not" {
  need_world
  ends_traced
  install -m 0700 /bin/true program
  explained 126 -u alice -- "$SCRATCH/program"
  line "execve $SCRATCH/program: EACCES: $SCRATCH/program: mode rwx------, other ---; to allow: "
  mkdir -m 0700 closed
  PATH=$SCRATCH/closed:$PATH explained 0 -u alice -- true
  lines_said 0
}

@test "words behind the command are the command's, and so are words behind --" {
  need_world
  explained 0 -u alice echo -u bob --json
  assert_output -- "-u bob --json"
  explained 0 -u alice -- echo -- x
  assert_output -- "-- x"
}

@test "it runs as idn-run-as would run it" {
  need_world
  same_facts "" idn-run-as alice -- idn-check run -o "$said" -u alice
  same_facts "" idn-run-as -l identification alice -- idn-check run -o "$said" -u alice -l identification
  same_facts "" idn-run-as root -- idn-check run -o "$said" -u root
}

@test "without a user nothing is changed of the caller" {
  need_world
  same_facts "" env -- idn-check run -o "$said" --
  same_facts "--ignore-signal=USR1,CHLD --block-signal=USR2" env -- idn-check run -o "$said" --
}

@test "as a thread: with what that thread has" {
  need_world
  secret
  setpriv --reuid alice --regid 2001 --groups 2101 --inh-caps +net_raw --ambient-caps +net_raw \
    sleep 60 3>&- &
  local sleeper=$!
  SERVER_PIDS+=("$sleeper")
  wait_for grep -q sleep "/proc/$sleeper/comm"
  explained 1 -t "$sleeper" -- sh -c 'grep -E "^(Uid|Groups|CapEff)" /proc/self/status; cat srv/key'
  assert_line $'Uid:\t2001\t2001\t2001\t2001'
  assert_line --regexp '^Groups:.2101 ?$'
  assert_line $'CapEff:\t0000000000002000'
  line "openat $SCRATCH/srv/key "
}

@test "an ordinary user can ask it about itself" {
  need_world
  ends_traced
  secret
  chmod 0777 .
  become alice
  run -1 --separate-stderr "${BECOME[@]}" idn-check run -o said -- sh -c 'id -un; cat srv/key'
  assert_output alice
  line "openat $SCRATCH/srv/key for reading: EACCES: $SCRATCH/srv/key: mode rw-------, other ---"
  lines_said 1
  run -125 "${BECOME[@]}" idn-check run -u bob -- true
  assert_line --partial "needs CAP_SETGID"
}

@test "without leave to look at a process it says so, and what it may see it explains" {
  need_world
  need setpriv
  secret
  run -1 --separate-stderr setpriv --bounding-set -sys_ptrace,-sys_admin idn-check run -o "$said" -u alice -- \
    cat srv/key "$SCRATCH/srv/key"
  line "openat srv/key for reading: EACCES: where that is cannot be seen from here: .* cap_sys_ptrace"
  line "openat $SCRATCH/srv/key for reading: EACCES: $SCRATCH/srv/key: mode "
  lines_said 2
}

@test "a set-user-ID program is what it is, where root traces" {
  need_world
  install -m 4755 "$(type -P id)" set-id
  explained 0 -u alice -- ./set-id -u
  assert_output 0
}

@test "without seccomp it sees the same" {
  need_world
  secret
  run -0 without seccomp true
  run -1 --separate-stderr without seccomp idn-check run -o "$said" -u alice -- \
    sh -c 'sed -n "s/^Seccomp_filters:.//p" /proc/self/status; (cat srv/key); kill -0 $PPID; exit 1'
  # The one that takes seccomp(2) away, and no other.
  [[ -z $output || $output == 1 ]]
  line "\(cat\) openat $SCRATCH/srv/key for reading: EACCES: "
  line "\(sh\) kill: EPERM: needs cap_kill"
  lines_said 2
}

# --- signals and ends ---------------------------------------------------------------------------

# in_background ARGUMENT...: idn-check run in a job of its own; sets job, and command once that has said
# its process id.
in_background() {
  mkfifo ready
  set -m
  idn-check run -o "$said" "$@" >ready 3>&- 4>&- &
  job=$!
  set +m
  SERVER_PIDS+=("$job")
  exec {ready}<ready
  read -rt "$patience" -u "$ready" command
}

is_stopped() {
  grep -qE '^State:[[:space:]][Tt]' "/proc/$1/status"
}

is_sleeping() {
  grep -qE '^State:[[:space:]]S' "/proc/$1/status"
}

@test "signals that idn-check is sent are the command's" {
  need_world
  in_background -u alice -- bash -c 'trap "echo usr1" USR1; trap "kill \$!; exit 9" TERM; sleep 60 &
    echo $$; while :; do wait; done'
  kill -USR1 "$job"
  read -rt "$patience" -u "$ready" reply
  assert_equal "$reply" usr1
  kill -TERM "$job"
  local status=0
  wait "$job" || status=$?
  assert_equal "$status" 9
}

@test "a job that is stopped is stopped as a whole, and goes on as a whole" {
  need_world
  in_background -u alice -- sh -c 'echo $$; exec sleep 60'
  wait_for grep -q sleep "/proc/$command/comm"
  kill -TSTP -- "-$job"
  wait_for is_stopped "$job"
  wait_for is_stopped "$command"
  kill -CONT -- "-$job"
  wait_for is_sleeping "$job"
  wait_for is_sleeping "$command"
  kill -TERM "$job"
  local status=0
  wait "$job" || status=$?
  assert_equal "$status" 143
}

@test "a command that stops itself, as a shell does that is suspended, is a stopped job" {
  need_world
  in_background -u alice -- sh -c 'echo $$; kill -STOP $$; exit 5'
  wait_for is_stopped "$job"
  kill -CONT "$job"
  local status=0
  wait "$job" || status=$?
  assert_equal "$status" 5
}

@test "a process that stops another, and lets it go on, is not in the way" {
  need_world
  explained 0 -u alice -- bash -c 'sleep 60 & kill -STOP $!
    until grep -qE "^State:.[Tt]" /proc/$!/status; do :; done
    kill -CONT $!
    until grep -qE "^State:.S" /proc/$!/status; do :; done
    kill $!; wait $! || echo $?'
  assert_output 143
}

@test "killed, it leaves no process behind, stopped or not" {
  need_world
  in_background -u alice -- sh -c 'sleep 60 & echo $$; wait'
  kill -KILL "$job"
  wait "$job" || true
  wait_for has_ended "$command"
  # Every writer is gone: the child that slept, too.
  run -1 read -rt "$patience" -u "$ready" _
}

@test "what the command leaves behind is seen to its end" {
  need_world
  secret
  explained 3 -u alice -- sh -c '(exec >/dev/null 2>&1; sleep 0.3; cat srv/key) & exit 3'
  line "\(cat\) openat $SCRATCH/srv/key "
}

@test "threads that die in the middle of a call do not matter" {
  need_world
  secret
  mkfifo never
  chmod 0666 never
  explained 137 -u alice -- bash -c 'for i in {1..20}; do cat never & done; cat srv/key; kill -KILL 0' 
  line "\(cat\) openat $SCRATCH/srv/key "
}

# --- JSON ---------------------------------------------------------------------------------------

@test "as JSON: one object a line, with the whole answer or the need" {
  need_world
  need jq
  secret
  explained 0 --json -u alice -- sh -c 'cat srv/key; kill -0 $PPID; stat srv/key; true'
  lines_said 2
  jq -es '
    (.[0] | .syscall == "openat" and .want == "r" and .errno == "EACCES" and .command == "cat" and
      (.path | endswith("/srv/key")) and .pid == .tid and .needs == null and
      .explained.allowed == false and .explained.identity.name == "alice" and
      (.explained.to_allow.command | startswith("setfacl "))) and
    (.[1] | .syscall == "kill" and .path == null and .want == null and .explained == null and
      (.needs | startswith("cap_kill")))' "$said"
}

@test "as JSON: a path that is no text is its bytes, and in a line it is harmless" {
  need_world
  need jq
  secret
  local name=$'\xff\e[31m'
  install -m 0600 /dev/null "srv/$name"
  explained 1 --json -u alice -- cat "srv/$name"
  assert_equal "$(jq -r .path.bytes "$said" | base64 -d)" "$SCRATCH/srv/$name"
  explained 1 -u alice -- cat "srv/$name"
  lines_said 1
  ! LC_ALL=C grep -qP '[^\x20-\x7e]' "$said"
}
