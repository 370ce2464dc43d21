/* SPDX-License-Identifier: MIT */
/*
 * hostile WHAT [ARGUMENT...] - a process that does what it can, as an ordinary user, to mislead who
 * looks at it, or is as much as the kernel lets it be; prints a line once it is, and stays so until
 * it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "procfs.h"

enum { SLOTS = 64 };

static struct {
	struct ledger_header header;
	char rest_of_page[LEDGER_SLOTS_OFFSET - sizeof(struct ledger_header)];
	struct ledger_slot slots[SLOTS];
} image;

static void need(long result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t number_of(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

static void say_ready(void)
{
	printf("ready\n");
	fflush(stdout);
}

static _Noreturn void stay(void)
{
	say_ready();
	for (;;)
		pause();
}

/* -------------------------------------------------------------------------------- ledgers -- */

static uint64_t own_groups_hash(void)
{
	gid_t gids[256];
	int count = getgroups(256, gids);

	need(count, "getgroups");
	return groups_hash(gids, (size_t)count);
}

static int own_ledger(void)
{
	char path[256];
	uint64_t start;

	errno = -procfs_start_time(getpid(), &start);
	need(errno ? -1 : 0, "start time");
	snprintf(path, sizeof(path), "%s/%d-%llu", ledger_directory(), (int)getpid(),
		 (unsigned long long)start);

	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	need(fd, path);
	memcpy(image.header.magic, LEDGER_MAGIC, sizeof(image.header.magic));
	image.header.version = LEDGER_VERSION;
	image.header.slot_size = sizeof(struct ledger_slot);
	image.header.pid = (uint32_t)getpid();
	image.header.start_time = start;
	image.header.n_slots = SLOTS;
	image.header.primary_uid = geteuid();
	image.header.primary_gid = getegid();
	image.header.primary_groups_hash = own_groups_hash();
	return fd;
}

static void write_at(int fd, const void *data, size_t size, size_t offset)
{
	if (pwrite(fd, data, size, (off_t)offset) != (ssize_t)size)
		need(-1, "ledger");
}

/* An entry that fits the thread's ids, and says the rest as it likes. */
static void claim(struct ledger_slot *slot, enum imp_level level, uid_t client)
{
	slot->tid = (uint32_t)getpid();
	slot->state = LEDGER_IMPERSONATING;
	slot->level = (uint8_t)level;
	slot->client_uid = client;
	slot->client_gid = client;
	slot->client_pid = 1;
	slot->transport = IMP_TRANSPORT_UNIX;
	slot->access_uid = geteuid();
	slot->access_gid = getegid();
	slot->access_groups_hash = own_groups_hash();
}

/* lies LEVEL CLIENT-UID PRIMARY-UID */
static void lies(char **arguments)
{
	int fd = own_ledger();
	enum imp_level level;

	errno = -imp_level_parse(arguments[0], &level);
	need(errno ? -1 : 0, arguments[0]);
	claim(&image.slots[3], level, number_of(arguments[1]));
	image.header.primary_uid = number_of(arguments[2]);
	write_at(fd, &image, sizeof(image), 0);
	stay();
}

/* acts-as UID: it is itself, and says that it acts as another. */
static void acts_as(char **arguments)
{
	int fd = own_ledger();

	claim(&image.slots[3], IMP_LEVEL_DELEGATION, number_of(arguments[0]));
	image.slots[3].access_uid = image.slots[3].access_gid = number_of(arguments[0]);
	write_at(fd, &image, sizeof(image), 0);
	stay();
}

static uint32_t below(uint32_t limit)
{
	return (uint32_t)random() % limit;
}

static void change_once(int fd)
{
	struct ledger_slot slot = image.slots[0];
	size_t at = LEDGER_SLOTS_OFFSET + below(SLOTS) * sizeof(slot);
	unsigned char bytes[sizeof(slot)];

	switch (below(8)) {
	case 0: /* anything, anywhere */
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)random();
		write_at(fd, bytes, below(sizeof(bytes)), below(sizeof(image) - sizeof(bytes)));
		break;
	case 1: /* any length */
		need(ftruncate(fd, (off_t)below(sizeof(image) * 2)), "ftruncate");
		break;
	case 2: /* as many slots as there can be, in a file of holes */
		image.header.n_slots = LEDGER_SLOTS_MAXIMUM;
		write_at(fd, &image.header, sizeof(image.header), 0);
		image.header.n_slots = SLOTS;
		need(ftruncate(fd, LEDGER_SLOTS_OFFSET + (off_t)LEDGER_SLOTS_MAXIMUM * 256),
		     "ftruncate");
		break;
	case 3: /* for ever in the middle of a switch */
		claim(&slot, IMP_LEVEL_IMPERSONATION, 0);
		slot.sequence = (uint32_t)random() | 1;
		write_at(fd, &slot, sizeof(slot), at);
		break;
	default: /* right, but for one byte of this thread's slot */
		claim(&slot, IMP_LEVEL_IMPERSONATION, 0);
		((unsigned char *)&slot)[8 + below(sizeof(slot) - 8)] = (unsigned char)random();
		slot.level = IMP_LEVEL_IMPERSONATION;
		write_at(fd, &image, LEDGER_SLOTS_OFFSET, 0);
		write_at(fd, &slot, sizeof(slot), at);
		need(ftruncate(fd, sizeof(image)), "ftruncate");
	}
}

static void changing(char **arguments)
{
	int fd = own_ledger();

	srandom(number_of(arguments[0]));
	write_at(fd, &image, sizeof(image), 0);
	say_ready();
	for (;;)
		change_once(fd);
}

/* ------------------------------------------------------------------------------- threads -- */

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void start_threads(uint32_t count)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 1 << 16);
	for (uint32_t i = 0; i < count; i++) {
		errno = pthread_create(&thread, &small, wait_for_ever, NULL);
		need(errno ? -1 : 0, "pthread_create");
	}
}

/* unsettled THREADS: each in the middle of a switch for ever, and acting as no record says. */
static void unsettled(char **arguments)
{
	int fd = own_ledger();
	pid_t *tids;
	size_t count;

	start_threads(number_of(arguments[0]));
	errno = -procfs_list_threads(getpid(), &tids, &count);
	need(errno ? -1 : 0, "threads");
	image.header.n_slots = (uint32_t)count;
	image.header.primary_groups_hash = 0;
	write_at(fd, &image, LEDGER_SLOTS_OFFSET, 0);
	for (size_t i = 0; i < count; i++) {
		struct ledger_slot slot = {.sequence = 1};

		claim(&slot, IMP_LEVEL_DELEGATION, 0);
		slot.tid = (uint32_t)tids[i];
		slot.access_uid = 0;
		write_at(fd, &slot, sizeof(slot), LEDGER_SLOTS_OFFSET + i * sizeof(slot));
	}
	stay();
}

static void *end_at_once(void *unused)
{
	return unused;
}

/* Threads that come and go all the time. */
static void ending(char **arguments)
{
	pthread_t thread;

	(void)arguments;
	say_ready();
	for (;;) {
		errno = pthread_create(&thread, NULL, end_at_once, NULL);
		need(errno ? -1 : 0, "pthread_create");
		pthread_join(thread, NULL);
	}
}

/* The main thread has ended; the process goes on. */
static void headless(char **arguments)
{
	(void)arguments;
	start_threads(1);
	say_ready();
	pthread_exit(NULL);
}

/* groups COUNT: that many supplementary groups.  To be run as root. */
static void groups(char **arguments)
{
	size_t count = number_of(arguments[0]);
	gid_t *gids = calloc(count, sizeof(gid_t));

	need(gids ? 0 : -1, "calloc");
	for (size_t i = 0; i < count; i++)
		gids[i] = (gid_t)(30000 + i);
	need(setgroups(count, gids), "setgroups");
	stay();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		void (*be)(char **arguments);
	} kinds[] = {
		{"lies", 3, lies},	     {"acts-as", 1, acts_as}, {"changing", 1, changing},
		{"unsettled", 1, unsettled}, {"ending", 0, ending},   {"headless", 0, headless},
		{"groups", 1, groups},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc == kinds[i].arguments + 2 && strcmp(argv[1], kinds[i].name) == 0)
			kinds[i].be(argv + 2);
	fprintf(stderr, "usage: hostile WHAT [ARGUMENT...]\n");
	return 2;
}
