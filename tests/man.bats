#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The manual: what it says is what there is, and its examples are tried.

load lib/common
load lib/programs
load lib/realm

teardown() {
  end_examples
  server_teardown
  realm_stop
  [[ -z ${private_srv-} ]] || umount /srv
}

# The page as people read it, in lines that are not broken.
page() {
  mandoc -T ascii -O width=300 "$SRC/man/$1" | sed 's/.\x08//g'
}

# section PAGE NAME
section() {
  page "$1" | awk -v name="$2" '/^[^ ]/ { inside = $0 == name; next } inside'
}

page_of() {
  case $1 in
    idn-serve-demo) echo "$1.8" ;;
    *) echo "$1.1" ;;
  esac
}

need_tool() {
  type -P "$1" >/dev/null || skip "needs $1"
}

# --- options ------------------------------------------------------------------------------------

long_options() {
  grep -oE -- '(^|[^-a-z0-9])--[a-z][a-z-]*' | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

# The subcommands of a tool that has some.
subcommands_of() {
  [[ $1 != idn-check ]] || echo access who run policy threads service ledger
}

options_of_help() {
  local subcommand
  {
    "$1" --help
    for subcommand in $(subcommands_of "$1"); do
      "$1" "$subcommand" --help
    done
  } | long_options
}

# Of synopsis and description: examples speak of other commands too.
options_of_page() {
  { section "$(page_of "$1")" SYNOPSIS; section "$(page_of "$1")" DESCRIPTION; } | long_options
}

options_of_completion() {
  case $1 in
    bash) grep -v '^ *#' "$SRC/completions/bash/$2" | long_options ;;
    zsh) sed 's/\[[^]]*\]//g; s/([^)]*)//g' "$SRC/completions/zsh/_$2" | grep "^ *['\"]" | long_options ;;
    fish) sed -n 's/^complete.* -l \([a-z-]*\).*/--\1/p' "$SRC/completions/fish/$2.fish" | sort -u ;;
  esac
}

# same_options TOOL
same_options() {
  local shell
  need_tool "$1"
  need mandoc
  assert_equal "$(options_of_page "$1")" "$(options_of_help "$1")"
  for shell in bash zsh fish; do
    run options_of_completion "$shell" "$1"
    assert_equal "$shell: $output" "$shell: $(options_of_help "$1")"
  done
}

@test "idn-show: page, completions and --help have the same options" {
  same_options idn-show
}

@test "idn-run-as: page, completions and --help have the same options" {
  same_options idn-run-as
}

@test "idn-serve-demo: page, completions and --help have the same options" {
  same_options idn-serve-demo
}

@test "idn-check: page, completions and the --help of all subcommands have the same options" {
  same_options idn-check
}

@test "idn-check: what each subcommand takes is in its own synopsis, and bash completes just that" {
  need_tool idn-check
  need mandoc
  local subcommand help
  for subcommand in $(subcommands_of idn-check); do
    help=$(idn-check "$subcommand" --help | short_options)
    assert_equal "$subcommand: $(options_of_synopsis "$subcommand")" "$subcommand: $help"
    help=$(idn-check "$subcommand" --help | long_options)
    assert_equal "$subcommand: $(options_in_bash "$subcommand")" "$subcommand: $help"
  done
}

short_options() {
  grep -oE -- '(^|[^-a-z0-9])-[A-Za-z0-9]\>' | grep -oE -- '[A-Za-z0-9]$' | grep -v '[hV]' | sort -u
}

# Letters that stand together there are options of their own.
options_of_synopsis() {
  section idn-check.1 SYNOPSIS | grep "idn-check $1 " | grep -oE -- '[[ ]-[A-Za-z0-9]+' |
    tr -d '[ -' | grep -o . | sort -u
}

# shellcheck disable=SC2016 # for the inner shell
options_in_bash() {
  bash --norc -c '. "$1"; COMP_WORDS=(idn-check "$2" -) COMP_CWORD=2; _idn_check
    printf "%s\n" "${COMPREPLY[@]}"' bash "$SRC/completions/bash/idn-check" "$1" | long_options
}

# --- pages --------------------------------------------------------------------------------------

@test "every page is free of warnings" {
  need mandoc
  local file
  for file in "$SRC"/man/*.[1-9]; do
    run -0 mandoc -T lint -W warning "$file"
    assert_output ""
  done
}

# As many systems have it, instead of mandoc: there, what is too long for its column is broken at each blank.
@test "every page, its tables too, fits into a terminal of 80 columns" {
  need groff
  local file
  for file in "$SRC"/man/*.[1-9]; do
    run -0 groff -mdoc -T ascii -rLL=78n "$file"
    refute_line --partial "can't break line"
  done
}

@test "every page of a tool says what its exit status means, and has examples" {
  need mandoc
  local name
  for name in "$SRC"/man/*.[18]; do
    name=${name##*/}
    run section "$name" "EXIT STATUS"
    assert_line --regexp '^ +[0-9]+ '
    run section "$name" EXAMPLES
    assert_line --regexp '^ +[$#] '
  done
}

@test "pages refer only to pages of ours that there are" {
  local name number
  while read -r name number; do
    [[ -e $SRC/man/$name.$number ]] || fail "$name($number) is referred to, and missing"
  done < <(sed -nE 's/^\.Xr ((idn-[a-z-]+|impersonate|libimpersonate) [0-9]).*/\1/p' "$SRC"/man/*.[1-9] | sort -u)
}

@test "every function of the header is in libimpersonate(3), and no other" {
  local declared documented
  declared=$(grep -v '^ \*' "$SRC/common/impersonate.h" | grep -oE '\bimp_[a-z0-9_]+\(' | tr -d '(' |
    sed '/^imp_\(carry\|log\)_fn$/d' | sort -u)
  documented=$(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.F[no] \(imp_[a-z0-9_]*\).*/\1/p' \
    "$SRC/man/libimpersonate.3" | sed '/^imp_\(carry\|log\)_fn$/d' | sort -u)
  [[ -n $declared ]]
  assert_equal "$documented" "$declared"
}

@test "every function of the header is explained, not only listed" {
  local name text
  text=$(sed -n '/^\.Sh DESCRIPTION/,/^\.Sh RETURN/p' "$SRC/man/libimpersonate.3")
  while read -r name; do
    grep -qE "Fn $name( |$)" <<<"$text" || fail "$name is not explained"
  done < <(sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/s/^\.F[no] \(imp_[a-z0-9_]*\).*/\1/p' \
    "$SRC/man/libimpersonate.3" | sed '/^imp_\(carry\|log\)_fn$/d')
}

@test "idn-ledger(5) has the offsets and sizes of the structures" {
  need cc
  need mandoc
  offsets header Header >"$SCRATCH/offsets.c"
  offsets slot Slots >>"$SCRATCH/offsets.c"
  run -0 cc -D_GNU_SOURCE -I"$SRC/common" -I"$SRC/common/core" -include core/ledger.h \
    -fsyntax-only "$SCRATCH/offsets.c"
  assert_equal "$(grep -c _Static_assert "$SCRATCH/offsets.c")" 76
}

# offsets STRUCTURE SUBSECTION: an assertion for each row of the table that names a field.
offsets() {
  page idn-ledger.5 | awk -v s="ledger_$1" -v name="$2" '
    /^   [^ ]/ { inside = $0 == "   " name; next }
    inside && /^ +[0-9]+ +[0-9]+ +[a-z]/ {
      printf "_Static_assert(offsetof(struct %s, %s) == %d, \"%s\");\n", s, $3, $1, $3
      printf "_Static_assert(sizeof(((struct %s *)0)->%s) == %d, \"%s\");\n", s, $3, $2, $3
    }'
}

# --- schemas ------------------------------------------------------------------------------------

@test "what idn-show --json writes is what its schema says, for every process there is" {
  need_jsonschema
  cd /proc
  idn-show -qv --json [1-9]* >"$SCRATCH/all" || true
  run -0 conforms idn-show.schema.json <"$SCRATCH/all"
}

@test "what idn-show --threads --json writes is what its schema says, for the whole machine" {
  need_jsonschema
  idn-show --threads --json >"$SCRATCH/all"
  run -0 conforms idn-show.schema.json <"$SCRATCH/all"
}

# in_namespace OPTION...: a process of alice's in a user namespace of its own; sets process
in_namespace() {
  local fd
  need unshare
  need_tool pose
  become alice
  "${BECOME[@]}" unshare --user "$@" true 2>/dev/null || skip "needs user namespaces"
  exec {fd}< <(exec 3>&- 4>&- "${BECOME[@]}" unshare --user "$@" pose named inside)
  process=$!
  SERVER_PIDS+=("$process")
  # shellcheck disable=SC2154 # of lib/common
  read -rt "$patience" -u "$fd"
}

@test "what idn-show --json writes of another user namespace is what its schema says" {
  need_world
  need_jsonschema
  local who
  in_namespace --map-root-user
  for who in root alice bob; do
    as "$who" idn-show -v --json "$process" >"$SCRATCH/shown"
    run -0 conforms idn-show.schema.json <"$SCRATCH/shown"
    assert_equal "$(jq -c '[.uids.real, .uids_there, .gids_there.saved]' <"$SCRATCH/shown" | uniq)" \
      '[2001,{"real":0,"effective":0,"saved":0,"filesystem":0},0]'
    run -0 as "$who" idn-show "$process"
    assert_line "UIDs There:            real 0, effective 0, saved 0, filesystem 0"
    assert_line --regexp '^User Namespace: .*\(another\)$'
  done
  in_namespace
  idn-show -v --json "$process" >"$SCRATCH/shown"
  run -0 conforms idn-show.schema.json <"$SCRATCH/shown"
  assert_equal "$(jq -c .uids_there.real <"$SCRATCH/shown" | uniq)" null
  run -0 idn-show "$process"
  assert_line "GIDs There:            real unmapped, effective unmapped, saved unmapped, filesystem unmapped"
}

@test "what idn-show --compare --json writes is what its schema says" {
  need_world
  need_jsonschema
  in_namespace --map-root-user
  idn-show --compare --json "$process" $$ >"$SCRATCH/shown"
  run -0 conforms idn-show.schema.json <"$SCRATCH/shown"
  jq -e '.different | contains(["uids_there", "user_namespace"])' "$SCRATCH/shown"
  # Each of the two is checked as well.
  jq -c 'del(.b.uids)' "$SCRATCH/shown" >"$SCRATCH/wrong"
  run -1 conforms idn-show.schema.json <"$SCRATCH/wrong"
}

@test "what /whoami, /hold and idn-show say is what their schemas say, at every level" {
  need_world
  need curl
  need_jsonschema
  need_tool idn-serve-demo
  local level line fd
  server_start
  for level in anonymous identification impersonation delegation; do
    as alice curl -s --unix-socket "$SOCKET" -H "Impersonation-Level: $level" http://x/whoami >"$SCRATCH/whoami"
    run -0 conforms idn-serve-demo-whoami.schema.json <"$SCRATCH/whoami"
    exec {fd}< <(as alice curl -sN --unix-socket "$SOCKET" -H "Impersonation-Level: $level" 'http://x/hold?ms=60000')
    read -r line <&"$fd"
    run -0 conforms idn-serve-demo-whoami.schema.json <<<"$line"
    # shellcheck disable=SC2153 # set by server_start
    idn-show -v --json "$SERVER_PID" >"$SCRATCH/shown"
    grep -q "\"level\":\"$level\"" "$SCRATCH/shown"
    run -0 conforms idn-show.schema.json <"$SCRATCH/shown"
    exec {fd}<&-
  done
}

# Files of all kinds, below SCRATCH/files.
make_files() {
  local name
  mkdir -p "$SCRATCH/files/sticky" "$SCRATCH/files/closed/below"
  cd "$SCRATCH/files" || return
  chmod 1777 sticky
  chmod 0700 closed
  for name in plain secret listed masked sticky/carols; do
    echo text >"$name"
  done
  chmod 0600 secret
  chown carol sticky/carols
  setfacl -m user:alice:rw,group:projects:r listed
  setfacl -m user:alice:rw,mask::- masked
  ln -s secret link
  ln -s loop loop
  mkfifo pipe
  echo text >$'\xff\n name'
}

# checked WANTED-STATUS COMMAND [ARG...]: its output conforms to the schema of idn-check
checked() {
  local wanted=$1 status=0
  shift
  "$@" >"$SCRATCH/answers" || status=$?
  assert_equal "$*: $status" "$*: $wanted"
  run -0 conforms idn-check.schema.json <"$SCRATCH/answers"
}

@test "what idn-check access --json writes is what its schema says" {
  need_world
  need_jsonschema
  need_tool idn-check
  need setfacl
  need jq
  local want level
  make_files
  for want in r w x rwx create w,create delete chmod chown list link; do
    for who in root alice 61190 2002:2100,30000; do
      idn-check access --json -u "$who" -w "$want" -- * sticky/* missing loop/x . / /proc/1/environ >>"$SCRATCH/all" || true
      idn-check access --json -v -u "$who" -w "$want" -- * sticky/* missing /proc/self/fd/0 >>"$SCRATCH/all" || true
    done
  done
  run -0 conforms idn-check.schema.json <"$SCRATCH/all"
  jq -e -s 'map(.allowed) | index(true) and index(false) and index(null)' "$SCRATCH/all"
  for level in anonymous identification impersonation delegation; do
    checked 1 idn-check access --json -l "$level" -u bob secret
    assert_equal "$(jq -r .level "$SCRATCH/answers")" "$level"
  done
  checked 0 idn-check access --json -t $$ -w rw secret
  checked 0 as alice idn-check access --json listed
  checked 1 as alice idn-check access --json -u carol secret
  assert_equal "$(jq -c '[.kernel.asked, .evaluated.allowed]' "$SCRATCH/answers")" '[false,false]'
  checked 3 idn-check access --json missing
  assert_equal "$(jq -c '[.allowed, .errno]' "$SCRATCH/answers")" '[null,"ENOENT"]'
  # It is a schema that something can fail.
  for want in 'del(.evaluated.steps[0].rule)' '.kernel.asked = "yes"' '.want = "read"' '.allowed = false'; do
    idn-check access --json plain | jq -c "$want" >"$SCRATCH/wrong"
    run -1 conforms idn-check.schema.json <"$SCRATCH/wrong"
  done
}

@test "what idn-check access -r --json writes is what its schema says, the summary too" {
  need_world
  need_jsonschema
  need_tool idn-check
  need setfacl
  need jq
  local options
  make_files
  for options in "" "-v" "--list denied" "--list allowed" "-v --list denied" "-w rw --list denied"; do
    # shellcheck disable=SC2086 # words
    checked 1 idn-check access -r --json $options -u alice -u bob .
    assert_equal "$(tail -n 1 "$SCRATCH/answers" | jq '.summary | length')" 2
    assert_equal "$(head -n -1 "$SCRATCH/answers" | jq -s 'map(has("summary")) | any')" false
  done
  assert [ "$(wc -l <"$SCRATCH/answers")" -gt 2 ]
  checked 0 idn-check access -r --json -u root closed
}

@test "what idn-check who --json writes is what its schema says" {
  need_world
  need_jsonschema
  need_tool idn-check
  need setfacl
  need jq
  local want
  make_files
  for want in r w x rw create w,create delete chmod chown list; do
    idn-check who --json -w "$want" -- * sticky/* missing new >>"$SCRATCH/all" 2>/dev/null || true
    idn-check who --json -v --only root,@projects -w "$want" -- * missing >>"$SCRATCH/all" 2>/dev/null || true
  done
  run -0 conforms idn-check.schema.json <"$SCRATCH/all"
  jq -e -s 'map(.rules | length) | max > 2' "$SCRATCH/all"
  checked 0 idn-check who --json listed
  checked 1 idn-check who --json --only root listed
  jq -e '.only.others | map(.name) | index("alice")' "$SCRATCH/answers"
  jq -c 'del(.rules[0].rule)' "$SCRATCH/answers" >"$SCRATCH/wrong"
  run -1 conforms idn-check.schema.json <"$SCRATCH/wrong"
}

@test "what idn-check run --json writes is what its schema says" {
  need_world
  need_jsonschema
  need_tool idn-check
  need setfacl
  need jq
  make_files
  # shellcheck disable=SC2016 # for the inner shell
  run idn-check run --json -o "$SCRATCH/answers" -u alice -- sh -c '
    cat secret
    echo >sticky/carols
    rm sticky/carols
    mv plain sticky
    chown root listed
    mkdir closed/new
    ./plain
    kill $1' sh $$
  run -0 conforms idn-check.schema.json <"$SCRATCH/answers"
  jq -e -s 'map(.explained.evaluated.steps | length) | max > 2' "$SCRATCH/answers"
  jq -e -s 'map(.needs) | any' "$SCRATCH/answers"
  jq -e -s 'map(.explained | select(.) | .level) | unique == ["impersonation"]' "$SCRATCH/answers"
  idn-check run --json -v -o "$SCRATCH/answers" -u bob -l identification cat secret || true
  run -0 conforms idn-check.schema.json <"$SCRATCH/answers"
  jq -c 'del(.syscall)' "$SCRATCH/answers" >"$SCRATCH/wrong"
  run -1 conforms idn-check.schema.json <"$SCRATCH/wrong"
}

@test "what idn-check policy --json writes is what its schema says" {
  need_jsonschema
  need_tool idn-check
  need jq
  printf '%s\n' '[runtime]' 'flow = on' 'legacy_impersonation_policy = on' >"$SCRATCH/policy"
  chmod 0644 "$SCRATCH/policy"
  checked 1 idn-check policy --json -v "$SCRATCH/policy"
  jq -e -s 'map(.result) | unique == ["fail", "ok", "warn"]' "$SCRATCH/answers"
  jq -e -s 'map(select(.check == "key") | .line == 2 and .column == 1) == [true]' "$SCRATCH/answers"
  jq -c 'select(.check == "key") | .result = "bad"' "$SCRATCH/answers" >"$SCRATCH/wrong"
  run -1 conforms idn-check.schema.json <"$SCRATCH/wrong"
  need_expat
  echo '<configuration/>' >"$SCRATCH/aspnet.config"
  checked 1 idn-check policy --json "$SCRATCH/aspnet.config"
  jq -e -s 'last.policy | contains("legacy_impersonation_policy = on")' "$SCRATCH/answers"
}

@test "what idn-check threads, service and ledger write with --json is what their schema says" {
  need_world
  need_jsonschema
  need_tool idn-check
  need jq
  local posed name lapses=("lost alice" "leaked alice" "mismatched alice bob" "born alice" "channel alice bob"
    "foreign-born alice" "ordinary alice plain")
  for posed in "${lapses[@]}"; do
    # shellcheck disable=SC2086 # words
    started lapse $posed
    idn-check threads --json "$process" >>"$SCRATCH/all" || true
    idn-check threads --json -v "$process" >>"$SCRATCH/all" || true
    idn-check service --json "$process" >>"$SCRATCH/all" || true
    idn-show --json "$process" >"$SCRATCH/shown"
    run -0 conforms idn-show.schema.json <"$SCRATCH/shown"
  done
  kill -KILL "$process"
  wait_for has_ended "$process"
  touch /run/impersonate/$'\xff'
  idn-check ledger --json >>"$SCRATCH/all" || true
  idn-check ledger --json --clean >>"$SCRATCH/all" || true
  rm /run/impersonate/$'\xff'
  run -0 conforms idn-check.schema.json <"$SCRATCH/all"
  jq -e -s 'map(.state) | contains(["lost", "leaked", "mismatched"])' "$SCRATCH/all"
  jq -e -s 'map(.result) | contains(["ok", "skip", "warn", "fail"])' "$SCRATCH/all"
  jq -e -s 'map(.found) | contains(["live", "stale", "not_believed"])' "$SCRATCH/all"
  for name in 'select(.what) | .state = "consistent"' 'select(.what) | del(.seen)' \
    'select(.check) | .result = "yes"' 'select(.ledger) | .threads = -1'; do
    jq -c "$name" "$SCRATCH/all" | head -n 1 >"$SCRATCH/wrong"
    run -1 conforms idn-check.schema.json <"$SCRATCH/wrong"
  done
}

# --- examples -----------------------------------------------------------------------------------

# blocks PAGE [SECTION]: those of examples, each in a file of its own, SCRATCH/examples/1 and so on; and where
# the page shows what they write, that in SCRATCH/shown/1.
blocks() {
  mkdir "$SCRATCH/examples" "$SCRATCH/shown"
  section "$1" "${2-EXAMPLES}" | awk -v directory="$SCRATCH" '
    /^ +[$#] / {
      if (!inside) n++
      inside = 1
      match($0, /^ +/)
      indent = RLENGTH
      print substr($0, indent + 1) >(directory "/examples/" n)
      next
    }
    inside && /^ / { print substr($0, indent + 1) >(directory "/shown/" n); next }
    { inside = 0 }'
}

# Tries the blocks of a page as they stand.  A block of one user's lines is one shell of that user; in a
# mixed one each line of the ordinary user has a shell of its own.  Every line must succeed, but one
# that is answered by a denial; after one that starts something in the background the next waits for
# it, as it does for who pastes.  Where the page shows what is written, it is just that.
try_examples() {
  need_world
  need mandoc
  blocks "$1"
  try_blocks
}

try_blocks() {
  local block shown expected
  for block in "$SCRATCH"/examples/*; do
    shown=$SCRATCH/shown/${block##*/}
    expected=0
    ! grep -qsE '^denied: |\([1-9][0-9]* denied' "$shown" || expected=1
    run "-$expected" timeout 40 bash -c "$(script_of "$block")" bash
    [[ ! -e $shown ]] || assert_output "$(<"$shown")"
    end_examples
  done
  assert [ -e "$SCRATCH/examples/1" ]
}

# An empty /srv, as a machine has it.
need_private_srv() {
  need_world
  [[ -d /srv && $(stat -c %a:%u /) == 755:0 ]] || skip "needs a /srv, and a / with mode 0755"
  mount -t tmpfs -o mode=0755 srv /srv
  private_srv=yes
}

script_of() {
  local line user
  cat <<'SH'
set -e -o pipefail
exec 3>&- 4>&-
alice() {
  setpriv --reuid alice --regid alice --init-groups -- \
    env -C "$WORLD/home/alice" HOME="$WORLD/home/alice" USER=alice LOGNAME=alice bash -ec "$1"
}
await_socket() {
  until curl -so /dev/null --unix-socket "$1" http://localhost/; do :; done
}
await_port() {
  until curl -so /dev/null "http://$1/"; do :; done
}
await_hold() {
  until (($(idn-show --all --state consistent | wc -l) > 1)); do :; done
}
export -f await_socket await_port await_hold
cd "$WORLD"
SH
  user=root
  grep -q '^# ' "$1" || user=alice
  if [[ $user == alice ]]; then
    printf 'alice %q\n' "$(while read -r line; do echo "${line#??}"; what_follows "$line"; done <"$1")"
    return
  fi
  while read -r line; do
    case $line in
      '# '*) echo "${line#\# }" ;;
      '$ '*) printf 'alice %q\n' "${line#\$ }" ;;
    esac
    what_follows "$line"
  done <"$1"
}

# What the next line has to wait for: a service that listens, or a thread that is held.
what_follows() {
  [[ $1 =~ \&(\ [a-z]+=\$!)?$ ]] || return 0
  case $1 in
    *--unix\ *) line=${1#*--unix }; echo "await_socket ${line%% *}" ;;
    *--tcp\ *) line=${1#*--tcp }; echo "await_port ${line%% *}" ;;
    *hold*) echo await_hold ;;
    *) echo "echo 'nothing is known of this line: ' $(printf %q "$1"); false" ;;
  esac
}

# Whatever an example has left behind in this world, by the sockets that examples use.
end_examples() {
  local process
  [[ -n ${WORLD-} ]] || return 0
  for process in /proc/[0-9]*; do
    [[ $process/ns/mnt -ef /proc/$$/ns/mnt ]] || continue
    if tr '\0' ' ' <"$process/cmdline" 2>/dev/null |
      grep -qE '^[^ ]*(idn-serve-demo|curl|example) .*/(show|demo|example)\.(sock|keytab)'; then
      kill "${process#/proc/}" 2>/dev/null || true
      wait_for has_ended "${process#/proc/}"
    fi
  done
}

@test "the examples of idn-show(1) work as they stand" {
  need curl
  need jq
  need_tool idn-serve-demo
  try_examples idn-show.1
}

@test "the examples of idn-run-as(1) work as they stand" {
  try_examples idn-run-as.1
}

@test "the examples of idn-check(1) work as they stand, and answer what the page shows" {
  need_tool idn-check
  need_expat
  need_tool idn-serve-demo
  need curl
  need jq
  need setfacl
  need_private_srv
  try_examples idn-check.1
  assert [ -e "$SCRATCH/shown/1" ]
}

@test "the examples of idn-policy(5) work as they stand" {
  need_tool idn-check
  try_examples idn-policy.5
}

# The policy that the page shows, whole.
@test "the example of idn-policy(5) says the defaults, but for its list, and is clean" {
  need_world
  need mandoc
  need_tool idn-check
  section idn-policy.5 EXAMPLES | sed -n '/\[runtime\]/,/one_hop/{ s/^ \{11\}//; p; }' >"$SCRATCH/policy"
  : >"$SCRATCH/defaults"
  run -0 idn-check policy "$SCRATCH/policy"
  assert_line --regexp '^  ok +allow +line 14: HTTP/files.example.com@EXAMPLE.COM, nfs/store'
  diff <(sed '1d; s/line [0-9]*: //; / allow /d' <<<"$output") \
    <(idn-check policy "$SCRATCH/defaults" | sed '1d; s/, by default:/:/; / allow /d')
}

@test "the answer in the README is what alice gets" {
  need_world
  need mandoc
  need_tool idn-check
  need setfacl
  need_private_srv
  blocks idn-check.1
  sed -n '/^# idn-check/!s/^# //p' "$SCRATCH/examples/1" >"$SCRATCH/before"
  bash -e "$SCRATCH/before"
  run -1 as alice idn-check access -w w /srv/projects/report.txt
  assert_output "$(sed -n '/^ *alice\$ idn-check access -w w /,/to allow/p' "$SRC/README.md" | sed '1d; s/^    //')"
}

@test "the tables of levels in the README are those that three hosts have been seen to make" {
  assert_equal "$(sed '/^## What a service holds/,$d' "$SRC/README.md" | grep '^|')" \
    "$(cat "$SRC/tests/expected/network-levels" "$SRC/tests/expected/local-levels")"
}

@test "the examples of idn-serve-demo(8) work as they stand" {
  need curl
  need_tool idn-serve-demo
  try_examples idn-serve-demo.8
}

@test "what idn-serve-demo(8) says on authentication works as it stands" {
  need mandoc
  need curl
  need_tool idn-serve-demo
  need_world
  need_realm
  curl --version | grep -qw SPNEGO || skip "needs a curl with SPNEGO"
  type -P negotiate-token >/dev/null || skip "needs a build with krb5"
  realm_start
  realm_principal cpw -pw secret alice
  echo "127.0.0.2 demo.example" >>/etc/hosts
  blocks idn-serve-demo.8 AUTHENTICATION
  # An address that there is.
  sed -i 's/192\.0\.2\.1/127.0.0.2/' "$SCRATCH/examples/1"
  try_blocks <<<secret
  assert_line --regexp '"principal":"alice@IDN.TEST".*"level":"identification"'
  assert_line --regexp '"principal":"alice@IDN.TEST".*"level":"delegation".*"delegated":"forwarded"'
  sed -i '/ demo.example$/d' /etc/hosts
  rm /etc/demo.keytab
}

@test "a held client is shown by the example of idn-show(1) as it says" {
  need_world
  need mandoc
  need curl
  need jq
  need_tool idn-serve-demo
  blocks idn-show.1
  run -0 timeout 40 bash -c "$(script_of "$SCRATCH/examples/3")" bash
  assert_line --regexp '^[0-9]+/[0-9]+ hold: alice, impersonating at level impersonation, consistent$'
  assert_line impersonation
  assert_line consistent
}

build_example() {
  need mandoc
  section libimpersonate.3 EXAMPLES | awk '/^ *#include/ { inside = 1 } /With this in/ { exit } inside' \
    >"$SCRATCH/example.c"
  compile_example
}

compile_example() {
  need cc
  stage_library
  # shellcheck disable=SC2046 # words
  run -0 cc -Wall -Wextra -Werror "$SCRATCH/example.c" $(pkg-config --cflags --libs impersonate) -o "$SCRATCH/example"
}

@test "the example of libimpersonate(3) compiles without a warning" {
  build_example
}

@test "the example of libimpersonate(3) sends a client what that client may read" {
  need_world
  need curl
  build_example
  "$SCRATCH/example" /run/example.sock >"$SCRATCH/log" 3>&- 4>&- &
  SERVER_PIDS+=("$!")
  wait_for /run/example.sock
  as alice sh -c 'umask 077 && echo mine >~/diary'
  run -0 as alice curl -s --unix-socket /run/example.sock "gopher://localhost/0$WORLD/home/alice/diary"
  assert_output mine
  run -0 as bob curl -s --unix-socket /run/example.sock "gopher://localhost/0$WORLD/home/alice/diary"
  assert_output ""
  run cat "$SCRATCH/log"
  assert_output "$WORLD/home/alice/diary for uid 2001: sent
$WORLD/home/alice/diary for uid 2002: refused"
}

@test "the example of libimpersonate(3) for commands runs one as the client" {
  need_world
  need mandoc
  {
    printf '#include <%s>\n' impersonate.h sys/wait.h
    echo 'int main(int argc, char **argv) { int connection = argc - 1; struct imp_token *token;'
    echo 'if (imp_token_from_user(argv[1], IMP_LEVEL_IMPERSONATION, NULL, &token) < 0) return 1;'
    section libimpersonate.3 EXAMPLES | sed -n '/^ *static char \*arguments/,/^ *waitpid/p'
    echo 'return 0; }'
  } >"$SCRATCH/example.c"
  compile_example
  as alice sh -c 'umask 077 && echo mine >~/diary'
  cd "$WORLD/home/alice"
  run -0 "$SCRATCH/example" alice
  assert_output --regexp 'alice .*diary$'
  run -0 "$SCRATCH/example" bob
  refute_output --partial diary
}
