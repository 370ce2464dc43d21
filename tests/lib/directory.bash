# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A realm whose principals are in an LDAP directory, for what a KDC can do with such a one alone: say which
# services may speak for their clients, and to whom.  Behind lib/realm, of which it takes two functions over.

need_directory() {
  need slapd ldapadd kdb5_ldap_util
  local plugin
  directory_modules=''
  for plugin in /usr/lib*/ldap /usr/lib*/openldap /usr/lib/*/ldap /usr/libexec/openldap; do
    [[ ! -e $plugin/back_mdb.so ]] || directory_modules=$plugin
  done
  [[ -n $directory_modules ]] || skip "needs slapd's back_mdb"
  directory_schema=''
  for plugin in /usr/share/doc/krb5-kdc-ldap/kerberos.schema.gz /usr/share/doc/krb5-kdc-ldap/kerberos.schema \
    /usr/share/doc/krb5-server-ldap*/kerberos.schema /etc/ldap/schema/kerberos.schema \
    /etc/openldap/schema/kerberos.schema; do
    [[ ! -e $plugin ]] || directory_schema=$plugin
  done
  [[ -n $directory_schema ]] || skip "needs krb5's schema for LDAP"
  directory_core=''
  for plugin in /etc/ldap/schema/core.schema /etc/openldap/schema/core.schema; do
    [[ ! -e $plugin ]] || directory_core=$plugin
  done
  [[ -n $directory_core ]] || skip "needs slapd's core.schema"
}

# directory_start: before realm_start, which then has IDN.TEST in it.
directory_start() {
  local line='' ready
  DIRECTORY=${SCRATCH:-$BATS_FILE_TMPDIR}/directory
  mkdir -p "$DIRECTORY/data"
  DIRECTORY_URL=ldapi://${DIRECTORY//\//%2F}%2Fsocket
  zcat -f "$directory_schema" >"$DIRECTORY/kerberos.schema"
  cat >"$DIRECTORY/slapd.conf" <<CONFIGURATION
include $directory_core
include $DIRECTORY/kerberos.schema
modulepath $directory_modules
moduleload back_mdb
database mdb
suffix "dc=test"
rootdn "cn=admin,dc=test"
rootpw secret
directory $DIRECTORY/data
maxsize 10485760
CONFIGURATION
  # What it says while it starts goes where it is waited for, and is read on for as long as it runs.
  mkfifo "$DIRECTORY/ready"
  (
    exec 3>&- 4>&- </dev/null >"$DIRECTORY/ready" 2>&1
    exec slapd -f "$DIRECTORY/slapd.conf" -h "$DIRECTORY_URL" -d stats
  ) &
  echo $! >"$DIRECTORY/pid"
  exec {ready}<"$DIRECTORY/ready"
  until [[ $line == *"slapd starting"* ]]; do
    # shellcheck disable=SC2154 # of lib/common
    if ! read -rt "$patience" -u "$ready" line; then
      echo "slapd did not start: $line" >&2
      return 1
    fi
  done
  cat <&"$ready" >"$DIRECTORY/log" &
  exec {ready}<&-
  # It says so a little before it listens.
  wait_for directory_answers || { cat "$DIRECTORY/answer" >&2; return 1; }
  ask_directory ldapadd <<ENTRY
dn: dc=test
objectClass: dcObject
objectClass: organization
o: test
dc: test
ENTRY
  printf 'cn=admin,dc=test#{HEX}%s\n' 736563726574 >"$DIRECTORY/password"
}

directory_answers() {
  ask_directory ldapwhoami 2>/dev/null
}

directory_stop() {
  [[ -n ${DIRECTORY-} ]] || return 0
  stop_program slapd "$DIRECTORY/pid"
  rm -rf "$DIRECTORY"
  unset DIRECTORY
}

# directory_allow SERVICE TARGET: SERVICE may speak to TARGET for whoever came to it.
directory_allow() {
  ask_directory ldapmodify <<CHANGE
dn: krbPrincipalName=$1@IDN.TEST,cn=IDN.TEST,cn=krb,dc=test
changetype: modify
add: krbAllowedToDelegateTo
krbAllowedToDelegateTo: $2@IDN.TEST
CHANGE
}

ask_directory() {
  local program=$1
  shift
  "$program" -x -H "$DIRECTORY_URL" -D cn=admin,dc=test -w secret "$@" >"$DIRECTORY/answer" 2>&1 ||
    { cat "$DIRECTORY/answer" >&2; return 1; }
}

database_of() {
  if [[ $1 != IDN.TEST ]]; then
    database_in_file "$1"
    return
  fi
  cat <<CONFIGURATION
    db_library = kldap
    ldap_kerberos_container_dn = cn=krb,dc=test
    ldap_kdc_dn = cn=admin,dc=test
    ldap_kadmind_dn = cn=admin,dc=test
    ldap_service_password_file = $DIRECTORY/password
    ldap_servers = $DIRECTORY_URL
CONFIGURATION
}

create_database() {
  if [[ $1 == IDN.TEST ]]; then
    kdb5_ldap_util -D cn=admin,dc=test -w secret -H "$DIRECTORY_URL" create -r IDN.TEST -s -P master \
      -subtrees dc=test
  else
    create_database_file "$1"
  fi
}
