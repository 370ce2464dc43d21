/* SPDX-License-Identifier: MIT */
/* What the rings do for who has taken over the service, and what not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "takeover/cases.h"

static int enter(unsigned int seat, unsigned int operation, uint32_t number)
{
	long result = syscall(SYS_io_uring_register, seat_at(seat)->ring.ring_fd, operation, NULL,
			      number);

	return result < 0 ? -errno : (int)result;
}

/* ------------------------------------------------------------------------------- operations -- */

static bool is_for_clients(int operation)
{
	static const int these[] = {
		IORING_OP_NOP,	    IORING_OP_OPENAT2,	 IORING_OP_STATX,    IORING_OP_MKDIRAT,
		IORING_OP_UNLINKAT, IORING_OP_RENAMEAT,	 IORING_OP_LINKAT,   IORING_OP_SYMLINKAT,
		IORING_OP_GETXATTR, IORING_OP_FGETXATTR, IORING_OP_SETXATTR, IORING_OP_FSETXATTR,
		IORING_OP_CONNECT,
	};

	for (size_t i = 0; i < sizeof(these) / sizeof(these[0]); i++)
		if (these[i] == operation)
			return true;
	return false;
}

void case_operations(const char *kind)
{
	struct player alice = player_new("alice");

	stage_set(&(struct setting){.kind = kind});
	uint32_t number = number_of(stage_connection(&alice, NULL));
	int pipes[2];

	SYSTEM(pipe2(pipes, O_CLOEXEC));
	for (int operation = 0; operation < 256; operation++) {
		struct io_uring_sqe entry = {
			.opcode = (uint8_t)operation,
			.fd = pipes[0],
			.personality = (uint16_t)number,
		};
		int result = is_for_clients(operation) ? -EACCES : give(0, &entry);

		/* What the kernel does not know it refuses as that. */
		if (result != -EACCES && !(result == -EINVAL && operation >= IORING_OP_LAST))
			FAIL("operation %d: expected EACCES, saw %d", operation, result);
	}
	/* None that waits for another, which would be done when the client has left. */
	for (unsigned int flag = 0; flag < 8; flag++) {
		struct io_uring_sqe entry = {
			.opcode = IORING_OP_NOP,
			.flags = (uint8_t)(1u << flag),
			.personality = (uint16_t)number,
		};
		int result = give(0, &entry);

		if (result != -EACCES && result != -EINVAL && result != -EOPNOTSUPP)
			FAIL("flag %u: expected EACCES, saw %d", flag, result);
	}
}

void case_register(const char *kind)
{
	stage_set(&(struct setting){.kind = kind});
	for (unsigned int operation = 0; operation < 256; operation++) {
		if (operation == IORING_REGISTER_PERSONALITY ||
		    operation == IORING_UNREGISTER_PERSONALITY)
			continue;
		int result = enter(0, operation, 0);

		if (result != -EACCES && result != -EINVAL)
			FAIL("register operation %u: expected EACCES, saw %d", operation, result);
	}
}

/* Where io_uring_setup(2) is not to be had, by a filter or by the administrator's word. */
void case_without(const char *kind)
{
	const bool disabled = strcmp(kind, "disabled") == 0;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (disabled ? EPERM : ENOSYS)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};
	struct imp_ring_options options = {.seats = 2};
	const char *problem = "";
	struct imp_token *token;
	struct sockaddr_un address;
	socklen_t length;
	static struct who who;

	address_at(&address, &length, scratch("service"));
	options.listen_fd = listen_at(&address, length);
	SYSTEM(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SYSTEM(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	SAME(imp_ring_start(&options, &problem), -ENOTSUP);
	CONTAINS(problem, disabled ? "io_uring is disabled" : "no io_uring");
	/* Nothing of it is left, and clients are served by threads. */
	SAME(engine == NULL, 1);
	become_service("root");
	who_is("alice", &who);
	token = token_at(&who, NULL, NULL);
	SAME(imp_token_engine(token), IMP_ENGINE_THREAD);
	imp_token_unref(token);
}

/* -------------------------------------------------------------------------------- identities -- */

/* What it registers is what it is; and the numbers of one ring are no longer those of the other. */
static void check_out_of_step(const char *kind, unsigned int seats)
{
	struct player alice = player_new("alice"), bob = player_new("bob");
	struct message_answer answer;
	uint32_t numbers[2] = {0};

	stage_set(&(struct setting){.kind = kind, .seats = 2});
	numbers[0] = number_of(stage_connection(&alice, NULL));
	for (unsigned int seat = 0; seat < seats; seat++) {
		int own = enter(seat, IORING_REGISTER_PERSONALITY, 0);

		SAME(own > 0, 1);
		numbers[1] = (uint32_t)own;
		SAME(give(seat, &(struct io_uring_sqe){.opcode = IORING_OP_NOP,
						       .personality = (uint16_t)own}),
		     0);
	}
	if (seats == 2)
		SAME(uid_of(numbers[1]), SERVICE_ID);
	int connection = stage_connection(&bob, NULL);

	SAME(hand_over(&connection, 1, &answer), -EPIPE);
	check_ended(numbers, 1);
}

void case_mint_one(const char *kind)
{
	check_out_of_step(kind, 1);
}

void case_mint_all(const char *kind)
{
	check_out_of_step(kind, 2);
}

/* All the way around, and in step again: the numbers are whose the broker says. */
void case_mint_around(const char *kind)
{
	struct player alice = player_new("alice"), bob = player_new("bob");
	static struct who who;

	who_is("bob", &who);
	stage_set(&(struct setting){.kind = kind});
	uint32_t before = number_of(stage_connection(&alice, NULL));

	/* Its own and the anonymous one are taken already. */
	for (unsigned int seat = 0; seat < 2; seat++)
		for (unsigned int i = 0; i < UINT16_MAX - 2; i++) {
			int own = enter(seat, IORING_REGISTER_PERSONALITY, 0);

			SAME(own > 0, 1);
			SAME(enter(seat, IORING_UNREGISTER_PERSONALITY, (uint32_t)own), 0);
		}
	uint32_t after = number_of(stage_connection(&bob, NULL));

	SAME(after, before + 1);
	SAME(uid_of(after), who.uid);
}

/* It takes a number out, and puts itself in its place, in one ring. */
void case_mint_in_place(const char *kind)
{
	struct player alice = player_new("alice"), bob = player_new("bob");
	struct message_answer answer;

	stage_set(&(struct setting){.kind = kind});
	uint32_t number = number_of(stage_connection(&alice, NULL));

	SAME(enter(0, IORING_UNREGISTER_PERSONALITY, number), 0);
	for (int own = 0; own != (int)number;) {
		own = enter(0, IORING_REGISTER_PERSONALITY, 0);
		SAME(own > 0, 1);
		if (own != (int)number)
			SAME(enter(0, IORING_UNREGISTER_PERSONALITY, (uint32_t)own), 0);
	}
	int connection = stage_connection(&bob, NULL);

	/* The next number is the same as before in both. */
	SAME(hand_over(&connection, 1, &answer), 0);
	SAME(player_do(&alice, hang_up, NULL, 0), 0);
	wait_revoked(number);
}
