#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-run-as --level: what the command is, and what it is told, at each of the four.

load lib/common
load lib/realm

# cache PATH OWNER: a credential cache, as far as a copy of it goes.
cache() {
  (umask 077 && echo "ticket of $2" >"$1")
  chown "$2" "$1"
}

teardown() {
  rm -f /tmp/krb5cc_2001 /tmp/krb5cc_2002
  server_teardown
  realm_stop
}

@test "at impersonation it is the user, and so it is told" {
  need_world
  run -0 idn-run-as -l impersonate alice sh -c 'id -un; echo $IMPERSONATION_LEVEL $IMPERSONATION_CLIENT'
  assert_output $'alice\nimpersonation'
}

@test "at identification it is the anonymous account, and knows the name" {
  need_world
  run -0 idn-run-as --level identification alice sh -c \
    'id; echo $HOME $USER $LOGNAME $IMPERSONATION_LEVEL $IMPERSONATION_CLIENT'
  assert_output $'uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n/nonexistent nobody nobody identification alice'
  run -0 idn-run-as -l identify 2001 sh -c 'echo $IMPERSONATION_CLIENT'
  assert_output alice
  run -0 idn-run-as -l identify 4444 sh -c 'echo $IMPERSONATION_CLIENT'
  assert_output 4444
}

@test "at anonymous nothing is left of the user: ids, groups, capabilities, environment, processes" {
  need_world
  # shellcheck disable=SC2016 # for the inner shell
  run -0 env IMPERSONATION_CLIENT=alice HOME="$WORLD/home/alice" USER=alice LOGNAME=alice \
    idn-run-as -l anonymous alice sh -c 'id; env; cat /proc/self/status; tr "\0" " " <"/proc/$$/cmdline"'
  assert_line "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)"
  assert_line IMPERSONATION_LEVEL=anonymous
  assert_line --regexp $'^Groups:[ \t]*$'
  assert_line --regexp $'^CapPrm:\t0+$'
  refute_alice "$output"
}

@test "at anonymous a process that stays behind does not have the name on its command line" {
  need_world
  # shellcheck disable=SC2016 # for the inner shell
  run -0 idn-run-as -l anonymous --pty alice sh -c \
    'for above in $PPID $(sed -n "s/^PPid:[[:space:]]*//p" /proc/$PPID/status); do
       tr "\0" " " </proc/$above/cmdline; done' </dev/null
  assert_output --partial "idn-run-as -l anonymous --pty -----"
  refute_output --partial "--pty alice"
}

@test "the user has to exist at every level" {
  need_world
  local level
  for level in anonymous identification impersonation delegation; do
    run -125 idn-run-as -l "$level" nosuch echo ran
    assert_output "idn-run-as: nosuch: no such account"
  done
}

@test "what the anonymous identity has not is not to be chosen" {
  need_world
  local option
  for option in "--groups 1" --clear-groups --keep-groups "--caps chown"; do
    # shellcheck disable=SC2086 # words
    run -125 idn-run-as -l anonymous $option alice echo ran
    assert_output "idn-run-as: --level: the anonymous identity has no groups or capabilities to choose"
  done
  run -125 idn-run-as -l anonymous alice:projects echo ran
  run -125 idn-run-as -l anonymous --keep-env alice echo ran
  assert_output "idn-run-as: --keep-env: not at level anonymous, which is to leave no trace of the user"
}

@test "without an anonymous account: one line, status 125" {
  need_world
  # In a namespace of its own: the accounts are everybody's here.
  run -125 unshare --mount --propagation private sh -c '
    sed /^nobody/d /etc/passwd >"$0" && mount --bind "$0" /etc/passwd &&
    exec idn-run-as -l anonymous alice echo ran' "$SCRATCH/passwd"
  assert_output "idn-run-as: nobody: the anonymous account: no such account"
}

# --- delegation ---------------------------------------------------------------------------------

# shellcheck disable=SC2016 # for the inner shell
look='path=${KRB5CCNAME#FILE:}; echo "$KRB5CCNAME"; cat "$path"; stat -c "%u %a" "$path" "${path%/*}"'

@test "at delegation the user's cache goes along as a private copy, which ends with the command" {
  need_world
  cache /tmp/krb5cc_2001 alice
  run -0 env KRB5CCNAME=/root/mine idn-run-as -l delegation alice sh -c "$look"
  assert_line --index 0 --regexp '^FILE:/tmp/idn-run-as-[^/]*/krb5cc$'
  assert_line --index 1 "ticket of alice"
  assert_line --index 2 "2001 600"
  assert_line --index 3 "2001 700"
  local copy=${lines[0]#FILE:}
  refute [ -e "${copy%/*}" ]
  assert_equal "$(cat /tmp/krb5cc_2001)" "ticket of alice"
}

@test "at delegation one's own cache is the one that KRB5CCNAME names" {
  need_world
  cache "$WORLD/home/alice/cache" alice
  run -0 as alice env KRB5CCNAME="FILE:$WORLD/home/alice/cache" idn-run-as -l delegate alice sh -c "$look"
  assert_line "ticket of alice"
  run -0 as alice env KRB5CCNAME="$WORLD/home/alice/cache" idn-run-as -l delegate alice sh -c "$look"
  assert_line "ticket of alice"
  run -0 as alice env KRB5CCNAME=KCM: idn-run-as -l delegate alice sh -c 'echo $KRB5CCNAME'
  assert_output $'idn-run-as: KCM:: not a file: it is not copied, and stays as it is\nKCM:'
}

@test "a caller with the two capabilities alone delegates and cleans up, too" {
  need_world
  cache /tmp/krb5cc_2001 alice
  run -0 setpriv --reuid 2003 --regid 2003 --clear-groups --inh-caps +setuid,+setgid \
    --ambient-caps +setuid,+setgid idn-run-as -l delegation alice sh -c "$look"
  assert_line "ticket of alice"
  local copy=${lines[0]#FILE:}
  refute [ -e "${copy%/*}" ]
}

@test "at delegation without a cache there is none, and the caller's is not the command's" {
  need_world
  run -0 env KRB5CCNAME=/root/mine idn-run-as -l delegation alice sh -c \
    'echo "${KRB5CCNAME-none}"; cat "/proc/$PPID/comm"'
  # Nobody has stayed to clean up.
  assert_line --index 0 none
  refute_line idn-run-as
}

@test "what is not the user's own file is not taken for its cache" {
  need_world
  cache "$WORLD/home/bob/cache" bob
  chmod 0644 "$WORLD/home/bob/cache"
  chmod 0755 "$WORLD/home/bob"
  ln -s "$WORLD/home/bob/cache" /tmp/krb5cc_2001
  run -0 idn-run-as -l delegation alice sh -c 'echo "${KRB5CCNAME-none}"'
  assert_line none
  assert_line --index 0 "idn-run-as: /tmp/krb5cc_2001: a symbolic link: not taken for the user's cache"
  rm /tmp/krb5cc_2001
  cache /tmp/krb5cc_2001 bob
  chmod 0644 /tmp/krb5cc_2001
  run -0 idn-run-as -l delegation alice sh -c 'echo "${KRB5CCNAME-none}"'
  assert_line none
  assert_line --index 0 "idn-run-as: /tmp/krb5cc_2001: not a file of the user's: not taken for the user's cache"
  rm /tmp/krb5cc_2001
  mkfifo /tmp/krb5cc_2001
  chown alice /tmp/krb5cc_2001
  run -0 idn-run-as -q -l delegation alice sh -c 'echo "${KRB5CCNAME-none}"'
  assert_output none
}

@test "with a cache the status is the command's, also when a signal ends it" {
  need_world
  cache /tmp/krb5cc_2001 alice
  run -42 idn-run-as -l delegation alice sh -c 'exit 42'
  # shellcheck disable=SC2016 # for the inner shell
  run -137 idn-run-as -l delegation alice sh -c 'kill -KILL $$'
  run -127 idn-run-as -l delegation alice /no/such/command
  run -0 find /tmp -maxdepth 1 -name 'idn-run-as-*'
  assert_output ""
}

@test "with a cache signals reach the command, of a root caller and of one with the two capabilities" {
  need_world
  local before pid result
  cache /tmp/krb5cc_2001 alice
  for before in env "setpriv --reuid 2003 --regid 2003 --clear-groups --inh-caps +setuid,+setgid --ambient-caps +setuid,+setgid"; do
    rm -f "$WORLD"/home/alice/{started,never}
    # shellcheck disable=SC2086 # words
    $before idn-run-as -l delegation alice sh -c \
      'trap "exit 9" TERM; mkfifo ~/never; echo >~/started; read -r _ <>~/never' 3>&- 4>&- &
    pid=$!
    wait_for "$WORLD/home/alice/started"
    kill -TERM "$pid"
    result=0
    wait "$pid" || result=$?
    assert_equal "$result" 9
  done
  run -0 find /tmp -maxdepth 1 -name 'idn-run-as-*'
  assert_output ""
}

# --- with Kerberos ------------------------------------------------------------------------------

# alice has a ticket, in the cache that libkrb5 has by default.
alice_has_ticket() {
  need_world
  need_realm
  need klist kvno kdestroy
  realm_start
  realm_kinit alice /tmp/krb5cc_2001
  chown alice: /tmp/krb5cc_2001
}

@test "at delegation the command gets tickets with the copy, and the user's own cache stays as it was" {
  alice_has_ticket
  local before copy
  before=$(sha256sum </tmp/krb5cc_2001)
  # shellcheck disable=SC2016 # for the inner shell
  run -0 idn-run-as -l delegation alice sh -c 'echo "$KRB5CCNAME"; kvno HTTP/a.test && klist -f'
  copy=${lines[0]}
  assert_line --regexp '^HTTP/a\.test@IDN\.TEST: kvno = [0-9]+$'
  assert_line "Ticket cache: $copy"
  assert_line "Default principal: alice@IDN.TEST"
  assert_line --regexp ' HTTP/a\.test@IDN\.TEST$'
  # The ticket to get others with may still be forwarded.
  assert_line --regexp 'Flags: F'
  assert_equal "$(sha256sum </tmp/krb5cc_2001)" "$before"
  refute [ -e "${copy#FILE:}" ]
  grep -qE 'TGS_REQ .* alice@IDN\.TEST for HTTP/a\.test@IDN\.TEST' "$(realm_log)"
}

@test "at delegation the command throws away the copy, and not the user's own cache" {
  alice_has_ticket
  run -0 idn-run-as -l delegation alice sh -c 'kdestroy && ! klist -s'
  run -0 as alice klist -c /tmp/krb5cc_2001
  assert_output --partial "Default principal: alice@IDN.TEST"
}

@test "at delegation nobody else has a ticket of the copy" {
  alice_has_ticket
  local copy
  mkfifo -m 0666 "$WORLD/home/alice/end"
  # shellcheck disable=SC2016 # for the inner shell
  exec {copies}< <(exec 3>&- 4>&- idn-run-as -l delegation alice \
    sh -c 'echo "$KRB5CCNAME"; read -r _ <>~/end')
  SERVER_PIDS+=("$!")
  read -rt "$patience" -u "$copies" copy
  run -0 as alice klist -s -c "$copy"
  run -1 as bob klist -s -c "$copy"
  run -1 as bob cat "${copy#FILE:}"
  assert_output --partial "Permission denied"
  echo >"$WORLD/home/alice/end"
}

@test "a cache that krb5.conf has elsewhere is the command's as it is: it is the user's own, and no copy" {
  need_world
  need_realm
  need klist
  realm_start # with default_ccache_name
  realm_kinit alice
  # shellcheck disable=SC2016 # for the inner shell
  run -0 env KRB5CCNAME=/root/mine idn-run-as -l delegation alice sh -c 'echo "${KRB5CCNAME-none}"; klist'
  assert_line --index 0 none
  assert_line "Ticket cache: FILE:$REALM/caches/2001"
  assert_line "Default principal: alice@IDN.TEST"
  # Named, it goes along as any other.
  # shellcheck disable=SC2016 # for the inner shell
  run -0 as alice env KRB5CCNAME="FILE:$REALM/caches/2001" \
    idn-run-as -l delegation alice sh -c 'echo "$KRB5CCNAME"; klist'
  assert_line --index 0 --regexp '^FILE:/tmp/idn-run-as-'
  assert_line "Default principal: alice@IDN.TEST"
}
