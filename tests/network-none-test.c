/* SPDX-License-Identifier: MIT */
/* A library that was built without Kerberos: it says so, whatever of it is asked for. */
#include <errno.h>
#include <stddef.h>

#include "lib/check.h"

static void missing(const char *kind)
{
	struct imp_acceptor *acceptor = NULL;
	struct imp_target *target = NULL;
	const char *problem = NULL;

	(void)kind;
	SAME(imp_acceptor_new(NULL, &acceptor, &problem), -ENOTSUP);
	CONTAINS(problem, "without Kerberos");
	problem = NULL;
	SAME(imp_target_new("127.0.0.1", "80", "HTTP/b.test", &target, &problem), -ENOTSUP);
	CONTAINS(problem, "without Kerberos");
	SAME(imp_acceptor_new(NULL, &acceptor, NULL), -ENOTSUP);
	SAME(imp_target_new("127.0.0.1", "80", "HTTP/b.test", &target, NULL), -ENOTSUP);
	/* Without a target there is no channel to one. */
	SAME(acceptor == NULL && target == NULL, true);
	/* What is nothing may be given back. */
	imp_acceptor_unref(NULL);
	imp_target_unref(NULL);
	imp_handshake_free(NULL);
}

static const struct check_case cases[] = {{"missing", missing}, {NULL, NULL}};

int main(int argc, char **argv)
{
	return check_main(argc, argv, cases);
}
