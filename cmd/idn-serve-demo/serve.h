/* SPDX-License-Identifier: MIT */
/* idn-serve-demo: what its parts share. */
#ifndef SERVE_H
#define SERVE_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "cli/journal.h"
#include "core/procfs.h"
#include "impersonate.h"

enum { EXIT_DRAINED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Mistakes that services make, to be made on purpose: idn-serve-demo(8), --demo-defect. */
enum defect {
	DEFECT_NONE,
	DEFECT_NO_FLOW,		   /* work is handed over without its identity */
	DEFECT_FORGOTTEN_REVERT,   /* a thread goes idle as the client that it served */
	DEFECT_BORN_IMPERSONATING, /* a thread is made while its maker impersonates */
	DEFECT_RAW_SETRESUID,	   /* ids are changed behind the library */
	DEFECT_GLIBC_SETEUID,	   /* another thread calls what changes every thread */
	DEFECT_LAZY_CHANNEL	   /* one channel for all, opened by whoever comes first */
};

/* Which engine clients are to be served by. */
enum engine_choice { CHOOSE_AUTO, CHOOSE_RING, CHOOSE_THREAD };

struct options {
	const char *socket_path; /* one of these two, or neither */
	const char *tcp_address;
	const char *keytab;	      /* NULL: clients of the network are all Anonymous */
	const char *accept_principal; /* NULL, here and below: whatever is the default */
	const char *replay_cache;
	const char *root;
	const char *user;
	const char *policy_path;       /* NULL: the defaults */
	const char *backend;	       /* NULL: there is none */
	const char *backend_principal; /* NULL: the usual one of its host */
	enum imp_level backend_level;  /* that is asked of it at most */
	enum defect defect;
	enum engine_choice engine;
	enum journal_target log;
	mode_t socket_mode;
	int threads;
	int workers;
	int stay_root;
	int verbose;
	int max_header; /* bytes */
	int max_body;	/* bytes */
	int max_connections;
	int max_client_connections; /* of one uid, or from one address */
	int timeout;		    /* seconds without a byte */
};

/* ------------------------------------------------------------------------------ listen.c -- */

/* The listening socket that the service manager has passed (LISTEN_FDS), or -1. */
int listen_passed(const struct options *options);
/* One of our own. */
int listen_open(const struct options *options);
/* Where that is, "/run/demo.sock" or "127.0.0.1:8080"; NULL: only who passed it knows. */
const char *listen_name(void);

/* Takes the socket's name away again, where that is allowed. */
void listen_close(const struct options *options, int fd);

/* Tells the service manager (sd_notify(3)); does nothing without one. */
void notify_manager(const char *state);
/* What it is told first where the configuration is read again. */
void notify_reloading(void);

/* -------------------------------------------------------------------------------- drop.c -- */

/*
 * From root to an account that is nobody else's, with the two capabilities alone; or, where clients
 * are served by the ring ENGINE, with none and none to be had.  Whoever is not root stays who it
 * is.
 */
void drop_privilege(const struct options *options, const struct imp_policy *policy,
		    enum imp_engine engine);

/* Whom the acceptor is to be: the account idn-acceptor, or a free uid. */
void drop_acceptor(const struct imp_policy *policy, uid_t *uid, gid_t *gid);

/* ------------------------------------------------------------------------------ engine.c -- */

/* "auto", "ring" or "thread"; ends the program for anything else, and where that cannot be. */
void engine_parse(const char *name, struct options *options);
/*
 * Starts the ring engine where it is asked for, or may be and can be: while there is privilege, and
 * no thread yet.  Ends the program where it has to be and cannot.
 */
enum imp_engine engine_start(const struct options *options, struct imp_policy *policy,
			     int listen_fd);
/* Which one that was. */
enum imp_engine engine_chosen(void);
/* Has the log say so, and why. */
void engine_tell(void);

/* ------------------------------------------------------------------------------ stream.c -- */

/*
 * Bytes on their way from a thread that works to a connection: so many at a time, so that neither a
 * slow client nor a large file takes memory.
 */
struct stream;

/* For a connection that will get stream_response(); NULL: out of memory. */
struct stream *stream_new(struct MHD_Connection *connection);
/* Waits until there is room.  False: nobody reads any more. */
bool stream_write(struct stream *stream, const void *data, size_t size);
/* That was all; where it is not WHOLE the connection is cut, so that the client knows. */
void stream_end(struct stream *stream, bool whole);
/* The writer has one reference, the reply another, the response one of its own. */
struct stream *stream_ref(struct stream *stream);
void stream_release(struct stream *stream);
/* SIZE may be MHD_SIZE_UNKNOWN.  NULL: out of memory. */
struct MHD_Response *stream_response(struct stream *stream, uint64_t size);

/* ------------------------------------------------------------------------------- reply.c -- */

/* What came of a piece of work; body, descriptor, stream and response are owned. */
struct reply {
	unsigned int status; /* HTTP */
	char type[128];	     /* of the content */
	char *body;
	size_t size;
	int fd;		       /* >= 0: the content, of SIZE bytes, instead of a body */
	pid_t tid;	       /* of the thread that did it */
	struct stream *stream; /* the content, instead of either */
	uint64_t stream_size;
	struct MHD_Response *response; /* the content, instead of any of these */
	const char *allow;	       /* of a 405 */
};

void reply_text(struct reply *reply, unsigned int status, const char *format, ...) IMP_PRINTF(3, 4);
/* Takes over LINE. */
void reply_json(struct reply *reply, char *line);
void reply_type(struct reply *reply, const char *type);
void reply_clear(struct reply *reply);

/* What the client may know: the same reason that it would have had itself. */
void reply_error(struct reply *reply, const char *path, int error);
/* The same of what is no path: KIND stands before NAME. */
void reply_reason(struct reply *reply, const char *kind, const char *name, int error);

/* What an impersonation that failed means for the client. */
void reply_not_impersonated(struct reply *reply, int error);

/* The same of work that was not begun; -EBUSY: nobody is free for it, -ECANCELED: nor will be. */
void reply_not_done(struct reply *reply, int error);

struct backend;
struct backends;
struct client_connection;

/* ---------------------------------------------------------------------------- exchange.c -- */

enum work_kind {
	WORK_NOTHING, /* that is served */
	WORK_WHOAMI,
	WORK_FILE,
	WORK_LIST,
	WORK_KEY,
	WORK_HOLD,
	WORK_BACKEND,
	WORK_PAGE, /* from here on the service's own, whoever asks */
	WORK_EVENTS,
	WORK_METRICS
};
enum method { METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_PUT, METHOD_DELETE };
/* "GET"; "other" for what is none of them. */
const char *method_name(enum method method);
enum { N_WORK_KINDS = WORK_METRICS + 1, N_METHODS = METHOD_DELETE + 1 };

/* What a request asks for. */
struct errand {
	enum work_kind kind;
	enum method method;
	bool async;	 /* through the pool, and from there through it once more */
	char *path;	 /* owned: of a file, of a key, or what the backend is asked */
	bool may_change; /* it is something that may be written, too */
	unsigned int milliseconds;
};

/* A request, from its headers to the end of its response, and to that of the work for it. */
struct exchange {
	atomic_int references; /* HTTP's, and that of the thread that works */
	struct exchange *next; /* of those that the sampler is asked by */
	struct MHD_Connection *connection;
	struct client_connection *client; /* a reference */
	struct imp_token *token;	  /* at the level that the request asks for */
	struct backends *backends;	  /* a reference: of whoever the client is now */
	bool may_prove;			  /* it is a client that could authenticate itself, here */
	bool proven;			  /* and has */
	char *challenge;	      /* owned: what WWW-Authenticate is to say; NULL: nothing */
	enum imp_level backend_level; /* that the request lets the next server have */
	struct errand errand;
	struct json_t *description; /* of the client, where the errand tells it; owned */
	char *via;  /* owned: the services that it came through, as they say; NULL: none */
	char *body; /* owned: what the client sent */
	size_t body_size, body_room;
	struct reply reply;
	bool announced; /* the worker's: the reply is there, and no longer its to change */
	atomic_bool ready;
	bool started;
	bool refused;  /* before its body was read */
	bool answered; /* and that has been said */
};

struct exchange *exchange_new(struct MHD_Connection *connection, struct client_connection *client);
struct exchange *exchange_ref(struct exchange *exchange);
void exchange_unref(struct exchange *exchange);

/*
 * Has the errand done, in the calling thread or elsewhere.  True: the reply is there.  False: the
 * connection is suspended, and will be resumed when it is.
 */
bool exchange_start(struct exchange *exchange);
/* The reply is there: said by the thread that works; more than once is once. */
void exchange_announce(struct exchange *exchange);

void exchange_prepare(const struct options *options, int root_fd);
/* Ends what is held early. */
void exchange_stop(void);
/* Waits for what is being done, once no request is left. */
void exchange_end(void);

/* -------------------------------------------------------------------------------- work.c -- */

/* Does it as the exchange's token, which the thread acts as already; asserted before and after. */
void work_do(struct exchange *exchange, int root_fd);

/* Does it as that, whoever the thread is; it stays that.  For threads that revert when idle. */
void work_do_as(struct exchange *exchange, int root_fd);

/*
 * The answer of /whoami, in two parts: who the client is, told by the service, since name services
 * are nothing to ask as a client; and what the kernel had for the thread while it was the client,
 * which takes over the first part.  The caller frees the line.
 */
struct json_t *work_describe(const struct imp_token *token, const char *via);
char *work_describe_thread(struct json_t *object, const struct procfs_thread *kernel);

/* imp_assert, of a request: one that fails is counted. */
int work_assert(const struct imp_token *token) IMP_MUST_CHECK;

/* ------------------------------------------------------------------------------- below.c -- */

/*
 * Opens PATH below the root, wherever ".." and symbolic links lead, and by nobody's magic links.
 * An empty one is the root.  A descriptor, or a negative errno.
 */
int open_below(int root_fd, const char *path, int flags) IMP_MUST_CHECK;
/*
 * Opens the directory that holds the last name of PATH; *NAME points to that, with the slashes
 * behind it.  Where the client may not list the directory, the descriptor is one of O_PATH.
 */
int open_parent(int root_fd, const char *path, const char **name) IMP_MUST_CHECK;
/* openat(2), close-on-exec. */
int open_at(int directory, const char *path, int flags, mode_t mode) IMP_MUST_CHECK;

/* --------------------------------------------------------------------------------- put.c -- */

/* Makes BODY the content of the file, whole or not at all: 201, 204, or the reason why not. */
void put_file(int root_fd, const char *path, const char *body, size_t size, struct reply *reply);
/* 204, or the reason why not. */
void delete_file(int root_fd, const char *path, struct reply *reply);

/* -------------------------------------------------------------------------------- keep.c -- */

/* Not where its client is served by the ring engine: then only what the library does for it is. */
bool thread_is_client(void);
/*
 * Gives the file FD, which is to replace OLD, what OLD would have kept had it been written to in
 * place, as far as the client may: owner, group, permissions, ACL.  A negative errno.
 */
int keep_permissions(int fd, int old) IMP_MUST_CHECK;
/* Takes from a file that replaces nothing what the umask says, where the kernel has not. */
int take_umask(int fd) IMP_MUST_CHECK;

/* -------------------------------------------------------------------------------- keys.c -- */

/*
 * Before any thread begins: leaves behind the keys that the service possesses, which would be every
 * client's to read otherwise.  Where that fails, no key is served.
 */
void keys_prepare(void);
/* The payload of a kernel key of type "user" that has this description. */
void get_key(const char *description, struct reply *reply);

/* --------------------------------------------------------------------------------- ask.c -- */

/* Has the next server do it. */
void ask_backend(struct exchange *exchange);
void ask_prepare(const struct options *options);
/* Closes what a client had for that; NULL is allowed. */
void ask_forget(struct backend *backend);

/* -------------------------------------------------------------------------------- hold.c -- */

/*
 * Has a thread of its own stay the exchange's client for the errand's time, and tell so in two
 * lines: as the exchange's token, or, where ASYNC, as whoever the caller is.  False: there are too
 * many.
 */
bool hold_start(struct exchange *exchange, bool async);
void hold_prepare(enum defect defect);
/* Ends all of them early, and waits for their threads. */
void hold_stop(void);
void hold_join(void);

/* ------------------------------------------------------- sampler.c, events.c, metrics.c -- */

/* The service's own answers, of its threads and counters.  As exchange_start. */
bool status_start(struct exchange *exchange);
void status_prepare(void);
/* Ends the streams of events. */
void status_stop(void);
/* Once no request is left. */
void status_end(void);

/* A response of STATUS goes out. */
void metrics_count_request(const struct errand *errand, unsigned int status);
void metrics_count_failed_assertion(void);

/* ------------------------------------------------------------------------------ defect.c -- */

/* DEFECT_NONE where there is none of that name. */
enum defect defect_by_name(const char *name);
/* Makes it, where it is one of a thread that holds. */
void defect_while_holding(enum defect defect);
/* Ends the threads that were made in error. */
void defect_stop(void);

/* -------------------------------------------------------------------------------- via.c -- */

/* Is it a list of services, as via_with writes them?  NULL is. */
bool via_is_valid(const char *via);
/*
 * VIA with this service and thread behind it, and how TOKEN's client is known here; who that is,
 * where TOLD, the level that the next server is told, allows it.  Owned; NULL: out of memory.
 */
char *via_with(const char *via, const char *service, const struct imp_token *token,
	       enum imp_level told);
/* As the contract of /whoami has it. */
struct json_t *via_array(const char *via);

/* -------------------------------------------------------------------------- connection.c -- */

/* One for each connection, from accept to close. */

void connection_prepare(const struct options *options);
void connection_notify(void *unused, struct MHD_Connection *connection, void **context,
		       enum MHD_ConnectionNotificationCode code);
struct client_connection *connection_of(struct MHD_Connection *connection);
struct client_connection *connection_ref(struct client_connection *client);
void connection_unref(struct client_connection *client);
/* The connection's token, at the level of this request; NULL and the reason where there is none. */
struct imp_token *connection_token(struct MHD_Connection *connection, unsigned int *status,
				   const char **reason);
/* How many there are, of how many users, and have been. */
struct connection_numbers {
	unsigned int open, users; /* and addresses */
	uint64_t accepted;
};
void connection_count(struct connection_numbers *numbers);

/* The level that the request lets the next server have at most.  False: it is malformed. */
bool connection_backend_level(struct MHD_Connection *connection, enum imp_level *level);
/*
 * What the client of a connection has for calling the next server, at each of its own levels and
 * each that is asked there.  It is that client's, and not the connection's, which may be somebody
 * else's by the next request.
 */
struct backends *connection_backends(struct client_connection *client); /* a reference, or NULL */
void backends_unref(struct backends *backends);				/* NULL is allowed */
/* A place for ask.c to keep it. */
struct backend **backends_at(struct backends *backends, enum imp_level level, enum imp_level asked);

/* ------------------------------------------------------------------------ authenticate.c -- */

/* Reads the keytab, before privilege is dropped, where that is not the ring engine's to do. */
void authenticate_prepare(const struct options *options, enum imp_engine engine);
struct imp_acceptor_options authenticate_options(const struct options *options);
/*
 * Takes what the request's headers have to prove.  MHD_HTTP_OK: its connection is whose it was, or
 * whose it now is; a status and the reason where nothing may be done for it.
 */
unsigned int authenticate(struct exchange *exchange, const char **reason);

/* -------------------------------------------------------------------------------- http.c -- */

#define LEVEL_HEADER "Impersonation-Level"
#define BACKEND_LEVEL_HEADER "Impersonation-Backend-Level"
#define THREAD_HEADER "Impersonation-Thread"
#define VIA_HEADER "Impersonation-Via"

void http_prepare(const struct options *options);
enum MHD_Result http_answer(void *unused, struct MHD_Connection *connection, const char *url,
			    const char *method, const char *version, const char *upload,
			    size_t *upload_size, void **context);
void http_completed(void *unused, struct MHD_Connection *connection, void **context,
		    enum MHD_RequestTerminationCode code);
/* From now on connections end with their request; readable once the last has ended. */
int http_drain(void);

/* ------------------------------------------------------------------------------- route.c -- */

/* What URL asks for, with METHOD and the query; a status and the reason where it is nothing. */
unsigned int route(struct MHD_Connection *connection, const char *url, const char *method,
		   struct errand *errand, const char **reason);

/* -------------------------------------------------------------------------------- loop.c -- */

/* The threads that serve connections. */
void loop_start(const struct options *options, int listen_fd);
/* Resumes a connection that was suspended, from any thread. */
void loop_resume(struct MHD_Connection *connection);
/* No more connections. */
void loop_quiesce(void);
/* Once no request is left. */
void loop_stop(void);

#endif
