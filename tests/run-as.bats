#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-run-as: a command as somebody, with nothing of the caller left behind.

load lib/common

status_of() {
  sed -n "s/^$1:[[:space:]]*//p" <<<"$output"
}

@test "all four uids and gids and all groups are the user's" {
  need_world
  run -0 idn-run-as alice cat /proc/self/status
  assert_equal "$(status_of Uid)" $'2001\t2001\t2001\t2001'
  assert_equal "$(status_of Gid)" $'2001\t2001\t2001\t2001'
  assert_equal "$(status_of Groups | xargs)" "2001 2100 2101"
}

@test "no capability is left in any set but the bounding one" {
  need_world
  run -0 idn-run-as alice cat /proc/self/status
  assert_equal "$(status_of CapEff)" 0000000000000000
  assert_equal "$(status_of CapPrm)" 0000000000000000
  assert_equal "$(status_of CapInh)" 0000000000000000
  assert_equal "$(status_of CapAmb)" 0000000000000000
}

@test "the groups are the user's and nobody else's, with 0, 1, 32 and 1,024 of them" {
  need_world
  local user
  for user in g0 g1 g32 g1024; do
    run -0 setpriv --groups 4,24,27 idn-run-as "$user" id -G
    assert_equal "$(tr ' ' '\n' <<<"$output" | sort -n | xargs)" \
      "$(id -G "$user" | tr ' ' '\n' | sort -n | xargs)"
  done
}

@test "user:group is that group alone" {
  need_world
  run -0 idn-run-as alice:reports cat /proc/self/status
  assert_equal "$(status_of Gid)" $'2101\t2101\t2101\t2101'
  assert_equal "$(status_of Groups)" ""
}

@test "numbers are accepted wherever names are, with or without an account" {
  need_world
  run -0 idn-run-as 2001 id
  assert_output --partial "uid=2001(alice)"
  assert_output --partial "2101(reports)"
  run -0 idn-run-as 2001:2101 id -G
  assert_output 2101
  run -0 idn-run-as 4444 sh -c 'id -u; id -g; id -G; echo $HOME'
  assert_output $'4444\n4444\n4444\n/'
}

@test "HOME, USER, LOGNAME and SHELL are the user's, and the level is told" {
  need_world
  run -0 env HOME=/root USER=root LOGNAME=root SHELL=/bin/zsh OTHER=kept idn-run-as alice env
  assert_line "HOME=$WORLD/home/alice"
  assert_line USER=alice
  assert_line LOGNAME=alice
  assert_line SHELL=/bin/sh
  assert_line IMPERSONATION_LEVEL=impersonation
  assert_line OTHER=kept
}

@test "no way leads back" {
  need_world
  need setpriv
  run -0 idn-run-as alice sh -c '
    setpriv --reuid 0 true 2>/dev/null && echo uid
    setpriv --regid 0 --clear-groups true 2>/dev/null && echo gid
    setpriv --groups 0 true 2>/dev/null && echo groups
    setpriv --inh-caps +setuid true 2>/dev/null && echo capabilities
    echo tried'
  assert_output tried
}

@test "an ordinary caller with the two capabilities can, and leaves nothing either" {
  need_world
  run -0 setpriv --reuid 2003 --regid 2003 --clear-groups --inh-caps +setuid,+setgid \
    --ambient-caps +setuid,+setgid idn-run-as alice cat /proc/self/status
  assert_equal "$(status_of Uid)" $'2001\t2001\t2001\t2001'
  assert_equal "$(status_of Groups | xargs)" "2001 2100 2101"
  assert_equal "$(status_of CapPrm)" 0000000000000000
  assert_equal "$(status_of CapInh)" 0000000000000000
  assert_equal "$(status_of CapAmb)" 0000000000000000
}

@test "without privilege: one line that names the capability, and status 125" {
  need_world
  run -125 as carol idn-run-as alice true
  assert_equal "${#lines[@]}" 1
  assert_output "idn-run-as: alice: cannot set 3 supplementary groups (needs CAP_SETGID): Operation not permitted"
}

@test "without privilege one may run as the identity that one has" {
  need_world
  run -0 as carol idn-run-as carol id -un
  assert_output carol
  run -0 as alice idn-run-as alice id -G
  assert_output "2001 2100 2101"
}

@test "each credential call that fails stops it before the command" {
  need_world
  need strace
  local call
  for call in setgroups setresgid setresuid capset prctl; do
    run strace -f -qq -o /dev/null -e trace=$call -e inject=$call:error=EPERM:when=1+ \
      idn-run-as alice echo ran
    assert_equal "$call $status" "$call 125"
    refute_output --partial "ran"
    assert_output --regexp '^idn-run-as: alice: '
  done
}

@test "a call that says yes and does nothing is found out" {
  need_world
  need strace
  local call
  for call in setgroups setresgid setresuid capset; do
    run strace -f -qq -o /dev/null -e trace=$call -e inject=$call:retval=0 idn-run-as alice echo ran
    assert_equal "$call $status" "$call 125"
    refute_output --partial "ran"
  done
}

@test "root is root" {
  need_world
  run -0 idn-run-as root cat /proc/self/status
  assert_equal "$(status_of Uid)" $'0\t0\t0\t0'
  assert_equal "$(status_of CapEff)" "$(sed -n 's/^CapPrm:\t//p' /proc/self/status)"
}

@test "the exit status is the command's; 126 where it cannot be run, 127 where it is not found" {
  need_world
  run -42 idn-run-as alice sh -c 'exit 42'
  run -127 env PATH="$WORLD/bin:/usr/bin:/bin" idn-run-as alice no-such-command
  assert_output "idn-run-as: no-such-command: No such file or directory"
  run -127 idn-run-as alice /no/such/command
  run -126 idn-run-as alice /etc/passwd
  assert_output "idn-run-as: /etc/passwd: Permission denied"
}

@test "a command that the user cannot find for want of a directory is not found" {
  need_world
  mkdir -m 700 "$BATS_TEST_TMPDIR/private"
  run -127 env PATH="$BATS_TEST_TMPDIR/private:$WORLD/bin:/usr/bin" idn-run-as alice no-such-command
}

@test "options behind the user are the command's, and -- ends them" {
  need_world
  run -0 idn-run-as alice -- echo --json -x
  assert_output -- "--json -x"
  run -0 idn-run-as -- alice echo -- -h
  assert_output -- "-- -h"
}

@test "what is no user: one line, status 125" {
  need_world
  local user
  for user in nosuch '' : alice: :reports alice:nosuch -1 4294967295 65535 +5 05 5x 99999999999 a:b:c \
    alice:-1 alice:65535 alice:05; do
    run -125 idn-run-as -- "$user" echo ran
    assert_equal "$user ${#lines[@]}" "$user 1"
    refute_output --partial "ran"
    assert_output --regexp '^idn-run-as: '
  done
}

@test "no user, no command, an unknown option: one line, status 125" {
  run -125 idn-run-as
  assert_output "idn-run-as: no user: try idn-run-as --help"
  run -125 idn-run-as root
  assert_output "idn-run-as: no command: try idn-run-as --help"
  run -125 idn-run-as --nonsense root true
  assert_output "idn-run-as: --nonsense: unknown option"
}

@test "it loads neither an HTTP nor a JSON library" {
  need ldd
  run ldd "$(command -v idn-run-as)"
  refute_output --partial jansson
  refute_output --partial microhttpd
  refute_output --partial nettle
}

@test "help and version" {
  run -0 idn-run-as --help
  assert_line --partial "USER[:GROUP] [--] COMMAND [ARG...]"
  run -0 idn-run-as --version
  assert_output --regexp '^idn-run-as \(idn-tools\) [0-9]'
}
