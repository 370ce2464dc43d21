/* SPDX-License-Identifier: MIT */
/* What whoever has taken over the service does to its broker and its rings. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "takeover/stage.h"

/* ------------------------------------------------------------------------------- the broker -- */

int tell(const void *bytes, size_t size, const int *fds, unsigned int n_fds)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * 16)];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int) * n_fds),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	struct iovec vector = {.iov_base = (void *)bytes, .iov_len = size};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

	if (n_fds) {
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
	}
	return sendmsg(seat_at(0)->broker, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int hear(struct message_answer *answer)
{
	struct pollfd event = {.fd = seat_at(0)->broker, .events = POLLIN};
	ssize_t size;

	if (SYSTEM(poll(&event, 1, PATIENCE * 1000)) == 0)
		FAIL("the broker: expected an answer, or its end, saw neither in %d s", PATIENCE);
	size = recv(seat_at(0)->broker, answer, sizeof(*answer), 0);
	if (size == (ssize_t)sizeof(*answer))
		return 0;
	SAME(size < 0 ? -errno : size, size < 0 ? -ECONNRESET : 0);
	return -EPIPE;
}

int hand_over(const int *fds, unsigned int n_fds, struct message_answer *answer)
{
	const struct message_request request = {
		.magic = MESSAGE_MAGIC,
		.kind = MESSAGE_ADMIT,
		.serial = 77,
	};
	int error = tell(&request, sizeof(request), fds, n_fds);

	*answer = (struct message_answer){.number = 0};
	if (error == 0)
		error = hear(answer);
	if (error == -ECONNRESET)
		error = -EPIPE;
	if (error == 0 && answer->error < 0)
		SAME(answer->number, 0);
	return error;
}

/* What the service was given last under each number. */
static uint32_t holdings[UINT16_MAX + 1];

uint32_t number_of(int connection)
{
	struct message_answer answer;

	SAME(hand_over(&connection, 1, &answer), 0);
	SAME(answer.error, 0);
	if (answer.number == 0)
		FAIL("the broker: expected a number, saw none");
	holdings[answer.number] = answer.holding;
	return answer.number;
}

void let_go(uint32_t number)
{
	let_go_of(holdings[number]);
	holdings[number] = 0;
}

void let_go_of(uint32_t holding)
{
	const struct message_request request = {
		.magic = MESSAGE_MAGIC,
		.kind = MESSAGE_RELEASE,
		.release = holding,
	};

	SAME(tell(&request, sizeof(request), NULL, 0), 0);
}

void check_serves(struct player *player)
{
	int connection = stage_connection(player, NULL);
	uint32_t number = number_of(connection);

	SAME(player_do(player, hang_up, NULL, 0), 0);
	close(connection);
	wait_revoked(number);
	let_go(number);
}

static void wait_gone(pid_t pid)
{
	time_t end = time(NULL) + PATIENCE;
	int status;

	while (kill(pid, 0) == 0 || errno == EPERM) {
		(void)waitpid(pid, &status, WNOHANG);
		if (time(NULL) > end)
			FAIL("process %d: expected its end, saw it live", pid);
		sched_yield();
	}
}

void check_ended(const uint32_t *numbers, unsigned int count)
{
	wait_gone(stage.broker);
	wait_gone(stage.guard);
	for (unsigned int i = 0; i < count; i++)
		wait_revoked(numbers[i]);
}

/* -------------------------------------------------------------------------------- the rings -- */

int open_by(uint32_t number, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (unsigned int)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? 0600 : 0,
	};
	const struct operation operation = {.directory = AT_FDCWD, .path = path, .how = &how};

	return ring_run(number, prepare_open, &operation);
}

int give(unsigned int seat, const struct io_uring_sqe *entry)
{
	struct io_uring *ring = &seat_at(seat)->ring;
	struct io_uring_sqe *room = io_uring_get_sqe(ring);
	struct io_uring_cqe *cqe;
	int result;

	if (!room)
		FAIL("ring %u: expected room, saw none", seat);
	*room = *entry;
	SAME(io_uring_submit_and_wait(ring, 1), 1);
	MUST(io_uring_wait_cqe(ring, &cqe));
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

uid_t uid_of(uint32_t number)
{
	static unsigned int count;
	struct stat status;
	char name[32];
	const char *path;

	snprintf(name, sizeof(name), "made.%u", count++);
	path = scratch(name);
	int fd = open_by(number, path, O_WRONLY | O_CREAT | O_EXCL);

	if (fd < 0)
		FAIL("a file of number %u: expected one, saw: %s", number, strerror(-fd));
	SYSTEM(fstat(fd, &status));
	close(fd);
	return status.st_uid;
}

void wait_revoked_by(unsigned int seat, uint32_t number)
{
	const struct io_uring_sqe nothing = {.opcode = IORING_OP_NOP,
					     .personality = (uint16_t)number};
	time_t end = time(NULL) + PATIENCE;

	while (give(seat, &nothing) != -EINVAL) {
		if (time(NULL) > end)
			FAIL("number %u: expected its end, saw it work", number);
		sched_yield();
	}
}

void wait_revoked(uint32_t number)
{
	for (unsigned int seat = 0; seat < 2; seat++)
		wait_revoked_by(seat, number);
}
