#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check who: everybody who may, and by which rule.

load lib/common

# key MODE OWNER[:GROUP] [ACL]: a file of that name in the scratch directory
key() {
  rm -f key
  install -m "$1" -o "${2%:*}" -g "${2#*:}" /dev/null key
  [[ $# -lt 3 ]] || setfacl -m "$3" key
}

# rules [ARGUMENT...]: each rule and who it lets in, "RULE: NAME NAME"
rules() {
  idn-check who --json "$@" | jq -r '.rules[] | .rule + ": " + ([.identities[] |
    if .kind == "group" then "@" + .groups[0].name else .name // (.uid | tostring) end] | join(" "))'
}

# How many accounts the kernel was asked about, where it agreed in all.
asked() {
  idn-check who -v --json "$@" | jq -e 'if .kernel.agrees then .kernel.asked_about else error end'
}

# may USER PATH: by the kernel, through a program
may() {
  as "$1" test -r "$2"
}

# many ACCOUNTS GROUPS: as many more, each account in five of the groups; NSS reads them at once
many() {
  local group=/etc/group passwd=/etc/passwd
  cp -p "$passwd" "$SCRATCH/passwd.before"
  cp -p "$group" "$SCRATCH/group.before"
  awk -v n="$1" -v g="$2" 'BEGIN { for (i = 0; i < n; i++)
    printf "many%05d:x:%d:%d::/:/bin/sh\n", i, 100000 + i, 100000 + i % g }' >>"$passwd"
  awk -v n="$1" -v g="$2" 'BEGIN { for (i = 0; i < g; i++) {
    printf "set%04d:x:%d:", i, 100000 + i
    for (j = 0; j < n * 4 / g; j++) printf "%smany%05d", j ? "," : "", (i * 7 + j * 499 + 1) % n
    printf "\n" } }' >>"$group"
}

# A name service that looks up and enumerates nothing: dora (2500), in the group remote (2600).
with_quiet_service() {
  mkdir "$SCRATCH/lib"
  cp "$BUILD/tests/.libs/libnss_quiet.so" "$SCRATCH/lib/libnss_quiet.so.2"
  export LD_LIBRARY_PATH=$SCRATCH/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  cp -p /etc/nsswitch.conf "$SCRATCH/nsswitch.before"
  sed -i '/^\(passwd\|group\):/s/files/files quiet/' /etc/nsswitch.conf
  getent passwd dora >/dev/null || skip "needs a C library that loads name services"
}

teardown() {
  server_teardown
  [[ ! -e ${SCRATCH-}/nsswitch.before ]] || cat "$SCRATCH/nsswitch.before" >/etc/nsswitch.conf
  [[ ! -e ${SCRATCH-}/passwd.before ]] || cat "$SCRATCH/passwd.before" >/etc/passwd
  [[ ! -e ${SCRATCH-}/group.before ]] || cat "$SCRATCH/group.before" >/etc/group
}

# --- rules --------------------------------------------------------------------------------------

@test "owner, group, other and the capability of root, each with whom it lets in" {
  need_world
  key 0640 alice:projects
  run -0 rules key
  assert_output - <<'TEXT'
owner rw-: alice
group projects r--: bob
CAP_DAC_READ_SEARCH: root
TEXT
  assert_equal "$(asked key)" 10
  key 0604 alice:projects
  run -0 rules key
  assert_line "owner rw-: alice"
  assert_line --regexp '^other r--: root daemon nobody carol g0'
  refute_line --partial CAP_
  refute_output --partial bob
}

@test "as text: the question, a line for each rule, the kernel, and how many there are" {
  need_world
  key 0640 root:projects u:carol:r
  run -0 idn-check who "$SCRATCH/key"
  assert_output - <<TEXT
who may read $SCRATCH/key
  owner rw-                  root
  acl user:carol:r--         carol
  acl group::r-- (projects)  alice, bob
  kernel                     asked about 4, agrees
nobody else of 10 accounts
TEXT
  run -0 idn-check who -v key
  assert_line --regexp '^  owner rw- +root \(0\)$'
  assert_line --regexp '^ +bob \(2002\)$'
  assert_line --regexp '^  kernel +asked about 10, agrees$'
}

@test "a named entry, one that the mask limits, and one that denies a member of a group that may" {
  need_world
  key 0600 root:root u:carol:rw,g:projects:r,u:bob:-
  setfacl -m m::r key
  run -0 rules key
  assert_output - <<'TEXT'
owner rw-: root
acl user:carol:rw- limited by mask r--: carol
acl group:projects:r--: alice
TEXT
  run -0 rules -w w key
  assert_output "owner rw-: root"
  asked key
  asked -w rw key
}

@test "an owner, too, has what the mode gives it alone" {
  need_world
  key 0040 alice:projects
  run -0 rules key
  assert_output - <<'TEXT'
group projects r--: bob
CAP_DAC_READ_SEARCH: root
TEXT
  asked key
}

@test "a directory on the way that cannot be searched keeps out, and a capability gets through" {
  need_world
  install -d -m 0710 -o alice -g projects way
  key 0644 root:root
  mv key way/key
  run -0 rules way/key
  assert_output - <<'TEXT'
other r--: alice bob
CAP_DAC_READ_SEARCH at way: root
TEXT
  asked way/key
}

@test "a directory on the way that its list opens" {
  need_world
  install -d -m 0700 way
  setfacl -m u:carol:x way
  key 0644 root:root
  mv key way/key
  run -0 rules way/key
  assert_line "other r--: carol"
  asked way/key
}

@test "who a symbolic link leads to another file" {
  need_world
  key 0600 carol:carol
  ln -s key link
  run -0 rules link
  assert_line "owner rw-: carol"
  asked link
}

@test "a uid without an account and a group without members are named" {
  need_world
  echo "empty:x:2999:" >>/etc/group
  key 0600 root:root u:4444:r,g:empty:r,g:4445:r
  run -0 idn-check who key
  assert_line --regexp '^  acl user:4444:r-- +uid 4444 \(no account\)$'
  assert_line --regexp '^  acl group:empty:r-- +group empty \(no members\)$'
  assert_line --regexp '^  acl group:4445:r-- +group 4445 \(no members\)$'
  sed -i '/^empty:/d' /etc/group
  # As one who cannot read it by another rule.
  asked key
  key 0600 4444:4444
  run -0 idn-check who key
  assert_line --regexp '^  owner rw- +uid 4444 \(no account\)$'
}

@test "what anybody may, a uid without an account may, too" {
  need_world
  key 0644 root:root
  run -0 idn-check who key
  assert_line --regexp 'any uid without an account$'
  assert_line "everybody of 10 accounts"
  run -0 idn-check who --json key
  assert_equal "$(jq -c '[.rules[] | .anybody]' <<<"$output")" "[false,true]"
}

@test "deleting is the directory's matter, and the file's owner's where it is sticky" {
  need_world
  install -d -m 1777 -o carol sticky
  key 0600 bob:bob
  mv key sticky/key
  run -0 rules -w delete sticky/key
  assert_output - <<'TEXT'
owner of the file: bob
owner of the sticky directory: carol
CAP_FOWNER: root
TEXT
  chmod 0770 sticky
  chgrp projects sticky
  run -0 rules -w delete sticky/key
  assert_line "owner rwx at sticky: carol"
  assert_line "group projects rwx at sticky: alice bob"
  run -0 rules -w create sticky/new
  assert_line "group projects rwx at sticky: alice bob"
}

@test "attributes are changed by the owner and by capabilities" {
  need_world
  key 0600 bob:bob
  run -0 rules -w chmod key
  assert_output - <<'TEXT'
owner of the file: bob
CAP_FOWNER: root
TEXT
  run -0 rules -w chown key
  assert_output "CAP_CHOWN: root"
}

@test "nobody at all: a file that is no program" {
  need_world
  key 0600 root:root
  run -0 idn-check who -w x key
  assert_line "nobody of 10 accounts"
}

# --- accounts -----------------------------------------------------------------------------------

@test "every account with its groups, as the name service has them" {
  need_world
  local name
  # A group of which it is a member twice over, one that is its primary one too, and a second entry.
  printf '%s\n' "twice:x:2990:carol,carol" "again:x:2003:carol" "gone:x:2991:nosuch,carol" >>/etc/group
  echo "carol:x:9999:9999::/:/bin/sh" >>/etc/passwd
  key 0644 root:root
  idn-check who --json key >who.json
  for name in root daemon alice bob carol g0 g1 g32 g1024; do
    diff <(id -G "$name" | tr ' ' '\n' | sort -n) \
      <(jq ".rules[].identities[] | select(.name == \"$name\") | .groups[].gid" who.json)
  done
  assert_equal "$(jq '[.rules[].identities[] | select(.name == "carol")] | length' who.json)" 1
  assert_equal "$(jq '.rules[].identities[] | select(.name == "carol") | .uid' who.json)" 2003
  sed -i '/^carol:x:9999/d' /etc/passwd
  sed -i '/^\(twice\|again\|gone\):/d' /etc/group
}

@test "ten thousand accounts: the kernel's answer for each, and programs' for some" {
  need_world
  local name
  many 10000 2000
  key 0640 many00003:set0003 u:many00007:r,u:many00008:-,g:set0009:r
  run -0 asked key
  # And the groups that objects name and nobody is in, if any.
  [ "$output" -ge 10010 ]
  idn-check who -0 key | tr '\0' '\n' | sort >may
  assert_equal "$(grep -c . may)" "$(sort -u may | grep -c .)"
  for name in $(shuf -i 0-9999 -n 30 | xargs printf 'many%05d ') many00003 many00007 many00008 \
    $(grep many may | shuf -n 20); do
    if setpriv --reuid "$name" --regid "$(id -g "$name")" --init-groups test -r key; then
      grep -qx "$name" may
    else
      run -1 grep -x "$name" may
    fi
    diff <(id -G "$name" | tr ' ' '\n' | sort -n) <(idn-check who --json --users - / <<<"$name" |
      jq ".rules[].identities[] | select(.name == \"$name\") | .groups[].gid")
  done
}

@test "a member that nothing enumerates is looked up, and without an account is none" {
  need_world
  echo "some:x:2998:nosuch,2003" >>/etc/group
  key 0600 root:root g:some:r
  run -0 idn-check who key
  sed -i '/^some:/d' /etc/group
  assert_line --regexp '^  acl group:some:r-- +group some \(no members\)$'
}

@test "whom a service does not enumerate is known where an object names it, or its group" {
  need_world
  with_quiet_service
  run getent passwd
  refute_output --partial dora
  key 0600 root:root u:2500:r
  run -0 rules key
  assert_line "acl user:dora:r--: dora"
  key 0600 root:root g:2600:r
  run -0 rules key
  assert_line "acl group:remote:r--: dora"
  refute_output --partial @
  asked key
  key 0600 2500:2500
  run -0 rules key
  assert_line "owner rw-: dora"
  # A member by the files alone.
  echo "some:x:2998:dora" >>/etc/group
  key 0640 root:some
  run -0 rules key
  assert_line "group some r--: dora"
  run -0 idn-check who --only root,@remote key
  run -1 idn-check who --only root key
  sed -i '/^some:/d' /etc/group
}

@test "--users: names and numbers from a file or standard input, with comments" {
  need_world
  key 0640 root:projects u:4444:r
  printf '%s\n' '# who we ask about' '' 'bob # of projects' '  2003' 4444 'bob' >users
  run -0 rules --users users key
  assert_output - <<'TEXT'
owner rw-: root
acl user:4444:r--: 4444
acl group::r-- (projects): bob
TEXT
  run -0 idn-check who --users - key <users
  assert_line "nobody else of 3 accounts"
}

@test "--users: what cannot be read or is no account ends it with status 2, and says where" {
  need_world
  key 0600 root:root
  run -2 idn-check who --users nosuch key
  assert_output "idn-check: --users: nosuch: No such file or directory"
  run -2 idn-check who --users . key
  assert_output "idn-check: --users: .: Is a directory"
  printf 'bob\nnosuch\n' >users
  run -2 idn-check who --users users key
  assert_output "idn-check: users: line 2: nosuch: no such account"
  printf 'bob alice\n' >users
  run -2 idn-check who --users users key
  assert_output "idn-check: users: line 1: more than one name"
  printf '4294967295\n' >users
  run -2 idn-check who --users users key
}

# --- --only -------------------------------------------------------------------------------------

@test "--only: status 0 and no word where nobody else may" {
  need_world
  key 0640 alice:projects u:4444:r
  run -0 idn-check who --only root,alice,bob,4444 key
  assert_output ""
  run -0 idn-check who --only root,@projects,4444 key
  assert_output ""
  run -0 idn-check who --only 0,group:projects,4444 key
  assert_output ""
}

@test "--only: status 1 and a line for each who may beside; root is not implied" {
  need_world
  key 0640 alice:projects u:4444:r
  run -1 idn-check who --only alice,4444 key
  assert_output - <<'TEXT'
bob may read key: acl group::r-- (projects)
root may read key: CAP_DAC_READ_SEARCH
TEXT
  run -1 idn-check who -q --only alice key
  assert_output ""
  run -1 idn-check who -q --json --only alice key
  assert_output ""
  run -1 idn-check who --only '' key
  assert_line "uid 4444 (no account) may read key: acl user:4444:r--"
  run -1 bash -c 'idn-check who -0 --only alice,4444 key | tr "\0" "\n"; exit ${PIPESTATUS[0]}'
  assert_output $'bob\nroot'
}

@test "--only: a group that nobody is in yet, and anybody, are somebody else" {
  need_world
  echo "empty:x:2999:" >>/etc/group
  key 0600 root:root g:empty:r
  run -1 idn-check who --only root key
  assert_output "group empty (no members) may read key: acl group:empty:r--"
  run -0 idn-check who --only root,@empty key
  sed -i '/^empty:/d' /etc/group
  key 0644 root:root
  run -1 idn-check who --only "$(cut -d: -f1 /etc/passwd | paste -sd,)" key
  assert_output "any uid without an account may read key: other r--"
}

@test "--only: a name that is none is status 2" {
  need_world
  key 0600 root:root
  run -2 idn-check who --only root,nosuch key
  assert_output "idn-check: --only: nosuch: no such account"
  run -2 idn-check who --only @nosuch key
  assert_output "idn-check: --only: @nosuch: no such group"
  run -2 idn-check who --only root,,bob key
  run -2 idn-check who --only +1 key
}

# --- output -------------------------------------------------------------------------------------

@test "--json: one object a path, with the contract's keys" {
  need_world
  need jq
  echo "empty:x:2999:" >>/etc/group
  key 0640 alice:projects u:4444:r,g:empty:r
  run -3 --separate-stderr idn-check who --json --only alice key nosuch
  sed -i '/^empty:/d' /etc/group
  assert_equal "$(jq -s length <<<"$output")" 2
  jq -se '.[0] | .path == "key" and .want == "r" and .accounts == 10 and .unknown == 0
    and .reason == null and .errno == null
    and .kernel == {asked: true, agrees: true, asked_about: 6, not_asked_about: 0,
      not_asked_because: null, differs: []}
    and .only.kept == false and .only.anybody == false and (.only.others | length) == 4' <<<"$output"
  jq -se '[.[0].rules[].identities[]] | all(has("uid") and has("name") and has("sid") and has("gid")
    and has("groups") and has("principal") and (.kind | IN("account", "uid", "group")))' <<<"$output"
  jq -se '.[0].rules[0] == {rule: "owner rw-", path: "key", identities: [{uid: 2001, name: "alice",
    sid: "S-1-22-1-2001", gid: 2001, groups: [{gid: 2001, name: "alice"}, {gid: 2100, name: "projects"},
    {gid: 2101, name: "reports"}], principal: null, kind: "account"}], anybody: false}' <<<"$output"
  jq -se '.[1] | .path == "nosuch" and .rules == [] and .accounts == null and .errno == "ENOENT"
    and .reason == "No such file or directory" and .kernel == null' <<<"$output"
  assert_equal "$stderr" "idn-check: nosuch: No such file or directory"
}

@test "several paths: each under its own heading, and the worst status" {
  need_world
  key 0600 bob:bob
  run -0 idn-check who key key
  assert_equal "$(grep -c '^who may read key$' <<<"$output")" 2
  run -3 idn-check who nosuch key
  assert_line "idn-check: nosuch: No such file or directory"
  assert_line "who may read key"
}

@test "a line is not longer than 80 columns where there is no terminal" {
  need_world
  many 100 10
  key 0644 root:root
  run -0 idn-check who key
  assert_equal "$(awk 'length > 80' <<<"$output")" ""
  assert_equal "$(grep -o 'many[0-9]*' <<<"$output" | sort -u | wc -l)" 100
}

@test "a path that is no text reaches no terminal" {
  need_world
  touch $'\e[31mred\n\x9b'
  run -0 idn-check who $'\e[31mred\n\x9b'
  refute_output --partial $'\e'
  run -0 idn-check who --json $'\e[31mred\n\x9b'
  assert_equal "$(jq -r '.path.bytes' <<<"$output" | base64 -d)" $'\e[31mred\n\x9b'
}

@test "wrong words are status 2" {
  local words
  for words in "" "--nonsense /" "-w q /" "-w create,delete /" "--json -0 /"; do
    # shellcheck disable=SC2086 # several words
    run -2 idn-check who $words
    assert_equal "${#lines[@]}" 1
  done
}

@test "output that cannot be written is an error" {
  [[ -c /dev/full ]] || skip "needs /dev/full"
  run bash -c 'idn-check who / >/dev/full'
  [ "$status" -ne 0 ]
  assert_line "idn-check: standard output: No space left on device"
}

# --- what is not known --------------------------------------------------------------------------

@test "what cannot be judged is status 3, and nobody is said to be kept out" {
  need_world
  run -3 as bob idn-check who /proc/version
  assert_line --partial "not known for 10 of 10"
  assert_line "not known for 10"
  run -3 as bob idn-check who --only root /proc/version
}

@test "what the rules do not know the kernel is asked about, for each" {
  need_world
  run -0 idn-check who /proc/1/environ
  assert_line --regexp '^  rules of its own in /proc at /proc/1 +root$'
  assert_line "nobody else of 10 accounts"
  run -0 idn-check who --only root /proc/1/environ
  run -0 idn-check who /proc/version
  assert_line "everybody of 10 accounts"
}

@test "where the kernel says otherwise: status 3, who it is about, and both answers" {
  need_world
  ! grep -q 'define WITH_SANITIZERS' "$BUILD/config.h" || skip "the sanitizers want to be loaded first"
  key 0640 root:root u:bob:r
  export LD_PRELOAD=$BUILD/tests/.libs/libsecurity.so
  run -3 --separate-stderr idn-check who -v key
  assert_line --regexp '^  kernel +asked about 10, DIFFERS for 2$'
  assert_regex "$stderr" 'key: bob: allowed by the rules, but the kernel says EACCES'
  assert_regex "$stderr" 'key: carol: denied by the rules, but the kernel says allowed'
  run -3 --separate-stderr idn-check who --json key
  unset LD_PRELOAD
  jq -e '.kernel | .agrees == false and (.differs | length) == 1 and (.differs[0] |
    .identity.name == "bob" and .evaluated == true and .allowed == false and .errno == "EACCES")' <<<"$output"
}

@test "an ordinary user: judged as well, and said that the kernel was not asked" {
  need_world
  key 0640 alice:projects u:carol:r
  run -0 as bob idn-check who key
  assert_line --regexp '^  owner rw- +alice$'
  assert_line --regexp '^  acl user:carol:r-- +carol$'
  assert_line --regexp '^  acl group::r-- \(projects\) +bob$'
  assert_line --regexp '^  CAP_DAC_READ_SEARCH +root$'
  assert_line --regexp '^ +not about [0-9]+: .*CAP_SETGID'
  run -1 as bob idn-check who --only alice key
  run -0 as bob idn-check who --json key
  jq -e '.kernel | .not_asked_about > 0 and (.not_asked_because | contains("CAP_SETGID"))' <<<"$output"
}

@test "an ordinary user who cannot look so far: status 3" {
  need_world
  install -d -m 0700 way
  key 0644 root:root
  mv key way/key
  run -3 as bob idn-check who way/key
  assert_output "idn-check: way/key: cannot look beyond way: Permission denied"
}
