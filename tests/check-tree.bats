#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check access -r: whole trees.  What it says is what find says as the same user, name by name.

load lib/common

teardown() {
  if [[ -n ${changer-} ]]; then
    kill "$changer" 2>/dev/null || true
    wait "$changer" 2>/dev/null || true
  fi
  local mounted
  for mounted in "$SCRATCH"/mounted "$SCRATCH"/tree/mounted; do
    umount "$mounted" 2>/dev/null || true
  done
  # Before bats does, whose rm has no path for what is deep.
  rm -rf "$SCRATCH"/tree "$SCRATCH"/deep
  server_teardown
}

setup() {
  common_setup
  need_world
  need idn-check find perl
}

# --- trees --------------------------------------------------------------------------------------

# plant: a tree of everything that can be odd about files
plant() {
  local mode name
  mkdir -m 0755 tree
  cd tree || return
  for mode in 0777 0755 0750 0711 0744 0700 1777 0070 0007 0444 0111 0000; do
    for name in root:root alice:alice bob:projects carol:reports root:projects; do
      plant_directory "d$mode-$name" "$mode" "$name"
    done
  done
  plant_names
  plant_links
  plant_lists
  cd "$SCRATCH" || return
}

# plant_directory NAME MODE OWNER:GROUP
plant_directory() {
  local mode
  mkdir "$1" "$1/below"
  for mode in 0644 0640 0600 0200 0755 0700 0111 4755 0000; do
    : >"$1/f$mode"
    chmod "$mode" "$1/f$mode"
  done
  : >"$1/below/file"
  ln -s f0600 "$1/link"
  chown -hR "$3" "$1"
  # Set ids go with the owner.
  chmod 4755 "$1/f4755"
  chmod "$2" "$1"
}

plant_names() {
  mkdir names
  : >names/$'two\nlines'
  : >names/$'\xff\xfe not utf-8'
  : >names/$'\e[31mred'
  : >names/' '
  : >names/'a\b'
  : >names/-print
  : >names/...
  mkdir names/$'a directory\n' names/$'\xe4'
  : >names/$'a directory\n'/file
  : >names/$'\xe4'/$'\xf6'
  : >"names/$(printf 'n%.0s' {1..255})"
  mkfifo -m 0644 names/fifo
  mknod -m 0666 names/null c 1 3 2>/dev/null || true
  perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "names/socket", Listen => 1) or die'
  chmod 0600 names/fifo
}

plant_links() {
  mkdir links
  ln -s ../names links/to-directory
  ln -s nowhere links/broken
  ln -s links/loop links/not-there
  ln -s loop links/loop
  ln -s /etc/shadow links/shadow
  ln -s ../names/... links/to-file
  ln -s ../d0700-alice:alice/f0644 links/into-alice
  ln -s to-file/x links/through-a-file
  ln -s /proc/self/fd links/proc
  ln -s "$(printf 'n%.0s' {1..300})" links/too-long
  ln -s . links/here
  ln names/... links/hard
}

plant_lists() {
  mkdir lists
  type -P setfacl >/dev/null || return 0
  local name
  for name in u:alice:r u:alice:- g:projects:rw g:reports:r,g:projects:- u:bob:rwx,m::- o::rwx,g::-; do
    : >"lists/file-$name"
    mkdir "lists/directory-$name"
    : >"lists/directory-$name/file"
    setfacl -m "$name" "lists/file-$name" "lists/directory-$name" || return 0
  done
}

# dig DIRECTORY LEVELS: directories in each other, further down than any path reaches
dig() {
  mkdir "$1"
  perl -e 'chdir shift or die; for (1 .. shift) {
    mkdir "deeper" and chdir "deeper" or die; open(my $f, ">", "file") or die; }' "$1" "$2"
}

# fill DIRECTORY FILES [FILES-A-DIRECTORY]: names of one file
fill() {
  perl -e 'my ($root, $files, $each) = @ARGV; mkdir $root; open(my $f, ">", "$root/0") or die;
    for (1 .. $files - 1) {
      my $directory = "$root/d" . int($_ / $each);
      mkdir $directory unless $_ % $each and $_ > 1;
      link("$root/0", "$directory/$_") or die "$_: $!";
    }' "$1" "$2" "${3:-100}"
}

# --- comparing ----------------------------------------------------------------------------------

# listed NAME OPTION...: what idn-check lists, sorted, in the file NAME
listed() {
  local name=$1 status=0
  shift
  idn-check access -r -q -0 "$@" >"$SCRATCH/unsorted" || status=$?
  ((status <= 1))
  sort -z "$SCRATCH/unsorted" >"$SCRATCH/$name"
}

# found NAME USER FIND-ARGUMENT...: what find prints as USER, which also complains of what it may not list
found() {
  local name=$1 user=$2
  shift 2
  as "$user" find "$@" -print0 2>/dev/null | sort -z >"$SCRATCH/$name"
}

# same_as_find USER PATH [OPTION...]: for each of r, w and x; FIND has more words for find
same_as_find() {
  local user=$1 path=$2 want test
  shift 2
  for want in r:-readable w:-writable x:-executable; do
    test=${want#*:}
    listed ours -u "$user" -w "${want%:*}" --list allowed "$@" "$path"
    found theirs "$user" "$path" "${FIND[@]}" "$test"
    [[ $want != r:* || -s theirs ]]
    compare "$user may ${want%:*}"
  done
}

compare() {
  cmp "$SCRATCH/ours" "$SCRATCH/theirs" || {
    echo "$1:" >&2
    diff <(tr '\0' '\n' <"$SCRATCH/ours" | cat -v) <(tr '\0' '\n' <"$SCRATCH/theirs" | cat -v) >&2
    return 1
  }
}

FIND=()

# --- what find says -----------------------------------------------------------------------------

@test "a user may read, write and execute exactly what find says as that user" {
  plant
  local user
  for user in alice bob carol g32; do
    same_as_find "$user" tree
  done
}

@test "root may, by its capabilities, what find says as root" {
  plant
  same_as_find root tree
}

@test "what a user may not is the rest of what that user can see" {
  plant
  listed ours -u bob --list denied tree
  # find tells nothing of names in a directory that it can read and not search.
  found theirs bob tree ! -readable
  comm -z -13 "$SCRATCH/ours" "$SCRATCH/theirs" >"$SCRATCH/missed"
  assert_equal "$(tr '\0' '\n' <"$SCRATCH/missed")" ""
  listed allowed -u bob --list allowed tree
  assert_equal "$(comm -z -12 "$SCRATCH/ours" "$SCRATCH/allowed" | tr '\0' '\n')" ""
  sort -z "$SCRATCH/ours" "$SCRATCH/allowed" >"$SCRATCH/both"
  found all bob tree
  assert_equal "$(comm -z -13 "$SCRATCH/both" "$SCRATCH/all" | tr '\0' '\n')" ""
}

@test "paths are printed as find prints them, however they are given" {
  plant
  ln -s tree link
  local path
  for path in tree tree/ tree// ./tree "$SCRATCH/tree" tree/../tree link link/ tree/names/...; do
    listed ours -u alice --list allowed "$path"
    found theirs alice "$path" -readable
    compare "$path"
  done
  listed ours -u alice --list allowed tree/names tree/lists
  found theirs alice tree/names tree/lists -readable
  compare "two paths"
  (cd tree/names && exec idn-check access -r -q -0 -u alice --list allowed -- .) | sort -z >ours || true
  (cd tree/names && as alice find . -readable -print0) | sort -z >theirs
  compare "the working directory"
}

@test "two thousand levels, further down than any path reaches" {
  dig deep 2000
  same_as_find alice deep
}

@test "a directory with 50,000 entries, read by several at once" {
  fill tree 50000 1000000
  mkdir tree/d0/{1..40}00000
  touch tree/d0/{1..40}00000/file
  chmod 0711 tree/d0/7*
  same_as_find alice tree
}

@test "many small directories, handed from one to another" {
  fill tree 20000 3
  chmod 0700 tree/d*7
  same_as_find alice tree
}

@test "a file system that does not tell the types of its entries" {
  need mkfs.ext2
  truncate -s 4M image
  mkfs.ext2 -q -F -O ^filetype image
  mkdir mounted
  mount -o loop image mounted 2>/dev/null || skip "needs a loop device, and ext2"
  mkdir mounted/directory mounted/closed
  touch mounted/directory/file mounted/closed/file
  chmod 0700 mounted/closed
  ln -s nowhere mounted/broken
  ln -s directory mounted/link
  same_as_find alice mounted
  listed ours -u alice -u bob -w list --list allowed mounted
  assert_equal "$(tr '\0' '\n' <ours)" $'++ mounted\n++ mounted/directory'
  umount mounted
}

@test "-x enters no other file system, and asks about where it would be entered" {
  mkdir -p tree/mounted tree/other
  touch tree/other/file
  mount -t tmpfs -o mode=0755 test-tree tree/mounted || skip "needs to mount a tmpfs"
  touch tree/mounted/file
  mkdir tree/mounted/below
  FIND=(-xdev)
  same_as_find alice tree -x
  same_as_find alice tree --one-file-system
  same_as_find alice tree/mounted -x
  FIND=()
  same_as_find alice tree
  listed ours -u alice -x --list allowed tree
  run grep -zc mounted/ ours
  assert_output 0
}

@test "a mount that is closed is not counted as one to be listed, with -x" {
  mkdir -p tree/mounted
  mount -t tmpfs -o mode=0700 test-tree tree/mounted || skip "needs to mount a tmpfs"
  run -1 idn-check access -r -x -u alice tree
  assert_output "tree: alice may read 1 of 2 (1 denied, 0 directories not listed)"
  run -1 idn-check access -r -u alice tree
  assert_output "tree: alice may read 1 of 2 (1 denied, 1 directory not listed)"
}

@test "-w list asks about directories alone" {
  plant
  listed ours -u alice -w list --list allowed tree
  found theirs alice tree -type d -readable
  compare list
}

# --- several identities -------------------------------------------------------------------------

# column NUMBER MARK FILE: the paths that have MARK in a column
column() {
  perl -0ne 'chomp; print substr($_, index($_, " ") + 1), "\0" if substr($_, '"$1"', 1) eq "'"$2"'"' "$3"
}

@test "with several identities each column is what its own run alone says" {
  plant
  local users=(alice bob carol root g32) user want i
  local options=()
  for user in "${users[@]}"; do options+=(-u "$user"); done
  for want in r w x list; do
    listed some-may "${options[@]}" -w "$want" --list allowed tree
    listed some-may-not "${options[@]}" -w "$want" --list denied tree
    sort -zu some-may some-may-not >all
    for ((i = 0; i < ${#users[@]}; i++)); do
      listed theirs -u "${users[i]}" -w "$want" --list allowed tree
      column "$i" + all | sort -z >ours
      compare "${users[i]} may $want"
      listed theirs -u "${users[i]}" -w "$want" --list denied tree
      column "$i" - all | sort -z >ours
      compare "${users[i]} may not $want"
    done
  done
}

@test "with several identities the counts of each are those of its own run" {
  plant
  local user
  for user in alice bob carol; do
    idn-check access -r -u "$user" tree tree/names || (($? == 1))
  done | sort >apart
  idn-check access -r -u alice -u bob -u carol tree tree/names | sort >together || (($? == 1))
  cmp apart together
}

@test "what an identity does not see has a question mark" {
  mkdir -p tree/of-alice
  touch tree/of-alice/file
  chown -R alice tree/of-alice
  chmod 0700 tree/of-alice
  run -1 idn-check access -r -q -u alice -u bob --list allowed tree
  assert_output "$(printf '%s\n' '++ tree' '+- tree/of-alice' '+? tree/of-alice/file')"
}

# --- the tree changing meanwhile ------------------------------------------------------------------

@test "a tree that changes meanwhile is no error, and what stays is told once" {
  fill tree 5000 50
  mkdir tree/changing
  perl -e 'chdir shift; for (my $i = 0; ; $i++) {
    my $d = "d" . $i % 50; mkdir $d; mkdir "$d/x"; open(my $f, ">", "$d/x/file"); close($f);
    symlink "x", "$d/link"; rename "$d/x", "$d/y"; rename $d, "e"; rename "e/y/file", "e/file";
    unlink "e/file", "e/link"; rmdir "e/y"; rmdir "e"; symlink "/", $d; unlink $d; }' tree/changing &
  changer=$!
  wait_for perl -e 'exit !glob("tree/changing/*")'
  find tree -path tree/changing -prune -o -print0 | sort -z >stays
  local i
  for ((i = 0; i < 30; i++)); do
    # Some may be denied: links that are broken for a while.
    idn-check access -r -u alice --list allowed -0 tree >unsorted 2>messages || (($? == 1))
    assert_equal "$(<messages)" ""
    grep -zv '^tree/changing' unsorted | sort -z >ours
    cmp ours stays
    idn-check access -r -u alice -u bob --list allowed -0 tree >unsorted 2>messages || (($? == 1))
    assert_equal "$(<messages)" ""
  done
  kill -0 "$changer"
}

# --- what cannot be determined ------------------------------------------------------------------

@test "exit status: 0 all allowed, 1 some denied, 3 a path that is not there" {
  mkdir tree
  touch tree/file
  run -0 idn-check access -r -u alice tree
  assert_output "tree: alice may read 2 of 2 (0 denied, 0 directories not listed)"
  chmod 0600 tree/file
  run -1 idn-check access -r -u alice tree
  assert_output "tree: alice may read 1 of 2 (1 denied, 0 directories not listed)"
  run -3 idn-check access -r -u alice tree/nowhere
  assert_output "idn-check: tree/nowhere: No such file or directory"
  run -3 --separate-stderr idn-check access -r -u alice -u bob nowhere tree
  assert_equal "${#lines[@]}" 2
  # shellcheck disable=SC2154 # of bats
  assert_equal "$stderr" "idn-check: nowhere: No such file or directory"
}

@test "a start path that cannot be reached is denied" {
  mkdir -p tree/closed/below
  chmod 0700 tree/closed
  run -1 idn-check access -r -u alice tree/closed/below
  assert_output "tree/closed/below: alice may read 0 of 1 (1 denied, 0 directories not listed)"
  run -1 idn-check access -r -u alice -w list tree/closed/below
  assert_output "tree/closed/below: alice may list 0 of 1 (1 denied, 0 directories not listed)"
}

@test "usage errors are 2" {
  mkdir tree
  local want
  for want in create delete chmod chown; do
    run -2 idn-check access -r -u alice -w "$want" tree
  done
  run -2 idn-check access -r -u alice --list all tree
  run -2 idn-check access -r -u alice
}

@test "deeper than there may be open files is not determined, and said so" {
  dig deep 200
  ulimit -n 100
  run -3 --separate-stderr idn-check access -r -u alice deep
  assert_regex "$output" '^deep: alice may read [0-9]+ of [0-9]+ \(0 denied, .*, 1 directory not walked\)$'
  assert_regex "$stderr" '^idn-check: deep: alice: 1 could not be determined: too deep'
}

@test "the soft limit on open files is none" {
  dig deep 200
  ulimit -Sn 100
  run -0 idn-check access -r -u alice deep
  assert_output "deep: alice may read 401 of 401 (0 denied, 0 directories not listed)"
}

@test "without the privilege to be somebody else nothing is said of them" {
  mkdir -m 0755 tree
  run -3 as alice idn-check access -r -u bob tree
  assert_regex "$output" '^idn-check: bob: .*: Operation not permitted$'
  run -3 as alice idn-check access -r -u bob -u alice tree
  assert_regex "$output" '^idn-check: bob: .*'
}

@test "anybody may ask about oneself" {
  plant
  as alice idn-check access -r -q -0 --list allowed tree | sort -z >ours || true
  found theirs alice tree -readable
  compare "the caller"
  run -1 as alice idn-check access -r -u alice tree
  assert_regex "$output" '^tree: alice may read [0-9]+ of'
}

@test "a full disk and a closed pipe are told" {
  [[ -e /dev/full ]] || skip "needs /dev/full"
  plant
  run -3 bash -c 'idn-check access -r -u alice --list allowed tree >/dev/full'
  assert_output "idn-check: standard output: No space left on device"
}

# --- threads, and kernels that are older -----------------------------------------------------------

# started COMMAND [ARG...]: a process that says when it is ready, and ends with the test; sets process
started() {
  local fd
  exec {fd}< <(exec 3>&- 4>&-; exec "$@")
  process=$!
  SERVER_PIDS+=("$process")
  # shellcheck disable=SC2154 # of lib/common
  read -rt "$patience" -u "$fd" _
}

@test "a thread is asked about with the capabilities that it has" {
  plant
  started setpriv --reuid alice --regid alice --init-groups --inh-caps=+dac_read_search \
    --ambient-caps=+dac_read_search sh -c 'echo ready; exec tail -f /dev/null'
  listed ours -t "$process" --list allowed tree
  listed theirs -u root --list allowed tree
  compare "a thread that may read everything"
  listed ours -t "$process" -w w --list allowed tree
  grep -qzx tree/d0000-alice:alice/f0600 ours
  run grep -cz bob:projects/f0644 ours
  assert_output 0
  # One column each, and as above.
  listed both -t "$process" -u bob --list allowed tree
  column 0 + both | sort -z >ours
  listed theirs -u root --list allowed tree
  compare "beside another"
}

@test "a thread's trees are those that it sees" {
  mkdir -m 0755 tree mounted
  touch tree/here
  # shellcheck disable=SC2016 # of the inner shell
  started unshare --mount --propagation private sh -c \
    'mount --bind "$0/mounted" "$0/tree" && touch "$0/tree/there" && echo ready && exec tail -f /dev/null' \
    "$SCRATCH"
  [[ -e mounted/there ]] || skip "needs another mount namespace"
  run -0 idn-check access -r -t "$process" --list allowed "$SCRATCH/tree"
  assert_output "$(printf '%s\n' "$SCRATCH/tree" "$SCRATCH/tree/there")"
  run -3 idn-check access -r -t "$process" -u alice "$SCRATCH/tree"
  assert_output "idn-check: $process: has another root: ask about it alone"
}

@test "below impersonation it is the anonymous identity that is asked about" {
  plant
  listed ours -u alice -l identification --list allowed tree
  listed theirs -u nobody --list allowed tree
  compare "alice at identification"
}

@test "a kernel without faccessat2 is asked by access, where that says the same" {
  need without
  plant
  without faccessat2 true || skip "needs seccomp filters"
  without faccessat2 idn-check access -r -q -0 -u alice --list allowed tree | sort -z >ours || true
  found theirs alice tree -readable
  compare alice
  without faccessat2 idn-check access -r -q -0 -u root --list allowed -w x tree | sort -z >ours || true
  found theirs root tree -executable
  compare root
  run -3 without faccessat2 idn-check access -r -u alice -u bob tree
  assert_output "idn-check: -r: the kernel cannot be asked: no faccessat2(2)"
}

# --- what it looks like -------------------------------------------------------------------------

@test "names go out as they are, a line each, where no terminal reads them" {
  plant
  idn-check access -r -u alice --list allowed tree >out || (($? == 1))
  idn-check access -r -u alice --list allowed --null tree | tr '\0' '\n' >nul || true
  cmp <(sort out) <(sort nul)
  grep -q $'^lines$' out
}

@test "a terminal is given nothing that it would obey" {
  need script
  mkdir tree
  touch tree/$'\e[31mred\nx'
  script -qec 'idn-check access -r -q -u alice --list allowed tree' /dev/null </dev/null | tr -d '\r' >out
  assert_equal "$(sort out)" "$(printf '%s\n' tree 'tree/\033[31mred\nx')"
}

@test "on a terminal it tells how far it is, and takes that away again" {
  need script
  fill tree 20000
  mkfifo list
  exec {list}<>list
  # It stands still while nobody takes its list.
  script -qefc 'idn-check access -r -u alice --list allowed tree >list' typescript </dev/null >/dev/null 3>&- 4>&- &
  changer=$!
  wait_for grep -qa 'idn-check: [0-9]* entries' typescript
  cat list {list}>&- >taken &
  SERVER_PIDS+=("$!")
  exec {list}>&-
  wait "$changer"
  changer=
  wait "$!"
  assert_equal "$(wc -l <taken)" "$(find tree | wc -l)"
  # The last thing but script's own words is that the line is empty.
  grep -qa $'entries\e\[K\r\e\[K' typescript
  script -qefc 'idn-check access -r -q -u alice tree >/dev/null' typescript </dev/null >/dev/null
  run grep -ca entries typescript
  assert_output 0
}

@test "-v counts by the rule that denied" {
  mkdir -m 0755 tree
  touch tree/{a,b,c,d}
  chmod 0640 tree/{a,b}
  chmod 0600 tree/c
  chown alice tree/c
  chmod 0044 tree/c
  run -1 idn-check access -r -v -u alice tree
  assert_line "tree: alice may read 2 of 5 (3 denied, 0 directories not listed)"
  assert_line --regexp '^ *2  mode, other ---$'
  assert_line --regexp '^ *1  mode, owner ---$'
}

@test "--list -v has the rule behind the path" {
  need setfacl
  mkdir -m 0755 tree
  touch tree/{a,b}
  setfacl -m u:alice:- tree/b 2>/dev/null || skip "needs ACLs"
  run -1 idn-check access -r -v -u alice --list denied tree
  assert_output $'tree/b\tacl user:alice:---'
  run -1 idn-check access -r -v -u alice -u bob --list allowed tree/b
  assert_output --regexp $'^-\\+ tree/b\tacl user:alice:---\tacl other::r--$'
}

@test "a directory that cannot be searched is told as that" {
  mkdir -m 0755 tree
  touch tree/file
  chmod 0744 tree
  run -1 idn-check access -r -v -u alice --list denied tree
  assert_output --regexp $'^tree/file\tsearch: mode rwxr--r--, other r--$'
}

@test "--json has an object for each listed entry, and a last one that sums up" {
  need jq
  plant
  local options
  for options in '' -v; do
    # shellcheck disable=SC2086 # words
    idn-check access -r $options --json -u alice -u bob --list denied tree >out || (($? == 1))
    jq -se 'all(.[:-1][]; has("path") and has("want") and has("identity") and has("evaluated") and
      has("kernel") and has("to_allow") and .allowed == false and (.errno | type) == "string" and
      .kernel.allowed == false)' out
    jq -se '.[-1].summary | length == 2 and .[0].identity.name == "alice" and .[1].path == "tree"' out
    jq -se '. as $all | all($all[-1].summary[]; . as $of | .denied ==
      ([$all[:-1][] | select(.identity.uid == $of.identity.uid)] | length))' out
  done
  jq -se 'all(.[:-1][]; .evaluated.allowed == false and .kernel.agrees)' out
  jq -se '.[-1].summary | all(.[]; .denied == ([.rules[].count] | add))' out
  jq -se 'any(.[]; .path | type == "object" and has("bytes"))' \
    <(idn-check access -r --json -u alice --list allowed tree)
  idn-check access -r --json -u alice tree >out || (($? == 1))
  jq -se 'length == 1 and (.[0].summary | length == 1)' out
}

# --- memory ---------------------------------------------------------------------------------------

# data_needed TREE: the least that it can be walked with, of data and stacks, in steps of 512 KiB
data_needed() {
  local limit
  for ((limit = 1024; limit < 1048576; limit += 512)); do
    if (ulimit -d "$limit" && idn-check access -r -u alice --list allowed "$1" >/dev/null 2>&1); then
      echo "$limit"
      return
    fi
  done
  return 1
}

@test "three hundred thousand entries take the memory of three thousand" {
  ! grep -q 'define WITH_SANITIZERS' "$BUILD/config.h" || skip "built with the sanitizers"
  mkdir mounted
  mount -t tmpfs -o mode=0755,nr_inodes=0 test-tree mounted || skip "needs to mount a tmpfs"
  fill mounted/few 3000
  fill mounted/many 200000
  fill mounted/many/flat 100000 1000000
  local few many
  few=$(data_needed mounted/few)
  # Room for a piece more of output, which a larger tree fills.
  many=$((few + 2048))
  (ulimit -d "$many" && idn-check access -r -u alice --list allowed mounted/many) >out
  assert_equal "$(wc -l <out)" "$(find mounted/many | wc -l)"
}

@test "to list what is no directory is asked in vain" {
  need_world
  touch "$SCRATCH/file"
  run -3 idn-check access -r -u alice -w list "$SCRATCH/file"
  assert_output "idn-check: $SCRATCH/file: Not a directory"
}

@test "on a terminal progress is shown while it lasts, and nothing of it is left" {
  need_world
  local name
  mkdir "$SCRATCH/many"
  printf -v name '%0150d' 0
  (cd "$SCRATCH/many" && printf "$name-%d\\n" {1..4000} | xargs touch)
  # Nobody reads the list until a key is typed: so long it lasts.
  run -0 terminal 10x80 see=" entries" "type=
" see="4001 listed" miss=" entries" "type=
" -- \
    sh -c "stty -echo; idn-check access -r --list allowed -u alice '$SCRATCH/many' |
      { read -r key </dev/tty; echo \$(wc -l) listed; read -r key </dev/tty; }"
}
