/* SPDX-License-Identifier: MIT */
/* The ledger's reader, before any file at all: that of this process, since it is named by it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "ledger.h"
#include "level.h"
#include "procfs.h"

static int file = -1;
static uint64_t start;
static char directory[256], path[512];

/* In the place of the C library's: here nobody is writing who could be waited for. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
	(void)clock;
	(void)flags;
	(void)time;
	(void)rest;
	return 0;
}

static void remove_all(void)
{
	unlink(path);
	rmdir(directory);
}

static void make_file(void)
{
	const char *place = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%.200s/fuzz-ledger.XXXXXX", place ? place : "/tmp");
	PROMISED(mkdtemp(directory));
	PROMISED(setenv("IMPERSONATION_RUNTIME_DIR", directory, 1) == 0);
	PROMISED(procfs_start_time(getpid(), &start) == 0);
	snprintf(path, sizeof(path), "%s/%d-%llu", directory, (int)getpid(),
		 (unsigned long long)start);
	file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	PROMISED(file >= 0);
	PROMISED(fchmod(file, 0644) == 0);
	atexit(remove_all);
}

static void fill_file(const uint8_t *data, size_t size)
{
	PROMISED(ftruncate(file, 0) == 0);
	PROMISED(pwrite(file, data, size, 0) == (ssize_t)size);
}

/* ---------------------------------------------------------------------------------- reading -- */

static void read_one(struct imp_ledger *ledger, uint32_t tid)
{
	struct imp_ledger_entry entry;
	int error = imp_ledger_read(ledger, (pid_t)tid, &entry);

	PROMISED(error == 0 || error == -ENOENT || error == -EPROTO);
	if (error < 0)
		return;
	PROMISED((uint32_t)entry.tid == tid);
	PROMISED(level_is_valid(entry.level));
	PROMISED(imp_decided_by_name(entry.decided_by));
	PROMISED(imp_transport_name(entry.transport));
	PROMISED(imp_delegated_name(entry.delegated));
	PROMISED(imp_engine_name(entry.engine));
	PROMISED(strnlen(entry.principal, sizeof(entry.principal)) < sizeof(entry.principal));
	PROMISED(entry.scope == IMP_SCOPE_ALL || entry.scope == IMP_SCOPE_FILES);
}

/* Of the first, a middle and the last slot, and some that may or may not be there. */
static void read_several(struct imp_ledger *ledger, const uint8_t *data, size_t size)
{
	size_t n_slots = size < LEDGER_SLOTS_OFFSET
				 ? 0
				 : (size - LEDGER_SLOTS_OFFSET) / sizeof(struct ledger_slot);
	const size_t slots[] = {0, n_slots / 2, n_slots - 1};
	struct ledger_slot slot;

	for (size_t i = 0; n_slots && i < sizeof(slots) / sizeof(slots[0]); i++) {
		memcpy(&slot, data + LEDGER_SLOTS_OFFSET + slots[i] * sizeof(slot), sizeof(slot));
		read_one(ledger, slot.tid);
	}
	read_one(ledger, 0);
	read_one(ledger, (uint32_t)getpid());
	read_one(ledger, UINT32_MAX);
}

static void open_and_read(const uint8_t *data, size_t size)
{
	struct imp_ledger *ledger = NULL;
	uid_t uid;
	gid_t gid;
	uint64_t hash;
	int error = imp_ledger_open(getpid(), &ledger);

	PROMISED(error == 0 || error == -EPROTO || error == -ENOTSUP || error == -ESTALE);
	PROMISED((error == 0) == (ledger != NULL));
	if (error < 0)
		return;
	imp_ledger_primary(ledger, &uid, &gid, &hash);
	PROMISED(imp_engine_name(ledger_engine(ledger)));
	read_several(ledger, data, size);

	/* It may become anything while it is open. */
	fill_file(data, size / 2);
	read_several(ledger, data, size);
	imp_ledger_close(ledger);
}

/* ------------------------------------------------------------------------------- the inputs -- */

/* Only few inputs would name this very process. */
static void name_this_process(struct ledger_header *header)
{
	memcpy(header->magic, LEDGER_MAGIC, sizeof(header->magic));
	header->version = LEDGER_VERSION;
	header->pid = (uint32_t)getpid();
	header->start_time = start;
}

/* As many slots as there are, so that it is the slots that are read. */
static void count_slots(struct ledger_header *header, size_t size)
{
	header->slot_size = sizeof(struct ledger_slot);
	header->n_slots =
		size < LEDGER_SLOTS_OFFSET
			? 0
			: (uint32_t)((size - LEDGER_SLOTS_OFFSET) / sizeof(struct ledger_slot));
}

/* As it is; with a header that names this process; and with one that is right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger_header header;

	if (file < 0)
		make_file();
	fill_file(data, size);
	open_and_read(data, size);
	if (size < sizeof(header))
		return 0;

	uint8_t *copy = malloc(size);

	PROMISED(copy);
	memcpy(copy, data, size);
	memcpy(&header, data, sizeof(header));
	name_this_process(&header);
	memcpy(copy, &header, sizeof(header));
	fill_file(copy, size);
	open_and_read(copy, size);

	count_slots(&header, size);
	memcpy(copy, &header, sizeof(header));
	fill_file(copy, size);
	open_and_read(copy, size);
	free(copy);
	return 0;
}
