/* SPDX-License-Identifier: MIT */
/* Connections over the network that are somebody's: authenticated before anybody may use them. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/connect.h"
#include "net/kerberos.h"
#include "net/open.h"
#include "net/target.h"

/* More messages than any mechanism has: the other end makes fun of us. */
enum { MOST_MESSAGES = 10 };

const char *network_name(const struct imp_target *target)
{
	return target_text(target);
}

/* Sends it, where there is something to send, and takes the answer.  What CARRY returned. */
static int exchange(const struct network_way *way, int fd, const void *message, size_t size,
		    void **answer, size_t *answer_size)
{
	int result;

	*answer = NULL;
	*answer_size = 0;
	result = way->carry(way->data, fd, message, size, answer, answer_size);
	if (result < 0) {
		free(*answer);
		*answer = NULL;
	}
	return result;
}

/* Both ends have to be content: the other one with us, and we with it. */
static int authenticate(const struct network_way *way, struct initiator *initiator, int fd)
{
	void *answer = NULL, *message;
	size_t answer_size = 0, size;
	bool accepted = false;
	int result = 1;

	for (int i = 0; result == 1 && i < MOST_MESSAGES; i++) {
		/* It has said all that it has to say, and that was not enough. */
		if (accepted && !answer) {
			result = kerberos_refuse(-EBADMSG, "%s has not proven who it is",
						 network_name(way->target));
			break;
		}
		result = initiator_step(initiator, answer, answer_size, &message, &size);
		free(answer);
		answer = NULL;
		if (result < 0)
			break;
		if (message) {
			int carried = exchange(way, fd, message, size, &answer, &answer_size);

			free(message);
			if (carried < 0) {
				result = carried;
				break;
			}
			accepted = carried == 1;
		} else if (result == 1) {
			result = -EBADMSG; /* nothing to say, and nothing to wait for */
		}
	}
	free(answer);
	if (result == 1)
		return -EBADMSG;
	if (result < 0 || accepted)
		return result;
	return kerberos_refuse(-EREMOTEIO, "%s has not accepted the client",
			       network_name(way->target));
}

int network_open(const struct network_way *way, enum imp_level level, int64_t *expires_ns)
{
	struct initiator *initiator = NULL;
	int fd, error = 0;

	*expires_ns = 0;
	/* First of all whether it may be: nothing is sent where not. */
	if (level >= IMP_LEVEL_IMPERSONATION)
		error = initiator_new(way->target, level, &initiator);
	if (error < 0)
		return error;
	fd = target_connect(way->target, way->connect_seconds);
	if (fd >= 0 && initiator) {
		error = authenticate(way, initiator, fd);
		*expires_ns = initiator_expires(initiator);
	}
	initiator_free(initiator);
	if (error < 0) {
		close(fd);
		return error;
	}
	return fd;
}
