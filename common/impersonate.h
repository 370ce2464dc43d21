/* SPDX-License-Identifier: MIT */
/*
 * impersonate.h - client impersonation, one thread at a time.
 *
 * A service makes a token from a client's connection and impersonates with it: from then on the
 * calling thread alone acts as that client, until it reverts.  Every function returns 0 or a
 * negative errno unless it says otherwise.  Nothing here prints, exits or touches signals, with one
 * exception that is meant: where a thread cannot be brought back to an identity that is known, the
 * process aborts, because going on would be going on as somebody else.
 *
 * Every function may be called from any thread.  Tokens and policies are immutable once they are
 * shared, and reference-counted with atomic operations.
 */
#ifndef IMPERSONATE_H
#define IMPERSONATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define IMP_MUST_CHECK __attribute__((warn_unused_result))
#define IMP_PRINTF(position, first) __attribute__((format(printf, position, first)))
#else
#define IMP_MUST_CHECK
#define IMP_PRINTF(position, first)
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/* ------------------------------------------------------------------------------------ levels -- */

/* How far a service may go in a client's name.  Ordered: a lower level allows less. */
enum imp_level {
	IMP_LEVEL_ANONYMOUS, /* who the client is stays unknown; acts as the anonymous identity */
	IMP_LEVEL_IDENTIFICATION, /* who the client is may be read; acts as the anonymous identity
				   */
	IMP_LEVEL_IMPERSONATION,  /* acts as the client on this machine */
	IMP_LEVEL_DELEGATION	  /* acts as the client, over the network too */
};

/* What set a token's effective level: the lowest of all that had a say. */
enum imp_decided_by {
	IMP_DECIDED_BY_DEFAULT,		  /* nobody said: the transport's default */
	IMP_DECIDED_BY_ADDRESS,		  /* the address that the client bound its socket to */
	IMP_DECIDED_BY_REQUEST,		  /* the client, with one request */
	IMP_DECIDED_BY_POLICY,		  /* the policy's max_level */
	IMP_DECIDED_BY_PRIVILEGED_CLIENT, /* the cap on clients whose uid is 0 */
	IMP_DECIDED_BY_UNMAPPED_CLIENT,	  /* a uid that has no meaning in this user namespace */
	IMP_DECIDED_BY_SERVICE		  /* the service itself asked for less */
};

/*
 * "anonymous", "identification", "impersonation" or "delegation"; NULL for a value that is no
 * level. The string is static.
 */
const char *imp_level_name(enum imp_level level);

/*
 * Reads a level's name, in lower case: the four above, and the forms that RPC uses (identify,
 * impersonate, delegate).  -EINVAL for anything else; *level is then left as it was.
 */
int imp_level_parse(const char *text, enum imp_level *level) IMP_MUST_CHECK;

/*
 * "default", "address", "request", "max_level", "privileged_client", "unmapped_client" or
 * "service": the words that idn-show and the JSON of all tools use.  NULL for any other value.
 */
const char *imp_decided_by_name(enum imp_decided_by by);

/* ---------------------------------------------------------------------------------- identity -- */

/* Not an id: setresuid(2) and its kin take it for "leave as it is". */
#define IMP_NO_UID ((uid_t)-1)
#define IMP_NO_GID ((gid_t)-1)

/*
 * Who somebody is.  Made by the library alone, which may add members at the end; the arrays and
 * strings belong to the token that it came from, and live as long as that.
 */
struct imp_identity {
	uid_t uid;
	gid_t gid;
	size_t n_groups;       /* supplementary groups, ascending, each once */
	const gid_t *groups;   /* never NULL when n_groups is not 0 */
	const char *principal; /* Kerberos principal, or NULL */
};

/* ------------------------------------------------------------------------------------ policy -- */

/* What the administrator allows.  Wherever one is taken, NULL stands for the built-in defaults. */
struct imp_policy;

/*
 * Makes a policy with the defaults: anonymous_user nobody, max_level delegation,
 * default_level_local impersonation, default_level_network identification, privileged_clients
 * identify. -ENOMEM.  The caller owns one reference.
 */
int imp_policy_new(struct imp_policy **policy) IMP_MUST_CHECK;

/*
 * Sets one key, for instance ("impersonation", "max_level",
 * "identification").  To be done before the policy is shared between threads.
 * -ENOENT for an unknown section or key, -EINVAL for a value that it cannot take, -ESRCH for an
 * account that does not exist, or what the name service reported.
 */
int imp_policy_set(struct imp_policy *policy, const char *section, const char *key,
		   const char *value) IMP_MUST_CHECK;

struct imp_policy *imp_policy_ref(struct imp_policy *policy);
void imp_policy_unref(struct imp_policy *policy); /* NULL is allowed */

/* ------------------------------------------------------------------------------------ tokens -- */

/* A client's identity, the level that was agreed, and what the thread will act as. */
struct imp_token;

/* What a token's switch covers. */
enum imp_scope {
	IMP_SCOPE_ALL,	/* every access decision: effective ids, groups and capabilities */
	IMP_SCOPE_FILES /* file access alone: filesystem ids, groups and the file capabilities */
};

/* How the client came. */
enum imp_transport {
	IMP_TRANSPORT_NONE, /* no connection: a user or a thread was named */
	IMP_TRANSPORT_UNIX, /* a Unix socket: the kernel says who it is */
	IMP_TRANSPORT_TCP   /* a network connection */
};

/* "none", "unix" or "tcp"; NULL for any other value. */
const char *imp_transport_name(enum imp_transport transport);

/*
 * Makes a token of the client at the other end of a connected Unix stream or seqpacket socket, as
 * the kernel recorded it when the client connected: SO_PEERCRED, SO_PEERGROUPS, and the level from
 * the address that the client bound (unix(7), socket(7), getpeername(2)).  No name service is
 * asked.
 *
 * The descriptor is only read, and may be closed afterwards.  The caller owns one reference.
 * -EBADF, -ENOTSOCK, -ENOTCONN as getsockopt(2) has them; -EAFNOSUPPORT for another address family;
 * -EPROTO when the client bound an address under impersonate/ that names no level: nothing may be
 * done for such a client; -ESRCH when the anonymous account is needed and does not exist; -ENOMEM.
 */
int imp_token_from_connection(int fd, struct imp_policy *policy,
			      struct imp_token **token) IMP_MUST_CHECK;

/*
 * Makes a token of an account, by name or by number, with all of its groups (initgroups(3)), at
 * LEVEL.  A number without an account has no groups.  A token of uid 0 carries every capability
 * that the calling thread is permitted; any other none. -ESRCH when there is no such account;
 * -EINVAL for what can be neither name nor number, and for the ids that the kernel reserves; what
 * the name service reported; -ENOMEM.
 */
int imp_token_from_user(const char *user, enum imp_level level, struct imp_policy *policy,
			struct imp_token **token) IMP_MUST_CHECK;

/*
 * Makes a token of what a thread is now: its filesystem uid and gid, groups and effective
 * capabilities, read from proc(5).  TID 0 is the main thread.  -ESRCH when there is no such thread,
 * or it is none of PID's; -EACCES when /proc does not show it; -ENOMEM.
 */
int imp_token_from_thread(pid_t pid, pid_t tid, struct imp_token **token) IMP_MUST_CHECK;

/*
 * The token that the calling thread impersonates with, or -ENOENT when it impersonates nobody.  The
 * caller owns one reference.
 */
int imp_token_current(struct imp_token **token) IMP_MUST_CHECK;

/*
 * The same client at the level that it states with one request.  Where it bound its socket to a
 * level the request can only lower that; where it did not, the statement takes the place of the
 * default. The policy and the cap on privileged clients hold as before.  The caller owns one
 * reference (it may be the same token).  -EINVAL for a value that is no level; -ENOMEM.
 */
int imp_token_at_request(struct imp_token *token, enum imp_level level,
			 struct imp_token **out) IMP_MUST_CHECK;

/* The same client at LEVEL or less, because the service wants no more.  Errors as above. */
int imp_token_lowered(struct imp_token *token, enum imp_level level,
		      struct imp_token **out) IMP_MUST_CHECK;

/* The same client and level with another scope.  -EINVAL for a value that is no scope; -ENOMEM. */
int imp_token_scoped(struct imp_token *token, enum imp_scope scope,
		     struct imp_token **out) IMP_MUST_CHECK;

struct imp_token *imp_token_ref(struct imp_token *token);
void imp_token_unref(struct imp_token *token); /* NULL is allowed */

/* Who the client is; at level anonymous, the anonymous identity. */
const struct imp_identity *imp_token_identity(const struct imp_token *token);
/* Whom the thread acts as: the client, or below impersonation the anonymous identity. */
const struct imp_identity *imp_token_access(const struct imp_token *token);
enum imp_level imp_token_level(const struct imp_token *token);
enum imp_decided_by imp_token_level_decided_by(const struct imp_token *token);
enum imp_scope imp_token_scope(const struct imp_token *token);
enum imp_transport imp_token_transport(const struct imp_token *token);
/* The process that connected, or 0 when it is not known (or at level anonymous). */
pid_t imp_token_client_pid(const struct imp_token *token);
/*
 * A pidfd of the process that connected, as the kernel holds it for this connection, so that no
 * other process of that pid can be meant (SO_PEERPIDFD, Linux 6.5); the caller's, close-on-exec.  A
 * token does not carry one: it takes three times as long as all that a token does carry.
 * -ENOPROTOOPT where the kernel has none to give, -ESRCH or -EINVAL when that process is gone.
 */
int imp_connection_pidfd(int fd) IMP_MUST_CHECK;

/*
 * The peer's security label (SO_PEERSEC), which the caller frees.  -ENOPROTOOPT without a security
 * module that has one; -ENOMEM.
 */
int imp_connection_label(int fd, char **label) IMP_MUST_CHECK;

/* ------------------------------------------------------------------------------- impersonate -- */

/*
 * Does now what the first impersonation would otherwise do: records the calling thread's
 * credentials as the primary identity of the process, loads the name-service modules, which must
 * not be looked up as a client, and opens the ledger.  To be called once the service has the
 * identity it keeps, before it serves.  Idempotent.  A ledger that cannot be written is logged and
 * done without. -ESTALE when the thread's effective and filesystem ids differ, so that no identity
 * is primary.
 */
int imp_prepare(void) IMP_MUST_CHECK;

/*
 * Makes the directory of the ledgers (/run/impersonate, or IMPERSONATION_RUNTIME_DIR) where it is
 * missing, and removes from it what services that are gone have left and the caller may remove. For
 * a service that starts as root and goes on as somebody else: to be called before that. -EPERM for
 * a directory that others could exchange files in; what mkdir(2) and open(2) report.
 */
int imp_prepare_runtime_dir(void) IMP_MUST_CHECK;

/*
 * Makes the calling thread act as TOKEN says until it reverts; replaces what it impersonated
 * before. On failure the thread is what it was.
 *
 * Order: supplementary groups, effective gid, effective uid, capabilities, each by a system call
 * for this thread alone (setgroups(2), setresgid(2), setresuid(2), capset(2); "C library/kernel
 * differences" there).  Real and saved ids and the permitted capabilities stay the service's, so
 * that the client can neither signal nor trace the thread, and the way back is open.  What is equal
 * already is skipped.
 *
 * -EPERM without CAP_SETUID and CAP_SETGID in the permitted set (no privilege is needed for an
 * identity equal to the service's own), or where the token has capabilities that the service has
 * not; -ESTALE when the thread was not at the primary identity to begin with; -EINVAL for an id
 * that the user namespace does not map; -ENOMEM.  The log callback is told the step and the missing
 * capability. Aborts the process if a switch fails half-way and cannot be undone.
 */
int imp_impersonate(struct imp_token *token) IMP_MUST_CHECK;

/* imp_token_from_connection and imp_impersonate in one; the thread keeps the token. */
int imp_impersonate_connection(int fd, struct imp_policy *policy) IMP_MUST_CHECK;

/*
 * Brings the calling thread back to the primary identity.  Does nothing where it is there.  Cannot
 * fail: a thread that cannot be brought back ends the process (abort(3)).
 */
void imp_revert(void);

/* imp_revert, but without effect when the thread's current token is another one. */
void imp_revert_from(const struct imp_token *token);

/*
 * Calls WORK(ARGUMENT) as TOKEN and comes back to what the thread was before, also where WORK
 * itself impersonated or reverted.  *RESULT, when not NULL, gets what WORK returned.  Asserts the
 * thread's credentials before WORK, and after it: -ESTALE if they are not the token's, before which
 * WORK is not called.  Otherwise errors as imp_impersonate.
 */
int imp_run(struct imp_token *token, int (*work)(void *argument), void *argument,
	    int *result) IMP_MUST_CHECK;

/*
 * Reads the calling thread's credentials from the kernel and holds them against TOKEN, or with NULL
 * against the primary identity: all ids, groups and effective capabilities.  -ESTALE if any differs
 * (something changed them behind the library), which the log callback is told in detail.
 */
int imp_assert(const struct imp_token *token) IMP_MUST_CHECK;

/*
 * Can this process impersonate?  0, or -EPERM with *MISSING the name of the first capability that
 * is not in the calling thread's permitted set ("CAP_SETUID", static); MISSING may be NULL.
 */
int imp_check_privilege(const char **missing) IMP_MUST_CHECK;

/* -------------------------------------------------------------------------------- for good -- */

/* Who the calling thread becomes, with no way back but what it keeps. */
struct imp_become {
	uid_t uid;
	gid_t gid;
	size_t n_groups;
	const gid_t *groups;
	uint64_t capabilities; /* to keep in the permitted set, 1 << CAP_...; what it has not got is
				  no error */
	bool effective;	       /* have them in the effective set too */
	bool limit_bounding;   /* take all others out of the bounding set (needs CAP_SETPCAP) */
	bool ambient;	       /* have them in the inheritable and ambient sets too, so that they
				  outlive exec */
};

/*
 * Makes real, effective, saved and filesystem ids, the groups and the capability sets of the
 * calling thread what BECOME says, reads all of it back, and, where neither the identity nor a kept
 * capability would allow it, proves that no way leads back.  For a process that drops privilege
 * before it starts threads, and for the last step before exec.  Ambient and inheritable sets are
 * emptied unless they are asked for.
 *
 * *STEP, when not NULL, gets the name of what failed; the thread's, until its next call.  -EBUSY
 * while the thread impersonates or after imp_prepare; -EPERM and what else the kernel reports.
 * After a failure the thread is in no state that may be used: exit.
 */
int imp_become(const struct imp_become *become, const char **step) IMP_MUST_CHECK;

/* ----------------------------------------------------------------------------------- client -- */

/*
 * Connects to the Unix stream socket at PATH at LEVEL: binds the abstract address
 * impersonate/LEVEL/RANDOM first, by which the service, and the kernel, knows it.  Returns a
 * descriptor, close-on-exec, or a negative errno of socket(2), bind(2) or connect(2);
 * -ENAMETOOLONG.
 */
int imp_connect_unix(const char *path, enum imp_level level) IMP_MUST_CHECK;

/*
 * The level that the environment asks clients to use: IMPERSONATION_LEVEL, or FALLBACK where it is
 * not set.  -EINVAL when it is set to something that is no level.
 */
int imp_level_from_environment(enum imp_level fallback, enum imp_level *level) IMP_MUST_CHECK;

/* ----------------------------------------------------------------------------------- access -- */

/* What may be asked of a path.  The first three may be asked together, the others each alone. */
enum imp_access_want {
	IMP_ACCESS_EXECUTE = 1, /* run it; of a directory: look names up in it */
	IMP_ACCESS_WRITE = 2,
	IMP_ACCESS_READ = 4,
	IMP_ACCESS_CREATE = 8,	/* make this name; with READ or WRITE: open it, making it at need */
	IMP_ACCESS_DELETE = 16, /* take this name away */
	IMP_ACCESS_CHMOD = 32,
	IMP_ACCESS_CHOWN = 64, /* give it to anybody */
	IMP_ACCESS_LIST = 128, /* list this directory */
	IMP_ACCESS_LINK = 256  /* make another hard link to it */
};

enum imp_access_result { IMP_ACCESS_ALLOWED, IMP_ACCESS_DENIED, IMP_ACCESS_UNKNOWN };

/* One thing that the kernel looks at on the way.  The strings live as long as the answer. */
struct imp_access_step {
	const char *path; /* from where the walk began, links resolved */
	const char *want; /* "search", "write", ... */
	enum imp_access_result result;
	int error;	  /* where denied: a positive errno */
	const char *rule; /* what decided: "mode rwxr-x---, other ---", "acl user:alice:r--" */
};

/* An explained answer; belongs to the caller, to be used by one thread at a time. */
struct imp_access;

/*
 * Works out, by the kernel's own rules, whether TOKEN's client, or for NULL the calling thread, may
 * do WANT to PATH, and what decides: each directory and link on the way, classes and ACL entries,
 * capabilities, the mount's and the file's flags (path_resolution(7), acl(5), capabilities(7); the
 * kernel's fs/namei.c).  A relative path begins at the directory DIRECTORY, or AT_FDCWD.
 *
 * Nothing is switched, and the kernel is not asked: what is not known by these rules (a network
 * file system, a FUSE program), or what the calling thread may not look at, is IMP_ACCESS_UNKNOWN;
 * of a security module nothing is known at all.  It is to explain a refusal, never to grant
 * anything: to do something as a client, impersonate and do it.
 *
 * Names are asked of the name service: not to be called while the thread impersonates. 0 whatever
 * the answer is; -EINVAL for a WANT that makes no sense; -EMFILE; -ENOMEM.
 */
int imp_access_evaluate(const struct imp_token *token, int directory, const char *path,
			unsigned want, struct imp_access **access) IMP_MUST_CHECK;

/* The whole answer; *ERROR, where not NULL, gets the positive errno where denied, else 0. */
enum imp_access_result imp_access_answer(const struct imp_access *access, int *error);

/* How many steps there are, and one of them.  -ERANGE for one that there is not. */
size_t imp_access_count(const struct imp_access *access);
int imp_access_step_at(const struct imp_access *access, size_t number,
		       struct imp_access_step *step) IMP_MUST_CHECK;

/*
 * The smallest change that would allow it, as a command for a shell, or NULL where it is allowed or
 * nothing helps.  The string lives as long as the answer.
 */
const char *imp_access_advice(const struct imp_access *access);

void imp_access_free(struct imp_access *access); /* NULL is allowed */

/* ----------------------------------------------------------------------------------- ledger -- */

/* What a service says of one of its threads; idn-ledger(5).  Never to be believed over the kernel.
 */
struct imp_ledger_entry {
	pid_t tid;
	bool impersonating;
	enum imp_level level; /* the rest up to since only where impersonating */
	enum imp_decided_by decided_by;
	enum imp_scope scope;
	enum imp_transport transport;
	uid_t client_uid; /* IMP_NO_UID at level anonymous */
	gid_t client_gid;
	pid_t client_pid; /* 0 where it is not known */
	uid_t access_uid;
	gid_t access_gid;
	uint64_t access_groups_hash;
	int64_t since_ns;	 /* CLOCK_REALTIME */
	uint64_t impersonations; /* from here on: since the thread's first */
	uint64_t flows;
	uint64_t flows_refused;
	uint64_t mismatches;
	bool settled; /* false: it was in the middle of a switch, however often read */
};

/* A ledger, open for reading, by one thread at a time. */
struct imp_ledger;

/*
 * Opens the ledger of process PID, after checking that it is believable: a regular file, reached by
 * no symbolic link, whose owner is root or the process's own user, writable by nobody else, of this
 * process's start time, of a version that is known.
 * -ENOENT when there is none; -ESRCH when there is no such process; -EPERM for a wrong owner or
 * mode; -ESTALE for another process's; -EPROTO for a wrong size or content; -ENOTSUP for another
 * version.
 */
int imp_ledger_open(pid_t pid, struct imp_ledger **ledger) IMP_MUST_CHECK;

/* Reads one thread's entry.  -ENOENT when the thread has none; -EPROTO when it makes no sense. */
int imp_ledger_read(struct imp_ledger *ledger, pid_t tid,
		    struct imp_ledger_entry *entry) IMP_MUST_CHECK;

/* The primary identity as the process recorded it; groups hashed as idn-ledger(5) says. */
void imp_ledger_primary(const struct imp_ledger *ledger, uid_t *uid, gid_t *gid,
			uint64_t *groups_hash);

void imp_ledger_close(struct imp_ledger *ledger); /* NULL is allowed */

/* -------------------------------------------------------------------------------------- log -- */

/* PRIORITY is one of syslog(3): LOG_CRIT before an abort, LOG_ERR, LOG_WARNING.  MESSAGE is one
 * line. */
typedef void imp_log_fn(int priority, const char *message, void *data);

/*
 * Names the function that is told what the library has to say; NULL for silence, as at first.  It
 * may be called from any thread, also while the thread is somebody else.  To be set before threads
 * start.
 */
void imp_set_log(imp_log_fn *log, void *data);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif
#endif
