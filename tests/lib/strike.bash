# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # of lib/common, and of the suites
# One request of a service, with one fault of one system call in it, and what must hold whatever failed.
# Needs lib/common; the suite has ensure_server, which sets FRONT_PID, and sets BASE, a URL, ASK_WITH,
# options of curl, and home, a directory of alice's, with d in it, beside which own is the service's.

strike_setup() {
  home=$SCRATCH/alice
  install -d -o alice -g alice -m 0700 "$home" "$home/d"
  # What the service may, and alice may not.
  install -d -o daemon -g daemon -m 0700 own
  install -o daemon -g daemon -m 0600 /dev/null own/secret
  echo "the service's alone" >own/secret
  install -o alice -g alice -m 0600 /dev/null "$home/secret"
  echo "only alice" >"$home/secret"
  tracer=
}

attach() {
  local line
  exec {says}< <(exec strace -f -o trace -p "$FRONT_PID" -e signal=none -e "trace=$1" \
    -e "inject=$1:$2:when=$3" 2>&1)
  tracer=$!
  read -rt "$patience" -u "$says" line
  [[ $line == *attached* ]] || { echo "strace: $line" >&2; return 1; }
}

# One whose process is about to end may wait for ever for what is left of it.
detach() {
  kill -TERM "$tracer" 2>/dev/null || true
  patience=2 wait_for has_ended "$tracer" 2>/dev/null || kill -KILL "$tracer" 2>/dev/null || true
  while read -rt "$patience" -u "$says" _; do :; done
  exec {says}<&-
}

# ask_with_fault METHOD PATH: sets code, 000 where there was no answer, or not all of one, and got.
ask_with_fault() {
  local method=() whole=yes
  case $1 in
    PUT) method=(-X PUT --data-binary "new content") ;;
    DELETE) method=(-X DELETE) ;;
  esac
  got=$(as alice curl -s --max-time "$patience" -w '\n%{http_code}' "${method[@]}" "${ASK_WITH[@]}" "$BASE$2") || whole=no
  code=${got##*$'\n'}
  [[ $whole == yes ]] || code=000 # the service ended in the middle of it, and the client knows
  got=${got%$'\n'*}
}

# --- what must hold, whatever failed -----------------------------------------------------------------

untouched() {
  [[ $(<own/secret) == "the service's alone" && $(ls -A own) == secret ]]
}

# judge KIND STATUS-FOR-THE-SERVICE'S STATUS-FOR-ALICE'S
judge() {
  untouched || { echo "the service's own was changed" >&2; return 1; }
  [[ $2 != 2* ]] || { echo "the service's own was answered for alice: $2" >&2; return 1; }
  case $1 in
    get) [[ $3 != 200 || ${got%$'\n'} == "only alice" ]] ;;
    put)
      [[ ! -e $home/d/new || ($(stat -c %U "$home/d/new") == alice && $(<"$home/d/new") == "new content") ]] &&
        [[ $3 != 201 || -e $home/d/new ]] && [[ -z $(find "$home/d" -mindepth 1 ! -name new ! -name old) ]]
      ;;
    delete) [[ $3 != 204 || ! -e $home/d/old ]] ;;
    whoami) [[ $3 != 200 || $got == *'"filesystem":2001}'* ]] ;;
  esac
}

# Nobody is left as a client; or the process has ended, loudly.
judge_service() {
  if has_ended "$FRONT_PID"; then
    local status=0
    wait "$FRONT_PID" || status=$?
    ((status == 134)) || { echo "the service ended with $status" >&2; return 1; }
    FRONT_PID=
    return
  fi
  run idn-check threads "$FRONT_PID"
  assert_success
}

# strike KIND WAY CALL FAULT N: one round with one fault: what is the service's alone, and then what is
# alice's.  Sets struck.
strike() {
  local kind=$1 way=$2 first=000
  ensure_server
  rm -f trace "$home/d/new"
  as alice touch "$home/d/old"
  attach "$3" "$4" "$5"
  case $kind in
    get) ask_with_fault GET "$way/files$SCRATCH/own/secret" && first=$code
      ask_with_fault GET "$way/files$home/secret" ;;
    put) ask_with_fault PUT "$way/files$SCRATCH/own/new" && first=$code
      ask_with_fault PUT "$way/files$home/d/new" ;;
    delete) ask_with_fault DELETE "$way/files$SCRATCH/own/secret" && first=$code
      ask_with_fault DELETE "$way/files$home/d/old" ;;
    list) ask_with_fault GET "$way/list$SCRATCH/own" && first=$code
      ask_with_fault GET "$way/list$home/d" ;;
    whoami) ask_with_fault GET "$way/whoami" ;;
  esac
  detach
  struck=no
  ! grep -q INJECTED trace || struck=yes
  if ! judge "$kind" "$first" "$code" || ! judge_service; then
    echo "$kind $way $3:$4, the ${5}th: status $first, then $code: $got" >&2
    return 1
  fi
  [[ $struck == yes || $code == 2* ]] || { echo "$kind $way: $code without a fault: $got" >&2; return 1; }
}

# in_turn KIND WAY CALL FAULT: from the first such call to the last; there must be one.
in_turn() {
  local n
  for ((n = 1; n <= 40; n++)); do
    strike "$1" "$2" "$3" "$4" "$n"
    [[ $struck == yes ]] || break
  done
  ((n > 1)) || [[ ${5-} == "if any" ]] || { echo "$1 $2: $3 is not called" >&2; return 1; }
}
