#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Commands that a service starts for a client: as the client for good, or not at all.

load lib/common
load lib/programs

# --- who it is ------------------------------------------------------------------------------------

@test "a command has the client's ids, all four, its groups and no capability" {
  both spawn-test identity
}

@test "from a thread that impersonates, it is that client, or the one that was named" {
  both spawn-test impersonating
}

@test "below impersonation a command is the anonymous identity's" {
  both spawn-test below
}

@test "a token for files alone starts a command that is the client's as a whole" {
  both spawn-test scope
}

@test "the ledger says what it said before, and nothing of the command" {
  both spawn-test ledger
}

@test "a command of root's has the capabilities that its token has, whatever the bounding set" {
  both spawn-test root-token
}

@test "a command of a thread's token has the capabilities of that thread, if the service has them" {
  both spawn-test capable
}

@test "without CAP_SETUID and CAP_SETGID no command is started, and the log names the missing one" {
  promise spawn-test refused none
  promise spawn-test refused no-setuid
  promise spawn-test refused no-setgid
}

@test "a command of the service's own identity needs no privilege, with one more group it does" {
  promise spawn-test oneself none
}

@test "no way leads back: ids, groups, capabilities, securebits, tracing" {
  both spawn-test ways
}

@test "a key of the service's session is not possessed by the command" {
  need_world
  run env WORLD="$SCRATCH" ways-back --with-key "$(type -P spawn-test)" ways root
  [ "$status" -ne 77 ] || skip "$output"
  assert_success
}

# --- what it inherits -------------------------------------------------------------------------------

@test "a command has three descriptors, whichever the service has open" {
  both spawn-inherit-test descriptors
}

@test "so it has on a kernel without close_range" {
  need_world
  need_strace
  export WORLD=$SCRATCH
  run -0 strace -f -qq -o "$SCRATCH/trace" -e signal=none -e inject=close_range:error=ENOSYS \
    spawn-inherit-test descriptors root
  grep -q 'close_range(.*INJECTED' "$SCRATCH/trace"
}

@test "the three may be each other's places, and one and the same" {
  both spawn-inherit-test shuffled
}

@test "a service without standard descriptors gives a command all three" {
  both spawn-inherit-test none-of-three
}

@test "what is not given is /dev/null" {
  both spawn-inherit-test nowhere
}

@test "no signal is blocked, ignored or pending, and the service's are as they were" {
  both spawn-inherit-test signals
}

@test "directory, umask and session are the service's unless others are asked for" {
  both spawn-inherit-test place
}

@test "the environment is what was given, and empty where nothing was" {
  both spawn-inherit-test environment
}

# --- the service ------------------------------------------------------------------------------------

@test "eight threads start commands at once, each as its own client" {
  both spawn-inherit-test threads
}

@test "what cannot be run is reported, as the client sees it, and leaves no child and no signal" {
  both spawn-test errors
}

@test "a client with as many processes as the service's limit allows starts no more" {
  both spawn-test too-many
}

@test "a thread that waits for all children hears of those that ran, and of no others" {
  both spawn-inherit-test waited-for
}

@test "a service that ignores SIGCHLD is told of what failed" {
  both spawn-inherit-test ignored
}

# --- faults -----------------------------------------------------------------------------------------

# strike KIND CALL:INJECTION: sets SPAWNED to what imp_spawn returned.
strike() {
  run env WORLD="$SCRATCH" FAULT="$2" timeout 60 spawn-inherit-test fault "$1"
  [ "$status" -ne 77 ] || skip "$output"
  SPAWNED=$(sed -n 's/^spawn //p' <<<"$output")
  [[ $status -eq 0 && -n $SPAWNED ]] && return
  echo "$1 $2: expected a command of alice's or none, saw $status: $output" >&2
  return 1
}

# child RESULT CALL:FAULT: the child fails with RESULT, whichever of its calls of that kind is struck,
# from the first, which it makes, to the last; then the command runs.
child() {
  local kind n
  for kind in root ordinary; do
    for ((n = 1; n <= 90; n++)); do
      strike "$kind" "$2:when=$n"
      [ "$SPAWNED" != 0 ] || break
      assert_equal "$kind $2:when=$n $SPAWNED" "$kind $2:when=$n $1"
    done
    ((n > 1 && n <= 90))
  done
}

# each RESULT CALL:INJECTION
each() {
  local kind
  for kind in root ordinary; do
    strike "$kind" "$2"
    assert_equal "$kind $2 $SPAWNED" "$kind $2 $1"
  done
}

need_faults() {
  need_world
  need_strace
}

@test "an id, a group or a capability that cannot be set: no command, no child" {
  need_faults
  child -12 setgroups:error=ENOMEM
  child -1 setresgid:error=EPERM
  child -11 setresuid:error=EAGAIN
  child -1 capset:error=EPERM
  child -1 prctl:error=EPERM
}

@test "one that only claims to be set is found out" {
  need_faults
  local call
  for call in setgroups setresgid setresuid; do
    each -116 $call:retval=0:when=1
  done
}

@test "a way back that is open is found out" {
  need_faults
  # The first sets, those behind it try to come back.
  each -116 setgroups:retval=0:when=2
  each -116 setresgid:retval=0:when=2
  each -116 setresuid:retval=0:when=2
  each -116 capset:retval=0:when=3
}

@test "what cannot be read, before or afterwards: no command, no child" {
  need_faults
  child -14 getresuid:error=EFAULT
  child -14 getresgid:error=EFAULT
  child -12 capget:error=ENOMEM
  child -116 getgroups:error=EFAULT
  child -116 setfsuid:retval=12345
  child -116 setfsgid:retval=12345
  each -14 getresuid:error=EFAULT:when=101
  each -12 capget:error=ENOMEM:when=101
  each -12 getgroups:error=ENOMEM:when=101
}

@test "a session keyring that cannot be left: no command; where there are no keys there is one" {
  need_faults
  child -122 keyctl:error=EDQUOT
  each 0 keyctl:error=ENOSYS:when=1
}

@test "what goes before and comes after: no command, no child" {
  need_faults
  child -11 timer_create:error=EAGAIN
  child -22 timer_settime:error=EINVAL
  child -24 fcntl:error=EMFILE
  child -16 dup3:error=EBUSY
  child -1 setsid:error=EPERM
  child -13 fchdir:error=EACCES
  child -5 execve:error=EIO
  each -22 rt_sigaction:error=EINVAL:when=1
  each -22 rt_sigprocmask:error=EINVAL:when=1
  each -12 mmap:error=ENOMEM:when=1
  each -11 clone:error=EAGAIN:when=1
}

@test "a wait that is interrupted goes on" {
  need_faults
  each 0 waitid:error=EINTR:when=1
}

@test "a child that the client kills before it runs the command is none" {
  need_faults
  each -4 keyctl:signal=KILL:when=1
}

@test "a child that the client stops before it runs the command does not hold the service up" {
  need_faults
  strike ordinary keyctl:signal=STOP:when=1
  assert_equal "$SPAWNED" -4
}
