#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Completions: each shell is asked itself what it offers.

load lib/common

# --- asking the shells --------------------------------------------------------------------------

# in_bash WORD...: the words as bash breaks them, the last one being completed; the answers, a line each.
in_bash() {
  # shellcheck disable=SC2016 # for the inner shell
  bash --norc -c '
    shopt -s extglob
    [[ $1 == plain ]] || . "$1"
    . "$2/completions/bash/$3" || exit
    shift 2
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=$((${#COMP_LINE}))
    _${1//-/_} "$1" "${@: -1}" "${@: -2:1}"
    ((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"
  ' bash "${bash_completion:-plain}" "$SRC" "$@" 2>/dev/null
}

with_bash_completion() {
  bash_completion=/usr/share/bash-completion/bash_completion
  [[ -e $bash_completion ]] || skip "needs bash-completion"
}

# in_zsh LINE: what is offered, WORD:DESCRIPTION a line, from a zsh in a terminal of its own.
in_zsh() {
  need zsh
  # A plain user's zsh complains of nothing; HOME is where it may look for what is not there.
  HOME=$SCRATCH timeout 30 zsh -f /dev/fd/4 "$SRC/completions/zsh" "$1" 4<<'ZSH' | tr -d '\r' |
zmodload zsh/zpty || exit
zpty shell "stty columns 1000 -echo; exec zsh -f -i"
zpty -w shell "PS1= PS2= RPS1=; unset zle_bracketed_paste; fpath=(${(q)1} \$fpath); autoload -U compinit; compinit -u -D"
# What is offered passes through here.  Calls that only store, filter or count are left alone.
zpty -w shell 'compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a hits texts prefix hidden ignored
  local i name
  if (($@[(I)-d])); then
    name=${@[$((${@[(i)-d]} + 1))]}
    if [[ $name == \(* ]]; then eval "texts=$name"; else texts=("${(@P)name}"); fi
  fi
  builtin compadd -A hits -D texts "$@"
  zparseopts -E -a ignored P:=prefix p:=hidden
  for ((i = 1; i <= $#hits; i++)); do
    print -r -- "<offer>$IPREFIX${prefix[2]}${hidden[2]}$hits[i]:$texts[i]"
  done
  builtin compadd "$@"
}
end_of_offers() { compstate[insert]= compstate[list]=; print -r -- "<end>" }
comppostfuncs=(end_of_offers); zle -C offer complete-word _main_complete; bindkey "^I" offer; print "<rea""dy>"'
zpty -r -m shell ignored '*<ready>*'
zpty -w -n shell "$2"$'\t'
zpty -r -m shell offers '*<end>*'
print -r -- $offers
zpty -d shell
ZSH
    sed -n 's/.*<offer>//p'
}

# in_fish LINE: what is offered, WORD, a tab and DESCRIPTION a line.
in_fish() {
  need fish
  # shellcheck disable=SC2016 # for fish
  HOME=$SCRATCH fish -c 'for file in $argv[1]/*.fish; source $file; end; complete -C $argv[2]' \
    "$SRC/completions/fish" "$1"
}

# started_as NAME: a process of that name
started_as() {
  need pose
  local fd
  exec {fd}< <(exec 3>&- 4>&- pose named "$1")
  SERVER_PIDS+=("$!")
  # shellcheck disable=SC2154 # of lib/common
  read -rt "$patience" -u "$fd"
}

# --- bash ---------------------------------------------------------------------------------------

@test "bash: the options of each tool are offered" {
  run in_bash idn-show --v
  assert_output $'--verbose\n--version'
  run in_bash idn-run-as --q
  assert_output --quiet
  run in_bash idn-serve-demo --max-c
  assert_output $'--max-connections\n--max-client-connections'
  run in_bash idn-check access --l
  assert_output $'--level\n--list'
  run in_bash idn-check who --u
  assert_output --users
  run in_bash idn-check run --u
  assert_output --user
}

@test "bash: idn-show is offered processes, and after a slash the threads of that process" {
  run in_bash idn-show 1 "$$"
  assert_line "$$"
  run in_bash idn-show "$$/"
  assert_output "$$/$$"
}

@test "bash: idn-show is offered levels, states, users, services and keys" {
  run in_bash idn-show -l i
  assert_output $'identification\nimpersonation'
  run in_bash idn-show --level = u
  assert_output unknown
  run in_bash idn-show --level =
  assert_output $'anonymous\nidentification\nimpersonation\ndelegation\nunknown'
  run in_bash idn-show --state ""
  assert_output $'consistent\nlost\nleaked\nmismatched\nunrecorded'
  run in_bash idn-show -u ro
  assert_line root
  run in_bash idn-show --user anon
  assert_line anonymous
  run in_bash idn-show --service bas
  assert_line bash
  run in_bash idn-show --sort s
  assert_output $'state\nservice\nsince'
  run in_bash idn-show --sort -s
  assert_output $'-state\n-service\n-since'
  run in_bash idn-show --sort user,-state,s
  assert_output $'user,-state,service\nuser,-state,since'
  run in_bash idn-show --watch "$$"
  assert_line "$$"
  run in_bash idn-show --compare 1 "$$"
  assert_line "$$"
}

# shellcheck disable=SC2016 # that is the point
@test "bash: a process's name is offered as a word, and never run" {
  started_as '$(touch x)'
  cd "$SCRATCH"
  run in_bash idn-show --service '$(tou'
  assert_output '\$\(touch\ x\)'
  assert [ ! -e x ]
}

@test "bash: idn-run-as is offered users, and after a colon groups" {
  run in_bash idn-run-as ro
  assert_line root
  run in_bash idn-run-as root : ""
  assert_line daemon
  run in_bash idn-run-as root : dae
  assert_output daemon
  run in_bash idn-run-as root :
  assert_line daemon
}

@test "bash: where a colon does not break words, the whole word is offered" {
  run in_bash idn-run-as root:dae
  assert_output root:daemon
}

@test "bash: idn-run-as is offered commands after the user, with and without a group, an option and --" {
  run in_bash idn-run-as root idn-sh
  assert_line idn-show
  run in_bash idn-run-as root : daemon idn-sh
  assert_line idn-show
  run in_bash idn-run-as -q -- root -- idn-sh
  assert_line idn-show
}

@test "bash: without bash-completion the command's arguments are files" {
  touch "$SCRATCH/a file"
  run in_bash idn-run-as root cat "$SCRATCH/a"
  assert_output "$SCRATCH/a file"
}

@test "bash: with bash-completion the command's arguments are its own" {
  with_bash_completion
  mkdir -p "$SCRATCH/data/bash-completion/completions"
  echo 'complete -W "one two three" thing' >"$SCRATCH/data/bash-completion/completions/thing"
  export XDG_DATA_HOME=$SCRATCH/data
  run in_bash idn-run-as root thing t
  assert_output $'two\nthree'
  run in_bash idn-run-as root : daemon -- thing o
  assert_output one
}

@test "bash: idn-run-as is offered what each option takes, and then a user or, for a thread, a command" {
  run in_bash idn-run-as --level ""
  assert_output $'anonymous\nidentification\nimpersonation\ndelegation'
  run in_bash idn-run-as -l = an
  assert_output anonymous
  run in_bash idn-run-as --groups daemon,ro
  assert_line daemon,root
  run in_bash idn-run-as --caps chown,cap_net_b
  assert_output $'chown,cap_net_bind_service\nchown,cap_net_broadcast'
  run in_bash idn-run-as --thread "$$/"
  assert_output "$$/$$"
  run in_bash idn-run-as --pty --level anonymous ro
  assert_line root
  run in_bash idn-run-as --thread "$$" idn-sh
  assert_line idn-show
}

@test "bash: idn-serve-demo is offered what each option takes, after a blank and after an equal sign" {
  mkdir "$SCRATCH/directory"
  touch "$SCRATCH/file"
  run in_bash idn-serve-demo --unix "$SCRATCH/fi"
  assert_output "$SCRATCH/file"
  run in_bash idn-serve-demo --root "$SCRATCH/"
  assert_line "$SCRATCH/directory"
  refute_line "$SCRATCH/file"
  run in_bash idn-serve-demo --user ro
  assert_line root
  run in_bash idn-serve-demo --socket-mode = 066
  assert_output $'0660\n0666'
  run in_bash idn-serve-demo --socket-mode =
  assert_output $'0600\n0660\n0666'
  run in_bash idn-serve-demo --engine r
  assert_output ring
  run in_bash idn-serve-demo --log s
  assert_output $'syslog\nstderr'
  run in_bash idn-serve-demo --threads ""
  assert_output ""
}

@test "bash: idn-check is offered its subcommands, and the files that they are about" {
  run in_bash idn-check ""
  assert_output $'access\nwho\nrun\npolicy\nthreads\nservice\nledger\n-h\n--help\n-V\n--version'
  run in_bash idn-check w
  assert_output who
  touch "$SCRATCH/a file" "$SCRATCH/another"
  run in_bash idn-check access -r "$SCRATCH/a"
  assert_line "$SCRATCH/a file"
  run in_bash idn-check who "$SCRATCH/a file" -- "$SCRATCH/an"
  assert_output "$SCRATCH/another"
}

@test "bash: idn-check threads, service and ledger are offered processes, times and their options" {
  run in_bash idn-check threads --e
  assert_output --every
  run in_bash idn-check threads --every = 1
  assert_output $'100ms\n1s\n10s\n1m\n1h'
  run in_bash idn-check threads -a --for 5
  assert_output 500ms
  run in_bash idn-check threads "$$/"
  assert_output "$$/$$"
  run in_bash idn-check service -q "$$"
  assert_line "$$"
  run in_bash idn-check ledger --
  assert_output $'--clean\n--json\n--quiet\n--help\n--version'
  touch "$SCRATCH/file"
  run in_bash idn-check ledger "$SCRATCH/fi"
  assert_output ""
}

@test "bash: idn-check is offered what each option takes, before a path and after it" {
  touch "$SCRATCH/file"
  run in_bash idn-check access -u ro
  assert_line root
  run in_bash idn-check access / --user = ro
  assert_line root
  run in_bash idn-check access --thread "$$/"
  assert_output "$$/$$"
  run in_bash idn-check run -t "$$"
  assert_line "$$"
  run in_bash idn-check access -l i
  assert_output $'identification\nimpersonation'
  run in_bash idn-check access -w ""
  assert_output $'r\nw\nx\nrw\nrx\nwx\nrwx\ncreate\nw,create\nrw,create\ndelete\nchmod\nchown\nlist\nlink'
  run in_bash idn-check who --want = c
  assert_output $'create\nchmod\nchown'
  run in_bash idn-check access / --list =
  assert_output $'allowed\ndenied'
  run in_bash idn-check who --only daemon,ro
  assert_line daemon,root
  run in_bash idn-check who --users "$SCRATCH/fi"
  assert_output "$SCRATCH/file"
  run in_bash idn-check run -o "$SCRATCH/fi"
  assert_output "$SCRATCH/file"
}

@test "bash: idn-check run is offered commands, with and without an option and --" {
  run in_bash idn-check run idn-sh
  assert_line idn-show
  run in_bash idn-check run -u root idn-sh
  assert_line idn-show
  run in_bash idn-check run -q -- idn-sh
  assert_line idn-show
  touch "$SCRATCH/a file"
  run in_bash idn-check run cat "$SCRATCH/a"
  assert_output "$SCRATCH/a file"
}

@test "bash: with bash-completion what idn-check runs has its own arguments" {
  with_bash_completion
  mkdir -p "$SCRATCH/data/bash-completion/completions"
  echo 'complete -W "one two three" thing' >"$SCRATCH/data/bash-completion/completions/thing"
  export XDG_DATA_HOME=$SCRATCH/data
  run in_bash idn-check run thing t
  assert_output $'two\nthree'
  run in_bash idn-check run --user root -- thing o
  assert_output one
}

# --- zsh ----------------------------------------------------------------------------------------

@test "zsh: the options of each tool are offered" {
  need zsh
  run in_zsh "idn-show --v"
  assert_line --partial --verbose
  assert_line --partial --version
  run in_zsh "idn-run-as --q"
  assert_line --partial --quiet
  run in_zsh "idn-serve-demo --max-c"
  assert_line --partial --max-connections
  assert_line --partial --max-client-connections
  run in_zsh "idn-check access --l"
  assert_line --partial --level
  assert_line --partial --list
  run in_zsh "idn-check who --u"
  assert_line --partial --users
  run in_zsh "idn-check run --"
  assert_line --partial --output
  refute_line --partial --recursive
}

@test "zsh: idn-show is offered processes and, after a slash, threads, each with its command" {
  need zsh
  local command
  command=$(</proc/$$/comm)
  run in_zsh "idn-show $$"
  assert_line --regexp "^$$:$$ +-- $command"
  run in_zsh "idn-show $$/"
  assert_line --regexp "^$$/$$:$$ +-- $command"
}

@test "zsh: idn-show is offered levels, states, users, services and keys" {
  need zsh
  run in_zsh "idn-show -l i"
  assert_output $'identification:\nimpersonation:'
  run in_zsh "idn-show --level=u"
  assert_output --partial unknown:
  run in_zsh "idn-show --state "
  assert_line leaked:
  assert_line unrecorded:
  run in_zsh "idn-show -u ro"
  assert_line root:
  run in_zsh "idn-show --service bas"
  assert_line bash:
  run in_zsh "idn-show --sort s"
  assert_line --regexp '^state:state +-- consistent first'
  refute_line --partial user
  run in_zsh "idn-show --sort user,-sta"
  assert_line --regexp '^user,-state:'
  run in_zsh "idn-show --watch $$"
  assert_line --regexp "^$$:"
}

@test "zsh: idn-run-as is offered users, and after a colon groups" {
  need zsh
  run in_zsh "idn-run-as ro"
  assert_line root:
  run in_zsh "idn-run-as root:dae"
  assert_line root:daemon:
}

@test "zsh: idn-run-as is offered commands after the user, and the command's own arguments" {
  need zsh
  run in_zsh "idn-run-as root idn-sh"
  assert_line idn-show:
  run in_zsh "idn-run-as -q root -- idn-show --js"
  assert_line --partial --json
  run in_zsh "idn-run-as root:daemon idn-show --js"
  assert_line --partial --json
}

@test "zsh: idn-run-as is offered what each option takes" {
  need zsh
  run in_zsh "idn-run-as --level=an"
  assert_line --partial anonymous
  run in_zsh "idn-run-as --groups=daemon,ro"
  assert_line --partial root
  run in_zsh "idn-run-as --thread=$$/"
  assert_line --partial "$$"
  run in_zsh "idn-run-as --pty --level=anonymous ro"
  assert_line root:
}

@test "zsh: idn-serve-demo is offered what each option takes" {
  need zsh
  mkdir "$SCRATCH/directory"
  touch "$SCRATCH/file"
  run in_zsh "idn-serve-demo --unix $SCRATCH/fi"
  assert_line --partial file
  run in_zsh "idn-serve-demo --root $SCRATCH/"
  assert_line --partial directory
  refute_line --partial file
  run in_zsh "idn-serve-demo --user ro"
  assert_line root:
  run in_zsh "idn-serve-demo --socket-mode=066"
  assert_line --partial 0660
  refute_line --partial 0600
  run in_zsh "idn-serve-demo --log=j"
  assert_line --partial journal
}

@test "zsh: idn-check is offered its subcommands, and the files that they are about" {
  need zsh
  run in_zsh "idn-check "
  assert_line --regexp '^access:access +-- may an identity'
  assert_line --regexp '^who:'
  assert_line --regexp '^run:'
  touch "$SCRATCH/another"
  run in_zsh "idn-check who -q $SCRATCH/an"
  assert_line --partial another
}

@test "zsh: idn-check is offered what each option takes" {
  need zsh
  touch "$SCRATCH/file"
  run in_zsh "idn-check access -u ro"
  assert_line root:
  run in_zsh "idn-check access / --thread=$$/"
  assert_line --regexp "$$:"
  run in_zsh "idn-check run -l i"
  assert_output $'identification:\nimpersonation:'
  run in_zsh "idn-check access -w c"
  assert_line --regexp '^create:'
  assert_line --regexp '^chown:'
  refute_line --regexp '^delete:'
  run in_zsh "idn-check access --list="
  assert_line --partial allowed:
  assert_line --partial denied:
  run in_zsh "idn-check who --only=daemon,ro"
  assert_line --partial root:
  run in_zsh "idn-check who --users $SCRATCH/fi"
  assert_line --partial file
  run in_zsh "idn-check run -o $SCRATCH/fi"
  assert_line --partial file
}

@test "zsh: idn-check threads, service and ledger are offered processes, times and their options" {
  need zsh
  run in_zsh "idn-check threads --every=1"
  assert_line --partial 100ms:
  run in_zsh "idn-check threads $$/"
  assert_line --regexp "$$:"
  run in_zsh "idn-check service $$"
  assert_line --regexp "^$$:$$ +-- "
  run in_zsh "idn-check service --"
  assert_line --partial --json
  refute_line --partial --verbose
  run in_zsh "idn-check ledger --"
  assert_line --partial --clean
}

@test "zsh: idn-check run is offered commands, and the command's own arguments" {
  need zsh
  run in_zsh "idn-check run idn-sh"
  assert_line idn-show:
  run in_zsh "idn-check run -u root -- idn-show --js"
  assert_line --partial --json
  run in_zsh "idn-check run --level=anonymous idn-show --thr"
  assert_line --partial --threads
}

# --- fish ---------------------------------------------------------------------------------------

@test "fish: the options of each tool are offered" {
  need fish
  run in_fish "idn-show --v"
  assert_line --partial --verbose
  assert_line --partial --version
  run in_fish "idn-run-as --q"
  assert_line --partial --quiet
  run in_fish "idn-serve-demo --max-c"
  assert_line --partial --max-connections
  assert_line --partial --max-client-connections
  run in_fish "idn-check access --l"
  assert_line --partial --level
  assert_line --partial --list
  run in_fish "idn-check who --u"
  assert_line --partial --users
  run in_fish "idn-check run --"
  assert_line --partial --output
  refute_line --partial --recursive
}

@test "fish: idn-show is offered processes and, after a slash, threads, each with its command" {
  need fish
  local command
  command=$(</proc/$$/comm)
  run in_fish "idn-show "
  assert_line "$$"$'\t'"$command"
  run in_fish "idn-show $$/"
  assert_line "$$/$$"$'\t'"$command"
}

@test "fish: idn-show is offered levels, states, users, services and keys" {
  need fish
  run in_fish "idn-show -l i"
  assert_line --partial identification
  assert_line --partial impersonation
  refute_line --partial delegation
  run in_fish "idn-show --level=u"
  assert_line --partial unknown
  run in_fish "idn-show --state "
  assert_line --partial leaked
  assert_line --partial unrecorded
  run in_fish "idn-show --user ro"
  assert_line --partial root
  run in_fish "idn-show --service bas"
  assert_line --partial bash
  run in_fish "idn-show --sort s"
  assert_line $'state\tconsistent first'
  refute_line --partial user
  run in_fish "idn-show --sort user,-sta"
  assert_line $'user,-state\tconsistent first, descending'
  run in_fish "idn-show --watch $$"
  assert_line --partial "$$"
}

@test "fish: idn-run-as is offered users, and after a colon groups" {
  need fish
  run in_fish "idn-run-as ro"
  assert_line $'root\tuid 0'
  run in_fish "idn-run-as root:dae"
  assert_line $'root:daemon\tgid 1'
}

@test "fish: idn-run-as is offered commands after the user, and the command's own arguments" {
  need fish
  run in_fish "idn-run-as root idn-sh"
  assert_line --partial idn-show
  run in_fish "idn-run-as -q root -- idn-show --js"
  assert_line --partial --json
  refute_line --partial --quiet
}

@test "fish: idn-run-as is offered what each option takes, and then a user or, for a thread, a command" {
  need fish
  run in_fish "idn-run-as --level an"
  assert_line --partial anonymous
  run in_fish "idn-run-as --groups daemon,ro"
  assert_line --partial daemon,root
  run in_fish "idn-run-as --caps chown,cap_net_b"
  assert_line --partial chown,cap_net_bind_service
  run in_fish "idn-run-as --thread $$/"
  assert_line --partial "$$/$$"
  run in_fish "idn-run-as --pty --level anonymous ro"
  assert_line --partial root
  run in_fish "idn-run-as --thread $$ idn-sh"
  assert_line --partial idn-show
}

@test "fish: idn-serve-demo is offered what each option takes" {
  need fish
  mkdir "$SCRATCH/directory"
  touch "$SCRATCH/file"
  run in_fish "idn-serve-demo --unix $SCRATCH/fi"
  assert_line "$SCRATCH/file"
  run in_fish "idn-serve-demo --root $SCRATCH/"
  assert_line --partial "$SCRATCH/directory/"
  refute_line --partial "$SCRATCH/file"
  run in_fish "idn-serve-demo --user ro"
  assert_line --partial root
  run in_fish "idn-serve-demo --socket-mode "
  assert_line --partial 0660
  run in_fish "idn-serve-demo --log "
  assert_line --partial syslog
}

@test "fish: idn-check is offered its subcommands, and the files that they are about" {
  need fish
  run in_fish "idn-check "
  assert_line $'access\tMay an identity use a path, and what decides'
  assert_line $'who\tEverybody who may'
  assert_line --partial run
  touch "$SCRATCH/another"
  run in_fish "idn-check who -q $SCRATCH/an"
  assert_line "$SCRATCH/another"
}

@test "fish: idn-check is offered what each option takes, before a path and after it" {
  need fish
  touch "$SCRATCH/file"
  run in_fish "idn-check access -u ro"
  assert_line --partial root
  run in_fish "idn-check access / --thread $$/"
  assert_line --partial "$$/$$"
  run in_fish "idn-check run --level=i"
  assert_line --partial impersonation
  run in_fish "idn-check access -w c"
  assert_line $'create\tmake what is not there'
  assert_line --partial chown
  run in_fish "idn-check access / --list "
  assert_line --partial allowed
  assert_line --partial denied
  run in_fish "idn-check who --only daemon,ro"
  assert_line $'daemon,root\tuid 0'
  run in_fish "idn-check who --users $SCRATCH/fi"
  assert_line "$SCRATCH/file"
  run in_fish "idn-check run -o $SCRATCH/fi"
  assert_line "$SCRATCH/file"
}

@test "fish: idn-check threads, service and ledger are offered processes, times and their options" {
  need fish
  run in_fish "idn-check threads --every 1"
  assert_line --partial 100ms
  run in_fish "idn-check threads $$/"
  assert_line --partial "$$/$$"
  run in_fish "idn-check service $$"
  assert_line --partial "$$"
  run in_fish "idn-check service --"
  refute_line --partial --verbose
  run in_fish "idn-check ledger --c"
  assert_line $'--clean\tRemove those whose process is gone'
}

@test "fish: idn-check run is offered commands, and the command's own arguments" {
  need fish
  run in_fish "idn-check run idn-sh"
  assert_line --partial idn-show
  run in_fish "idn-check run -u root -- idn-show --js"
  assert_line --partial --json
  run in_fish "idn-check run -q idn-run-as --c"
  assert_line --partial --caps
  refute_line --partial --output
}

# --- idn-check policy -----------------------------------------------------------------------------

# Two services with a policy, in the private /etc.
make_policies() {
  need_world
  mkdir -p /etc/impersonate
  touch /etc/impersonate/files.conf /etc/impersonate/fonts.conf /etc/impersonate/files.conf.new
  touch "$SCRATCH/aspnet.config"
}

@test "bash: idn-check policy is offered services that have a policy, users and files" {
  make_policies
  run in_bash idn-check policy --service f
  assert_output $'files\nfonts'
  run in_bash idn-check policy --service = fo
  assert_output fonts
  run in_bash idn-check policy --service-user ali
  assert_output alice
  run in_bash idn-check policy -v "$SCRATCH/as"
  assert_output "$SCRATCH/aspnet.config"
}

@test "zsh: idn-check policy is offered services that have a policy, users and files" {
  make_policies
  run in_zsh "idn-check policy --service=f"
  assert_line --partial "files:"
  assert_line --partial "fonts:"
  refute_line --partial "new"
  run in_zsh "idn-check policy --service-user=ali"
  assert_line --partial "alice"
  run in_zsh "idn-check policy -v $SCRATCH/as"
  assert_line --partial "aspnet.config"
}

@test "fish: idn-check policy is offered services that have a policy, users and files" {
  make_policies
  run in_fish "idn-check policy --service f"
  assert_line --regexp '^files\s'
  assert_line --regexp '^fonts\s'
  refute_line --partial new
  run in_fish "idn-check policy --service-user ali"
  assert_line --partial alice
  run in_fish "idn-check policy -v $SCRATCH/as"
  assert_line --partial aspnet.config
}
