#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Each system call of a PUT made to fail in turn, and the process killed at each in turn: under the name
# is the old content or the new one, and no temporary name is left.

load lib/common
load lib/programs

# All that a PUT does with files; each is called in one case or another.
calls=(openat2 openat fstat newfstatat statx write fsync linkat renameat2 unlinkat fchmod
  fchown fgetxattr fsetxattr fremovexattr getrandom close)

setup() {
  common_setup
  need_world
  need_strace
  type -P put-test >/dev/null || skip "needs idn-serve-demo, which is not built"
  # Where strace can, it stops the traced at nothing else.
  swiftly=()
  ! strace --seccomp-bpf -f -qq -o /dev/null true 2>/dev/null || swiftly=(--seccomp-bpf)
  dir=$SCRATCH/served
  root=$dir
  mkdir "$dir"
  mount -t tmpfs stage "$dir"
  chown alice:projects "$dir"
  chmod 2775 "$dir"
  head -c 100000 /dev/zero | tr '\0' n >"$SCRATCH/new"
  head -c 50000 /dev/zero | tr '\0' o >"$SCRATCH/old"
}

teardown() {
  cd /
  leave "$SCRATCH/seen"
  leave "$dir"
}

# What a server in user space holds is free only when that has ended.
leave() {
  ! mountpoint -q "$1" || wait_for umount -q "$1"
}

# Through a file system that has no files without names.
see() {
  need bindfs
  mkdir "$SCRATCH/seen"
  # What is staged behind its back is to be seen at once.
  bindfs -o entry_timeout=0,attr_timeout=0 "$dir" "$SCRATCH/seen" 2>/dev/null || skip "needs FUSE"
  root=$SCRATCH/seen
}

# stage new|old: what is there before
stage() {
  rm -rf "${dir:?}"/* "$dir"/.put-*
  [[ $1 == new ]] || {
    cp "$SCRATCH/old" "$dir/file"
    # An ACL and a group that are not those a new file would have.
    chown bob:alice "$dir/file"
    chmod 0666 "$dir/file"
    ! type -P setfacl >/dev/null || setfacl -m u:carol:r "$dir/file"
  }
}

# strike CALL FAULT N: one PUT, in which the N-th CALL has that fault.  False where there is no N-th one.
strike() {
  run timeout 60 strace "${swiftly[@]}" -f -qq -o "$SCRATCH/trace" -e signal=none -e "trace=$1" \
    -e "inject=$1:$2:when=$((100 + $3))" put-test put ordinary alice "$root" file <"$SCRATCH/new"
  [ "$status" -eq 77 ] && skip "$output"
  [ "$status" -eq 137 ] || grep -q INJECTED "$SCRATCH/trace"
}

# What is under the name, whole: old, new or nothing; or broken.
content() {
  if [[ ! -e $dir/file ]]; then
    echo nothing
  elif cmp -s "$dir/file" "$SCRATCH/new"; then
    echo new
  elif cmp -s "$dir/file" "$SCRATCH/old"; then
    echo old
  else
    echo broken
  fi
}

broken() {
  echo "$*: saw status $status: $output; under the name: $(content); in the directory: $(ls -A "$dir" | xargs)" >&2
  return 1
}

# struck BEFORE CALL FAULT N: what the client was told is true, and nothing else is there.
struck() {
  local now
  now=$(content)
  [[ $status -eq 0 ]] || broken "$@"
  case $output in
    20[14]\ *) [[ $now == new ]] || broken "$@" ;;
    *"written, but may not outlast"*) [[ $now == new ]] || broken "$@" ;;
    [45]??\ *) [[ $now == "$1" ]] || broken "$@" ;;
    *) broken "$@" ;;
  esac
  # What is closed in user space may take a moment to go.
  [[ $root == "$dir" ]] || wait_for left "$now" || broken "$@"
  left "$now" || broken "$@"
}

# left nothing|FILE: that is all that there is
left() {
  [[ $(ls -A "$dir") == "$([[ $1 == nothing ]] || echo file)" ]]
}

# each_fails nothing|old FAULT...: every call in turn, at each of its places, with each fault
each_fails() {
  local before=$1 call fault n
  HIT=
  shift
  for call in "${calls[@]}"; do
    for fault; do
      for ((n = 1; n < 30; n++)); do
        stage "${before/nothing/new}"
        strike "$call" "$fault" "$n" || break
        struck "$before" "$call" "$fault" "$n"
        HIT+=" $call"
      done
      ((n > 1)) || break
      ((n < 30))
    done
  done
}

# hit CALL...: these were among the ones that failed
hit() {
  local call
  for call; do
    [[ " $HIT " == *" $call "* ]] || { echo "$call: was never made to fail" >&2; return 1; }
  done
}

@test "a new file: whichever call fails, it is there whole or not at all" {
  each_fails nothing error=EIO error=ENOSPC error=EACCES
  hit openat2 write fgetxattr fsync linkat close
}

@test "a new file: odd errors too, those that mean something else to us among them" {
  each_fails nothing error=ENOENT error=EEXIST error=EINVAL error=EOPNOTSUPP error=EINTR error=EBADF error=ESTALE
}

@test "a replaced file: whichever call fails, it is the old or the new one" {
  each_fails old error=EIO error=ENOSPC
  hit openat2 write fchown fgetxattr statx getrandom fsync linkat renameat2 close
}

@test "a replaced file: refused at any call, it is the old one" {
  each_fails old error=EACCES error=EPERM
}

@test "a replaced file: odd errors too" {
  each_fails old error=ENOENT error=EEXIST error=EINVAL
}

@test "a replaced file: odd errors too, of the other kind" {
  each_fails old error=EOPNOTSUPP error=EINTR error=EBADF error=ESTALE
}

@test "without O_TMPFILE, a new file: whichever call fails, it is there whole or not at all" {
  see
  each_fails nothing error=EIO error=EACCES
  hit openat2 write fsync renameat2
}

@test "without O_TMPFILE, a replaced file: whichever call fails, it is the old or the new one" {
  see
  each_fails old error=EIO error=EACCES
  hit openat2 write fsync renameat2
}

@test "no room, no quota, a file too large: each is a 507" {
  local error
  for error in ENOSPC EDQUOT EFBIG; do
    stage old
    strike write "error=$error" 1
    assert_regex "$output" '^507 /file: '
    struck old write "error=$error" 1
  done
}

@test "a write that writes nothing is a failure, and not tried for ever" {
  stage old
  strike write retval=0 1
  assert_regex "$output" '^500 /file: '
  struck old write retval=0 1
}

# each_kills nothing|old: at every call in turn, at each of its places; LEFT temporary names in all
each_kills() {
  local before=$1 call n
  LEFT=0 KILLED=0
  # With --seccomp-bpf the signal is lost.
  swiftly=()
  for call in "${calls[@]}"; do
    for ((n = 1; n < 30; n++)); do
      stage "${before/nothing/new}"
      strike "$call" signal=KILL "$n" || break
      [[ $status -eq 137 ]] || broken "$before" "$call" "$n"
      [[ $(content) == "$before" || $(content) == new ]] || broken "$before" "$call" "$n"
      KILLED=$((KILLED + 1))
      LEFT=$((LEFT + $(find "$dir" -name '.put-*' | wc -l)))
      # Nothing else is; what was open in user space may take a moment to go.
      [[ $root == "$dir" ]] || wait_for nothing_else || broken "$before" "$call" "$n"
      nothing_else || broken "$before" "$call" "$n"
    done
    ((n < 30))
  done
}

nothing_else() {
  [[ -z $(find "$dir" -mindepth 1 ! -name file ! -name '.put-*') ]]
}

@test "killed at any call while it makes a new file: whole or not there, and nothing is left" {
  each_kills nothing
  ((KILLED > 8))
  assert_equal "$LEFT" 0
}

@test "killed at any call while it replaces a file: old or new; one moment leaves a name" {
  each_kills old
  ((KILLED > 15))
  # Between linkat and renameat, since no call replaces a name by a file that has none.
  assert_equal "$LEFT" 1
}

@test "without O_TMPFILE, killed at any call: whole or not there" {
  see
  each_kills nothing
  ((KILLED > 8))
}

@test "without O_TMPFILE, killed at any call: old or new" {
  see
  each_kills old
  ((KILLED > 15))
}
