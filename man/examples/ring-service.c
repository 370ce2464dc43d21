/* SPDX-License-Identifier: MIT */
/*
 * ring-service UID SOCKET - a service that holds no privilege once it serves, and has files opened
 * as its clients all the same: with the ring engine the kernel does that for it, by number.
 *
 *     cc ring-service.c request.c $(pkg-config --cflags --libs impersonate)
 *
 * To be started with privilege.  It goes on as UID, which should be nobody's.  Where there is no
 * ring engine it keeps the two capabilities that the thread engine needs; what it does for clients
 * is the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "request.h"

/* ------------------------------------------------------------------------------- clients -- */

static void answer(const struct request *request)
{
	const char *engine = imp_engine_name(imp_token_engine(request->token));
	const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK};
	char name[4096] = "", text[4096];
	ssize_t n;

	if (!request_read_name(request, name, sizeof(name)))
		return;
	/* From here on this is the client's work, whichever engine it has. */
	if (imp_serve(request->token) < 0)
		return;

	int file = imp_openat2(NULL, AT_FDCWD, name, &how);

	imp_revert();
	n = snprintf(text, sizeof(text), "%s: %s\n", engine, file < 0 ? strerror(-file) : "sent");
	while (n > 0 && send(request->connection, text, (size_t)n, MSG_NOSIGNAL) > 0)
		n = file < 0 ? 0 : read(file, text, sizeof(text));
	if (file >= 0)
		close(file);
}

/* --------------------------------------------------------------------------------- start -- */

/* Why there is no ring engine, or NULL: then the broker holds the privilege from now on. */
static const char *start_ring(int listener)
{
	const struct imp_ring_options options = {.listen_fd = listener, .seats = 1};
	const char *problem = "";

	return imp_ring_start(&options, &problem) < 0 ? problem : NULL;
}

static int give_up_privilege(uid_t uid, bool ring)
{
	const struct imp_become become = {
		.uid = uid,
		.gid = uid,
		.capabilities = ring ? 0 : 1u << CAP_SETUID | 1u << CAP_SETGID,
		.limit_bounding = geteuid() == 0,
		.sealed = true,
	};
	const char *step = "";
	int error = imp_become(&become, &step);

	if (error < 0)
		fprintf(stderr, "ring-service: %s: %s\n", step, strerror(-error));
	return error;
}

int main(int argc, char **argv)
{
	const uid_t uid = argc == 3 ? (uid_t)strtoul(argv[1], NULL, 10) : 0;
	int listener = uid ? request_listen(argv[2]) : -1;

	if (listener < 0)
		return 2;
	(void)!imp_prepare_runtime_dir(); /* where nobody may make it there is no ledger */

	/* In this order: the privilege is the broker's before it is nobody's. */
	const char *problem = start_ring(listener);

	if (give_up_privilege(uid, problem == NULL) < 0 || imp_prepare() < 0)
		return 1;
	printf("listening on %s\n", argv[2]);
	if (problem)
		printf("by the thread engine: %s\n", problem);
	fflush(stdout);
	for (;;) {
		struct request *request = request_accept(listener);

		if (!request)
			continue;
		answer(request);
		request_free(request);
	}
}
