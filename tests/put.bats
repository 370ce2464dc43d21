#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# PUT and DELETE of idn-serve-demo, as the client: what is replaced, what is kept, and what is refused.

load lib/common

setup() {
  common_setup
  need_world
  type -P put-test >/dev/null || skip "needs idn-serve-demo, which is not built"
  kind=ordinary
  dir=$SCRATCH/served
  mkdir "$dir"
}

teardown() {
  server_teardown
  cd /
  leave "$SCRATCH/seen"
  leave "$dir"
}

# What a server in user space holds is free only when that has ended.
leave() {
  ! mountpoint -q "$1" || wait_for umount -q "$1"
}

# stage TYPE: an empty file system on $dir, where alice may write.
stage() {
  case $1 in
    tmpfs)
      mount -t tmpfs stage "$dir"
      ;;
    ext4)
      [[ -x /sbin/mkfs.ext4 || -x /usr/sbin/mkfs.ext4 ]] || skip "needs mkfs.ext4"
      truncate -s 16M "$SCRATCH/image"
      PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q "$SCRATCH/image"
      mount -o loop "$SCRATCH/image" "$dir" 2>/dev/null || skip "needs loop devices and ext4"
      ;;
  esac
  chmod 0755 "$dir"
  chown alice:alice "$dir"
  rm -rf "$dir/lost+found"
}

# put USER PATH [CONTENT]: sets code and text
put() {
  run -0 put-test put "$kind" "$1" "$dir" "$2" <<<"${3-new}"
  code=${output%% *} text=${output#* }
}

delete() {
  run -0 put-test delete "$kind" "$1" "$dir" "$2"
  code=${output%% *} text=${output#* }
}

# make NAME OWNER MODE [CONTENT]
make() {
  echo "${4-old}" >"$dir/$1"
  chown "$2" "$dir/$1"
  chmod "$3" "$dir/$1"
}

facts() {
  stat -c '%U:%G %a' "$dir/$1"
}

# expect CODE [TEXT]
expect() {
  assert_equal "$code" "$1"
  (($# == 1)) || assert_equal "$text" "$2"
}

holds() {
  assert_equal "$(<"$dir/$1")" "$2"
}

# only NAME...: is in the directory
only() {
  # What is closed in user space may take a moment to go.
  ! mountpoint -q "$SCRATCH/seen" || wait_for has_only "$@"
  assert_equal "$(ls -A "$dir" | xargs)" "$*"
}

has_only() {
  [[ $(ls -A "$dir" | xargs) == "$*" ]]
}

# --- what comes of it ---------------------------------------------------------------------------

@test "a new file is the client's, with the umask's mode; a replaced one keeps its own" {
  local type
  for type in tmpfs ext4; do
    stage "$type"
    umask 027
    put alice file
    expect 201 created
    holds file new
    assert_equal "$(facts file)" "alice:alice 640"
    chmod 0604 "$dir/file"
    put alice file newer
    expect 204 ""
    holds file newer
    assert_equal "$(facts file)" "alice:alice 604"
    only file
    umount "$dir"
  done
}

@test "the body may be empty, or larger than a pipe, and have any bytes" {
  stage tmpfs
  run -0 put-test put ordinary alice "$dir" file </dev/null
  assert_output "201 created"
  [ ! -s "$dir/file" ]
  head -c 1000000 /dev/urandom >"$SCRATCH/body"
  run -0 put-test put ordinary alice "$dir" file <"$SCRATCH/body"
  assert_output "204 "
  cmp "$SCRATCH/body" "$dir/file"
}

@test "the directory's set-group-id bit and default ACL decide for a new file" {
  need setfacl getfacl
  local type
  for type in tmpfs ext4; do
    stage "$type"
    umask 077
    chown alice:projects "$dir"
    chmod 2775 "$dir"
    put alice file
    assert_equal "$(facts file)" "alice:projects 600"
    setfacl -d -m u::rw,g::r,o::-,u:carol:rw "$dir"
    put alice other
    run -0 getfacl -cpE "$dir/other"
    assert_output "user::rw-
user:carol:rw-
group::r--
mask::rw-
other::---"
    umount "$dir"
  done
}

@test "a replaced file keeps its ACL, and gets none from the directory" {
  need setfacl getfacl
  local type before
  for type in tmpfs ext4; do
    stage "$type"
    make file alice:alice 0640
    setfacl -m u:bob:r,g:reports:rw,m::rw "$dir/file"
    before=$(getfacl -cp "$dir/file")
    put alice file
    expect 204
    assert_equal "$(getfacl -cp "$dir/file")" "$before"

    make plain alice:alice 0600
    setfacl -d -m u:carol:rw "$dir"
    put alice plain
    expect 204
    assert_equal "$(getfacl -cpE "$dir/plain" | xargs)" "user::rw- group::--- other::---"
    umount "$dir"
  done
}

@test "set-id bits do not outlive a new content" {
  stage tmpfs
  make file alice:alice 6755
  put alice file
  expect 204
  assert_equal "$(facts file)" "alice:alice 755"
}

@test "a file of a colleague's becomes the client's, and keeps its group" {
  stage tmpfs
  chown root:projects "$dir"
  chmod 0775 "$dir"
  make file bob:projects 0664
  put alice file
  expect 204
  holds file new
  assert_equal "$(facts file)" "alice:projects 664"
}

@test "a group that the client cannot give is not replaced by one that gains by it" {
  stage tmpfs
  make file bob:extra30000 0646
  put alice file
  expect 204
  assert_equal "$(facts file)" "alice:alice 644"
  make locked bob:extra30000 0606
  put alice locked
  assert_equal "$(facts locked)" "alice:alice 600"
  if type -P setfacl >/dev/null; then
    make listed bob:extra30000 0604
    setfacl -m u:alice:rw "$dir/listed"
    put alice listed
    expect 204
    assert_equal "$(getfacl -cpE "$dir/listed" | xargs)" \
      "user::rw- user:alice:rw- group::--- mask::rw- other::---"
  fi
}

@test "root, with its capabilities, leaves the file to its owner" {
  stage tmpfs
  kind=root
  make file bob:projects 0640
  put root file
  expect 204
  holds file new
  assert_equal "$(facts file)" "bob:projects 640"
}

@test "hard links break: the other name keeps the old content" {
  stage tmpfs
  make file alice:alice 0644
  ln "$dir/file" "$dir/other"
  put alice file
  expect 204
  holds file new
  holds other old
}

@test "what has the file open goes on with the old content" {
  stage tmpfs
  make file alice:alice 0644
  exec {held}<"$dir/file"
  put alice file
  expect 204
  assert_equal "$(cat <&"$held")" old
  exec {held}<&-
}

# --- who may ------------------------------------------------------------------------------------

@test "a file that the client may not write is refused, though the directory would let it go" {
  stage tmpfs
  make file alice:alice 0444
  put alice file
  expect 403 "/file: Permission denied"
  holds file old
  make file bob:bob 0644
  put alice file
  expect 403 "/file: Permission denied"
  only file
}

@test "a file that the client may write, in a directory where it may not, is refused" {
  stage tmpfs
  chown root:root "$dir"
  make file alice:alice 0644
  put alice file
  expect 403 "/file: Permission denied"
  put alice other
  expect 403 "/other: Permission denied"
  delete alice file
  expect 403 "/file: Permission denied"
  holds file old
  only file
}

@test "in a directory that the client may write and not list, both can be done" {
  stage tmpfs
  chown root:alice "$dir"
  chmod 0730 "$dir"
  put alice file
  expect 201
  put alice file newer
  expect 204
  holds file newer
  delete alice file
  expect 204
  only
}

@test "in a sticky directory another's file stays, the client's own does not" {
  stage tmpfs
  chown root:root "$dir"
  chmod 1777 "$dir"
  make file bob:bob 0666
  put alice file
  expect 403 "/file: Operation not permitted"
  holds file old
  delete alice file
  expect 403 "/file: Operation not permitted"
  put bob file
  expect 204
  only file
  delete bob file
  expect 204
  only
}

@test "on a read-only mount nothing can be put or deleted" {
  stage tmpfs
  make file alice:alice 0644
  mount -o remount,ro "$dir"
  put alice file
  expect 403 "/file: Read-only file system"
  put alice other
  expect 403 "/other: Read-only file system"
  delete alice file
  expect 403 "/file: Read-only file system"
}

@test "immutable and append-only files stay, for root too" {
  need chattr
  stage ext4
  local flag user
  for flag in i a; do
    make "$flag" alice:alice 0666
    chattr "+$flag" "$dir/$flag" || skip "needs a file system with flags"
    kind=root
    for user in alice root; do
      put "$user" "$flag"
      expect 403 "/$flag: Operation not permitted"
      delete "$user" "$flag"
      expect 403 "/$flag: Operation not permitted"
    done
    chattr "-$flag" "$dir/$flag"
    holds "$flag" old
  done
  only a i
}

@test "an append-only directory takes new names, and never a temporary one" {
  need chattr
  stage ext4
  make file alice:alice 0666
  chattr +a "$dir" || skip "needs a file system with flags"
  put alice file
  expect 403 "/file: Operation not permitted"
  put alice other
  expect 201
  chattr -a "$dir"
  holds file old
  only file other
}

@test "an immutable directory takes nothing" {
  need chattr
  stage ext4
  make file alice:alice 0666
  chattr +i "$dir" || skip "needs a file system with flags"
  put alice file
  expect 403
  put alice other
  expect 403
  delete alice file
  expect 403
  chattr -i "$dir"
  holds file old
  only file
}

# --- names --------------------------------------------------------------------------------------

@test "what names a directory is a conflict" {
  stage tmpfs
  mkdir -m 0777 "$dir/sub"
  local path
  for path in '' . .. / sub/.. sub/. sub/ new/ ../..; do
    put alice "$path"
    expect 409 "/$path: names a directory"
  done
  put alice sub
  expect 409 "/sub: is a directory"
  for path in '' . .. sub sub/ sub/. sub/.. ; do
    delete alice "$path"
    expect 409 "/$path: is a directory"
  done
  only sub
}

@test "a directory that is not there, or is a file, is a 404" {
  stage tmpfs
  make file alice:alice 0644
  put alice none/file
  expect 404 "/none/file: No such file or directory"
  put alice file/file
  expect 404 "/file/file: Not a directory"
  delete alice none/file
  expect 404 "/none/file: No such file or directory"
  delete alice none
  expect 404 "/none: No such file or directory"
  delete alice file/
  expect 404 "/file/: Not a directory"
  only file
}

@test "a name may have 255 bytes and not 256, a path not 4,096" {
  stage tmpfs
  local long
  printf -v long '%0255d' 0
  put alice "$long"
  expect 201
  put alice "$long" newer
  expect 204
  delete alice "$long"
  expect 204
  put alice "0$long"
  expect 414
  delete alice "0$long"
  expect 414
  printf -v long './%.0s' {1..2048}
  put alice "${long}file"
  expect 414
  only
}

@test "names that are options, patterns, lines or no text at all are names" {
  stage tmpfs
  local name
  for name in -rf '*' 'a b' $'two\nlines' $'\xff\xfe' '.put-' '...' '..x'; do
    put alice "$name"
    expect 201
    [ -f "$dir/$name" ]
    delete alice "$name"
    expect 204
  done
  only
}

@test "a symbolic link at the end is neither followed nor replaced; it can be deleted" {
  stage tmpfs
  make file alice:alice 0644
  local target
  for target in file none sub /file .; do
    ln -s "$target" "$dir/link"
    put alice link
    expect 409 "/link: is a symbolic link"
    [ -L "$dir/link" ]
    delete alice link
    expect 204
  done
  holds file old
  only file
}

@test "symbolic links on the way are followed, and never out of the root" {
  stage tmpfs
  mkdir "$dir/sub" "$SCRATCH/out"
  chown alice "$dir/sub" "$SCRATCH/out"
  ln -s /sub "$dir/absolute"
  ln -s ../../../sub "$dir/up"
  ln -s "$SCRATCH/out" "$dir/out"
  put alice absolute/a
  expect 201
  put alice up/b
  expect 201
  put alice ../../sub/c
  expect 201
  put alice out/d
  expect 404
  assert_equal "$(ls "$dir/sub" | xargs)" "a b c"
  assert_equal "$(ls "$SCRATCH/out")" ""
}

@test "a magic link of /proc is nobody's way out" {
  run -0 put-test put ordinary alice / proc/self/cwd/file <<<new
  assert_output "403 /proc/self/cwd/file: Too many levels of symbolic links"
}

@test "FIFOs, sockets and devices are refused, and never opened in earnest" {
  need strace mkfifo mknod
  stage tmpfs
  mount -o remount,dev "$dir"
  mkfifo -m 0666 "$dir/fifo"
  mknod -m 0666 "$dir/null" c 1 3
  mknod -m 0666 "$dir/disk" b 7 200
  server_start --unix "$dir/socket" --stay-root
  local name
  for name in fifo null disk socket; do
    run -0 strace -f -qq -s 200 -o "$SCRATCH/trace" -e trace=open,openat,openat2 \
      put-test put ordinary alice "$dir" "$name" <<<new
    assert_output "409 /$name: is no regular file"
    # Once, to look; by no name else.
    assert_equal "$(grep -c "\"$name\"" "$SCRATCH/trace")" 1
    grep "\"$name\"" "$SCRATCH/trace" | grep -q O_PATH
    refute grep -q '/proc/self/fd' "$SCRATCH/trace"
  done
  for name in fifo null disk socket; do
    delete alice "$name"
    expect 204
  done
  only
}

@test "a program that runs is a conflict, and stays" {
  stage tmpfs
  mount -o remount,exec "$dir"
  cp "$(type -P sleep)" "$dir/program"
  chown alice "$dir/program"
  "$dir/program" 60 &
  local pid=$!
  SERVER_PIDS+=("$pid")
  wait_for is_running "$pid"
  put alice program
  expect 409 "/program: Text file busy"
  kill "$pid"
  wait "$pid" || true
  put alice program
  expect 204
}

is_running() {
  [[ $(readlink "/proc/$1/exe") == "$dir/program" ]]
}

@test "what is mounted on a name is a conflict, and its mount stays" {
  stage tmpfs
  make file alice:alice 0666
  make other alice:alice 0666 other
  mount --bind "$dir/other" "$dir/file"
  put alice file
  expect 409 "/file: Device or resource busy"
  delete alice file
  expect 409 "/file: Device or resource busy"
  umount "$dir/file"
  holds file old
  holds other other
  only file other
}

# --- room ---------------------------------------------------------------------------------------

@test "what does not fit is a 507, and the old content whole" {
  local type
  stage tmpfs
  mount -o remount,size=256k "$dir"
  make file alice:alice 0644
  head -c 300000 /dev/zero >"$SCRATCH/body"
  run -0 put-test put ordinary alice "$dir" file <"$SCRATCH/body"
  assert_output "507 /file: No space left on device"
  run -0 put-test put ordinary alice "$dir" new <"$SCRATCH/body"
  assert_output "507 /new: No space left on device"
  holds file old
  only file

  umount "$dir"
  stage ext4
  make file alice:alice 0644
  fallocate -l "$(($(stat -fc '%a * %S' "$dir") - 409600))" "$dir/filler" 2>/dev/null ||
    head -c 14000000 /dev/zero >"$dir/filler" || true
  head -c 1000000 /dev/zero >"$SCRATCH/body"
  run -0 put-test put ordinary alice "$dir" file <"$SCRATCH/body"
  assert_output "507 /file: No space left on device"
  holds file old
  only file filler
}

@test "a limit on the size of files is a 507, and not the end of the service" {
  need prlimit
  stage tmpfs
  make file alice:alice 0644
  head -c 1000000 /dev/zero >"$SCRATCH/body"
  run -0 prlimit --fsize=524288 put-test put ordinary alice "$dir" file <"$SCRATCH/body"
  assert_output "507 /file: File too large"
  holds file old
  only file
}

@test "without files left to open it is a 503" {
  need prlimit
  stage tmpfs
  make file alice:alice 0644
  local limit seen=
  for limit in {5..12}; do
    # Without enough of them to begin with it does not come so far.
    if prlimit --nofile="$limit" put-test put ordinary alice "$dir" file <<<new >"$SCRATCH/said" 2>&1; then
      seen+="$(cut -d ' ' -f 1 "$SCRATCH/said") "
    fi
  done
  # First it is too few, then enough.
  assert_regex "$seen" '^(503 )+(204 )+$'
  only file
}

# --- at the same time ---------------------------------------------------------------------------

@test "eight threads that put to one name: every reader sees one of them, whole" {
  local type
  for type in tmpfs ext4; do
    stage "$type"
    run -0 put-test race ordinary alice "$dir" file
    assert_output "created 1 times"
    only file
    umount "$dir"
  done
}

@test "deleting between two who put is no failure" {
  stage tmpfs
  put-test race ordinary alice "$dir" file >"$SCRATCH/race" 2>&1 &
  local race=$! deleted=0
  SERVER_PIDS+=("$race")
  while kill -0 "$race" 2>/dev/null; do
    delete alice file
    [[ $code == 204 || $code == 404 ]]
    deleted=$((deleted + 1))
  done
  # Whoever came last put it there, unless it was deleted right after.
  local status=0
  wait "$race" || status=$?
  [[ $status -eq 0 || $(<"$SCRATCH/race") == *"read_whole_content(): expected 1, saw 0" ]]
  ((deleted > 0))
  [[ -z $(ls -A "$dir" | grep -v '^file$') ]]
}

# --- where files always have names ---------------------------------------------------------------

# see: $dir once more, through a file system in user space that has no O_TMPFILE.
see() {
  need bindfs
  stage tmpfs
  mkdir "$SCRATCH/seen"
  # Names kept by the kernel would be wrong for a while where several rename to one.
  bindfs -o entry_timeout=0 "$dir" "$SCRATCH/seen" 2>/dev/null || skip "needs FUSE"
  seen=$SCRATCH/seen
}

@test "without O_TMPFILE it is the same: created, replaced, refused, nothing left" {
  see
  umask 027
  run -0 put-test put ordinary alice "$seen" file <<<new
  assert_output "201 created"
  assert_equal "$(facts file)" "alice:alice 640"
  run -0 put-test put ordinary alice "$seen" file <<<newer
  assert_output "204 "
  holds file newer
  assert_equal "$(facts file)" "alice:alice 640"
  run -0 put-test put ordinary bob "$seen" file <<<newest
  assert_output "403 /file: Permission denied"
  run -0 put-test put ordinary bob "$seen" other <<<newest
  assert_output "403 /other: Permission denied"
  only file
}

@test "without O_TMPFILE what does not fit leaves nothing either" {
  see
  mount -o remount,size=256k "$dir"
  make file alice:alice 0644
  head -c 300000 /dev/zero >"$SCRATCH/body"
  run -0 put-test put ordinary alice "$seen" file <"$SCRATCH/body"
  assert_output "507 /file: No space left on device"
  run -0 put-test put ordinary alice "$seen" new <"$SCRATCH/body"
  assert_output "507 /new: No space left on device"
  holds file old
  only file
}

@test "without O_TMPFILE eight threads that put to one name are as well behaved" {
  see
  run -0 put-test race ordinary alice "$seen" file
  only file
}

@test "the umask is taken where neither the kernel did, nor an ACL" {
  need strace
  stage tmpfs
  umask 027
  run -0 strace -f -qq -o "$SCRATCH/trace" -e trace=fgetxattr,fchmod \
    -e inject=fgetxattr:error=EOPNOTSUPP:when=101 put-test put ordinary alice "$dir" file <<<new
  assert_output "201 created"
  grep -q 'fchmod([0-9]*, 0640)' "$SCRATCH/trace"
  assert_equal "$(facts file)" "alice:alice 640"
}
