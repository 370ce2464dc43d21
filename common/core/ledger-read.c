/* SPDX-License-Identifier: MIT */
/*
 * The ledger's reader.  The file may be anybody's and may say anything: it is read, not mapped (a
 * mapped file that shrinks is a SIGBUS), every number is checked, and nothing in it outweighs
 * /proc.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"
#include "level.h"
#include "procfs.h"

struct imp_ledger {
	int fd;
	struct ledger_header header;
	uint32_t *tids; /* of each slot, as last read; NULL: not yet */
};

/*
 * How often, and after what pause, a slot in the middle of a switch is looked at again: a switch
 * takes some 10 us, and a thread that does nothing else is never met outside of one.
 */
enum { ATTEMPTS = 10, PAUSE_NS = 20000 };

static int check_owner(int fd, pid_t pid)
{
	struct procfs_thread main_thread;
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IWGRP | S_IWOTH)))
		return -EPERM;
	if (status.st_uid == 0)
		return 0;

	int error = procfs_read_thread(pid, 0, &main_thread);

	if (error < 0)
		return error;
	/* The saved uid: the effective one is a client's, at times. */
	bool own = status.st_uid == main_thread.uids[ID_SAVED];

	procfs_clear_thread(&main_thread);
	return own ? 0 : -EPERM;
}

static int check_header(int fd, pid_t pid, uint64_t start, struct ledger_header *header)
{
	struct stat status;

	if (pread(fd, header, sizeof(*header), 0) != (ssize_t)sizeof(*header) ||
	    memcmp(header->magic, LEDGER_MAGIC, sizeof(header->magic)) != 0)
		return -EPROTO;
	if (header->version != LEDGER_VERSION)
		return -ENOTSUP;
	if (header->pid != (uint32_t)pid || header->start_time != start)
		return -ESTALE;
	uint32_t n_slots = header->n_slots;

	if (header->slot_size != sizeof(struct ledger_slot) || n_slots > LEDGER_SLOTS_MAXIMUM ||
	    !imp_engine_name((enum imp_engine)header->engine) || fstat(fd, &status) < 0 ||
	    (uint64_t)status.st_size <
		    LEDGER_SLOTS_OFFSET + (uint64_t)n_slots * sizeof(struct ledger_slot))
		return -EPROTO;
	return 0;
}

int imp_ledger_open(pid_t pid, struct imp_ledger **ledger)
{
	char path[4096], name[LEDGER_NAME_SIZE];
	uint64_t start;
	struct ledger_header header;
	int error = procfs_start_time(pid, &start);

	if (error < 0)
		return error;
	ledger_make_name(pid, start, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s", ledger_directory(), name);

	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		switch (errno) {
		case ENOTDIR:
			return -ENOENT;
		case ELOOP:  /* a symbolic link */
		case ENXIO:  /* a socket */
		case EACCES: /* a mode, or a device, that no service's ledger has */
			return -EPERM;
		default:
			return -errno;
		}
	error = check_owner(fd, pid);
	if (error == 0)
		error = check_header(fd, pid, start, &header);

	struct imp_ledger *new = error == 0 ? malloc(sizeof(*new)) : NULL;

	if (!new) {
		close(fd);
		return error < 0 ? error : -ENOMEM;
	}
	new->fd = fd;
	new->header = header;
	new->tids = NULL;
	*ledger = new;
	return 0;
}

void imp_ledger_primary(const struct imp_ledger *ledger, uid_t *uid, gid_t *gid,
			uint64_t *groups_hash)
{
	*uid = ledger->header.primary_uid;
	*gid = ledger->header.primary_gid;
	*groups_hash = ledger->header.primary_groups_hash;
}

enum imp_engine ledger_engine(const struct imp_ledger *ledger)
{
	return (enum imp_engine)ledger->header.engine;
}

void imp_ledger_close(struct imp_ledger *ledger)
{
	if (!ledger)
		return;
	close(ledger->fd);
	free(ledger->tids);
	free(ledger);
}

static off_t slot_offset(uint32_t index)
{
	return (off_t)(LEDGER_SLOTS_OFFSET + index * sizeof(struct ledger_slot));
}

static int read_slot(const struct imp_ledger *ledger, uint32_t index, struct ledger_slot *slot)
{
	ssize_t size = (ssize_t)sizeof(*slot);

	return pread(ledger->fd, slot, sizeof(*slot), slot_offset(index)) == size ? 0 : -EPROTO;
}

/*
 * Two readings that are equal, with an even sequence number, are one that nobody wrote into: the
 * two system calls are ordered, whatever the order of copying within one of them.
 */
static int read_settled(const struct imp_ledger *ledger, uint32_t index, struct ledger_slot *slot,
			bool *settled)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct ledger_slot again;

	*settled = false;
	for (int attempt = 0; attempt < ATTEMPTS && !*settled; attempt++) {
		if (attempt > 0)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		if (read_slot(ledger, index, slot) < 0 || read_slot(ledger, index, &again) < 0)
			return -EPROTO;
		*settled = (slot->sequence & 1) == 0 && memcmp(slot, &again, sizeof(again)) == 0;
	}
	return 0;
}

/* Text without controls that ends in its place; whether it is UTF-8 is for who shows it. */
static bool is_principal(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return length < size;
}

static int to_entry(const struct ledger_slot *slot, struct imp_ledger_entry *entry)
{
	if (slot->state > LEDGER_IMPERSONATING || !level_is_valid((enum imp_level)slot->level) ||
	    !imp_decided_by_name((enum imp_decided_by)slot->decided_by) ||
	    slot->scope > IMP_SCOPE_FILES || slot->transport > IMP_TRANSPORT_TCP ||
	    !imp_delegated_name((enum imp_delegated)slot->delegated) ||
	    !imp_engine_name((enum imp_engine)slot->engine) || slot->number > UINT16_MAX ||
	    !is_principal(slot->principal, sizeof(slot->principal)))
		return -EPROTO;
	*entry = (struct imp_ledger_entry){
		.tid = (pid_t)slot->tid,
		.impersonating = slot->state == LEDGER_IMPERSONATING,
		.level = (enum imp_level)slot->level,
		.decided_by = (enum imp_decided_by)slot->decided_by,
		.scope = (enum imp_scope)slot->scope,
		.transport = (enum imp_transport)slot->transport,
		.client_uid = slot->client_uid,
		.client_gid = slot->client_gid,
		.client_pid = slot->client_pid,
		.access_uid = slot->access_uid,
		.access_gid = slot->access_gid,
		.access_groups_hash = slot->access_groups_hash,
		.since_ns = slot->since_ns,
		.impersonations = slot->impersonations,
		.flows = slot->flows,
		.flows_refused = slot->flows_refused,
		.mismatches = slot->mismatches,
		.channel_mismatches = slot->channel_mismatches,
		.channel_expected_uid = slot->channel_expected_uid,
		.channel_actual_uid = slot->channel_actual_uid,
		.channel_ns = slot->channel_ns,
		.delegated = (enum imp_delegated)slot->delegated,
		.engine = (enum imp_engine)slot->engine,
		.number = slot->number,
	};
	memcpy(entry->principal, slot->principal, sizeof(entry->principal));
	return 0;
}

/* All slots, some at a time; ADD is given the index and what is there. */
static int read_slots(const struct imp_ledger *ledger, uint32_t n_slots,
		      void (*add)(uint32_t index, const struct ledger_slot *slot, void *data),
		      void *data)
{
	enum { AT_ONCE = 64 };

	for (uint32_t i = 0; i < n_slots; i += AT_ONCE) {
		struct ledger_slot slots[AT_ONCE];
		uint32_t count = n_slots - i < AT_ONCE ? n_slots - i : AT_ONCE;
		ssize_t size = (ssize_t)(count * sizeof(slots[0]));

		if (pread(ledger->fd, slots, (size_t)size, slot_offset(i)) != size)
			return -EPROTO;
		for (uint32_t j = 0; j < count; j++)
			add(i + j, &slots[j], data);
	}
	return 0;
}

/* The header as it is now: it may have become longer, or another's. */
static int read_header(const struct imp_ledger *ledger, struct ledger_header *header)
{
	return check_header(ledger->fd, (pid_t)ledger->header.pid, ledger->header.start_time,
			    header);
}

static void add_tid(uint32_t index, const struct ledger_slot *slot, void *data)
{
	((uint32_t *)data)[index] = slot->tid;
}

/*
 * Which slot is whose: read in one go, since a look at every thread of a process would otherwise
 * read every slot for each.  It grows old with the next thread that takes a slot, which the header
 * counts.
 */
static int make_index(struct imp_ledger *ledger)
{
	struct ledger_header header;
	int error = read_header(ledger, &header);

	if (error < 0)
		return error;

	uint32_t *tids = malloc(header.n_slots * sizeof(*tids) + 1);

	if (!tids)
		return -ENOMEM;
	error = read_slots(ledger, header.n_slots, add_tid, tids);
	if (error < 0) {
		free(tids);
		return error;
	}
	free(ledger->tids);
	ledger->tids = tids;
	ledger->header = header;
	return 0;
}

static int read_at(const struct imp_ledger *ledger, uint32_t index, pid_t tid,
		   struct imp_ledger_entry *entry, uint64_t *stamp)
{
	struct ledger_slot slot;
	bool settled;
	int error = read_settled(ledger, index, &slot, &settled);

	if (error < 0)
		return error;
	if (slot.tid != (uint32_t)tid || slot.state == LEDGER_FREE)
		return -ENOENT; /* the thread has ended, or is about to */
	*stamp = slot.sequence;
	/* Without rings no thread works by one. */
	if (slot.engine == IMP_ENGINE_RING && ledger_engine(ledger) != IMP_ENGINE_RING)
		return -EPROTO;
	error = to_entry(&slot, entry);
	entry->settled = settled;
	return error;
}

int ledger_read_stamped(struct imp_ledger *ledger, pid_t tid, struct imp_ledger_entry *entry,
			uint64_t *stamp)
{
	struct ledger_header header;

	*stamp = 0;
	for (int attempt = 0; attempt < 2; attempt++) {
		int error = !ledger->tids || attempt > 0 ? make_index(ledger) : 0;

		if (error < 0)
			return error;
		for (uint32_t i = 0; i < ledger->header.n_slots; i++) {
			if (ledger->tids[i] != (uint32_t)tid)
				continue;
			error = read_at(ledger, i, tid, entry, stamp);
			if (error != -ENOENT)
				return error;
		}
		/* Whether a thread has taken a slot since the index was made. */
		error = read_header(ledger, &header);
		if (error < 0)
			return error;
		if (header.claims == ledger->header.claims)
			break;
	}
	/* Of the index: where that is old again, the next reading has another. */
	*stamp = ledger->header.claims;
	return header.overflow ? -ENOSPC : -ENOENT;
}

int imp_ledger_read(struct imp_ledger *ledger, pid_t tid, struct imp_ledger_entry *entry)
{
	uint64_t stamp;
	int error = ledger_read_stamped(ledger, tid, entry, &stamp);

	return error == -ENOSPC ? -ENOENT : error;
}

static void add_slot(uint32_t index, const struct ledger_slot *slot, void *data)
{
	struct ledger_totals *totals = data;

	(void)index;
	if (slot->tid == 0)
		return;
	totals->threads++;
	totals->impersonating += slot->state == LEDGER_IMPERSONATING;
	totals->counters.impersonations += slot->impersonations;
	totals->counters.flows += slot->flows;
	totals->counters.flows_refused += slot->flows_refused;
	totals->counters.mismatches += slot->mismatches;
	totals->counters.channel_mismatches += slot->channel_mismatches;
}

int ledger_sum(const struct imp_ledger *ledger, struct ledger_totals *totals)
{
	struct ledger_header header;
	int error = read_header(ledger, &header);

	if (error < 0)
		return error;
	*totals = (struct ledger_totals){.overflow = header.overflow};
	return read_slots(ledger, header.n_slots, add_slot, totals);
}
