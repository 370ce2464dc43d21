/* SPDX-License-Identifier: MIT */
/* What service and broker say to each other: the broker reads nothing else of anybody. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ring/message.h"

/* ---------------------------------------------------------------------------- on the wire -- */

/* As long as it takes a processor to go to sleep, and to be woken. */
enum { SOON_NS = 60000 };

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

/* The one descriptor; -1: none, or more than there was room for. */
static int take_fd(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

int message_receive(int from, void *room, size_t size, struct message_received *received)
{
	union control control;
	struct iovec bytes = {.iov_base = room, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen =
			CMSG_LEN(sizeof(int)), /* in the room for one there is room for two */
	};
	ssize_t n;

	do
		n = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	received->size = (size_t)n;
	received->fd = take_fd(&message);
	/* The kernel has let go of what there was no room for, be it here or among the descriptors.
	 */
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == MSG_CTRUNC && received->fd < 0)
		return -EMFILE;
	if (!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 0;
	if (received->fd >= 0)
		close(received->fd);
	received->fd = -1;
	return -EPROTO;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void message_expect(int from)
{
	struct pollfd state = {.fd = from, .events = POLLIN};
	const int64_t end = now_ns() + SOON_NS;

	while (poll(&state, 1, 0) == 0 && now_ns() < end)
		sched_yield();
}

int message_send(int to, const void *message, size_t size, int fd)
{
	union control control = {.header = {.cmsg_len = CMSG_LEN(sizeof(fd)),
					    .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS}};
	struct iovec bytes = {.iov_base = (void *)message, .iov_len = size};
	struct msghdr header = {.msg_iov = &bytes, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		header.msg_control = &control;
		header.msg_controllen = sizeof(control);
	}
	do
		n = sendmsg(to, &header, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* -------------------------------------------------------------------------------- meaning -- */

int message_read_request(const void *bytes, size_t size, bool with_fd,
			 struct message_request *request)
{
	if (size != sizeof(*request))
		return -EPROTO;
	memcpy(request, bytes, size);
	if (request->magic != MESSAGE_MAGIC)
		return -EPROTO;
	switch (request->kind) {
	case MESSAGE_ADMIT:
		return with_fd && request->serial != MESSAGE_GREETING &&
				       request->release <= UINT16_MAX
			       ? 0
			       : -EPROTO;
	case MESSAGE_RELEASE:
		return !with_fd && request->release >= 1 && request->release <= UINT16_MAX
			       ? 0
			       : -EPROTO;
	default:
		return -EPROTO;
	}
}

int message_read_claim(const void *bytes, size_t size, bool with_fd, struct message_claim *claim)
{
	if (size != sizeof(*claim) || !with_fd)
		return -EPROTO;
	memcpy(claim, bytes, size);
	return claim->magic == MESSAGE_MAGIC && claim->serial != MESSAGE_GREETING &&
			       claim->uid != IMP_NO_UID && claim->gid != IMP_NO_GID &&
			       claim->ends_ns >= 0 && claim->n_groups <= MESSAGE_GROUPS
		       ? 0
		       : -EPROTO;
}

int message_read_answer(const void *bytes, size_t size, uint32_t serial, struct grant *grant)
{
	struct message_answer answer;

	if (size != sizeof(answer))
		return -EPROTO;
	memcpy(&answer, bytes, size);
	if (answer.magic != MESSAGE_MAGIC || answer.serial != serial)
		return -EPROTO;
	if (answer.error < 0)
		return answer.error > -4096 ? answer.error : -EPROTO;
	if (answer.error > 0 || answer.number > UINT16_MAX || answer.holding > UINT16_MAX ||
	    !imp_level_name((enum imp_level)answer.level) ||
	    !imp_decided_by_name((enum imp_decided_by)answer.decided_by))
		return -EPROTO;
	*grant = (struct grant){
		.number = answer.number,
		.holding = answer.holding,
		.level = (enum imp_level)answer.level,
		.decided_by = (enum imp_decided_by)answer.decided_by,
	};
	return 0;
}
