#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check for whoever calls it, with whatever privilege: nothing here needs any.

load lib/common

# A tree of files with each kind of bits, owned by whoever runs this.
tree() {
  local mode
  mkdir -p "$SCRATCH/tree/open" "$SCRATCH/tree/closed"
  for mode in 000 100 200 400 444 600 755; do
    echo content >"$SCRATCH/tree/open/$mode"
    chmod "$mode" "$SCRATCH/tree/open/$mode"
  done
  echo content >"$SCRATCH/tree/closed/file"
  chmod 0 "$SCRATCH/tree/closed"
}

# bound: sets ME, the words before a command that is to be run by somebody whom modes bind, who owns the
# tree then; nothing, where the caller is such a one.
bound() {
  ME=()
  if [[ -r $SCRATCH/tree/open/000 ]]; then
    need_world
    chown -R alice "$SCRATCH/tree"
    become alice
    ME=("${BECOME[@]}")
  fi
}

teardown() {
  server_teardown
  [[ ! -d $SCRATCH/tree/closed ]] || chmod 0700 "$SCRATCH/tree/closed"
}

# same_as_test LETTER FILE: what test(1) says of the caller, and that the kernel and the rules agree.
same_as_test() {
  local expected=0 answer status=0
  test "-$1" "$2" || expected=1
  answer=$(idn-check access --json -w "$1" "$2") || status=$?
  [[ $status == "$expected" ]] || fail "test -$1 $2 says $expected, idn-check $status: $answer"
  [[ $answer == *'"agrees":true'* ]] || fail "$answer"
}

@test "what the caller may read, write and run is what test(1) says" {
  local file letter
  tree
  for file in "$SCRATCH"/tree/open/* "$SCRATCH/tree" "$SCRATCH/tree/open" "$SCRATCH/tree/closed" \
    /etc/passwd /etc/shadow /bin/sh /root /tmp /; do
    for letter in r w x; do
      # The suite's own shell is running.
      [[ $letter$file != w/bin/sh ]] || continue
      same_as_test "$letter" "$file"
    done
  done
}

@test "below a directory that the caller cannot enter" {
  tree
  run idn-check access "$SCRATCH/tree/closed/file"
  if [[ -r $SCRATCH/tree/closed/file ]]; then
    assert_success
    assert_line --regexp 'closed +search +allowed +mode ---------, owner ---, overridden by CAP_DAC_'
  else
    assert_failure 1
    assert_line --regexp 'closed +search +DENIED +mode ---------, owner ---$'
    assert_line --regexp '^  kernel +read +DENIED +EACCES, agrees$'
  fi
}

@test "to allow: the owner's own bit, which helps" {
  tree
  bound
  run -1 "${ME[@]}" idn-check access "$SCRATCH/tree/open/000"
  assert_line --regexp "^  to allow +chmod u\+r $SCRATCH/tree/open/000\$"
  chmod u+r "$SCRATCH/tree/open/000"
  run -0 "${ME[@]}" idn-check access "$SCRATCH/tree/open/000"
}

@test "to make and to remove names is what happens" {
  tree
  run -0 idn-check access -w create "$SCRATCH/tree/open/new"
  run -0 idn-check access -w delete "$SCRATCH/tree/open/444"
  run -1 idn-check access -w delete "$SCRATCH/tree/open"
  assert_line --regexp '^  open +delete +DENIED +not empty$'
  touch "$SCRATCH/tree/open/new"
  run -1 idn-check access -w create "$SCRATCH/tree/open/new"
  assert_line --regexp '^  new +find +DENIED +File exists$'
  rm -f "$SCRATCH/tree/open/444"
  run -3 idn-check access -w delete "$SCRATCH/tree/open/444"
  assert_output "idn-check: $SCRATCH/tree/open/444: No such file or directory"
}

@test "a tree is what find(1) says it is" {
  tree
  run -1 idn-check access -r --list allowed "$SCRATCH/tree" || [[ $(id -u) == 0 ]]
  diff <(sort <<<"$output" | grep -v '^idn-check:') \
    <(find "$SCRATCH/tree" -readable 2>/dev/null | sort)
}

@test "a command that is refused something is told why, and keeps its status" {
  tree
  bound
  run --separate-stderr "${ME[@]}" idn-check run -- sh -c "cat '$SCRATCH/tree/open/000'; exit 7"
  assert_equal "$status" 7
  assert_equal "$output" ""
  assert_regex "$stderr" "openat $SCRATCH/tree/open/000 for reading: EACCES: .*mode ---------, owner ---; to allow: chmod u\\+r "
}

@test "who may read what is everybody's, and what is the caller's alone" {
  tree
  chmod 0755 "$SCRATCH/tree/open"
  run -0 idn-check who "$SCRATCH/tree/open/600"
  assert_line --regexp "^  owner rw- +$(id -un)\$"
  refute_line --partial "other"
}
