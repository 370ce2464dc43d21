#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-show, before processes that want to be taken for others, or that are as much as the kernel lets them
# be: it ends, in good time, with what the kernel says, and no terminal obeys what a process is named.

load lib/common

teardown() {
  server_teardown
}

# started USER COMMAND...: a process of USER's that has printed a line when it is ready; sets process
started() {
  local fd
  become "$1"
  shift
  exec {fd}< <(exec 3>&- 4>&- "${BECOME[@]}" "$@")
  process=$!
  SERVER_PIDS+=("$process")
  read -rt "$patience" -u "$fd" _
}

# Every service's directory, as the first of them makes it.
make_ledgers() {
  install -d -m 1777 /run/impersonate
}

# ledger_of PID: sets ledger, where idn-show looks for it
ledger_of() {
  local stat fields
  stat=$(<"/proc/$1/stat")
  read -ra fields <<<"${stat##*) }"
  ledger=/run/impersonate/$1-${fields[19]}
}

# overwrite [OFFSET]: puts its input into the ledger.  Not by a redirection of the shell's, which would
# create the file if need be: the kernel may refuse that to root, where the directory is anybody's.
overwrite() {
  dd of="$ledger" oflag=seek_bytes seek="${1-0}" conv=nocreat,notrunc status=none
}

# lying LEVEL CLIENT-UID PRIMARY-UID: a process of alice's with a ledger that fits its ids; sets ledger too
lying() {
  make_ledgers
  started alice hostile lies "$@"
  ledger_of "$process"
}

# The facts of a process of alice's that acts for nobody.
assert_alice_herself() {
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^Access As: +alice \(2001\), group alice \(2001\)$'
  assert_line --regexp '^Service: +alice \(2001\), group alice \(2001\)$'
  refute_output --partial root
}

# --- ledgers ------------------------------------------------------------------------------------

@test "a ledger that is cut off anywhere is not believed" {
  need_world
  local size
  lying delegation 0 2001
  for size in 4351 4096 4095 100 55 8 7 0; do
    truncate --no-create --size "$size" "$ledger"
    run -0 idn-show "$process"
    assert_alice_herself
    assert_line --regexp '^State: +unrecorded \(ledger not believed: it makes no sense\)$'
  done
}

@test "a ledger of garbage is not believed" {
  need_world
  lying delegation 0 2001
  head -c 100000 /dev/urandom | overwrite
  run -0 idn-show "$process"
  assert_alice_herself
  assert_line --regexp '^State: +unrecorded \(ledger not believed: it makes no sense\)$'
}

@test "a ledger of a version to come is not believed" {
  need_world
  lying delegation 0 2001
  printf '\xff' | overwrite 8
  run -0 idn-show "$process"
  assert_alice_herself
  assert_line --regexp '^State: +unrecorded \(ledger not believed: unknown version\)$'
}

@test "a ledger that somebody else wrote is not believed, nor one that everybody may write" {
  need_world
  lying delegation 0 2001
  chown bob "$ledger"
  run -0 idn-show "$process"
  assert_alice_herself
  assert_line --regexp '^State: +unrecorded \(ledger not believed: wrong owner or mode, or a symbolic link\)$'
  chown alice "$ledger"
  chmod 0666 "$ledger"
  run -0 idn-show "$process"
  assert_alice_herself
  assert_line --regexp '^State: +unrecorded \(ledger not believed: wrong owner or mode, or a symbolic link\)$'
}

@test "a ledger that is a symbolic link, a directory, a pipe or a device is neither followed nor waited for" {
  need_world
  local make
  lying delegation 0 2001
  mv "$ledger" "$SCRATCH/elsewhere"
  for make in "ln -s $SCRATCH/elsewhere" "ln -s /dev/zero" mkdir mkfifo; do
    $make "$ledger"
    chown -h alice "$ledger"
    run -0 timeout 10 idn-show "$process"
    assert_alice_herself
    assert_line --regexp '^State: +unrecorded \(ledger not believed: wrong owner or mode, or a symbolic link\)$'
    rm -r "$ledger"
  done
  mknod "$ledger" c 1 5
  run -0 timeout 10 idn-show "$process"
  assert_alice_herself
}

@test "a ledger that says of its process that it acts as root: the kernel says that it does not" {
  need_world
  make_ledgers
  started alice hostile acts-as 0
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --index 1 "Impersonating: no"
  assert_line --regexp '^Access As: +alice \(2001\)'
  assert_line --regexp '^State: +lost: recorded as acting as root'
}

@test "a client that the ledger alone knows is never the one whose file accesses they are" {
  need_world
  lying impersonation 0 2001
  run -0 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  assert_line --regexp '^Access As: +alice \(2001\)'
  assert_line --regexp '^UIDs: +real 2001, effective 2001, saved 2001, filesystem 2001$'
}

@test "an ordinary process cannot name a client by saying that the client lets it do nothing" {
  need_world
  local level
  for level in identification anonymous; do
    lying "$level" 0 2001
    run -0 idn-show "$process"
    assert_line --index 0 "User: S-1-22-1-2001 (alice)"
    assert_line --index 1 "Impersonating: no"
    assert_line --regexp '^State: +lost: recorded as acting as alice'
    refute_output --partial root
  done
}

@test "a ledger cannot make its process another's service" {
  need_world
  lying delegation 0 0
  run -0 idn-show "$process"
  assert_alice_herself
  assert_line --regexp '^State: +unrecorded \(ledger not believed: it makes no sense\)$'
}

@test "a time before there was any is still a time" {
  need_world
  need jq
  lying impersonation 0 2001
  # since_ns of the fourth slot, of its eight bytes the highest one.
  printf '\x80' | overwrite $((4096 + 3 * 256 + 48 + 7))
  run -0 idn-show --json "$process"
  assert_equal "$(jq -r .since <<<"$output")" 1677-09-21T00:12:43.145Z
}

@test "a ledger that changes all the time, in any way: idn-show ends, and says what the kernel says" {
  need_world
  local round seed
  make_ledgers
  for seed in 1 2; do
    started alice hostile changing "$seed"
    for round in {1..25}; do
      run -0 --separate-stderr timeout 10 idn-show "$process"
      assert_equal "$stderr" ""
      assert_line --index 0 "User: S-1-22-1-2001 (alice)"
      assert_line --regexp '^Access As: +alice \(2001\), group alice \(2001\)$'
      assert_line --regexp '^UIDs: +real 2001, effective 2001, saved 2001, filesystem 2001$'
      assert_line --regexp '^Capabilities: +effective +none$'
      run -0 timeout 10 idn-show --json "$process"
      jq -e '.access_as.uid == 2001 and .uids.effective == 2001' <<<"$output"
    done
  done
}

@test "threads that are never settled do not hold idn-show up for long" {
  need_world
  make_ledgers
  started alice hostile unsettled 100
  run -0 timeout 10 idn-show -v "$process"
  assert_line --index 0 "User: S-1-22-1-2001 (alice)"
  refute_output --partial "delegation"
}

# --- names ----------------------------------------------------------------------------------------

# Nothing that a terminal would obey, and nothing that is no text: of controls, the newline alone.
assert_harmless() {
  local controls
  controls=$(LC_ALL=C tr -cd '\000-\011\013-\037\177' <<<"$output" | wc -c)
  assert_equal "$controls" 0
  iconv -f UTF-8 -t UTF-8 <<<"$output" >/dev/null
  ! LC_ALL=C grep -q $'\xc2[\x80-\x9f]' <<<"$output"
}

@test "a command's name is no escape sequence, and adds no line" {
  need_world
  need iconv jq base64 od
  local name plain
  started root pose named plain
  run -0 idn-show -v "$process"
  plain=${#lines[@]}
  for name in $'\e[2J\e[31mred' $'\nUser: root' $'\r\b\b\x7f' $'\x9b31m' $'\xc2\x9b31m' $'\xc3' $'\\n\\033' \
    ') R 1 (x' $'\u202eevil' '%s%n%s%n' $'a\t\v\f' $'\t\v' ' '; do
    started root pose named "$name"
    run -0 idn-show -v "$process"
    assert_harmless
    assert_equal "${#lines[@]}" "$plain"
    run -0 idn-show --json -v "$process"
    assert_equal "$(LC_ALL=C grep -c $'\xc2[\x80-\x9f]' <<<"$output")" 0
    assert_equal "${#lines[@]}" 2
    assert_equal "$(jq -r 'select(.pid == .tid) | .command | if type == "object" then .bytes else @base64 end' \
      <<<"$output" | base64 -d | od -c)" "$(printf %s "${name:0:15}" | od -c)"
  done
}

@test "a name from the command line is no escape sequence either" {
  run -2 idn-show $'\e[31m1'
  assert_output 'idn-show: \033[31m1: not a PID or PID/TID'
}

# --- what /proc hides or lacks ----------------------------------------------------------------------

# as_bob_with OPTION COMMAND...: where /proc is mounted with that option
as_bob_with() {
  local mounted='mount -t proc -o "$1" proc /proc && shift && exec "$@"' option=$1
  shift
  become bob
  unshare --mount --propagation private sh -c "$mounted" - "$option" "${BECOME[@]}" "$@"
}

@test "a process that /proc hides is no such thread; one's own is shown" {
  need_world
  as_bob_with hidepid=2 true 2>/dev/null || skip "needs leave to mount /proc"
  started alice sh -c 'echo ready; exec sleep 1000'
  run -1 as_bob_with hidepid=2 idn-show "$process"
  assert_output "idn-show: $process: no such thread"
  run -1 as_bob_with hidepid=2 idn-show "$process/$process"
  assert_output "idn-show: $process/$process: no such thread"
  started bob sh -c 'echo ready; exec sleep 1000'
  run -0 as_bob_with hidepid=2 idn-show "$process"
  assert_line --index 0 "User: S-1-22-1-2002 (bob)"
}

@test "a process that /proc shows and does not open is not permitted" {
  need_world
  as_bob_with hidepid=1 true 2>/dev/null || skip "needs leave to mount /proc"
  started alice sh -c 'echo ready; exec sleep 1000'
  run -1 as_bob_with hidepid=1 idn-show "$process"
  assert_output "idn-show: $process: Operation not permitted"
}

@test "as many groups as the kernel lets a process have are all shown" {
  need_world
  started root hostile groups 65536
  run -0 timeout 50 idn-show "$process"
  assert_line --regexp '^Groups: +extra30000 \(30000\), extra30001 \(30001\), .*, 95535 \(no name\)$'
  grep '^Groups:' <<<"$output" | grep -oE '(\(|, )[0-9]{5}' | grep -oE '[0-9]+' | cmp - <(seq 30000 95535)
}

@test "a process that ends while it is looked at: no such thread, or what it was" {
  local round ending
  for round in {1..60}; do
    true &
    ending=$!
    run idn-show "$ending"
    [[ $status == 0 || ($status == 1 && $output == "idn-show: $ending: no such thread") ]]
    wait "$ending"
  done
}

@test "threads that come and go are no errors" {
  local round
  started "" hostile ending
  for round in {1..40}; do
    run -0 --separate-stderr idn-show -v "$process"
    assert_equal "$stderr" ""
    assert_line --index 1 "Impersonating: no"
  done
}

@test "a process whose main thread has ended is shown" {
  started "" hostile headless
  run -0 idn-show -v "$process"
  assert_line --index 0 "User: S-1-22-1-$(id -u) ($(id -un))"
  assert_line --regexp "^$process/[0-9]+ hostile: $(id -un), not impersonating, unrecorded$"
}
