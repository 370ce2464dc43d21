/* SPDX-License-Identifier: MIT */
/* What service and broker say to each other: one message of fixed size each way, by seqpacket. */
#ifndef RING_MESSAGE_H
#define RING_MESSAGE_H

#include "core/engine.h"

#define MESSAGE_MAGIC UINT32_C(0x31504d49) /* "IMP1" */

enum message_kind {
	MESSAGE_ADMIT = 1, /* a connection comes along: whose is it? */
	MESSAGE_RELEASE	   /* nothing but a release; there is no answer */
};

struct message_request {
	uint32_t magic;
	uint32_t kind;
	uint32_t serial;  /* comes back in the answer */
	uint32_t release; /* a holding that the service has no use for any more; 0: none */
};

struct message_answer {
	uint32_t magic;
	uint32_t serial;
	int32_t error;	 /* 0, or a negative errno; then the rest is 0 */
	uint32_t number; /* 0, and no holding, where the level allows no more than the anonymous one
			  */
	uint32_t holding; /* of this connection, to be released */
	uint32_t level;
	uint32_t decided_by;
};

/*
 * What the acceptor says to the broker, with the client's connection along: whose that is.  The
 * answer is the same.
 */
enum { MESSAGE_GROUPS = 1024 };
struct message_claim {
	uint32_t magic;
	uint32_t serial;
	uint32_t uid;
	uint32_t gid;
	int64_t ends_ns; /* of CLOCK_REALTIME; 0: never */
	uint32_t n_groups;
	uint32_t groups[MESSAGE_GROUPS];
};

/* Nobody has to be asked what comes first: the anonymous identity's number, under this serial. */
enum { MESSAGE_GREETING = 0 };

/* What is there once at most, with the descriptor that came along, which is the caller's, or -1. */
struct message_received {
	size_t size;
	int fd;
};

/*
 * Waits for one.  0 with SIZE 0: the other end is gone; -EPROTO for one with more than a descriptor
 * along, which are all closed then; -EMFILE for one whose descriptor could not be taken, which is
 * all there otherwise; what recvmsg(2) reports.
 */
int message_receive(int from, void *room, size_t size,
		    struct message_received *received) IMP_MUST_CHECK;
/*
 * Waits for what comes soon, without going to sleep and with whoever else wants the processor going
 * first: to be woken takes longer than most answers do.  FROM may be an epoll descriptor as well.
 */
void message_expect(int from);
/* FD along, unless that is -1. */
int message_send(int to, const void *message, size_t size, int fd) IMP_MUST_CHECK;

/* Makes sense of what was received; -EPROTO. */
int message_read_request(const void *bytes, size_t size, bool with_fd,
			 struct message_request *request) IMP_MUST_CHECK;
int message_read_claim(const void *bytes, size_t size, bool with_fd,
		       struct message_claim *claim) IMP_MUST_CHECK;
int message_read_answer(const void *bytes, size_t size, uint32_t serial,
			struct grant *grant) IMP_MUST_CHECK;

#endif
