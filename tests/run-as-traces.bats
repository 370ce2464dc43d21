#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-run-as: nothing of the caller is left that other tools would not leave, and no way leads back.

load lib/common

# What the kernel has on a process, but for what differs from one to the next.
facts='grep -vE "^(Name|State|Tgid|Ngid|Pid|PPid|NS.*|Vm.*|Rss.*|Huge.*|Mems.*|Cpus.*|voluntary.*|nonvoluntary.*|Threads|SigQ|TracerPid|Core.*|THP.*|Kthread|x86.*|untag.*):" /proc/self/status
  echo "session $(cut -d" " -f6 /proc/self/stat)"
  ls /proc/self/fd | wc -l
  ulimit -a'

# As a service manager might start it: an ordinary user with the two capabilities, that outlive exec.
two_capabilities=(setpriv --reuid 2003 --regid 2003 --groups 2003,7 --inh-caps +setuid,+setgid
  --ambient-caps +setuid,+setgid --)

@test "of a root caller the command has what setpriv leaves, and nothing else" {
  need_world
  sh -c "$facts" >/dev/null
  setpriv --reuid alice --regid alice --init-groups --inh-caps=-all -- sh -c "$facts" >"$SCRATCH/theirs"
  idn-run-as alice sh -c "$facts" >"$SCRATCH/ours"
  run -0 diff "$SCRATCH/theirs" "$SCRATCH/ours"
}

@test "of a root caller the command has what chpst leaves, and nothing else" {
  need_world
  need chpst
  chpst -u alice:alice:projects:reports sh -c "$facts" >"$SCRATCH/theirs"
  idn-run-as alice sh -c "$facts" >"$SCRATCH/ours"
  run -0 diff "$SCRATCH/theirs" "$SCRATCH/ours"
}

@test "of an ordinary caller the command has what setpriv leaves when it is told to drop the rest" {
  need_world
  "${two_capabilities[@]}" setpriv --reuid alice --regid alice --init-groups --inh-caps=-all \
    --ambient-caps=-all -- sh -c "$facts" >"$SCRATCH/theirs"
  "${two_capabilities[@]}" idn-run-as alice sh -c "$facts" >"$SCRATCH/ours"
  run -0 diff "$SCRATCH/theirs" "$SCRATCH/ours"
}

@test "of an ordinary caller chpst leaves the capabilities, and idn-run-as does not" {
  need_world
  need chpst
  "${two_capabilities[@]}" chpst -u alice:alice:projects:reports sh -c "$facts" >"$SCRATCH/theirs"
  "${two_capabilities[@]}" idn-run-as alice sh -c "$facts" >"$SCRATCH/ours"
  run -1 diff "$SCRATCH/theirs" "$SCRATCH/ours"
  refute_line --regexp '^[<>] (Cap(Bnd)|Uid|Gid|Groups|NoNewPrivs|Sig|Shd)'
  assert_line --regexp $'^> CapPrm:\t0+$'
}

@test "securebits are the caller's" {
  need_world
  need capsh
  local bits
  for bits in "" --securebits=+noroot --securebits=+noroot,+noroot_locked; do
    # shellcheck disable=SC2086 # none or one
    run -0 setpriv $bits --inh-caps=+setuid,+setgid --ambient-caps=+setuid,+setgid sh -c 'capsh --print | grep ^Securebits; idn-run-as alice capsh --print | grep ^Securebits'
    assert_equal "${lines[0]}" "${lines[1]}"
  done
}

@test "the environment differs from the caller's in what the manual says" {
  need_world
  env >"$SCRATCH/before"
  idn-run-as alice env >"$SCRATCH/after"
  run -0 comm -3 <(cut -d= -f1 "$SCRATCH/before" | sort -u) <(cut -d= -f1 "$SCRATCH/after" | sort -u)
  refute_line --regexp '^[^[:space:]]'
  run -0 comm -13 <(sort "$SCRATCH/before") <(sort "$SCRATCH/after")
  local line
  for line in "${lines[@]}"; do
    [[ $line =~ ^(HOME|SHELL|USER|LOGNAME|IMPERSONATION_LEVEL|_)= ]] || fail "changed: $line"
  done
}

@test "the caller's keys stay behind, and setpriv would take them along" {
  need_world
  run ways-back --with-key true
  ((status != 77)) || skip "$output"
  run -0 ways-back --with-key setpriv --reuid alice --regid alice --init-groups ways-back
  assert_line key
  run -0 ways-back --with-key idn-run-as alice ways-back
  assert_output tried
  run -0 ways-back --with-key "${two_capabilities[@]}" idn-run-as alice ways-back
  assert_output tried
}

@test "who stays who it is keeps its keys" {
  need_world
  run ways-back --with-key true
  ((status != 77)) || skip "$output"
  run -0 as alice ways-back --with-key idn-run-as alice ways-back
  assert_output $'key\ntried'
}

@test "every way back is refused: of a root caller, an ordinary one, a thread's, at anonymous, in a terminal" {
  need_world
  local pid
  run -0 idn-run-as alice ways-back
  assert_output tried
  run -0 idn-run-as 4444:2100 ways-back
  assert_output tried
  run -0 "${two_capabilities[@]}" idn-run-as alice ways-back
  assert_output tried
  run -0 idn-run-as -l anonymous alice ways-back
  assert_output tried
  run -0 idn-run-as --keep-groups --keep-env alice ways-back
  assert_output tried
  setpriv --reuid alice --regid alice --init-groups sleep 60 3>&- 4>&- &
  pid=$!
  SERVER_PIDS+=("$pid")
  wait_for grep -qx sleep "/proc/$pid/comm"
  run -0 idn-run-as --thread "$pid" ways-back
  assert_output tried
  run -0 idn-run-as --pty alice ways-back </dev/null
  assert_output tried
}

@test "the parent-death signal is cleared, also for who stays who it is" {
  need_world
  setpriv --pdeathsig keep true 2>/dev/null || skip "needs setpriv --pdeathsig"
  run -0 setpriv --pdeathsig TERM idn-run-as root ways-back
  refute_line --partial parent-death
  run -0 as alice setpriv --pdeathsig TERM idn-run-as alice ways-back
  refute_line --partial parent-death
}

@test "signals that the caller ignores are ignored still, as env has it" {
  need_world
  run -0 bash -c "trap '' HUP USR2; idn-run-as alice grep ^SigIgn /proc/self/status"
  local ours=$output
  run -0 bash -c "trap '' HUP USR2; env grep ^SigIgn /proc/self/status"
  assert_equal "$ours" "$output"
}
