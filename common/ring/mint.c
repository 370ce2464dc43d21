/* SPDX-License-Identifier: MIT */
/*
 * Registers an identity with every ring of the service: io_uring_register(2) takes the caller's
 * credentials, so they are taken on by something that is thrown away after, a child that shares the
 * broker's memory and descriptors for as long as the broker waits for it (vfork(2)).
 *
 * Its real and saved uid stay the broker's: with the client's the client could stop it with a
 * signal, and the broker with it, while tokens of others have to be ended (kill(2) goes by these
 * two).  No operation of a ring goes by them, nor can one change them, and capabilities there are
 * none.
 */
#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/mint.h"

struct errand {
	const struct mint *mint;
	const struct identity *identity;
	uint32_t number;
	int error;
};

/* ----------------------------------------------------------------------------- numbers -- */

static int enter(int ring, unsigned int operation, uint32_t number)
{
	long result = syscall(SYS_io_uring_register, ring, operation, NULL, number);

	return result < 0 ? -errno : (int)result;
}

static void unregister(const struct mint *mint, unsigned int rings, uint32_t number)
{
	for (unsigned int i = 0; i < rings; i++)
		(void)enter(mint->rings[i], IORING_UNREGISTER_PERSONALITY, number);
}

void mint_unregister(const struct mint *mint, uint32_t number)
{
	unregister(mint, mint->n_rings, number);
}

/* The same number everywhere, or none. */
static int number_everywhere(const struct mint *mint, uint32_t number)
{
	for (unsigned int i = 0; i < mint->n_rings; i++) {
		int got = enter(mint->rings[i], IORING_REGISTER_PERSONALITY, 0);

		if (got == (int)number)
			continue;
		if (got > 0)
			(void)enter(mint->rings[i], IORING_UNREGISTER_PERSONALITY, (uint32_t)got);
		unregister(mint, i, number);
		/* A failure alone takes no number: only that of the first leaves all as they were.
		 */
		return i == 0 && got < 0 ? got : -EPROTO;
	}
	return 0;
}

/* --------------------------------------------------------------------------- the identity -- */

static int become(const struct mint *mint, const struct identity *identity)
{
	const struct imp_identity *who = &identity->view;
	const struct credentials want = {
		.real_uid = mint->own.real_uid,
		.effective_uid = who->uid,
		.saved_uid = mint->own.saved_uid,
		.filesystem_uid = who->uid,
		.real_gid = who->gid,
		.effective_gid = who->gid,
		.saved_gid = who->gid,
		.filesystem_gid = who->gid,
		.groups = identity->groups,
	};
	/* Groups first: once the uid is the client's they may no longer be set. */
	int error = credentials_set_groups(identity->groups);

	if (error == 0)
		error = credentials_set_gids(who->gid, who->gid, who->gid);
	if (error == 0)
		error = credentials_set_uids(IMP_NO_UID, who->uid, IMP_NO_UID);
	if (error == 0)
		error = credentials_set_capabilities(0, 0, 0);
	/* By the kernel's word, before it is anybody's token. */
	if (error == 0 && !credentials_match(&want, CREDENTIALS_ALL & ~CREDENTIALS_GROUPS))
		error = -EPROTO;
	return error;
}

/* In the child; it shares the memory of who waits for it, and ends when this returns. */
static int run(void *data)
{
	struct errand *errand = data;
	int error = become(errand->mint, errand->identity);

	if (error == 0)
		error = number_everywhere(errand->mint, errand->number);
	errand->error = error;
	return 0;
}

int mint_register(const struct mint *mint, const struct identity *identity, uint32_t number)
{
	static char stack[65536] __attribute__((aligned(16)));
	struct errand errand = {mint, identity, number, -ECHILD};
	pid_t child =
		clone(run, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_VFORK, &errand);
	int status;

	if (child < 0)
		return errno == EAGAIN || errno == ENOMEM ? -ENOMEM : -errno;
	while (waitpid(child, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return status == 0 ? errand.error : -ECHILD;
}
