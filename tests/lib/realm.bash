# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A Kerberos realm of the test's own, IDN.TEST, with a foreign one that it trusts, OTHER.TEST: a KDC as an
# ordinary process, everything else in a directory, found through KRB5_CONFIG and KRB5_KDC_PROFILE.  And
# three hosts, a.test, b.test and c.test, which are three network namespaces, or addresses of this one.
#
# Needs lib/common.  What setup_file starts serves all tests of a file, and is stopped by teardown_file;
# all else is stopped by the test's own teardown, with realm_stop, and hosts_stop behind that.

# Those of distributions that keep servers out of the way of ordinary users.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

need_realm() {
  need krb5kdc kdb5_util kadmin.local kinit
}

# The anonymous principal proves itself by a public key, which the KDC has to have one for, too.
need_anonymous() {
  need openssl
  local plugin
  for plugin in /usr/lib*/krb5/plugins/preauth/pkinit.so /usr/lib/*/krb5/plugins/preauth/pkinit.so; do
    [[ ! -e $plugin ]] || return 0
  done
  skip "needs krb5's pkinit"
}

# --- the realm ------------------------------------------------------------------------------------

# realm_start [--anonymous] [LINE...]: returns when the KDC answers.  Each LINE goes into [libdefaults] of
# krb5.conf, before others of its name.  Where the hosts are there already, it is in reach of all of them.
#
# Principals: alice, bob, carol, root and stranger, whom no account here is for, and u1 to u20; HTTP/a.test,
# HTTP/b.test and HTTP/c.test, which are ok-as-delegate; mallory@OTHER.TEST, and another alice there.  Tickets may be forwarded, and
# last for 10 hours; realm_principal changes that for one of them.
#
# Sets and exports REALM, its directory.  The users' default caches are below it: caches/UID.
realm_start() {
  local anonymous=no libdefaults=''
  REALM=${SCRATCH:-$BATS_FILE_TMPDIR}/realm
  mkdir -m 0755 "$REALM" "$REALM/kdc"
  mkdir -m 1777 "$REALM/caches" "$REALM/replay"
  if [[ ${1-} == --anonymous ]]; then
    anonymous=yes
    shift
  fi
  (($# == 0)) || libdefaults=$(printf '  %s\n' "$@")

  choose_kdc_address
  write_client_configuration
  write_kdc_configuration
  export REALM KRB5_CONFIG=$REALM/krb5.conf KRB5_KDC_PROFILE=$REALM/kdc/kdc.conf
  # Where libkrb5 has its replay caches, else in /var/tmp for good.
  export KRB5RCACHEDIR=$REALM/replay
  unset KRB5CCNAME KRB5_KTNAME KRB5_CLIENT_KTNAME
  [[ $anonymous == no ]] || use_certificate
  make_databases
  name_hosts
  start_kdc
}

realm_stop() {
  [[ -n ${REALM-} ]] || return 0
  stop_program krb5kdc "$REALM/kdc/pid"
  rm -rf "$REALM"
  unset REALM KRB5_CONFIG KRB5_KDC_PROFILE KRB5RCACHEDIR
}

# stop_program NAME FILE: the one whose pid is in there, if that is still it.
stop_program() {
  local pid
  pid=$(cat "$2" 2>/dev/null) && [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$1" ]] || return 0
  kill -TERM "$pid"
  wait_for has_ended "$pid" || kill -KILL "$pid"
  wait "$pid" 2>/dev/null || true
}

# realm_kinit USER [CACHE [KINIT-OPTION...]]: a ticket for USER, who may be of the other realm; in CACHE, or
# where there is none or it is empty, in the default cache of the user of that name.
realm_kinit() {
  local user=$1 cache=${2-} keytab=$REALM/users
  shift $(($# > 1 ? 2 : 1))
  if [[ -z $cache ]]; then
    cache=$REALM/caches/$(id -u "${user%@*}")
    realm_kinit "$user" "$cache" "$@" || return
    chown "${user%@*}:" "$cache"
    return
  fi
  on_host kdc kinit -k -t "$keytab" -c "$cache" "$@" "$user"
}

# realm_keytab FILE PRINCIPAL...: their keys as they are, for root alone to read.
realm_keytab() {
  local file=$1 principal
  shift
  for principal; do
    echo "ktadd -norandkey -k $file $principal"
  done | kadmin_in "$(realm_of "$1")"
}

# realm_principal QUERY...: what kadmin(1) understands, such as: modprinc -allow_forwardable alice
realm_principal() {
  kadmin_in IDN.TEST <<<"$*"
}

# The file that the KDC writes a line to for each ticket that it was asked for.
realm_log() {
  echo "$REALM/kdc/log"
}

# realm_variant FILE 'SECTION: LINE'...: a krb5.conf for one process, which has those lines besides, and first;
# SECTION is libdefaults, or a realm's name.
realm_variant() {
  local file=$1 line section
  shift
  cp "$KRB5_CONFIG" "$file"
  for line; do
    section=${line%%: *} line=${line#*: }
    line=${line//\\/\\\\}
    sed -i "/^\[$section\]\$/a\\  $line
      /^  $section = {\$/a\\    $line" "$file"
  done
}

# --- how it is made -------------------------------------------------------------------------------

realm_of() {
  case $1 in
    *@OTHER.TEST) echo OTHER.TEST ;;
    *) echo IDN.TEST ;;
  esac
}

choose_kdc_address() {
  local port=88
  [[ -n $HOSTS ]] || choose_port
  KDC_ADDRESS=$(host_address kdc):$port
}

write_client_configuration() {
  cat >"$REALM/krb5.conf" <<CONFIGURATION
[libdefaults]
$libdefaults
  default_realm = IDN.TEST
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  forwardable = true
  ticket_lifetime = 10h
  permitted_enctypes = aes256-cts-hmac-sha1-96
  default_ccache_name = FILE:$REALM/caches/%{uid}
[realms]
  IDN.TEST = {
    kdc = $KDC_ADDRESS
  }
  OTHER.TEST = {
    kdc = $KDC_ADDRESS
  }
[domain_realm]
  .test = IDN.TEST
  .other.test = OTHER.TEST
[capaths]
  OTHER.TEST = {
    IDN.TEST = .
  }
CONFIGURATION
}

write_kdc_configuration() {
  local realm
  {
    echo "[logging]"
    echo "  kdc = FILE:$REALM/kdc/log"
    echo "[kdcdefaults]"
    echo "  kdc_listen = $KDC_ADDRESS"
    echo "  kdc_tcp_listen = $KDC_ADDRESS"
    echo "[realms]"
    for realm in IDN.TEST OTHER.TEST; do
      cat <<CONFIGURATION
  $realm = {
    database_module = $realm
    key_stash_file = $REALM/kdc/$realm.stash
    master_key_type = aes256-cts-hmac-sha1-96
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
    max_life = 24h
    max_renewable_life = 7d
  }
CONFIGURATION
    done
    echo "[dbmodules]"
    for realm in IDN.TEST OTHER.TEST; do
      cat <<CONFIGURATION
  $realm = {
$(database_of "$realm")
  }
CONFIGURATION
    done
  } >"$REALM/kdc/kdc.conf"
  : >"$REALM/kdc/log"
}

# These two are another's in lib/directory.
database_of() {
  database_in_file "$1"
}

create_database() {
  create_database_file "$1"
}

database_in_file() {
  cat <<CONFIGURATION
    db_library = db2
    database_name = $REALM/kdc/$1
    disable_last_success = true
    disable_lockout = true
CONFIGURATION
}

create_database_file() {
  kdb5_util -r "$1" create -s -P master
}

make_databases() {
  local realm principal
  for realm in IDN.TEST OTHER.TEST; do
    create_database "$realm" >"$REALM/kdc/made" 2>&1 || { cat "$REALM/kdc/made"; return 1; }
  done
  {
    for principal in alice bob carol root stranger u{1..20} {a,b,c,kdc}.test; do
      case $principal in
        *.test) echo "addprinc -randkey +ok_as_delegate HTTP/$principal" ;;
        *) echo "addprinc -randkey $principal"; echo "ktadd -norandkey -k $REALM/users $principal" ;;
      esac
    done
    [[ ! -e $REALM/kdc/certificate ]] || echo "addprinc -randkey WELLKNOWN/ANONYMOUS"
    echo "addprinc -pw trust krbtgt/IDN.TEST@OTHER.TEST"
  } | kadmin_in IDN.TEST
  kadmin_in OTHER.TEST <<TRUST
addprinc -pw trust krbtgt/IDN.TEST@OTHER.TEST
addprinc -randkey mallory
addprinc -randkey alice
ktadd -norandkey -k $REALM/users mallory alice
TRUST
}

# Queries of kadmin, a line each, on standard input.  It tells of one that fails, and goes on to the next.
kadmin_in() {
  local answer
  answer=$(kadmin.local -r "$1" 2>&1) || { echo "$answer" >&2; return 1; }
  if grep -q ' while ' <<<"$answer"; then
    grep ' while ' <<<"$answer" >&2
    return 1
  fi
}

# Says so when it has its sockets; one that cannot have them ends, and is found out at once.
start_kdc() {
  local line='' ready
  become_host kdc
  mkfifo "$REALM/kdc/ready"
  (
    exec 3>&- 4>&- </dev/null >"$REALM/kdc/ready" 2>&1
    exec "${ON_HOST[@]}" krb5kdc -n -r IDN.TEST -r OTHER.TEST
  ) &
  echo $! >"$REALM/kdc/pid"
  exec {ready}<"$REALM/kdc/ready"
  until [[ $line == *"starting..."* ]]; do
    # shellcheck disable=SC2154 # of lib/common
    if ! read -rt "$patience" -u "$ready" line; then
      echo "krb5kdc did not start: $(tail -n 3 "$(realm_log)")" >&2
      return 1
    fi
  done
  exec {ready}<&-
  rm "$REALM/kdc/ready"
}

# Self-signed, for the KDC's own use (RFC 4556, 3.2.4).
use_certificate() {
  sed -i "/^  IDN.TEST = {\$/a\\    pkinit_anchors = FILE:$REALM/kdc/certificate" "$KRB5_CONFIG"
  sed -i "/^  IDN.TEST = {\$/a\\    pkinit_identity = FILE:$REALM/kdc/certificate,$REALM/kdc/key" "$KRB5_KDC_PROFILE"
  cat >"$REALM/kdc/certificate.conf" <<CONFIGURATION
[req]
  distinguished_name = name
  x509_extensions = kdc
  prompt = no
[name]
  CN = IDN.TEST
[kdc]
  basicConstraints = CA:TRUE
  keyUsage = nonRepudiation, digitalSignature, keyEncipherment, keyAgreement, keyCertSign
  extendedKeyUsage = 1.3.6.1.5.2.3.5
  subjectKeyIdentifier = hash
  subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:principal
[principal]
  realm = EXP:0,GeneralString:IDN.TEST
  name = EXP:1,SEQUENCE:name_of
[name_of]
  type = EXP:0,INTEGER:2
  string = EXP:1,SEQUENCE:strings
[strings]
  service = GeneralString:krbtgt
  realm = GeneralString:IDN.TEST
CONFIGURATION
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -config "$REALM/kdc/certificate.conf" \
    -keyout "$REALM/kdc/key" -out "$REALM/kdc/certificate" 2>"$REALM/kdc/made" || { cat "$REALM/kdc/made"; return 1; }
}

# --- the hosts ------------------------------------------------------------------------------------

need_hosts() {
  need_world
  need ip nsenter
  ip netns add probe 2>/dev/null || skip "needs to make network namespaces"
  ip netns delete probe
}

# Three hosts, and a fourth that joins them and has the KDC, kdc.test.
hosts_start() {
  local name n=1
  HOSTS="a b c"
  ip netns add kdc
  ip -n kdc link set lo up
  ip -n kdc link add joined type bridge
  ip -n kdc address add 10.73.0.1/24 dev joined
  ip -n kdc link set joined up
  for name in $HOSTS; do
    n=$((n + 1))
    ip netns add "$name"
    ip -n "$name" link set lo up
    ip -n kdc link add name "to-$name" type veth peer name eth0 netns "$name"
    ip -n kdc link set "to-$name" master joined up
    ip -n "$name" address add "10.73.0.$n/24" dev eth0
    ip -n "$name" link set eth0 up
  done
  name_hosts
}

# What still runs there is not ended.
hosts_stop() {
  local name
  [[ -n ${HOSTS-} ]] || return 0
  for name in $HOSTS kdc; do
    ip netns delete "$name"
  done
  HOSTS=
}

# Their names, once they are there.
HOSTS=

# on_host NAME COMMAND...: a program, on a, b, c or kdc; here, where hosts_start was not called.
on_host() {
  become_host "$1"
  shift
  "${ON_HOST[@]}" "$@"
}

# become_host NAME: sets ON_HOST, the words to put before a command.
become_host() {
  ON_HOST=()
  [[ -z $HOSTS ]] || ON_HOST=(nsenter "--net=/run/netns/$1")
}

# In the world's /etc; outside of one, curl's --resolve has to do.
name_hosts() {
  local name n=1
  [[ -n ${WORLD-} ]] || return 0
  sed -i '/\.test$/d' /etc/hosts
  for name in kdc a b c; do
    echo "$(host_address "$name") $name.test" >>/etc/hosts
  done
}

# host_address NAME: of its one address.
host_address() {
  local n
  case $1 in
    kdc) n=1 ;;
    a) n=2 ;;
    b) n=3 ;;
    c) n=4 ;;
  esac
  if [[ -n $HOSTS ]]; then
    echo "10.73.0.$n"
  else
    echo "127.0.0.$n"
  fi
}
