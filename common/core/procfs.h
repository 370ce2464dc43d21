/* SPDX-License-Identifier: MIT */
/* What /proc/PID says of processes and threads.  The only file that opens it is procfs.c. */
#ifndef CORE_PROCFS_H
#define CORE_PROCFS_H

#include "impersonate.h"

enum { ID_REAL, ID_EFFECTIVE, ID_SAVED, ID_FILESYSTEM, N_IDS };

enum { SET_EFFECTIVE, SET_PERMITTED, SET_INHERITABLE, SET_AMBIENT, SET_BOUNDING, N_SETS };

/* One thread, from /proc/PID/task/TID/status. */
struct procfs_thread {
	pid_t pid;
	pid_t tid;
	pid_t parent;
	char command[64]; /* as the kernel gives it: any byte but NUL, escapes undone */
	uid_t uids[N_IDS];
	gid_t gids[N_IDS];
	uint64_t capabilities[N_SETS];
	size_t n_groups;
	gid_t *groups; /* ascending, owned */
	mode_t umask;
	bool no_new_privs;
	int seccomp; /* 0 off, 1 strict, 2 filter */
};

/*
 * Reads one thread; TID 0 is the main thread.  -ESRCH when there is no such thread, also when it
 * ends meanwhile; -EACCES when /proc hides it; -EPROTO when the file makes no sense; -ENOMEM.
 */
int procfs_read_thread(pid_t pid, pid_t tid, struct procfs_thread *thread) IMP_MUST_CHECK;
void procfs_clear_thread(struct procfs_thread *thread);

/* Parses the text of a status file, which must end in NUL.  -EPROTO, -ENOMEM. */
int procfs_parse_status(const char *text, struct procfs_thread *thread) IMP_MUST_CHECK;

/* Reads "PID" or "PID/TID", as people write them; *TID is 0 where it is not said.  -EINVAL. */
int procfs_parse_thread(const char *text, pid_t *pid, pid_t *tid) IMP_MUST_CHECK;

/* Reads COUNT ids in decimal; returns what follows them, or NULL. */
const char *procfs_parse_ids(const char *text, uint32_t *ids, size_t count);
/* One number alone, up to the end of the line.  -EPROTO. */
int procfs_parse_number(const char *text, int base, unsigned long long *number) IMP_MUST_CHECK;

/* Start of a process, in clock ticks since boot (proc(5), stat, field 22).  Errors as above. */
int procfs_start_time(pid_t pid, uint64_t *ticks) IMP_MUST_CHECK;

/*
 * The same of one thread; *WORKER: it is one that the kernel has made for itself in the process, as
 * io_uring_setup(2) does, and acts for whoever asks it, whatever its ids are.
 */
int procfs_thread_start(pid_t pid, pid_t tid, uint64_t *ticks, bool *worker) IMP_MUST_CHECK;

/* CLOCK_REALTIME of such a start, in nanoseconds; to some hundredths of a second. */
int64_t procfs_start_realtime(uint64_t ticks);

/* What a process has taken.  Errors as above; -EACCES for another user's. */
struct procfs_usage {
	size_t descriptors; /* open */
	uint64_t resident;  /* bytes of memory */
};
int procfs_read_usage(pid_t pid, struct procfs_usage *usage) IMP_MUST_CHECK;

/*
 * Whether a thread has a descriptor of io_uring(7).  -EACCES where the caller may not see what it
 * has; -ESRCH also for one that has closed all of them, as a thread does that is about to end.
 */
int procfs_has_ring(pid_t pid, pid_t tid, bool *found) IMP_MUST_CHECK;

/* The tids of a process, ascending; owned by the caller.  Errors as above. */
int procfs_list_threads(pid_t pid, pid_t **tids, size_t *count) IMP_MUST_CHECK;

/* The pids that /proc shows.  Errors as above. */
int procfs_list_processes(pid_t **pids, size_t *count) IMP_MUST_CHECK;

/* Does any process have this uid, in whichever role?  What /proc hides is not seen. */
bool procfs_uid_in_use(uid_t uid);

/* The security label of a thread into BUFFER.  -ENODATA when there is none. */
int procfs_label(pid_t pid, pid_t tid, char *buffer, size_t size) IMP_MUST_CHECK;

/*
 * What COUNT ids, as seen from here, are in the user namespace of a process; MAP is "uid_map" or
 * "gid_map" (user_namespaces(7)).  One that is not mapped there is UINT32_MAX.
 */
int procfs_translate_ids(pid_t pid, const char *map, const uint32_t *ids, uint32_t *inside,
			 size_t count) IMP_MUST_CHECK;
/*
 * What the kernel shows for a uid that only another user namespace knows; read once, safe in
 * threads.
 */
uid_t procfs_overflow_uid(void);
/* Whether /proc shows this uid for one that the reader's user namespace has no number for. */
bool procfs_uid_is_unmapped(uid_t uid);
bool procfs_gid_is_unmapped(gid_t gid);
/* Whether two processes have one and the same mapping: nearly always, then, one user namespace. */

bool procfs_same_id_map(pid_t a, pid_t b);

/* The ids, as seen from here, that the user namespace of a process has numbers for; owned. */
struct procfs_id_range {
	uint32_t first, count;
};
int procfs_read_id_ranges(pid_t pid, const char *map, struct procfs_id_range **ranges,
			  size_t *count) IMP_MUST_CHECK;

/* A number that names the thread's user namespace (its inode).  -EACCES where /proc hides it. */
int procfs_user_namespace(pid_t pid, pid_t tid, uint64_t *number) IMP_MUST_CHECK;

/* One number of /proc/sys, for instance "fs/protected_symlinks".  Errors as above. */
int procfs_sysctl(const char *name, unsigned *value) IMP_MUST_CHECK;

/*
 * The words that a process was started with, each ending in NUL, and how long that is; owned.
 * Errors as above.
 */
int procfs_command_line(pid_t pid, char **words, size_t *length) IMP_MUST_CHECK;

/*
 * Whether a process can be traced and dumped by its own user (PR_GET_DUMPABLE), by the owner of its
 * files.  -ENODATA where that would be root in any case.  Errors as above.
 */
int procfs_is_dumpable(pid_t pid, bool *dumpable) IMP_MUST_CHECK;

/* The keys that the calling thread may view, as proc_keys(5) has them; owned.  -ESRCH: none. */
int procfs_keys(char **text) IMP_MUST_CHECK;

/* A path that leads to what a descriptor of the caller's is, also one of O_PATH. */
enum { PROCFS_FD_PATH = 32 };
const char *procfs_fd_path(int fd, char buffer[PROCFS_FD_PATH]);

/*
 * Opens what a thread has as its "root", "cwd", "fd/7" (with O_PATH) or "ns/mnt"; close-on-exec.
 * TID 0 is the main thread.  -EACCES where the caller may not, -ESRCH.
 */
int procfs_open_place(pid_t pid, pid_t tid, const char *place) IMP_MUST_CHECK;

/* Opens the list of the calling process's descriptors; nothing but a system call. */
int procfs_open_descriptors(void) IMP_MUST_CHECK;

/* The line of a process's mountinfo about one mount, owned.  -ENOENT where there is none. */
int procfs_mount_line(pid_t pid, uint64_t mount, char **line) IMP_MUST_CHECK;

/* All of them, owned. */
int procfs_mounts(pid_t pid, char **text) IMP_MUST_CHECK;

/*
 * The serial numbers of the keys, live ones of type "user" or "logon" (keyrings(7)), that
 * /proc/keys shows the calling thread with this description; none is no error.  That is a hint: a
 * line may be part of another key's description.  *SERIALS is the caller's.
 */
int procfs_find_keys(const char *description, int32_t **serials, size_t *count) IMP_MUST_CHECK;
/* The same in TEXT, as /proc/keys would have it. */
int procfs_parse_keys(const char *text, const char *description, int32_t **serials,
		      size_t *count) IMP_MUST_CHECK;

/* Is the file a program that some process, which /proc shows, is running? */
bool procfs_is_running(dev_t dev, ino_t ino);
/* Does the kernel swap to it? */
bool procfs_is_swap_file(dev_t dev, ino_t ino);

/* ---------------------------------------------------------------- for the files beside procfs.c --
 */

enum procfs_contents {
	ONE_RECORD, /* which the kernel gives whole, as far as there is room: what is short is all
		     */
	MANY_RECORDS
};

/* Reads a file below /proc whole; *TEXT is the caller's, NUL at its end.  Errors as above. */
int procfs_read(const char *name, enum procfs_contents contents, char **text,
		size_t *length) IMP_MUST_CHECK;
int procfs_owner(const char *name, uid_t *owner) IMP_MUST_CHECK;

#endif
