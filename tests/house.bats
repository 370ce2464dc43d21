#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The house: what only one file may do, and what each binary may load.

load lib/common

sources() {
  (cd "$SRC" && find common cmd -name '*.c')
}

@test "credential system calls are made in one file only" {
  cd "$SRC"
  run grep -lE 'SYS_set(res|re|fs)?[ug]id|SYS_setgroups|SYS_capset|PR_SET_KEEPCAPS|PR_CAP_AMBIENT_|PR_CAPBSET_DROP|PR_SET_SECUREBITS' $(sources)
  assert_output common/core/credentials.c
}

@test "nobody calls the C library's functions, which change every thread" {
  cd "$SRC"
  run grep -nE '\b(set(res|re|fs|e)?[ug]id|setgroups|initgroups|capset|cap_set_proc)[ ]*\(' $(sources)
  # But where it is shown what comes of it.
  assert_line --regexp '^cmd/idn-serve-demo/defect\.c:[0-9]+:.*seteuid\(switch_primary'
  refute_line --regexp '^cmd/idn-serve-demo/defect\.c:[0-9]+:.*setresuid'
  run grep -v '^cmd/idn-serve-demo/defect\.c:' <<<"$output"
  assert_output ""
}

@test "the processes' /proc is read in one file only" {
  cd "$SRC"
  run grep -lE '"/proc/(%|self|[0-9])' $(sources)
  assert_output common/core/procfs.c
}

@test "JSON is written in one file only" {
  cd "$SRC"
  run grep -lE 'json_dump' $(sources)
  assert_output common/cli/json.c
}

@test "the library neither prints nor exits nor touches signals" {
  cd "$SRC"
  run grep -nE '\b(printf|puts|putchar|perror|exit|_exit|signal|sigaction|pthread_sigmask)[ ]*\(' common/core/*.c common/access/*.c common/flow/*.c
  # Of children of its own, and the thread that makes one is not to be interrupted.
  assert_line --regexp '^common/access/witness-namespace\.c:[0-9]+:.*_exit\(0\);$'
  run grep -vE '^common/access/witness-namespace\.c:[0-9]+:.*_exit\(0\);$|^common/core/spawn\.c:[0-9]+:.*pthread_sigmask\(SIG_SETMASK, ' <<<"$output"
  assert_output ""
}

@test "an arrow between rooms points down" {
  cd "$SRC"
  run grep -nE '#include "(access|flow|net|ring|look|cli)/' common/core/*.c common/core/*.h
  assert_output ""
  run grep -nE '#include "(access|flow|ring|look|cli)/' common/net/*.c common/net/*.h
  assert_output ""
  run grep -nE '#include "(access|ring|look|cli)/' common/flow/*.c common/flow/*.h
  assert_output ""
  run grep -nE '#include "(flow|net|ring|look|cli)/' common/access/*.c common/access/*.h
  assert_output ""
  run grep -nE '#include "(access|flow|look|cli)/' common/ring/*.c common/ring/*.h
  assert_output ""
  run grep -nE '#include "(access|flow|net|ring|cli)/' common/look/*.c common/look/*.h
  assert_output ""
}

@test "the library exports what its header declares, and nothing else" {
  need nm
  local library=$BUILD/common/.libs/libimpersonate.so
  [[ -e $library ]] || skip "needs the shared library"
  diff <(nm -D --defined-only "$library" | awk '$2 == "T" { print $3 }' | sed 's/@.*//' | sort) \
    <(grep -vE 'typedef|#define' "$SRC/common/impersonate.h" | grep -oE '\bimp_[a-z0-9_]+\(' | tr -d '(' | sort -u)
}

@test "the header is C++, and a program links the library by it" {
  need c++
  cat >"$BATS_TEST_TMPDIR/program.cpp" <<'CPP'
#include <impersonate.h>
int main()
{
	imp_level level;
	return imp_level_parse("identify", &level) == 0 && level == IMP_LEVEL_IDENTIFICATION ? 0 : 1;
}
CPP
  [[ -e $BUILD/common/.libs/libimpersonate.so ]] || skip "needs the shared library"
  local sanitizers=()
  ! grep -q 'define WITH_SANITIZERS' "$BUILD/config.h" || sanitizers=(-fsanitize=address,undefined)
  ! grep -q 'define WITH_THREAD_SANITIZER' "$BUILD/config.h" || sanitizers=(-fsanitize=thread)
  c++ -Wall -Wextra -Werror "${sanitizers[@]}" -I"$SRC/common" -o "$BATS_TEST_TMPDIR/program" \
    "$BATS_TEST_TMPDIR/program.cpp" -L"$BUILD/common/.libs" -limpersonate
  LD_LIBRARY_PATH=$BUILD/common/.libs "$BATS_TEST_TMPDIR/program"
}

@test "the binaries are hardened" {
  need readelf
  local program
  ! grep -q 'define WITH_SANITIZERS' "$BUILD/config.h" || skip "built with the sanitizers instead"
  for program in "$BUILD/cmd/idn-check/idn-check" "$BUILD/cmd/idn-show/idn-show" "$BUILD/cmd/idn-run-as/idn-run-as"; do
    readelf -h "$program" | grep -q 'Type: *DYN'
    readelf -d "$program" | grep -q BIND_NOW
    readelf -lW "$program" | grep -q GNU_RELRO
    readelf -lW "$program" | grep GNU_STACK | grep -qv E
    readelf -sW "$program" | grep -q __stack_chk_fail
    readelf -sW "$program" | grep -q _chk@
  done
}

@test "a program that contains a library does not load it as well" {
  need readelf nm
  local program needed
  for program in idn-check idn-run-as; do
    program=$BUILD/cmd/$program/$program
    needed=$(readelf -d "$program" | grep NEEDED)
    ! nm "$program" | grep -q ' T cap_get_proc$' || refute grep -q 'libcap\.' <<<"$needed"
    ! nm "$program" | grep -q ' T poptGetContext$' || refute grep -q 'libpopt\.' <<<"$needed"
    ! nm "$program" | grep -q ' T json_object$' || refute grep -q 'libjansson\.' <<<"$needed"
    ! nm "$program" | grep -q ' T acl_get_file$' || refute grep -q 'libacl\.' <<<"$needed"
    ! nm "$program" | grep -q ' T nettle_base64_encode_raw$' || refute grep -q 'libnettle\.' <<<"$needed"
    ! nm "$program" | grep -q ' T ini_parse_stream$' || refute grep -q 'libinih\.' <<<"$needed"
    ! nm "$program" | grep -q ' T XML_Parse$' || refute grep -q 'libexpat\.' <<<"$needed"
  done
}

@test "policy files and XML are read by the programs that need it, and no other" {
  need readelf nm
  local program
  for program in idn-run-as idn-show; do
    program=$BUILD/cmd/$program/$program
    refute grep -qE 'lib(inih|expat)\.' <<<"$(readelf -d "$program" | grep NEEDED)"
    refute grep -qE ' (ini_parse_stream|XML_Parse)$' <<<"$(nm "$program")"
  done
  [[ -e $BUILD/common/.libs/libimpersonate.so ]] || return 0
  refute grep -q 'libexpat\.' <<<"$(readelf -d "$BUILD/common/.libs/libimpersonate.so" | grep NEEDED)"
}

@test "Kerberos is loaded by who speaks over the network, and by no other tool" {
  need ldd readelf
  local program kerberos='lib(gssapi_krb5|krb5|k5crypto)\.' library=$BUILD/common/.libs/libimpersonate.so
  for program in idn-check idn-run-as idn-show; do
    program=$BUILD/cmd/$program/$program
    run -0 ldd "$program"
    refute_output --regexp "$kerberos"
    # Nor named for a time that may come.
    refute grep -qE 'lib(gssapi_krb5|krb5)\.so' "$program"
  done
  [[ -e $library ]] || return 0
  run -0 readelf -d "$library"
  if type -P network-test >/dev/null; then
    assert_output --regexp "$kerberos"
  else
    refute_output --regexp "$kerberos"
  fi
}

@test "Kerberos is known to one room" {
  cd "$SRC"
  run grep -rlE '#include <(gssapi|krb5|profile)' common cmd --include='*.[ch]'
  refute_line --regexp '^(cmd|common/(core|access|flow|look|cli))/'
}
