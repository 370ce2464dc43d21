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

#include <pthread.h>
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
	IMP_DECIDED_BY_UNMAPPED_CLIENT,	  /* a uid that has no meaning in this user namespace, or a
					     principal that no account here is for */
	IMP_DECIDED_BY_SERVICE,		  /* the service itself asked for less */
	IMP_DECIDED_BY_UNAUTHENTICATED,	  /* a network client that has not proven who it is */
	IMP_DECIDED_BY_TICKET		  /* delegation, but no ticket was forwarded */
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
 * "default", "address", "request", "max_level", "privileged_client", "unmapped_client", "service",
 * "unauthenticated" or "ticket": the words that idn-show and the JSON of all tools use.  NULL for
 * any other value.
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
	size_t n_groups;     /* supplementary groups, ascending, each once */
	const gid_t *groups; /* never NULL when n_groups is not 0 */
	const char
		*principal; /* Kerberos principal, or NULL; plain text without control characters */
};

/* ------------------------------------------------------------------------------------ policy -- */

/*
 * What the administrator allows.  Wherever one is taken, NULL stands for the one in force in this
 * process: what imp_policy_install was given last, and until then the built-in defaults.
 */
struct imp_policy;

/*
 * Makes a policy with the defaults: anonymous_user nobody, max_level delegation,
 * default_level_local impersonation, default_level_network identification, privileged_clients
 * identify, legacy_impersonation_policy and always_flow_impersonation_policy off, channel_mismatch
 * fail, require_ok_as_delegate and one_hop on, and no list of whom delegation is allowed to.
 * -ENOMEM.  The caller owns one reference.
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

/* What is wrong with a policy file, and where. */
struct imp_policy_problem {
	unsigned int line;   /* 0: the file as a whole */
	unsigned int column; /* 0: the whole line */
	char text[256];	     /* one line, printable */
};

/*
 * Reads a policy file, idn-policy(5), whole or not at all.  Refused is one that is not a regular
 * file, owned by another than root or the calling thread's effective uid, or writable by group or
 * others; and one with a line that makes no sense, or a section, key or value that is not known, or
 * a key that is there twice. *PROBLEM, when not NULL, gets the first thing that is wrong.
 *
 * What open(2) reports; -EPERM for a kind, owner or mode of file that will not do, -EPROTO for a
 * malformed one, -EINVAL for a section, key or value, -ESRCH for an account that does not exist or
 * what the name service reported, -EFBIG, -EAGAIN for one that was changed while it was read,
 * -ENOMEM.
 * The caller owns one reference.
 */
int imp_policy_load(const char *path, struct imp_policy **policy,
		    struct imp_policy_problem *problem) IMP_MUST_CHECK;

/*
 * Puts POLICY in force for the whole process, in one step: what NULL stands for from now on, and
 * what decides on flow and channels.  NULL: the built-in defaults again.  Tokens that exist, and
 * work that was handed over, keep what they have.  The library takes a reference of its own.
 */
void imp_policy_install(struct imp_policy *policy);

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
 * asked.  Of a TCP connection nobody knows whose it is: a token at level anonymous, whatever is
 * asked for, until imp_handshake_token has a better one.
 *
 * The descriptor is only read, and may be closed afterwards.  The caller owns one reference.
 * -EBADF, -ENOTSOCK, -ENOTCONN as getsockopt(2) has them; -EAFNOSUPPORT for another address family;
 * -EPROTO when the client bound an address under impersonate/ that names no level: nothing may be
 * done for such a client; -ESRCH when the anonymous account is needed and does not exist; -ENOMEM.
 * With the ring engine also -EOWNERDEAD: the broker has ended, and nobody can be served any more.
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

/* What a client has lent the service to call others over the network with. */
enum imp_delegated {
	IMP_DELEGATED_NONE,
	IMP_DELEGATED_FORWARDED,  /* a ticket of its own, which it sent along */
	IMP_DELEGATED_CONSTRAINED /* nothing: but the realm may let this service speak for it to
				     some others (S4U2Proxy, MS-SFU), which is no client's choice
				     and makes no level */
};

/* "none", "forwarded" or "constrained"; NULL for any other value. */
const char *imp_delegated_name(enum imp_delegated delegated);

/*
 * None at level anonymous; nor of a ticket that a client forwarded which the policy, or the rule on
 * privileged clients, never lets come to delegation: that is not kept.
 */
enum imp_delegated imp_token_delegated(const struct imp_token *token);
/*
 * When the client's authentication ends, in nanoseconds of CLOCK_REALTIME; 0: it does not.  A token
 * cannot be impersonated with after that; a thread that does already goes on until it reverts.
 */
int64_t imp_token_expires(const struct imp_token *token);
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
 * not; -EKEYEXPIRED when the client's authentication has ended; -ESTALE when the thread was not at
 * the primary identity to begin with; -EINVAL for an id that the user namespace does not map;
 * -ENOMEM.  The log callback is told the step and the missing capability. Aborts the process if a
 * switch fails half-way and cannot be undone.
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
 * Calls WORK(ARGUMENT) as TOKEN, or with NULL at the primary identity, and comes back to what the
 * thread was before, also where WORK itself impersonated or reverted.  *RESULT, when not NULL, gets
 * what WORK returned.  Asserts the thread's credentials before WORK, and after it: -ESTALE if they
 * are not the token's, before which WORK is not called.  Otherwise errors as imp_impersonate.
 */
int imp_run(struct imp_token *token, int (*work)(void *argument), void *argument,
	    int *result) IMP_MUST_CHECK;

/*
 * Reads the calling thread's credentials from the kernel and holds them against TOKEN, or with NULL
 * against the primary identity: all ids, groups and effective capabilities.  -ESTALE if any differs
 * (something changed them behind the library), which the log callback is told in detail; it is
 * counted as a mismatch in the ledger, which until the thread's next switch says what was expected,
 * so that the thread is seen from outside to be lost, leaked or mismatched.
 * With the ring engine the kernel is to have the primary identity, and the thread to work for that
 * very client: else what is done next would be done as the service, or as another.
 */
int imp_assert(const struct imp_token *token) IMP_MUST_CHECK;

/*
 * Can this process impersonate?  0, or -EPERM with *MISSING the name of the first capability that
 * is not in the calling thread's permitted set ("CAP_SETUID", static); MISSING may be NULL.
 */
int imp_check_privilege(const char **missing) IMP_MUST_CHECK;

/* ------------------------------------------------------------------------------------ ring -- */

/*
 * Two engines do what clients are to be the ones to have done.  With the thread engine, which is
 * there always, a thread becomes the client.  With the ring engine no thread does, and the process
 * holds no privilege: a broker, forked before it gave that up, registers each client's identity
 * with the rings of the process (io_uring_register(2), IORING_REGISTER_PERSONALITY), and the
 * operations below name it by number.
 */
enum imp_engine { IMP_ENGINE_THREAD, IMP_ENGINE_RING };

/* "thread" or "ring"; NULL for any other value. */
const char *imp_engine_name(enum imp_engine engine);

struct imp_ring_options {
	int listen_fd;		   /* whose connections the broker takes, and no others */
	struct imp_policy *policy; /* the broker's, for good; NULL: the one in force */
	unsigned int seats;	   /* how many operations may be under way at a time; 1 to 64 */
	bool keep_tokens;	   /* those of connected clients go on if the broker ends */
	bool children; /* before Linux 6.13: the process will make others (fork(2)), which it cannot
			  otherwise */
	bool without_connect; /* imp_connect and imp_connect_unix as a client are -ENOTSUP, whoever
				 has the process in its hands */

	/*
	 * Of the network: what clients are accepted with, by a process of its own; NULL: they are
	 * not.  That process is ACCEPTOR_UID and ACCEPTOR_GID, which should be nobody else's, the
	 * service's least of all; 0: it stays who the caller is, without any capability.
	 */
	const struct imp_acceptor_options *acceptor;
	uid_t acceptor_uid;
	gid_t acceptor_gid;
};

/*
 * Starts the ring engine: makes the rings and forks the broker, which keeps the privilege of the
 * caller.  Tokens that imp_token_from_connection makes from then on are held by the kernel.  To be
 * called once, by the only thread of the process, before imp_prepare; the caller then gives up all
 * privilege (imp_become).  The broker ends with the process, and whatever it has registered with
 * it.
 *
 * The broker decides by its own look at the connection: SO_PEERCRED, SO_PEERGROUPS, the level that
 * the client's socket is bound to, and POLICY.  It takes connections alone that were accepted from
 * LISTEN_FD, but none that the service, or a process that it has made, has opened as a client
 * (imp_connect; told by uid and cgroup, so that services want accounts of their own; one that
 * starts without_connect cannot, and its clients are admitted in less time).  A token ends
 * when its client hangs up, the last of the connections that somebody of that identity has,
 * whatever the service does; until the service has let the token go, the broker has the connection
 * open as well, so that who serves ends it by shutdown(2).
 *
 * *PROBLEM, when not NULL, says why not, a static string.  -ENOTSUP where the kernel, or this
 * build, has not what it takes (Linux 5.19, io_uring(7) not disabled); -EPERM without CAP_SETUID
 * and CAP_SETGID; -EBUSY after imp_prepare, or where it was started already; -EINVAL for options
 * that make no sense; what fork(2), socketpair(2) and io_uring_setup(2) report; with an acceptor,
 * what imp_acceptor_new reports.
 */
int imp_ring_start(const struct imp_ring_options *options, const char **problem) IMP_MUST_CHECK;

/*
 * The acceptor that imp_ring_start has started: handshakes with it are made by that process, which
 * alone has the keys, and a client's identity is registered with the rings as soon as it is proven,
 * for as long as its connection is whole.  -ENOENT: there is none; -ENOMEM.  The caller owns one
 * reference.
 */
struct imp_acceptor;
int imp_ring_acceptor(struct imp_acceptor **acceptor) IMP_MUST_CHECK;

/* Which engine a token's client is served by. */
enum imp_engine imp_token_engine(const struct imp_token *token);
/* The number that the kernel knows it by, at the token's level; 0 with the thread engine. */
unsigned int imp_token_number(const struct imp_token *token);

/*
 * Has the calling thread work for TOKEN's client until it reverts, by the client's engine: with the
 * thread engine it is imp_impersonate.  With the ring engine the thread stays the service to the
 * kernel: the operations below act as the client, where they are given NULL, and the ledger says
 * whose work this is; nothing else is done as the client, and imp_impersonate of such a token is
 * -ENOTSUP.  Errors as imp_impersonate; -EKEYREVOKED where the broker has not given the client an
 * identity.
 */
int imp_serve(struct imp_token *token) IMP_MUST_CHECK;

/*
 * What a client may have done, each as the system call of that name has it, as TOKEN; NULL: as the
 * one that the calling thread works for, or as the service where that is none.  By the thread
 * engine the thread is the client for as long as it takes; by the ring engine the kernel does that
 * one operation as the client.  Paths are relative to DIRECTORY, or AT_FDCWD.
 *
 * Return what the system call returns, or its negative errno.  Besides, by the ring engine:
 * -EKEYREVOKED when the client has hung up, and its token ended; -EOWNERDEAD when all have, with
 * the broker; -ENOMEM.  By the thread engine, errors as imp_impersonate.  After open(2) the
 * descriptor is the service's to use: reading and writing, fstat(2) and fsync(2) ask for no
 * identity, on most file systems.
 *
 * With AT_EMPTY_PATH linkat(2) names any file that the service has open, whoever opened it, if the
 * client may make that name and, by fs.protected_hardlinks, that link.  By the ring engine open(2)
 * does not wait for the other end of a FIFO: it is as with O_NONBLOCK.
 */
struct open_how;
struct statx;
struct sockaddr;
int imp_openat2(struct imp_token *token, int directory, const char *path,
		const struct open_how *how) IMP_MUST_CHECK;
int imp_statx(struct imp_token *token, int directory, const char *path, int flags,
	      unsigned int mask, struct statx *status) IMP_MUST_CHECK;
int imp_mkdirat(struct imp_token *token, int directory, const char *path,
		mode_t mode) IMP_MUST_CHECK;
int imp_unlinkat(struct imp_token *token, int directory, const char *path,
		 int flags) IMP_MUST_CHECK;
int imp_renameat2(struct imp_token *token, int old_directory, const char *old_path,
		  int new_directory, const char *new_path, unsigned int flags) IMP_MUST_CHECK;
int imp_linkat(struct imp_token *token, int old_directory, const char *old_path, int new_directory,
	       const char *new_path, int flags) IMP_MUST_CHECK;
int imp_symlinkat(struct imp_token *token, const char *target, int directory,
		  const char *path) IMP_MUST_CHECK;
ssize_t imp_getxattr(struct imp_token *token, const char *path, const char *name, void *value,
		     size_t size) IMP_MUST_CHECK;
ssize_t imp_fgetxattr(struct imp_token *token, int fd, const char *name, void *value,
		      size_t size) IMP_MUST_CHECK;
int imp_setxattr(struct imp_token *token, const char *path, const char *name, const void *value,
		 size_t size, int flags) IMP_MUST_CHECK;
int imp_fsetxattr(struct imp_token *token, int fd, const char *name, const void *value, size_t size,
		  int flags) IMP_MUST_CHECK;
int imp_connect(struct imp_token *token, int fd, const struct sockaddr *address,
		unsigned int length) IMP_MUST_CHECK;

/* ------------------------------------------------------------------------------------ flow -- */

/*
 * Work that is handed to another thread runs under the identity that was current when it was handed
 * over, if the policy in force says so; impersonate(7) has the table.  Where it is not, that is
 * counted in the ledger, logged once for each place that hands over, and the thread that does the
 * work is "lost" as long as it does it, unless the service suppressed the flow itself.
 *
 * Calls with a SITE ("work.c:123", a string that lives as long as the program) are made by the
 * macros of the same name without _at, which say where they stand.
 */
#define IMP_SITE_TEXT_(line) #line
#define IMP_SITE_LINE_(line) IMP_SITE_TEXT_(line)
#define IMP_SITE __FILE__ ":" IMP_SITE_LINE_(__LINE__)

/* What flows: taken in one thread, run in another, as often as wanted; immutable. */
struct imp_context;

/* What became of the identity when a context was captured. */
enum imp_flow {
	IMP_FLOW_NOTHING,    /* the thread was at the primary identity: so will the work be */
	IMP_FLOW_IDENTITY,   /* the work runs under the identity that was captured */
	IMP_FLOW_LEGACY,     /* not flowed: legacy_impersonation_policy is on */
	IMP_FLOW_SUPPRESSED, /* not flowed: the thread has suppressed it */
	IMP_FLOW_UNRECORDED  /* not flowed: set behind the library's back, and
				always_flow_impersonation_policy is off */
};

/* "nothing", "identity", "legacy", "suppressed" or "unrecorded"; NULL for any other value. */
const char *imp_flow_name(enum imp_flow flow);

/*
 * Captures what the calling thread acts as, for work that it hands to another.  A token is kept
 * alive, whatever becomes of its connection.  The kernel is asked too: what it has is captured with
 * always_flow_impersonation_policy on, and refused with it off.  0 also where the identity is not
 * to flow; imp_context_flow tells.  What a thread hands over that does work which has lost its
 * identity is lost as that was.
 *
 * -ESTALE when the thread impersonates a client, and the kernel has another identity for its file
 * accesses, with always_flow_impersonation_policy off; with it on, -ENOTSUP where the kernel has
 * effective ids of one and filesystem ids of another, which no switch leads to; -ENOMEM.  The
 * caller owns one reference.
 */
int imp_context_capture_at(const char *site, struct imp_context **context) IMP_MUST_CHECK;
#define imp_context_capture(context) imp_context_capture_at(IMP_SITE, context)

/*
 * Calls WORK(ARGUMENT) under CONTEXT's identity, or at the primary identity where it has none, on
 * whichever thread this is, and comes back to what the thread was before, by the kernel's word,
 * whatever WORK did, or the process ends.  WORK has to return.  *RESULT, when not NULL, gets what
 * it returned, and is left alone where it was not called.
 *
 * Errors as imp_impersonate: WORK was not called then.  -ESTALE, before WORK or after it, when
 * something has changed the thread's uids, gids or capabilities behind the library; the thread has
 * been brought back all the same.
 */
int imp_context_run(struct imp_context *context, int (*work)(void *argument), void *argument,
		    int *result) IMP_MUST_CHECK;

enum imp_flow imp_context_flow(const struct imp_context *context);
/* The token under which the work will run; NULL: none.  No reference is given. */
struct imp_token *imp_context_token(const struct imp_context *context);
struct imp_context *imp_context_ref(struct imp_context *context);
void imp_context_unref(struct imp_context *context); /* NULL is allowed */

/*
 * From now on nothing that the calling thread hands over takes its identity along, until restore is
 * given what suppress returned.
 */
bool imp_flow_suppress(void);
void imp_flow_restore(bool before);
bool imp_flow_is_suppressed(void);

/*
 * pthread_create(3), of a thread that is born at the primary identity whatever the caller is now,
 * and calls START under what was captured of the caller.  A thread that pthread_create makes while
 * its creator impersonates is that client for life.  Where the caller is somebody behind the
 * library's back the thread leaves that before START is called; where it has no way to, or cannot
 * take the identity, the process aborts: nobody could be told.  A negative errno of pthread_create
 * or of imp_context_capture.
 */
int imp_thread_create_at(const char *site, pthread_t *thread, const pthread_attr_t *attributes,
			 void *(*start)(void *argument), void *argument) IMP_MUST_CHECK;
#define imp_thread_create(thread, attributes, start, argument)                                     \
	imp_thread_create_at(IMP_SITE, thread, attributes, start, argument)

/* Threads that are born at the primary identity, and do each piece of work as whoever handed it in.
 */
struct imp_pool;

/* Makes a pool of THREADS workers.  -EINVAL for none; what pthread_create(3) reports; -ENOMEM. */
int imp_pool_create(unsigned int threads, struct imp_pool **pool) IMP_MUST_CHECK;

/*
 * Hands in a piece of work: WORK(ARGUMENT) is called by one of the workers under the identity that
 * was captured here; afterwards, before it takes the next piece, the worker is proven to be back at
 * the primary identity, or the process ends.  Work may hand in more, and has to return.
 *
 * Where the identity cannot be taken, or the pool is destroyed before, WORK is not called, but
 * GIVE_UP(ARGUMENT, ERROR), if not NULL, at the primary identity: just one of the two is, once.
 * Errors as imp_context_capture, and neither is called then; -ECANCELED when the pool is being
 * destroyed, and in a child of the process that made it, which has no workers.
 */
int imp_pool_submit_at(const char *site, struct imp_pool *pool, void (*work)(void *argument),
		       void (*give_up)(void *argument, int error), void *argument) IMP_MUST_CHECK;
#define imp_pool_submit(pool, work, give_up, argument)                                             \
	imp_pool_submit_at(IMP_SITE, pool, work, give_up, argument)

/*
 * Waits until all that was handed in, also meanwhile, has been done.  -EDEADLK when called by a
 * worker of this pool; -ECANCELED in a child of the process that made it.
 */
int imp_pool_drain(struct imp_pool *pool) IMP_MUST_CHECK;

/*
 * Ends it: what has not begun is given up with -ECANCELED, on the calling thread at the primary
 * identity, what has begun is waited for.  Not to be called by a worker, nor while others may hand
 * in work or drain.  NULL is allowed; in a child of the process that made it nothing is done.
 */
void imp_pool_destroy(struct imp_pool *pool);

/* --------------------------------------------------------------------------------- network -- */

/*
 * Clients that come over the network prove who they are by Kerberos (RFC 4121), negotiated or not
 * (SPNEGO, RFC 4178), through GSSAPI.  All of this is -ENOTSUP in a library that was built without.
 * Nothing here reads or writes the environment but as libkrb5 does; credentials are held by handle.
 *
 * What fails is told to the log callback (IMP_EVENT_NOT_AUTHENTICATED), with the step and what
 * Kerberos has to say of it ("Clock skew too great"); a client is to be told nothing of that.
 */

/* What a service accepts its clients with: its keys, loaded once, and its replay cache.
 */
struct imp_acceptor;

struct imp_acceptor_options {
	const char *keytab;    /* a file, or as libkrb5 names one; NULL: the default one */
	const char *principal; /* whom clients must have asked for; NULL: any the keytab has */
	const char
		*replay_cache; /* as libkrb5 names one; NULL: its default for the service's uid */
	bool constrained;      /* learn of whom the realm may let the service speak for */
};

/*
 * Makes an acceptor: reads the keytab, and loads all that a handshake needs, since under a client
 * nothing may be looked up.  To be called before the first impersonation; OPTIONS may be NULL.
 * *PROBLEM, when not NULL, gets why it failed, one line, which lives as long as the thread, until
 * its next call of this function.
 *
 * -ENOENT without a keytab, -ENOKEY for one without the key, -EACCES, -EINVAL for what is no keytab
 * or principal; -EBUSY while the calling thread impersonates; -EPROTO for what else Kerberos
 * reports; -ENOMEM.  The caller owns one reference.
 */
int imp_acceptor_new(const struct imp_acceptor_options *options, struct imp_acceptor **acceptor,
		     const char **problem) IMP_MUST_CHECK;
struct imp_acceptor *imp_acceptor_ref(struct imp_acceptor *acceptor);
void imp_acceptor_unref(struct imp_acceptor *acceptor); /* NULL is allowed */

/* One client's proof, message by message; used by one thread at a time. */
struct imp_handshake;

/* Begins one.  -ENOMEM.  The caller owns it. */
int imp_handshake_new(struct imp_acceptor *acceptor,
		      struct imp_handshake **handshake) IMP_MUST_CHECK;

/*
 * Says which connection the client came by, FD, which stays the caller's.  With imp_ring_acceptor's
 * it has to be said before the first step; with others it is of no use.
 */
void imp_handshake_set_connection(struct imp_handshake *handshake, int fd);

/*
 * Takes the client's next message.  *REPLY, which the caller frees, gets what is to be sent back,
 * of *REPLY_SIZE bytes, or NULL for nothing; also along with an error, where the protocol has an
 * error message.
 *
 * 0: the client is who it says; 1: it has to send another; -EACCES: it has not proven itself, and
 * the handshake has come to its end; -EBUSY when the calling thread impersonates somebody, since
 * keytab and replay cache would be opened as that client; -EINVAL after its end; -ENOMEM.  With
 * imp_ring_acceptor's: -EBADF without the connection; -EOWNERDEAD where that process has ended;
 * -ENFILE where it has thousands of unfinished ones.
 */
int imp_handshake_step(struct imp_handshake *handshake, const void *message, size_t size,
		       void **reply, size_t *reply_size) IMP_MUST_CHECK;

/*
 * Makes a token of the client, once, after the last step has returned 0.  The account is the one
 * that the realm's rules name for the principal (auth_to_local, krb5.conf(5)), with all of its
 * groups; a principal without one, and WELLKNOWN/ANONYMOUS (RFC 8062), are at level anonymous.  The
 * token holds what the client forwarded, which is gone with its last reference.
 *
 * The level is default_level_network until a request states one: delegation only where a ticket was
 * forwarded.  The name service is asked: -EBUSY when the calling thread impersonates somebody.
 * -EINVAL before the handshake's end, and after the first token; -EKEYEXPIRED; what the name
 * service reports; -ESRCH when the anonymous account is needed and does not exist; -ENOMEM.  With
 * imp_ring_acceptor's, what the broker has reported: -E2BIG for more than 1024 groups, -EPERM for a
 * connection that is not the listening socket's.  The caller owns one reference.
 */
int imp_handshake_token(struct imp_handshake *handshake, struct imp_policy *policy,
			struct imp_token **token) IMP_MUST_CHECK;

void imp_handshake_free(struct imp_handshake *handshake); /* NULL is allowed */

/* Another service, at an address in the network; immutable, and shared by channels. */
struct imp_target;

/*
 * Names a target: where it is, and who it has to be.  HOST and PORT are looked up here and now, by
 * the service; PRINCIPAL, "HTTP/host.example" with or without "@REALM", is taken as it is: neither
 * the other end nor DNS has a say in it.
 *
 * *PROBLEM as imp_acceptor_new has it.  -EHOSTUNREACH for what is no host or port, -EINVAL for what
 * is no service's principal, -EBUSY while the calling thread impersonates, -ENOMEM.  The caller
 * owns one reference.
 */
int imp_target_new(const char *host, const char *port, const char *principal,
		   struct imp_target **target, const char **problem) IMP_MUST_CHECK;
struct imp_target *imp_target_ref(struct imp_target *target);
void imp_target_unref(struct imp_target *target); /* NULL is allowed */

/* -------------------------------------------------------------------------------- channels -- */

/*
 * A client of another local service, over a Unix stream socket.  It takes its identity when it is
 * opened, since that is when the kernel records it for the other end.  May be shared by threads:
 * one call at a time.  It belongs to the process that made it: in a child of that, opening it and
 * beginning a call are -ECHILD, and freeing it closes the child's descriptor alone.
 *
 * Of a thread whose token is of scope files the kernel would record the service's own ids: opening
 * and calling are a mismatch there, as below.  To call as the service, revert first.
 */
struct imp_channel;

/*
 * Makes a channel to the socket at PATH, at LEVEL at most; nothing is opened yet.  A relative path
 * begins at the working directory, whenever it is opened.
 * -ENAMETOOLONG, -EINVAL for no level or no path, -ENOMEM.  The caller owns it.
 */
int imp_channel_new(const char *path, enum imp_level level,
		    struct imp_channel **channel) IMP_MUST_CHECK;

/*
 * Has a channel to a Unix socket wait for room in the socket's queue for SECONDS, and then give up
 * connecting with -ETIMEDOUT; 0, as at first: for as long as it takes.  To be called before the
 * channel is shared.  Without effect on a channel over the network, which has been told already.
 */
void imp_channel_set_timeout(struct imp_channel *channel, unsigned int seconds);

/*
 * Carries one message of a handshake, of a protocol that the library does not know, to the other
 * end of FD, and brings the answer: *ANSWER, from malloc(3), of *ANSWER_SIZE bytes, or NULL where
 * there was none.  1: the other end has accepted that; 0: it has not yet, the answer tells how to
 * go on; or a negative errno.
 */
typedef int imp_carry_fn(void *data, int fd, const void *message, size_t size, void **answer,
			 size_t *answer_size);

/*
 * Makes a channel over the network to TARGET, at LEVEL at most; nothing is opened yet.  A
 * connection is tried for CONNECT_SECONDS.  The channel keeps a reference to TARGET; DATA has to
 * outlive it. -EINVAL for no level; -ENOMEM; -ENOTSUP.  The caller owns it.
 *
 * Where it is opened, the client is authenticated there, and the other end here: always both.
 * With what, is decided by the token that the calling thread impersonates with:
 *
 *   at delegation, the ticket that the client forwarded, and it is forwarded again, so that the
 *   other end may go on; of a client of a Unix socket, the one in its own credential cache;
 *   at impersonation, with a level of delegation: the same, but nothing is forwarded;
 *   at impersonation, of a client of a Unix socket, and with one_hop = on: the client's own
 * credential cache, opened as the client; nothing is forwarded; at impersonation, of a client that
 * came over the network: not at all, -EPERM; below impersonation: nobody; the other end sees a
 * client that has not authenticated; without a token: the service itself, by libkrb5's defaults.
 *
 * A client's credentials are used towards those alone that the policy's allow names, if it does,
 * and forwarded to those alone that the realm marks ok-as-delegate, unless require_ok_as_delegate
 * is off.
 *
 * Opening fails, besides, with -EACCES for a target that allow does not name, before anything is
 * sent; -EPERM where the level does not suffice, or one_hop is off; -ENOKEY without credentials, or
 * with those of another than the client; -EKEYEXPIRED; -EKEYREJECTED where delegation was asked for
 * and not granted; -ECONNREFUSED and the like; -EREMOTEIO where the other end does not accept the
 * client; -EBADMSG where the other end is not who it has to be; -EPROTO for what else Kerberos
 * reports; what CARRY returned.
 */
int imp_channel_new_network(struct imp_target *target, enum imp_level level,
			    unsigned int connect_seconds, imp_carry_fn *carry, void *data,
			    struct imp_channel **channel) IMP_MUST_CHECK;

/*
 * The level of the connection that the calling thread has begun a call on, which the other end is
 * to be told, where the address does not say so.
 */
enum imp_level imp_channel_level(const struct imp_channel *channel);

/*
 * Connects now, as whoever the calling thread acts as, at that token's level or the channel's,
 * whichever is lower; below impersonation the other end is told of level anonymous, since it sees
 * the anonymous identity; of one that was set behind the library's back, impersonation at most.  It
 * is the client that must be allowed to write to the socket and to search the way there.
 *
 * 0 also where it is open, as the same identity at the same level.  -ESTALE where it is open as
 * another, whatever the policy says, and where the thread is not who its token says; -EDEADLK in
 * the middle of a call of the same thread, while one of another is waited for; errors of
 * imp_connect_unix.
 */
int imp_channel_open(struct imp_channel *channel) IMP_MUST_CHECK;

/*
 * Begins a call: waits until no other is made, opens the channel if it is not open, or if the other
 * end has closed it meanwhile or sent what nobody asked for, and gives the socket in *FD, which
 * stays the channel's, until imp_channel_end.  *FRESH, when not NULL: the socket is another than at
 * the call before.
 *
 * The identity that the channel has must be the one that the calling thread acts as, by the
 * kernel's word, at the same level.  Where it is not, that is counted in the ledger and logged, and
 * -ESTALE; with channel_mismatch = warn the call goes on, as whoever opened the channel.  Where it
 * is opened, it is as the calling thread, whoever had opened it before; errors as
 * imp_channel_open. After an error there is nothing to end.
 */
int imp_channel_begin(struct imp_channel *channel, int *fd, bool *fresh) IMP_MUST_CHECK;

/*
 * Ends it, on the thread that began it; BROKEN: the connection cannot be used again, and the next
 * call opens it anew.  Without effect on a thread that has begun none.
 */
void imp_channel_end(struct imp_channel *channel, bool broken);

/*
 * Closes it, if it is open, or at the end of the call that is being made; it may be opened again.
 */
void imp_channel_close(struct imp_channel *channel);
/* Closes it, once nobody uses it any more.  NULL is allowed. */
void imp_channel_free(struct imp_channel *channel);

/* ---------------------------------------------------------------------------------- spawn -- */

/* A command for imp_spawn.  To be initialised with {.stdin_fd = -1, ...} or IMP_SPAWN_INIT. */
struct imp_spawn {
	const char *path;	  /* of the program, as execve(2) takes it: PATH is not searched */
	char *const *arguments;	  /* ends with NULL; the first is the program's name */
	char *const *environment; /* ends with NULL; NULL: an empty one */
	int directory;		  /* where it starts; -1: where the service is */
	int stdin_fd;		  /* -1, here and below: /dev/null */
	int stdout_fd;
	int stderr_fd;
	bool new_session; /* setsid(2): it cannot push input into the service's terminal */
};
#define IMP_SPAWN_INIT                                                                             \
	{                                                                                          \
		.directory = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1                  \
	}

/*
 * Starts a command whose real, effective, saved and filesystem ids, groups and capability sets are
 * those that TOKEN acts as, for good, proven before it runs; NULL: of the token that the calling
 * thread impersonates, -ENOENT where it impersonates nobody.  A plain fork and exec of a thread
 * that impersonates would give the client's program a way back.  No descriptor but the three is
 * inherited, no signal is blocked or ignored, and no keyring of the service is possessed.
 *
 * The program, and the directory that it is started in, are what the client may use.  A command of
 * uid 0 has the capabilities of its token, whatever the bounding set.  A token's scope makes no
 * difference.  The thread waits, its signals blocked, until the program runs; the handlers of
 * pthread_atfork(3) are not called.
 *
 * *PID gets the child's, which the caller waits for.  A negative errno of clone(2), of the switch,
 * of dup(2), fchdir(2) or execve(2), and no child is left, nor does anybody who waits for children
 * or SIGCHLD hear of one; -EPERM without the two capabilities, unless the command is to have just
 * the ids and groups that the thread has, or where the token has capabilities that the service has
 * not; -EAGAIN also where the client has as many processes as RLIMIT_NPROC, which is the service's,
 * allows; -EINTR where the client, who may by then, killed the child before the program ran, or
 * stopped it for ten seconds; -EINVAL without a path or arguments.
 */
int imp_spawn(struct imp_token *token, const struct imp_spawn *command, pid_t *pid) IMP_MUST_CHECK;

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
	bool sealed;	       /* nothing that is run later gives privilege: no_new_privs, and, with
				  CAP_SETPCAP, securebits locked so that uid 0 has no capability by itself */
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
 * -ENAMETOOLONG; -ENOENT for an empty path, which is no abstract address here.
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
enum { IMP_LEDGER_PRINCIPAL = 104 };
struct imp_ledger_entry {
	pid_t tid;
	bool impersonating;
	enum imp_level level; /* the rest up to since only where impersonating */
	enum imp_decided_by decided_by;
	enum imp_scope scope;
	enum imp_transport transport;
	uid_t client_uid;		      /* IMP_NO_UID at level anonymous */
	char principal[IMP_LEDGER_PRINCIPAL]; /* of a Kerberos client, perhaps cut off; else empty
					       */
	enum imp_delegated delegated;	      /* what it has lent the service */
	gid_t client_gid;
	pid_t client_pid; /* 0 where it is not known */
	uid_t access_uid;
	gid_t access_gid;
	uint64_t access_groups_hash;
	int64_t since_ns;	 /* CLOCK_REALTIME */
	uint64_t impersonations; /* from here on: since the thread's first */
	uint64_t flows;		 /* pieces of work that it did under an identity handed to it */
	uint64_t flows_refused;	 /* that it handed over without its identity */
	uint64_t mismatches;	 /* that it, or a channel of its, was not who it should have been */
	uint64_t channel_mismatches; /* of these, the channels' */
	uid_t channel_expected_uid;  /* whose call the last of them was; only where there was one */
	uid_t channel_actual_uid;    /* who had opened the channel */
	int64_t channel_ns;	     /* CLOCK_REALTIME */
	enum imp_engine engine;	     /* of the client; with the ring engine the thread itself is at
					the primary identity */
	unsigned int number;	     /* that the kernel knows the token by; 0: by none */
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

/* What a log record is about. */
enum imp_event {
	IMP_EVENT_NOTE,		    /* none of those below: a ledger that cannot be written, ... */
	IMP_EVENT_FLOW_REFUSED,	    /* work was handed over without its identity */
	IMP_EVENT_MISMATCH,	    /* a thread or a channel is not who it should be */
	IMP_EVENT_SWITCH_FAILED,    /* an identity could not be taken */
	IMP_EVENT_ABORT,	    /* the process is about to end */
	IMP_EVENT_NOT_AUTHENTICATED /* a client has not proven who it is, or another service to it
				     */
};

/*
 * "note", "flow_refused", "mismatch", "switch_failed", "abort" or "not_authenticated"; NULL for any
 * other value.
 */
const char *imp_event_name(enum imp_event event);

/* What the log callback is given.  Never with contents of files, nor with secrets. */
struct imp_log_record {
	int priority; /* of syslog(3): LOG_CRIT before an abort, LOG_ERR, LOG_WARNING, LOG_NOTICE */
	enum imp_event event;
	const char *message; /* one line */
	pid_t tid;	     /* of the thread that it is about */
	uid_t expected_uid;  /* who it should be; IMP_NO_UID where that is not known or not told */
	uid_t actual_uid;    /* who it is */
	const char *site;    /* where work is handed over, "work.c:123"; NULL: not about that */
	int error;	     /* a negative errno, or 0 */
};
typedef void imp_log_fn(const struct imp_log_record *record, void *data);

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
