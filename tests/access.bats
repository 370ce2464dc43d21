#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The evaluation of access against the kernel: traps that are known, and a search for others.

load lib/common
load lib/programs

setup_file() {
  hold_machine
}

# --- the search -----------------------------------------------------------------------------------

# Random trees, questions and identities: what is predicted and what the kernel does, errors included.
differential() {
  need_world
  run --separate-stderr access-differential "$@"
  # The file systems that could not be had.
  [[ -z $stderr ]] || echo "# $stderr" >&3
  [ "$status" -ne 77 ] || skip "$stderr"
  [ "$status" -eq 0 ] && return
  echo "$output" "$stderr" >&2
  return 1
}

@test "in 20,000 random cases the evaluator and the kernel agree" {
  differential --cases 20000
}

# These are the whole machine's while it runs: few cases.
@test "with fs.protected_* raised they agree in 8,000" {
  differential --cases 8000 --protections
}

@test "the sysctls are as they were after one that is ended by a signal" {
  need_world
  local before
  before=$(cat /proc/sys/fs/protected_*)
  access-differential --cases 100000000 --protections >"$SCRATCH/out" 2>&1 3>&- 4>&- &
  local pid=$!
  SERVER_PIDS+=("$pid")
  raised() { [[ $(cat /proc/sys/fs/protected_*) != "$before" ]] || has_ended "$pid"; }
  # Where they are raised already nothing can be seen of it.
  [[ $before == $'1\n1\n1\n1' || $before == $'2\n1\n2\n1' ]] || wait_for raised
  kill -TERM "$pid"
  wait "$pid" || true
  [[ $(cat /proc/sys/fs/protected_*) == "$before" ]]
}

# --- permissions ----------------------------------------------------------------------------------

@test "with mask --- the kernel skips the list, and class other decides" {
  promise access-test mask-nothing
}

@test "a mask hides what named users, named groups and the owning group were given, and no more" {
  promise access-test mask-hides
}

@test "bits that only two groups' entries together would give are denied" {
  promise access-test groups-together
}

@test "of several groups that match, one that has all of it allows" {
  promise access-test groups-several
}

@test "a named user's entry takes away what the group gives" {
  promise access-test user-entry-takes-away
}

@test "the owner is denied though group and others would be allowed" {
  promise access-test owner-denied
}

@test "the group is denied though others would be allowed" {
  promise access-test group-denied
}

@test "a directory without x denies all below it, and what is missing is not told" {
  promise access-test parent-without-search
}

@test "a directory with r alone is listed and not entered, one with x alone the other way round" {
  promise access-test list-without-search
}

@test "root without capabilities is anybody, and each capability allows its own" {
  promise access-test root-and-capabilities
}

@test "root executes no file without any x bit" {
  promise access-test execution-by-root
}

@test "CAP_CHOWN alone does not give away a set-user-ID program" {
  promise access-test changing-owner
}

@test "chmod is the owner's and CAP_FOWNER's, whatever the mode" {
  promise access-test changing-mode
}

@test "a file system without ACLs is judged by modes" {
  promise access-test without-lists
}

# --- objects --------------------------------------------------------------------------------------

@test "in a sticky directory the file's owner, the directory's and CAP_FOWNER delete" {
  promise access-test sticky-delete
}

@test "protected_symlinks: another's link at the end of a path in /tmp is not followed" {
  promise access-test protected-symlinks
}

@test "protected_regular and protected_fifos: O_CREAT does not open another's file in /tmp" {
  promise access-test protected-regular
}

@test "protected_hardlinks: no link to what one may not write" {
  promise access-test protected-hardlinks
}

@test "append-only files are opened to append, and not removed" {
  promise access-test append-only
}

@test "what is immutable is so for root" {
  promise access-test immutable
}

@test "40 links pass, and 41 do not" {
  promise access-test forty-links
}

@test "slashes behind a name mean what each system call takes them for" {
  promise access-test slashes-behind
}

@test "a directory that is not empty is not removed, which only those are told who might" {
  promise access-test removing-directories
}

@test "a program that is running is not opened for writing, whatever its mode is by now" {
  promise access-test running-program
}

# --- mounts ---------------------------------------------------------------------------------------

@test "a mount that is read-only denies, before permissions where something is to change" {
  promise access-test read-only-mount
}

@test "a file system that is read-only denies before permissions, but for devices" {
  promise access-test read-only-file-system
}

@test "noexec: no program, and directories are searched" {
  promise access-test noexec
}

@test "nodev: no device is opened, and access(2) does not know" {
  promise access-test nodev
}

@test "nosymfollow: no link is followed, and links are removed" {
  promise access-test nosymfollow
}

@test "a mount point is judged by what lies below, and is busy also where it is not seen" {
  promise access-test mount-points
}

@test "idmapped: ids are exchanged, and what has none is nobody's" {
  promise access-test idmapped
}

@test "idmapped: who has no number on a mount makes nothing there" {
  promise access-test idmapped-create
}
