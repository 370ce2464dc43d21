#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-run-as --pty: a terminal of the command's own, and nothing of the caller's within its reach.

load lib/common

# legacy: may the kernel still be asked to push input?
need_pushing() {
  [[ $(cat /proc/sys/dev/tty/legacy_tiocsti 2>/dev/null || echo 1) == 1 ]] ||
    skip "needs dev.tty.legacy_tiocsti"
}

# A shell that tells what is in its terminal's input after a command.
# shellcheck disable=SC2016 # for the inner shell
after='"$@"; if read -t 0.5 -r line; then echo "got: $line"; else echo "got nothing"; fi; echo end'

# One with job control, that paints nothing.
shell=(bash --norc --noprofile --noediting -i)

# --- pushing input ------------------------------------------------------------------------------

@test "without --pty a command can push input into the caller's terminal, where the kernel lets it" {
  need_world
  need_pushing
  run -0 terminal 24x80 see=end show -- bash -c "$after" bash idn-run-as alice ways-back --push evil
  assert_line --partial "got: evil"
}

@test "through --pty no input reaches the caller's terminal" {
  need_world
  run -0 terminal 24x80 see=end show -- bash -c "$after" bash idn-run-as --pty alice ways-back --push evil
  assert_line --partial "got nothing"
  refute_line --partial "got: evil"
}

@test "after --setsid the caller's terminal is not the command's to push into" {
  need_world
  run -0 terminal 24x80 see=end show -- bash -c "$after" bash idn-run-as --setsid alice ways-back --push evil
  assert_line --partial refused
  assert_line --partial "got nothing"
}

@test "not even a command with capabilities reaches the caller's terminal through --pty" {
  need_world
  run -0 terminal 24x80 see=end show -- bash -c "$after" bash idn-run-as --pty --caps all alice ways-back --push evil
  assert_line --partial "got nothing"
}

# --- a terminal ---------------------------------------------------------------------------------

@test "the window is as large as the caller's, and follows it" {
  need_world
  need stty
  run -0 terminal 30x100 "see=30 100" resize=40x120 "see=40 120" -- \
    idn-run-as --pty alice bash -c 'trap "stty size; exit" WINCH; stty size; sleep 30 & wait'
  assert_line "status 0"
  assert_line "modes restored"
}

@test "every key is passed on, and the terminal is put back" {
  need_world
  run -0 terminal 24x80 see=ready type=$'hel\x7flo\r' "see=helo" type=$'\x04' -- \
    idn-run-as --pty alice sh -c 'echo ready; exec cat'
  assert_line "status 0"
  assert_line "modes restored"
}

@test "the terminal is put back also when a signal ends it, each one that can be caught" {
  need_world
  local number
  for number in 1 2 3 14 15 10 12; do
    run -0 terminal 24x80 see=ready signal=$number -- idn-run-as --pty alice sh -c 'echo ready; exec cat'
    assert_line "status $((128 + number))"
    assert_line "modes restored"
  done
}

@test "Ctrl-C and Ctrl-\\ are the command's" {
  need_world
  run -0 terminal 24x80 see=ready type=$'\x03' -- idn-run-as --pty alice sh -c 'echo ready; exec cat'
  assert_line "status 130"
  run -0 terminal 24x80 see=ready type=$'\x1c' -- idn-run-as --pty alice sh -c 'ulimit -c 0; echo ready; exec cat'
  assert_line "status 131"
  run -0 terminal 24x80 see=ready type=$'\x03' see=caught -- \
    idn-run-as --pty alice bash -c 'trap "echo caught; exit 5" INT; echo ready; read -r line'
  assert_line "status 5"
  assert_line "modes restored"
}

@test "Ctrl-Z stops the command and gives the terminal back to the caller's shell; fg goes on" {
  need_world
  cat >"$SCRATCH/command" <<'SH'
trap "continued=yes" CONT
echo ready
until [[ -n $continued ]]; do sleep 0.05; done
echo continued
read -r line
echo "<$line>"
SH
  run -0 terminal 24x80 see=bash type=$'idn-run-as --pty alice bash command\r' see=ready \
    type=$'\x1a' see=Stopped type=$'stty -a | grep -o " icanon" | tr a-z A-Z\r' see=ICANON \
    type=$'fg; echo "sta""tus=$?"\r' see=continued type=$'hel\x7flo\r' "see=<helo>" see=status=0 \
    type=$'exit\r' -- "${shell[@]}"
  assert_line "modes restored"
}

@test "a shell in it has job control of its own" {
  need_world
  run -0 terminal 24x80 see=bash type=$'sh -c "echo rea\'\'dy; exec cat"\r' see=ready type=$'\x1a' see=Stopped \
    type=$'kill %1; fg\r' see=Terminated type=$'exit 3\r' -- idn-run-as --pty alice "${shell[@]}"
  assert_line "status 3"
  refute_line --partial "no job control"
}

@test "in the background it leaves the terminal's modes and keys alone" {
  need_world
  run -0 terminal 24x80 see=bash \
    type=$'idn-run-as --pty alice sh -c "echo rea\'\'dy; cat" &\r' see=ready \
    type=$'echo ty""ped\r' see=typed type=$'kill %1; wait; echo en""d\r' see=end type=$'exit\r' -- "${shell[@]}"
  assert_line "modes restored"
}

@test "the terminal is the user's own, and the session is new" {
  need_world
  # shellcheck disable=SC2016 # for the inner shell
  run -0 idn-run-as --pty alice sh -c 'stat -c %U "$(tty)"; ps -o sid= -p $$; ps -o user= -p $PPID' </dev/null
  assert_line --index 0 alice
  refute_line --index 1 --regexp "^ *$(ps -o sid= -p $$) *$"
  # What is between is the caller still.
  assert_line --index 2 root
}

@test "the relay and the leader of the session keep the caller's identity and no descriptor of the command's" {
  need_world
  # shellcheck disable=SC2016 # for the inner shell
  run -0 idn-run-as --pty alice sh -c 'cat "/proc/$PPID/status"; ls -l /proc/self/fd' </dev/null
  assert_line --regexp $'^Uid:\t0\t0\t0\t0$'
  refute_line --partial ptmx
  refute_line --partial socket
}

@test "a caller with the two capabilities alone has a terminal made, too" {
  need_world
  run -0 setpriv --reuid 2003 --regid 2003 --clear-groups --inh-caps +setuid,+setgid \
    --ambient-caps +setuid,+setgid idn-run-as --pty alice sh -c 'stat -c %U "$(tty)"' </dev/null
  assert_output alice
  run -0 as alice idn-run-as --pty alice sh -c 'stat -c %U "$(tty)"' </dev/null
  assert_output alice
}

# --- bytes --------------------------------------------------------------------------------------

@test "without a terminal at the caller's, input is passed to its end, and output is not turned" {
  need_world
  printf 'one\ntwo' >"$SCRATCH/in"
  idn-run-as --pty alice cat <"$SCRATCH/in" >"$SCRATCH/out"
  run -0 cmp "$SCRATCH/in" "$SCRATCH/out"
  : >"$SCRATCH/in"
  run -0 idn-run-as --pty alice cat <"$SCRATCH/in"
  assert_output ""
}

@test "all that the command has written arrives, however much and however soon it ends" {
  need_world
  seq 300000 >"$SCRATCH/expected"
  idn-run-as --pty alice seq 300000 >"$SCRATCH/out" </dev/null
  run -0 cmp "$SCRATCH/expected" "$SCRATCH/out"
  local round
  for round in {1..50}; do
    run -0 idn-run-as --pty alice echo "the last word $round" </dev/null
    assert_output "the last word $round"
  done
}

@test "a file or a pipe at the caller's stays one, so that no byte of it changes" {
  need_world
  run -0 terminal 24x80 see=end -- sh -c 'idn-run-as --pty alice printf "a\nb\n" >"$0"; echo end' "$SCRATCH/out"
  assert_equal "$(od -An -c "$SCRATCH/out" | tr -s ' ')" ' a \n b \n'
  run -0 terminal 24x80 see=end show -- \
    sh -c 'printf "x\003y\004z" | idn-run-as --pty alice od -An -c; echo end'
  assert_line --regexp 'x +003 +y +004 +z'
}

@test "a process that the command leaves behind does not hold the caller up" {
  need_world
  run -0 timeout 20 idn-run-as --pty alice sh -c 'trap "" HUP; sleep 60 & echo $! >~/left; echo done' </dev/null
  assert_output done
  kill "$(<"$WORLD/home/alice/left")"
}

@test "output that nobody reads any more ends neither the relay nor the command" {
  need_world
  rm -f "$WORLD/home/alice/ended"
  run -0 bash -c 'idn-run-as --pty alice sh -c "seq 100000; echo >~/ended" </dev/null | head -n 1'
  assert_output 1
  wait_for "$WORLD/home/alice/ended"
}

# --- the end ------------------------------------------------------------------------------------

@test "the exit status is the command's, 128 and the signal's number where one ended it" {
  need_world
  run -42 idn-run-as --pty alice sh -c 'exit 42' </dev/null
  # shellcheck disable=SC2016 # for the inner shell
  run -137 idn-run-as --pty alice sh -c 'kill -KILL $$' </dev/null
  run -127 idn-run-as --pty alice /no/such/command </dev/null
  run -126 idn-run-as --pty alice /etc/passwd </dev/null
  assert_output "idn-run-as: /etc/passwd: Permission denied"
}

@test "without privilege: one line, status 125" {
  need_world
  run -125 as carol idn-run-as --pty alice echo ran </dev/null
  assert_output "idn-run-as: alice: cannot set 3 supplementary groups (needs CAP_SETGID): Operation not permitted"
}

@test "signals that were ignored or blocked are so for the command, as without --pty" {
  need_world
  local plain
  # shellcheck disable=SC2016 # for the inner shell
  plain=$(trap '' HUP USR1; idn-run-as alice grep '^Sig[BI]' /proc/self/status)
  run -0 bash -c "trap '' HUP USR1; idn-run-as --pty alice grep '^Sig[BI]' /proc/self/status </dev/null"
  assert_output "$plain"
}

@test "a killed relay takes the command with it" {
  need_world
  local pid command
  rm -f "$WORLD/home/alice/pid"
  idn-run-as --pty alice sh -c 'echo $$ >~/pid; exec sleep 60' </dev/null >/dev/null 3>&- 4>&- &
  pid=$!
  wait_for "$WORLD/home/alice/pid"
  wait_for grep -q . "$WORLD/home/alice/pid"
  command=$(<"$WORLD/home/alice/pid")
  kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
  wait_for has_ended "$command"
}
