# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Calling the test programs: each case is a promise, kept (0), broken (1) or not to be tried here (77).

# promise PROGRAM CASE [KIND]
promise() {
  need_world
  run env WORLD="$SCRATCH" timeout 120 "$@"
  [ "$status" -eq 77 ] && skip "$output"
  [ "$status" -eq 0 ] && return
  echo "$*: expected 0, saw $status: $output" >&2
  return 1
}

# A promise that a service keeps that is root, and one that is an ordinary user with two capabilities.
both() {
  promise "$1" "$2" root
  promise "$1" "$2" ordinary
}

# started COMMAND...: a process that has printed a line when it is ready; sets process, ready, that line,
# and output_of, a descriptor to read what it prints later.
started() {
  exec {output_of}< <(exec 3>&- 4>&- "$@")
  process=$!
  SERVER_PIDS+=("$process")
  # shellcheck disable=SC2034,SC2154 # for the suites, of lib/common
  read -rt "$patience" -u "$output_of" ready
}

# strace, where it is and may trace.
need_strace() {
  need strace
  strace -qq -o /dev/null true 2>/dev/null || skip "needs leave to trace"
}

# Has pkg-config find what is in the build directory as it finds what is installed.
stage_library() {
  need pkg-config
  ! grep -q 'define WITH_SANITIZERS' "$BUILD/config.h" || skip "needs a build without sanitizers"
  compgen -G "$BUILD/common/.libs/libimpersonate.so*" >/dev/null || skip "needs the shared library"
  mkdir -p "$SCRATCH/root/include" "$SCRATCH/root/lib/pkgconfig"
  cp "$SRC/common/impersonate.h" "$SCRATCH/root/include"
  cp -P "$BUILD"/common/.libs/libimpersonate.so* "$SCRATCH/root/lib"
  sed "s|^prefix=.*|prefix=$SCRATCH/root|; s|^libdir=.*|libdir=$SCRATCH/root/lib|; s|^includedir=.*|includedir=$SCRATCH/root/include|" \
    "$BUILD/common/impersonate.pc" >"$SCRATCH/root/lib/pkgconfig/impersonate.pc"
  export PKG_CONFIG_PATH=$SCRATCH/root/lib/pkgconfig LD_LIBRARY_PATH=$SCRATCH/root/lib
}
