#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check access: may they, what decides, what the kernel says, and what would allow it.

load lib/common
load lib/programs

setup() {
  common_setup
  [[ -d ${WORLD-}/home/alice ]] || return 0
  mount -t tmpfs -o mode=0755 tree /srv
  cp /etc/group "$SCRATCH/group.saved"
  echo "staff:x:2150:alice" >>/etc/group
}

teardown() {
  [[ -d ${WORLD-}/home/alice ]] || return 0
  umount -R /srv
  cat "$SCRATCH/group.saved" >/etc/group
}

need_acls() {
  need_world
  need setfacl getfacl
}

# file PATH OWNER MODE
file() {
  mkdir -p "${1%/*}"
  echo content >"$1"
  chown "$2" "$1"
  chmod "$3" "$1"
}

# The tree of the contract.
report() {
  mkdir -p /srv/projects
  setfacl -m group:staff:r-x,group::r-x,mask::r-x /srv/projects
  file /srv/projects/report.txt root 0640
  setfacl -m user:alice:rw-,mask::r-- /srv/projects/report.txt
}

# expect NAME STATUS COMMAND...: the output is that of tests/expected/NAME.
expect() {
  local name=$1 wanted=$2
  shift 2
  run "$@"
  assert_equal "$status" "$wanted"
  diff -u "$SRC/tests/expected/$name" - <<<"$output"
}

# --- what it says -------------------------------------------------------------------------------

@test "a named entry limited by the mask, as the contract has it" {
  need_acls
  report
  expect access-mask 1 idn-check access -u alice -w w /srv/projects/report.txt
}

@test "with -v the raw facts are behind each step" {
  need_acls
  report
  run -1 idn-check access -v -u alice -w w /srv/projects/report.txt
  assert_line --regexp '^ +stat 0640 root:root \(0:0\), inode [0-9]+ of [0-9]+:[0-9]+$'
  assert_line --regexp '^ +acl user::rw-,user:alice:rw-,group::r--,mask::r--,other::---$'
  assert_line --regexp '^ +mount [0-9]+ [0-9]+ [0-9:]+ / /srv rw.* - tmpfs tree '
  assert_line --regexp '^  identity +uid 2001, gid 2001, groups 2001,2100,2101,2150$'
  assert_line --regexp '^ +capabilities none$'
}

@test "a file's label of a security module is among the facts" {
  need_world
  need python3
  file /srv/f root 0644
  python3 -c 'import os; os.setxattr("/srv/f", "security.selinux", b"system_u:object_r:etc_t:s0\0")' ||
    skip "needs a file system with labels"
  run -0 idn-check access -v -u alice /srv/f
  assert_line --regexp '^ +label system_u:object_r:etc_t:s0$'
  run -0 idn-check access -v --json -u alice /srv/f
  assert_equal "$(jq -r '.evaluated.steps[-1].facts.label' <<<"$output")" system_u:object_r:etc_t:s0
}

@test "on a mount nosuid a set-user-ID program runs, and as whoever ran it" {
  need_world
  file /srv/program root 4755
  run -0 idn-check access -u alice -w x /srv/program
  assert_line --regexp '^  program +execute +allowed +mode rwsr-xr-x, other r-x$'
  mount -o remount,nosuid /srv
  run -0 idn-check access -u alice -w x /srv/program
  assert_line --regexp ", other r-x, mounted nosuid: gives nobody its owner's identity\$"
}

@test "links, a sticky directory, set-group-ID and default ACLs are told" {
  need_acls
  mkdir -p /srv/team /srv/drop
  chgrp staff /srv/team
  chmod 2775 /srv/team
  setfacl -d -m user:bob:rx /srv/team
  ln -s team /srv/link
  expect access-create 0 idn-check access -u alice -w create /srv/link/new
  chmod 1777 /srv/drop
  file /srv/drop/hers alice 0644
  expect access-sticky 1 idn-check access -u bob -w delete /srv/drop/hers
  expect access-sticky-own 0 idn-check access -u alice -w delete /srv/drop/hers
}

@test "capabilities override, and only where the kernel lets them" {
  need_world
  file /srv/secret alice 0600
  expect access-root 0 idn-check access -u root -w rw /srv/secret
  expect access-root-run 1 idn-check access -u root -w x /srv/secret
  expect access-chown 1 idn-check access -u alice -w chown /srv/secret
}

@test "several denials are all told, with one line that mends them" {
  need_acls
  mkdir -m 0700 /srv/closed
  file /srv/closed/file root 0600
  expect access-several 1 idn-check access -u carol -w r /srv/closed/file
  run bash -c "$(idn-check access --json -u carol /srv/closed/file | jq -r .to_allow.command)"
  run -0 as carol cat /srv/closed/file
}

@test "below impersonation it is the anonymous identity that is asked about" {
  need_world
  file /srv/hers alice 0640
  expect access-level 1 idn-check access -u alice -l identify -w r /srv/hers
  run -0 idn-check access -q -u alice -l delegation /srv/hers
}

@test "an identity in numbers is these numbers" {
  need_world
  file /srv/numbers 4444:4445 0640
  run -0 idn-check access -q -u 4444:1 -w rw /srv/numbers
  run -0 idn-check access -q -u 1:2,4445 -w r /srv/numbers
  run -1 idn-check access -q -u 1:2,4445 -w w /srv/numbers
  run -1 idn-check access -q -u 1:2 /srv/numbers
  run -2 idn-check access -u 1: /srv/numbers
  assert_output "idn-check: 1:: not of the form UID:GID[,GID...] in numbers"
  run -2 idn-check access -u 1:2,x /srv/numbers
}

@test "a thread that works for a client by the ring engine is its service, and that is said" {
  need_world
  file /srv/hers alice:alice 0640
  started pose no-ring alice impersonation 7
  run -0 --separate-stderr idn-check access -t "$process" -w r /srv/hers
  assert_line --index 0 "allowed: $process (root) may read /srv/hers"
  assert_equal "$stderr" "idn-check: $process: by the ring engine, and its own word, it acts as alice; taken here is what it is itself, its service"
  run -0 --separate-stderr idn-check access -u alice -w r /srv/hers
  assert_equal "$stderr" ""
  kill "$process"
}

@test "a thread is what it is now: ids, groups, capabilities" {
  need_world
  file /srv/hers alice:alice 0640
  exec {pipe}<> <(:)
  setpriv --reuid bob --regid alice --clear-groups --inh-caps=-all -- sleep 60 3>&- 4>&- <&"$pipe" &
  local process=$!
  SERVER_PIDS+=("$process")
  wait_for grep -qs '^Uid:.2002.2002.2002.2002$' "/proc/$process/status"
  run -0 idn-check access -t "$process" -w r /srv/hers
  assert_line --index 0 "allowed: $process (bob) may read /srv/hers"
  run -1 idn-check access -t "$process/$process" -w w /srv/hers
  run -0 idn-check access -q -t "$$" -w w /srv/hers
  # No uid is 65535, a process may well be.
  run idn-check access -t 65535 /srv/hers
  refute_output --partial "not of the form"
  run -2 idn-check access -t 0 /srv/hers
  assert_output "idn-check: 0: not of the form PID or PID/TID"
  kill "$process"
  wait "$process" || true
  run -2 idn-check access -t "$process" /srv/hers
  assert_output "idn-check: $process: no such thread"
}

@test "a thread with another root is asked about in its own" {
  need_world
  mkdir -p /srv/jail/etc /srv/jail/bin
  file /srv/jail/etc/inside alice 0600
  cp "$(type -P idn-check)" /srv/jail/bin/
  exec {pipe}<> <(:)
  # The shell's word is the last thing before it waits.
  perl -e 'chroot "/srv/jail" or die; chdir "/"; $| = 1; print "in\n"; <STDIN>' \
    <&"$pipe" >"$SCRATCH/said" 3>&- 4>&- &
  local process=$!
  SERVER_PIDS+=("$process")
  wait_for grep -qs in "$SCRATCH/said"
  run -0 idn-check access -t "$process" /etc/inside /etc/../../etc/inside
  assert_line --regexp '^  kernel +read +allowed +agrees$'
  run -3 idn-check access -t "$process" /etc/passwd
  assert_output "idn-check: /etc/passwd: No such file or directory"
  kill "$process"
  wait "$process" || true
}

@test "capabilities of another user namespace count for what has ids there" {
  need_world
  unshare --user --map-root-user true 2>/dev/null || skip "needs user namespaces"
  file /srv/hers alice 0600
  file /srv/none root 0000
  mkfifo "$SCRATCH/end"
  # What it can do itself is the first it says.
  unshare --user --map-root-user bash -c "cat /srv/none /srv/hers 2>&1; echo ready; exec cat <'$SCRATCH/end'" \
    >"$SCRATCH/said" 3>&- 4>&- &
  local process=$!
  SERVER_PIDS+=("$process")
  wait_for grep -qs ready "$SCRATCH/said"
  run -0 cat "$SCRATCH/said"
  assert_line --index 0 content
  assert_line --index 1 --partial "Permission denied"
  run -0 idn-check access -t "$process" /srv/none
  assert_line --regexp '^  none +read +allowed +mode ---------, owner ---, overridden by CAP_DAC_READ_SEARCH$'
  assert_line --regexp '^  kernel +read +allowed +agrees$'
  run -1 idn-check access -t "$process" /srv/hers
  assert_line --regexp '^  hers +read +DENIED +mode rw-------, (group|other) ---$'
  assert_line --regexp '^  kernel +read +DENIED +EACCES, agrees$'
  kill "$process"
  wait "$process" || true
}

@test "with no identity named it is about the caller, without privilege" {
  need_world
  file /srv/hers alice 0640
  run -0 as alice idn-check access -w rw /srv/hers
  assert_line --index 0 "allowed: alice may read,write /srv/hers"
  assert_line --regexp '^  kernel +read,write allowed +agrees$'
  run -1 as bob idn-check access /srv/hers
  assert_line --regexp '^  kernel +read +DENIED +EACCES, agrees$'
}

@test "without the privilege to ask there is the evaluation alone, and it is said" {
  need_world
  file /srv/hers alice 0640
  run -0 as bob idn-check access -u alice /srv/hers
  assert_line --index 0 "allowed: alice may read /srv/hers"
  assert_line --regexp '^  kernel +read +SKIP +not asked: .*CAP_SETGID.*Operation not permitted$'
  run -0 as bob idn-check access --json -u alice /srv/hers
  assert_equal "$(jq -c '[.allowed, .kernel.asked, .kernel.allowed, .kernel.agrees]' <<<"$output")" \
    '[true,false,null,null]'
}

@test "what the caller cannot see is not known, never allowed" {
  need_world
  mkdir -m 0700 /srv/hers
  chown alice /srv/hers
  file /srv/hers/file alice 0644
  run -3 as bob idn-check access -u alice /srv/hers/file
  assert_line "not known: whether alice may read /srv/hers/file"
  assert_line "idn-check: /srv/hers/file: cannot look beyond /srv/hers: Permission denied"
  # Where it is the caller's own access, that is the answer.
  run -1 as bob idn-check access /srv/hers/file
  assert_line --index 0 "denied: bob may not read /srv/hers/file"
}

@test "a file system with a mind of its own is left to the kernel" {
  need_world
  run -0 idn-check access -u alice /proc/version
  assert_line --regexp '^  version +read +SKIP +rules of its own in /proc$'
  assert_line --regexp '^  kernel +read +allowed'
  run -3 as bob idn-check access -u alice /proc/version
  assert_line --index 0 "not known: whether alice may read /proc/version"
}

@test "FUSE: only its mounter, unless it is mounted for others and with permissions" {
  need_world
  need bindfs
  mkdir /srv/below /srv/own /srv/all
  file /srv/below/open root 0644
  file /srv/below/secret root 0600
  bindfs --no-allow-other /srv/below /srv/own 2>/dev/null || skip "needs /dev/fuse"
  bindfs -o default_permissions /srv/below /srv/all
  expect access-fuse 1 idn-check access -u alice /srv/own/open
  run -0 idn-check access -q -u root /srv/own/open
  run -0 idn-check access -u alice /srv/all/open
  assert_line --regexp '^  kernel +read +allowed +agrees$'
  run -1 idn-check access -u alice /srv/all/secret
  assert_line --regexp '^  kernel +read +DENIED +EACCES, agrees$'
  run -0 idn-check access -v -u alice /srv/all/open
  assert_line --regexp '^  suspect +FUSE at /srv/all, mounted by uid 0, allow_other, default_permissions$'
}

@test "where the kernel says otherwise its word counts, and suspects are named" {
  need_world
  ! grep -q 'define WITH_SANITIZERS' "$BUILD/config.h" || skip "the sanitizers want to be loaded first"
  file /srv/f root 0644
  file /srv/g root 0600
  export LD_PRELOAD=$BUILD/tests/.libs/libsecurity.so
  run -1 idn-check access -u bob /srv/f
  assert_line --index 0 "denied: bob may not read /srv/f"
  assert_line --regexp '^  f +read +allowed +mode rw-r--r--, other r--$'
  assert_line --regexp '^  kernel +read +DENIED +EACCES, DIFFERS: its word counts$'
  assert_line --regexp '^  suspect '
  run -0 idn-check access --json -u carol /srv/g
  unset LD_PRELOAD
  assert_equal "$(jq -c '[.allowed, .evaluated.allowed, .kernel.allowed, .kernel.agrees]' <<<"$output")" \
    '[true,false,true,false]'
}

@test "odd names: not UTF-8, with blanks, newlines, dashes" {
  need_acls
  local name
  for name in $'b\xe4d' 'two words' $'new\nline' "it's" -dash '$(x)'; do
    file "/srv/$name" root 0600
    run -1 idn-check access -u bob "/srv/$name"
    assert_equal "${#lines[@]}" 6
    run -1 idn-check access --json -u bob -- "/srv/$name"
    cd /srv
    bash -c "$(jq -r .to_allow.command <<<"$output")"
    run -0 as bob cat "/srv/$name"
    rm -- "/srv/$name"
    file "/srv/$name" root 0600
    run -1 idn-check access --json -u bob -- "$name"
    bash -c "$(jq -r .to_allow.command <<<"$output")"
    run -0 as bob cat "/srv/$name"
    cd "$SCRATCH"
  done
  file $'/srv/b\xe4d' root 0600
  run -1 idn-check access --json -u bob $'/srv/b\xe4d'
  assert_equal "$(jq -r .path.bytes <<<"$output" | base64 -d | od -An -c)" "$(printf '/srv/b\344d' | od -An -c)"
}

# --- to allow -----------------------------------------------------------------------------------

# everyone WANT PATH: who may, by asking the kernel as each.
everyone() {
  local user
  for user in alice bob carol g1 daemon nobody; do
    ! idn-check access -q -u "$user" -w "$1" "$2" || echo "$user"
  done
}

# mends USER WANT PATH: what it gives as the change lets USER in, whom it names, and nobody else.
mends() {
  local before after answer named
  before=$(everyone "$2" "$3")
  answer=$(idn-check access --json -u "$1" -w "$2" "$3" || true)
  jq -e '.to_allow.command and .allowed == false' >/dev/null <<<"$answer" || fail "no advice: $answer"
  bash -c "$(jq -r .to_allow.command <<<"$answer")" || fail "$(jq -r .to_allow.command <<<"$answer")"
  after=$(everyone "$2" "$3")
  named=$(jq -r '.to_allow.also_lets_in[]' <<<"$answer" | sort)
  grep -qx "$1" <<<"$after" || fail "$1 is not let in by $(jq -r .to_allow.command <<<"$answer")"
  assert_equal "$named" "${4-}"
  # Whoever could before still can.
  [[ -z $(comm -23 <(sort <<<"$before") <(sort <<<"$after")) ]] || fail "somebody lost access: $before, then $after"
  new=$(comm -13 <(sort <<<"$before") <(sort <<<"$after") | grep -vx "$1" || true)
}

@test "to allow: an entry of one's own lets in nobody else" {
  need_acls
  file /srv/f root 0600
  mends carol r /srv/f
  assert_equal "$new" ""
  file /srv/g root 0640
  setfacl -m user:bob:r /srv/g
  mends carol r /srv/g
  assert_equal "$new" ""
}

@test "to allow: the owner's own bits" {
  need_acls
  file /srv/f alice 0077
  mends alice rw /srv/f
  assert_equal "$new" ""
}

@test "to allow: a larger mask lets in others, who are named" {
  need_acls
  file /srv/f root 0600
  setfacl -m user:alice:rw,user:bob:rw,group:reports:r,mask::- /srv/f
  mends alice w /srv/f bob
  assert_equal "$new" bob
  file /srv/g root 0600
  setfacl -m user:alice:rw,group:projects:rw,mask::r /srv/g
  mends alice w /srv/g "group projects"
  assert_equal "$new" bob
}

@test "to allow: an entry that takes away is made larger, and keeps what it gave" {
  need_acls
  file /srv/f root 0644
  setfacl -m user:bob:x /srv/f
  mends bob r /srv/f
  run -0 idn-check access -q -u bob -w rx /srv/f
}

@test "to allow: what one could as other or by a group is not lost" {
  need_acls
  file /srv/f root:projects 0654
  mends bob w /srv/f
  run -0 idn-check access -q -u bob -w rwx /srv/f
  file /srv/g root 0604
  mends carol w /srv/g
  run -0 idn-check access -q -u carol -w rw /srv/g
}

@test "to allow: directories on the way, to create and to delete" {
  need_acls
  mkdir -m 0700 -p /srv/d
  mkdir -m 0700 /srv/d/e
  file /srv/d/e/f root 0644
  mends bob r /srv/d/e/f
  mends carol delete /srv/d/e/f
  mends alice create /srv/d/e/new
  run -0 as alice touch /srv/d/e/new
  run -0 as carol rm -f /srv/d/e/f
}

@test "to allow: without ACLs it is a class of the mode, and everyone in it is named" {
  need_world
  mkdir /srv/noacl
  mount -t ramfs -o mode=0755 noacl /srv/noacl
  file /srv/noacl/f root:projects 0600
  mends bob r /srv/noacl/f "group projects"
  assert_equal "$new" alice
  mends carol r /srv/noacl/f "everyone who is not of its group"
}

@test "to allow: immutable and append-only flags, and mounts" {
  need_acls
  need mkfs.ext4 chattr
  local image=$SCRATCH/image
  truncate -s 8M "$image"
  mkfs.ext4 -q "$image"
  mkdir /srv/fs
  mount -o loop "$image" /srv/fs 2>/dev/null || skip "needs loop devices and ext4"
  file /srv/fs/f root 0644
  chattr +i /srv/fs/f
  mends alice w /srv/fs/f "everyone whom permissions let in"
  chmod 0777 /srv/fs
  chattr +a /srv/fs
  mends alice delete /srv/fs/f "everyone whom permissions let in"
  file /srv/fs/program root 0755
  mount --bind /srv/fs /srv/fs
  mount -o remount,bind,ro,noexec /srv/fs
  mends alice x /srv/fs/program "everyone whom permissions let in"
  mends alice w /srv/fs/f "everyone whom permissions let in"
  umount /srv/fs
  umount /srv/fs
}

@test "to allow: nothing, where nothing does" {
  need_world
  mkdir -m 1777 /srv/drop
  file /srv/drop/f root 0644
  run -1 idn-check access --json -u bob -w delete /srv/drop/f
  assert_equal "$(jq -r .to_allow <<<"$output")" null
  run -1 idn-check access -u bob -w chmod /srv/drop/f
  assert_line --regexp '^  to allow +only its owner may, and who has that capability$'
}

# --- as JSON ------------------------------------------------------------------------------------

@test "JSON has the contract's keys, and both answers" {
  need_acls
  report
  run -1 idn-check access --json -u alice -w w /srv/projects/report.txt
  assert_equal "$(jq -c '[.path, .want, .identity.uid, .allowed, .errno]' <<<"$output")" \
    '["/srv/projects/report.txt","w",2001,false,"EACCES"]'
  assert_equal "$(jq -c '[.evaluated.allowed, .evaluated.errno, (.evaluated.steps | length), .evaluated.steps[-1]]' <<<"$output")" \
    '[false,"EACCES",4,{"path":"/srv/projects/report.txt","want":"write","allowed":false,"rule":"acl user:alice:rw- limited by mask r--"}]'
  assert_equal "$(jq -c '[.kernel.asked, .kernel.question, .kernel.allowed, .kernel.errno, .kernel.agrees]' <<<"$output")" \
    '[true,"faccessat2(W_OK)",false,"EACCES",true]'
  assert_equal "$(jq -c '[.to_allow.command, .to_allow.also_lets_in]' <<<"$output")" \
    '["setfacl -m mask::rw /srv/projects/report.txt",[]]'
}

@test "several paths and identities: an answer each, and the worst is the status" {
  need_world
  file /srv/a alice 0600
  file /srv/b bob 0600
  run -1 idn-check access --json -u alice -u bob /srv/a /srv/b
  assert_equal "$(jq -s -c 'map([.identity.name, .path, .allowed])' <<<"$output")" \
    '[["alice","/srv/a",true],["alice","/srv/b",false],["bob","/srv/a",false],["bob","/srv/b",true]]'
  run -3 idn-check access -q -u alice /srv/a /srv/none /srv/b
}

# --- bad input ----------------------------------------------------------------------------------

@test "what is not there gets one line and status 3" {
  need_world
  local long
  file /srv/f root 0644
  ln -s loop /srv/loop
  printf -v long '/%01022d' {1..5}
  run -3 idn-check access -u alice /srv/none
  assert_output "idn-check: /srv/none: No such file or directory"
  run -3 idn-check access -u alice /srv/f/x
  assert_output "idn-check: /srv/f/x: Not a directory"
  run -3 idn-check access -u alice /srv/loop
  assert_output "idn-check: /srv/loop: Too many levels of symbolic links"
  run -3 idn-check access -u alice ""
  assert_output "idn-check: : No such file or directory"
  run -3 idn-check access -u alice "$long"
  assert_output --regexp '^idn-check: /0.*File name too long$'
  assert_equal "${#lines[@]}" 1
  run -3 idn-check access -u alice "/srv/$(printf '%0300d' 0)"
  assert_output --regexp 'File name too long$'
  run -3 idn-check access --json -u alice /srv/none
  assert_equal "$(grep '^{' <<<"$output" | jq -c '[.allowed, .errno]')" '[null,"ENOENT"]'
}

@test "whom nothing lets see whether it is there is denied, not told that it is not" {
  need_world
  mkdir -m 0700 /srv/closed
  run -1 idn-check access -u alice /srv/closed/none
  assert_line --index 0 "denied: alice may not read /srv/closed/none"
  assert_line --regexp '^  kernel +read +DENIED +EACCES, agrees$'
}

@test "misuse is one line and status 2" {
  run -2 idn-check
  assert_output "idn-check: no question: try idn-check --help"
  run -2 idn-check frobnicate
  assert_output "idn-check: frobnicate: no such question: try idn-check --help"
  run -2 idn-check access
  assert_output "idn-check: no path: try idn-check access --help"
  run -2 idn-check access -u nobody-of-that-name /
  assert_output "idn-check: nobody-of-that-name: no such user"
  run -2 idn-check access -u 65535 /
  assert_output "idn-check: 65535: neither a name nor a number that is an id"
  run -2 idn-check access -u +0 /
  run -2 idn-check access -w q /
  assert_output "idn-check: --want: q: not of r, w and x, nor create, delete, list, chmod, chown or link"
  run -2 idn-check access -w delete,r /
  assert_output "idn-check: --want: delete,r: these cannot be asked together"
  run -2 idn-check access -w "" /
  run -2 idn-check access -l secret /
  run -2 idn-check access --frobnicate /
  assert_output "idn-check: --frobnicate: unknown option"
}

@test "a closed or full output is an error" {
  [[ -c /dev/full ]] || skip "needs /dev/full"
  run bash -c "idn-check access / >/dev/full"
  refute [ "$status" -eq 0 ]
  assert_output --partial "No space left on device"
}

# --- the library --------------------------------------------------------------------------------

@test "the library explains a denial, with advice" { promise evaluate-test denial; }
@test "the library evaluates for whom a token acts as" { promise evaluate-test token; }
@test "the library's relative paths begin at a descriptor" { promise evaluate-test relative; }
@test "the library refuses questions that make no sense" { promise evaluate-test nonsense; }
@test "the library leaves no descriptor open" { promise evaluate-test descriptors; }
