#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# idn-check policy: what a policy file, or an aspnet.config, comes to, and what is dangerous about it.

load lib/common
load lib/programs

# policy LINE...: makes the file "policy" of these lines, root's, in a directory of root's.
policy() {
  need_world
  printf '%s\n' "$@" >policy
  chown root policy
  chmod 0644 policy
}

# says RESULT CHECK DETAIL: the answer has this line; DETAIL is a part of it.
says() {
  local line
  for line in "${lines[@]}"; do
    [[ $line != "  $(printf '%-4s  %-32s  ' "$1" "$2")"*"$3"* ]] || return 0
  done
  fail "no line says $1 $2 ... $3 ...: $output"
}

# only_problems NUMBER: the answer has that many, and says so.
only_problems() {
  assert_regex "${lines[0]}" ": $1 problems?(, and services refuse it)?\$"
  assert_equal "$(grep -cE '^  (warn|fail) ' <<<"$output")" "$1"
}

# --- what it comes to -----------------------------------------------------------------------------

@test "a policy that says nothing is clean, and every default is told" {
  policy
  run -0 idn-check policy policy
  assert_line --index 0 "policy: clean"
  says ok file "root's, mode 0644"
  says ok directory "nobody but root"
  says ok legacy_impersonation_policy "off, by default: work that is handed to another thread may take its identity along"
  says ok always_flow_impersonation_policy "off, by default: only"
  says ok channel_mismatch "fail, by default:"
  says ok anonymous_user "nobody, by default:"
  says ok max_level "delegation, by default:"
  says ok default_level_local "impersonation, by default:"
  says ok default_level_network "identification, by default:"
  says ok privileged_clients "identify, by default:"
  says ok allow "no list, by default:"
  says ok require_ok_as_delegate "on, by default:"
  says ok one_hop "on, by default:"
  assert_equal "${#lines[@]}" 14
}

@test "what is said is told with its line" {
  policy '[impersonation]' '' 'max_level = impersonate' '[delegation]' 'allow = HTTP/a' ' HTTP/b' 'one_hop = off'
  run -1 idn-check policy policy
  says ok max_level "line 3: impersonation: the service acts as its clients, on this machine"
  says warn allow "line 5: HTTP/a, HTTP/b: has no effect"
  says ok one_hop "line 7: off: below delegation nothing of a client goes into the network"
  only_problems 1
  policy '[impersonation]' 'max_level = impersonate'
  run -0 idn-check policy policy
  says ok max_level "line 2: impersonation: the service acts as its clients, and goes no further than one_hop"
  says ok one_hop "on, by default: at impersonation a local client's own credential cache takes the service one hop"
}

@test "identity that will not go along is a problem" {
  policy '[runtime]' 'legacy_impersonation_policy = true'
  run -1 idn-check policy policy
  says warn legacy_impersonation_policy "line 2: on: work that is handed to another thread loses its client's identity"
  says ok always_flow_impersonation_policy "nothing goes along anyway"
  only_problems 1
}

@test "of two switches that contradict each other the legacy one wins" {
  policy '[runtime]' 'legacy_impersonation_policy = on' 'always_flow_impersonation_policy = on'
  run -1 idn-check policy policy
  says fail always_flow_impersonation_policy "line 3: on: has no effect, since the legacy policy is on, and wins"
  only_problems 2
  policy '[runtime]' 'legacy_impersonation_policy = off' 'always_flow_impersonation_policy = on'
  run -0 idn-check policy policy
  says ok always_flow_impersonation_policy "even if it was set by raw system calls"
}

@test "root's clients allowed, and channels that only warn, are problems" {
  policy '[impersonation]' 'privileged_clients = allow' '[runtime]' 'channel_mismatch = warn'
  run -1 idn-check policy policy
  says warn privileged_clients "line 2: allow: whoever gets root to connect can have the service act as root"
  says warn channel_mismatch "line 4: warn:"
  only_problems 2
  policy '[impersonation]' 'privileged_clients = allow' 'max_level = identification'
  run -1 idn-check policy policy
  says warn privileged_clients "allow: has no effect, since max_level is identification"
}

@test "an anonymous account that is somebody, or has something, is a problem" {
  policy '[impersonation]' 'anonymous_user = alice'
  run -1 idn-check policy policy
  says warn anonymous_user "line 2: alice: an account that somebody may log in with"
  says warn anonymous_user "line 2: alice: is in 2 more groups"
  only_problems 2
  policy '[impersonation]' 'anonymous_user = daemon'
  run -0 idn-check policy policy
  run -1 idn-check policy --service-user daemon policy
  says fail anonymous_user "line 2: daemon: the service runs as that account"
  policy '[impersonation]' 'anonymous_user = 61190'
  run -0 idn-check policy policy
  says ok anonymous_user "61190: who is anonymous, or at identification, acts as uid 61190, gid 61190"
}

@test "an anonymous account that has root's group is a problem" {
  policy '[impersonation]' 'anonymous_user = operator'
  echo 'operator:x:11:0:operator:/root:/usr/sbin/nologin' >>/etc/passwd
  run -1 idn-check policy policy
  sed -i '/^operator:/d' /etc/passwd
  says fail anonymous_user "its group is root's"
  only_problems 1
}

@test "an anonymous account that is root or does not exist is refused, also where it is the default" {
  policy '[impersonation]' 'anonymous_user = root'
  run -1 idn-check policy policy
  says fail anonymous_user "line 2: anonymous_user: 'root': not an account that is not root"
  assert_line --index 0 "policy: 1 problem, and services refuse it"
  policy '[impersonation]' 'anonymous_user = no-such'
  run -1 idn-check policy policy
  says fail anonymous_user "line 2: anonymous_user: 'no-such': no such account"
  only_problems 1
  policy
  cp /etc/passwd passwd
  sed -i '/^nobody:/d' /etc/passwd
  run -1 idn-check policy policy
  cat passwd >/etc/passwd
  says fail anonymous_user "nobody, by default: no such account"
  only_problems 1
}

@test "a level that cannot be reached is a problem, a default that is lowered is none" {
  policy '[impersonation]' 'max_level = anonymous' 'default_level_local = impersonation'
  run -1 idn-check policy policy
  says ok max_level "line 2: anonymous: the service learns of no client who it is"
  says warn default_level_local "line 3: impersonation: never reached, since max_level is anonymous"
  says ok default_level_network "lowered to anonymous by max_level"
  only_problems 1
}

@test "to act for network clients that have not said so is a problem" {
  policy '[impersonation]' 'default_level_network = impersonation'
  run -1 idn-check policy policy
  says warn default_level_network "line 2: impersonation: a client over the network that states no level is acted for"
  policy '[impersonation]' 'default_level_network = delegation'
  run -1 idn-check policy policy
  says warn default_level_network "on other machines too where it has forwarded a ticket"
  only_problems 1
}

@test "delegation that is spoken of without whom to, or whatever the realm says, is a problem" {
  policy '[impersonation]' 'max_level = delegation'
  run -1 idn-check policy policy
  says warn allow "clients' credentials may be used towards any service"
  only_problems 1
  policy '[delegation]' 'require_ok_as_delegate = off'
  run -1 idn-check policy policy
  says warn require_ok_as_delegate "also where the realm does not mark"
  only_problems 2
  policy '[impersonation]' 'max_level = delegation' '[delegation]' 'allow = HTTP/a.example.com@EXAMPLE.COM'
  run -0 idn-check policy policy
  says ok allow "line 4: HTTP/a.example.com@EXAMPLE.COM: clients' credentials are used towards these"
  policy '[delegation]' 'allow ='
  run -0 idn-check policy policy
  says ok allow "line 2: nothing: clients' credentials are used nowhere"
  policy '[impersonation]' 'max_level = identification' '[delegation]' 'one_hop = on' 'require_ok_as_delegate = on'
  run -1 idn-check policy policy
  says warn one_hop "has no effect"
  says warn require_ok_as_delegate "has no effect"
  says ok allow "clients' credentials go nowhere"
  only_problems 2
}

# --- what is wrong in it --------------------------------------------------------------------------

@test "unknown, misplaced and repeated keys are told with their lines, and what is right is told too" {
  policy '[runtime]' 'max_level = anonymous' 'flow = on' 'channel_mismatch = fail' 'channel_mismatch = fail' \
    'legacy_impersonation_policy = maybe' '[runtimes]' 'x = y' '[delegation]' 'allow = files'
  run -1 idn-check policy policy
  assert_line --index 0 "policy: 6 problems, and services refuse it"
  says fail key "line 2: max_level: belongs to [impersonation], not to [runtime]"
  says fail key "line 3: flow: no such key in [runtime]"
  says ok channel_mismatch "line 4: fail:"
  says fail channel_mismatch "line 5: channel_mismatch: said already in line 4"
  says fail legacy_impersonation_policy "line 6: legacy_impersonation_policy: 'maybe': not on or off"
  says fail section "line 7: [runtimes]: no such section"
  says fail allow "line 10: allow: 'files': not service principals"
  says ok max_level "delegation, by default"
  # Of what was not taken nothing is told.
  refute_line --partial "off, by default: work"
  refute_line --partial "no list"
}

@test "lines that make no sense are told with line and column, all of them, and there is no other answer" {
  policy 'a = b' '[runtime]' 'nonsense' 'flow = on' ' [x'
  for option in "" --json -v -q; do
    run -2 --separate-stderr idn-check policy $option policy
    assert_equal "$output" ""
    assert_equal "$stderr" "idn-check: policy: 1:1: a key before any [section]
idn-check: policy: 3:1: neither [section] nor key = value
idn-check: policy: 4:1: flow: no such key in [runtime]
idn-check: policy: 5:2: a line that begins with a blank goes on with the key before, which has one value"
  done
  yes nonsense | head -n 1000 >policy
  run -2 idn-check policy policy
  assert_line --index 19 "idn-check: policy: 20:1: neither [section] nor key = value"
  assert_line --index 20 "idn-check: policy: and 980 more"
  assert_equal "${#lines[@]}" 21
}

@test "an indented section behind one that there is not begins anew, and is no more of the key before" {
  policy '[runtime]' 'channel_mismatch = fail' '[runtimes]' '  [delegation]' '  one_hop = on'
  run -1 idn-check policy policy
  assert_line --index 0 --partial "services refuse it"
  says fail section "line 3: [runtimes]: no such section"
  says ok channel_mismatch "line 2: fail:"
  says ok one_hop "line 5: on"
}

@test "what a terminal would obey is not printed" {
  policy '[runtime]' $'\e[31mred = \e]0;title\a'
  run -1 idn-check policy policy
  assert_line --partial "?[31mred: no such key"
  [[ $output != *$'\e'* ]]
  mv policy $'a\e[31m\nb'
  run -1 idn-check policy $'a\e[31m\nb'
  assert_line --index 0 'a\033[31m\nb: 1 problem, and services refuse it'
}

@test "services refuse what is said that they refuse, and take all else" {
  need_world
  local file refused
  cp "$SRC"/tests/fuzz/corpus/policy/* .
  policy '[impersonation]' 'max_level = anonymous' 'privileged_clients = allow'
  install -m 0664 /dev/null group
  install -m 0644 -o bob /dev/null bobs
  for file in *; do
    [[ $file == group ]] || chmod go-w "$file"
    run idn-check policy "$file"
    refused=no
    [[ $status != 2 && ${lines[0]} != *"services refuse it" ]] || refused=yes
    run -"$([[ $refused == no ]] && echo 0 || echo 1)" policy-test load "$SCRATCH/$file"
    echo "$file $refused" >>answers
  done
  run sort -u -k 2 answers
  assert_equal "${#lines[@]}" 2
}

# --- who could change it --------------------------------------------------------------------------

@test "a file that is another's, or that others may write, is a problem, and services refuse it" {
  policy
  chown bob policy
  run -1 idn-check policy policy
  assert_line --index 0 "policy: 1 problem, and services refuse it"
  says fail file "belongs to bob, neither to root nor to the service's user"
  chmod 0662 policy
  run -1 idn-check policy policy
  says fail file "mode 0662: everybody may write it"
  only_problems 2
}

@test "the service's own user may own the file, and the caller where no other is named" {
  policy
  chown bob policy
  run -0 idn-check policy --service-user bob policy
  says ok file "bob's, mode 0644"
  says ok directory "nobody but root and bob"
  run -0 idn-check policy --service-user 2002 policy
  run -1 idn-check policy --service-user alice policy
  run -0 as bob idn-check policy "$SCRATCH/policy"
  run -1 as alice idn-check policy "$SCRATCH/policy"
  run -2 idn-check policy --service-user no-such policy
  assert_output "idn-check: --service-user: no-such: no such account"
}

@test "a directory on the way in which others could exchange the file is a problem" {
  policy
  mkdir -p open/below
  cp policy open/below
  chmod 0777 open
  run -1 idn-check policy open/below/policy
  says fail directory "$SCRATCH/open: mode 0777: everybody can put another policy there"
  only_problems 1
  [[ ${lines[0]} != *refuse* ]]
  chmod 1777 open
  run -0 idn-check policy open/below/policy
  chmod 0755 open
  chown bob open/below
  run -1 idn-check policy open/below/policy
  says fail directory "$SCRATCH/open/below: belongs to bob, who can put another policy there"
  chown root open/below
  chgrp bob open/below
  chmod 0775 open/below
  # What is above the working directory counts as much.
  cd open/below
  run -1 idn-check policy policy
  says fail directory "below: mode 0775: its group, or who is in its ACL, can put"
}

@test "so is another's link to it, and with -v each directory and link on the way is told" {
  policy
  mkdir -m 1777 open
  ln -s ../policy open/mine
  ln -s ../policy open/bobs
  chown -h bob open/bobs
  run -0 idn-check policy -v open/mine
  says ok directory "$SCRATCH/open: root's, mode 1777"
  says ok link "$SCRATCH/open/mine: root's"
  run -1 idn-check policy open/bobs
  says fail link "open/bobs: belongs to bob"
}

@test "a service's policy is found by its name" {
  need_world
  mkdir -p /etc/impersonate
  printf '[runtime]\nchannel_mismatch = warn\n' >/etc/impersonate/check.conf
  run -1 idn-check policy --service check
  rm /etc/impersonate/check.conf
  assert_line --index 0 "/etc/impersonate/check.conf: 1 problem"
  run -2 idn-check policy --service check
  assert_output "idn-check: /etc/impersonate/check.conf: No such file or directory"
  run -2 idn-check policy --service ../passwd
  assert_output "idn-check: --service: ../passwd: not a service's name"
}

# --- what cannot be read ---------------------------------------------------------------------------

@test "what is no file, or too large, is not read, and the other files are answered" {
  policy
  mkfifo pipe
  mkdir directory
  head -c 65537 /dev/zero | tr '\0' '\n' >large
  run -2 --separate-stderr timeout 10 idn-check policy missing pipe directory large policy
  assert_equal "$stderr" "idn-check: missing: No such file or directory
idn-check: pipe: not a regular file
idn-check: directory: not a regular file
idn-check: large: too large"
  assert_equal "${lines[0]}" "policy: clean"
  chmod 0600 policy
  run -2 as alice idn-check policy "$SCRATCH/policy"
  assert_output "idn-check: $SCRATCH/policy: Permission denied"
}

@test "the exit status is the worst of all files, and -q prints nothing" {
  policy '[runtime]' 'channel_mismatch = warn'
  mv policy warns
  policy
  run -0 idn-check policy -q policy
  run -1 idn-check policy -q policy warns policy
  assert_output ""
  run -2 idn-check policy warns /dev/null policy
  run -2 idn-check policy
  assert_output "idn-check: no file: try idn-check policy --help"
}

@test "JSON has a line for each thing that was looked at, with line and column where there are" {
  need jq
  policy '[runtime]' 'channel_mismatch =   warn' 'x = y'
  mv policy $'\xff'
  run -1 idn-check policy --json $'\xff'
  echo "$output" >answers
  assert_equal "$(jq -sc 'map(select(.check == "channel_mismatch"))[0] | [.path, .result, .line, .column]' answers)" \
    '[{"bytes":"/w=="},"warn",2,22]'
  assert_equal "$(jq -sc 'map(select(.check == "key"))[0] | [.result, .line, .column]' answers)" '["fail",3,1]'
  assert_equal "$(jq -sc 'map(select(.check == "max_level"))[0] | [.result, .line, .column]' answers)" '["ok",null,null]'
}

# --- aspnet.config --------------------------------------------------------------------------------

# aspnet [TEXT]: what stands in /configuration/runtime of the file "aspnet.config".
aspnet() {
  need_expat
  printf '<configuration>\n<runtime>\n%s\n</runtime>\n</configuration>\n' "$1" >aspnet.config
}

# comes_to LEGACY ALWAYS: the policy at the end of the answer.
comes_to() {
  assert_equal "$(tail -n 3 <<<"$output")" "[runtime]
legacy_impersonation_policy = $1
always_flow_impersonation_policy = $2"
}

@test "the aspnet.config that lets identity flow is clean, and comes to a policy that does" {
  need_expat
  cp "$SRC/tests/fuzz/corpus/aspnet/article" aspnet.config
  run -0 idn-check policy aspnet.config
  assert_output "aspnet.config: clean
  ok    file                              aspnet.config: read by the runtime of an application pool
  ok    legacyImpersonationPolicy         line 3: false: work that is handed to another thread may take its identity along
  ok    alwaysFlowImpersonationPolicy     line 4: true: an identity goes along even if it was set by raw system calls

; The same, for /etc/impersonate/SERVICE.conf.
[runtime]
legacy_impersonation_policy = off
always_flow_impersonation_policy = on"
}

@test "the aspnet.config that ASP.NET comes with loses identity" {
  need_expat
  cp "$SRC/tests/fuzz/corpus/aspnet/shipped" aspnet.config
  run -1 idn-check policy aspnet.config
  says warn legacyImpersonationPolicy "line 4: true: work that is handed to another thread loses"
  comes_to on off
}

@test "an aspnet.config that says nothing loses identity, and the runtime's own default is told" {
  aspnet ''
  run -1 idn-check policy aspnet.config
  says warn legacyImpersonationPolicy "the runtime's own default is false, but ASP.NET ships it true"
  says ok alwaysFlowImpersonationPolicy "false, by default: nothing goes along anyway"
  only_problems 1
  comes_to on off
  aspnet '<alwaysFlowImpersonationPolicy enabled="true"/>'
  run -1 idn-check policy aspnet.config
  says fail alwaysFlowImpersonationPolicy "line 3: true: has no effect"
  comes_to on on
}

@test "in web.config both are ignored, by whatever case and variant of its name" {
  local name
  aspnet '<legacyImpersonationPolicy enabled="false"/><alwaysFlowImpersonationPolicy enabled="true"/>'
  for name in web.config Web.config WEB.CONFIG Web.Release.config; do
    cp aspnet.config "$name" 2>/dev/null || true
    run -1 idn-check policy "./$name"
    says fail legacyImpersonationPolicy "line 3: false here, and ignored: it counts only in aspnet.config"
    says fail alwaysFlowImpersonationPolicy "line 3: true here, and ignored"
    only_problems 2
    comes_to on off
  done
  # It is what the file is for that is not a problem there.
  aspnet ''
  mv aspnet.config web.config
  run -0 idn-check policy web.config
  cp "$SRC/tests/fuzz/corpus/aspnet/article" pool.config
  run -0 idn-check policy pool.config
  says ok file "counts where an application pool has it for its aspnet.config"
}

@test "values that are not true or false are told, and those that can only be meant so are taken" {
  aspnet '<legacyImpersonationPolicy enabled="False"/><alwaysFlowImpersonationPolicy enabled="1"/>'
  run -1 idn-check policy aspnet.config
  says warn legacyImpersonationPolicy 'line 3: enabled="False" is taken for false, but only true and false, in lower case, are documented'
  says warn alwaysFlowImpersonationPolicy 'line 3: enabled="1" is taken for true'
  only_problems 2
  comes_to off on
  aspnet '<legacyImpersonationPolicy enabled="no"/><alwaysFlowImpersonationPolicy/>'
  run -1 idn-check policy aspnet.config
  says fail legacyImpersonationPolicy 'enabled="no" is neither true nor false: says nothing'
  says fail alwaysFlowImpersonationPolicy 'without enabled='
  comes_to on off
}

@test "elements in another place, in another spelling or twice are told" {
  need_expat
  cat >aspnet.config <<'XML'
<configuration>
  <legacyImpersonationPolicy enabled="false"/>
  <runtime>
    <legacyimpersonationpolicy enabled="false"/>
    <alwaysFlowImpersonationPolicy enabled="false"/>
    <alwaysFlowImpersonationPolicy enabled="false"/>
    <gc><runtime><legacyImpersonationPolicy enabled="false"/></runtime></gc>
  </runtime>
  <system.web>
    <runtime><alwaysFlowImpersonationPolicy enabled="true"/></runtime>
  </system.web>
  <runtime>
    <alwaysFlowImpersonationPolicy enabled="true"/>
  </runtime>
</configuration>
XML
  run -1 idn-check policy aspnet.config
  says fail legacyImpersonationPolicy "line 2: not in /configuration/runtime: says nothing there"
  says fail legacyImpersonationPolicy "line 4: <legacyimpersonationpolicy> is another element"
  says warn alwaysFlowImpersonationPolicy "line 6: said already in line 5"
  says fail legacyImpersonationPolicy "line 7: not in /configuration/runtime"
  says fail alwaysFlowImpersonationPolicy "line 10: not in /configuration/runtime"
  says fail alwaysFlowImpersonationPolicy "line 13: said already in line 6, and otherwise"
  comes_to on on
  echo '<settings><runtime><legacyImpersonationPolicy enabled="false"/></runtime></settings>' >aspnet.config
  run -1 idn-check policy aspnet.config
  says fail file "line 1: <settings> is no <configuration>"
  says fail legacyImpersonationPolicy "line 1: not in /configuration/runtime"
}

@test "the policy that an aspnet.config comes to is one, and says the same" {
  need jq
  local legacy always
  for legacy in true false; do
    for always in true false; do
      aspnet "<legacyImpersonationPolicy enabled=\"$legacy\"/><alwaysFlowImpersonationPolicy enabled=\"$always\"/>"
      idn-check policy --json aspnet.config >answers || true
      policy "$(jq -rs 'last.policy' answers)"
      run idn-check policy --json policy
      assert_equal "$(jq -sc 'map(select(.check | endswith("impersonation_policy")).detail[:3] | rtrimstr(":"))' <<<"$output")" \
        "$(printf '["%s","%s"]' "$legacy" "$always" | sed 's/true/on/g; s/false/off/g')"
    done
  done
}

@test "an XML file is known by its first byte, in UTF-8 and in UTF-16" {
  need_expat
  local article=$SRC/tests/fuzz/corpus/aspnet/article
  { printf '\xef\xbb\xbf'; cat "$article"; } >1
  { printf '\xff\xfe'; iconv -f utf8 -t utf16le "$article"; } >2
  { printf '\xfe\xff'; iconv -f utf8 -t utf16be "$article"; } >3
  { printf '\n\t '; cat "$article"; } >4
  for file in 1 2 3 4; do
    run -0 idn-check policy "$file"
    comes_to off on
  done
  printf '\xff\xfe[\0' >5
  run -2 idn-check policy 5
  assert_output "idn-check: 5: 1:1: UTF-16, where plain text is expected"
}

@test "XML that is none is told with line and column" {
  need_expat
  printf '<configuration>\n  <runtime>\n</configuration>\n' >aspnet.config
  run -2 idn-check policy aspnet.config
  assert_output "idn-check: aspnet.config: 3:3: mismatched tag"
  printf '<configuration>' >aspnet.config
  run -2 idn-check policy --json aspnet.config
  assert_output "idn-check: aspnet.config: 1:16: no element found"
  printf '<a b="1" b="2"/>' >aspnet.config
  run -2 idn-check policy aspnet.config
  assert_output "idn-check: aspnet.config: 1:10: duplicate attribute"
}

@test "a document type is refused, so that nothing is expanded and nothing else is read" {
  need_expat
  local i
  {
    echo '<!DOCTYPE configuration ['
    echo '<!ENTITY a0 "lol">'
    for i in {1..30}; do
      echo "<!ENTITY a$i \"$(printf "&a$((i - 1));%.0s" {1..10})\">"
    done
    echo ']><configuration>&a30;</configuration>'
  } >aspnet.config
  run -2 timeout 10 idn-check policy aspnet.config
  assert_output --regexp '^idn-check: aspnet.config: 1:[0-9]+: a document type: '
  mkfifo pipe
  printf '<!DOCTYPE configuration SYSTEM "pipe">\n<configuration/>' >aspnet.config
  run -2 timeout 10 idn-check policy aspnet.config
  assert_output --regexp '^idn-check: aspnet.config: [12]:[0-9]+: a document type: '
}

@test "an XML file is read up to a MiB, however deep" {
  need_expat
  { echo '<configuration>'; yes '<a>' | head -n 200000; } >deep
  run -2 timeout 20 idn-check policy deep
  assert_output "idn-check: deep: 200002:1: no element found"
  { echo '<configuration>'; head -c 1048577 /dev/zero | tr '\0' ' '; echo '</configuration>'; } >large
  run -2 idn-check policy large
  assert_output "idn-check: large: too large"
}

@test "without expat an XML file is refused, and policies are read" {
  ! grep -q 'define WITH_EXPAT' "$BUILD/config.h" || skip "needs a build without expat"
  echo '<configuration/>' >aspnet.config
  run -2 idn-check policy aspnet.config
  assert_output "idn-check: aspnet.config: XML, which this idn-check was built without"
  policy
  run -0 idn-check policy policy
}
