/* SPDX-License-Identifier: MIT */
/* The ledger's writer: a file in /run, mapped, of which each thread writes a slot of its own. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "ledger.h"
#include "log.h"
#include "procfs.h"
#include "token.h"

#define CHUNK_SIZE (LEDGER_SLOTS_AT_ONCE * sizeof(struct ledger_slot))
#define N_CHUNKS (LEDGER_SLOTS_MAXIMUM / LEDGER_SLOTS_AT_ONCE)

static struct {
	pthread_mutex_t lock;
	bool tried;
	int fd;
	struct ledger_header *header;
	struct ledger_slot *chunks[N_CHUNKS];
	char path[4096];
	pid_t pid;
	struct ledger_counters ended; /* of the threads that have given their slots back */
} ledger = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* ---------------------------------------------------------------------------------- file -- */

/* Room is allocated before it is mapped: a store into a hole of a full file system is a SIGBUS. */
static void *map_part(off_t offset, size_t size)
{
	int error = posix_fallocate(ledger.fd, offset, (off_t)size);

	if (error) {
		errno = error;
		return NULL;
	}
	void *part = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ledger.fd, offset);

	if (part == MAP_FAILED)
		return NULL;
	/* A child is another process, and has a ledger of its own. */
	madvise(part, size, MADV_DONTFORK);
	return part;
}

/* Called with the lock held. */
static bool add_chunk(void)
{
	uint32_t chunk = atomic_load(&ledger.header->n_slots) / LEDGER_SLOTS_AT_ONCE;

	if (chunk >= N_CHUNKS)
		return false;
	ledger.chunks[chunk] =
		map_part((off_t)(LEDGER_SLOTS_OFFSET + chunk * CHUNK_SIZE), CHUNK_SIZE);
	if (!ledger.chunks[chunk])
		return false;
	atomic_store_explicit(&ledger.header->n_slots, (chunk + 1) * LEDGER_SLOTS_AT_ONCE,
			      memory_order_release);
	return true;
}

static int create(const struct identity *primary)
{
	uint64_t start;
	char name[LEDGER_NAME_SIZE];
	int error = imp_prepare_runtime_dir();

	if (error < 0 && error != -EACCES && error != -EROFS && error != -EPERM)
		return error;

	int directory = ledger_open_directory();

	if (directory < 0)
		return directory;
	ledger.pid = getpid();
	error = procfs_start_time(ledger.pid, &start);
	if (error < 0) {
		close(directory);
		return error;
	}
	ledger_make_name(ledger.pid, start, name, sizeof(name));
	snprintf(ledger.path, sizeof(ledger.path), "%s/%s", ledger_directory(), name);

	/* One of the same name is our own, from before an exec, or a squatter's. */
	unlinkat(directory, name, 0);
	ledger.fd =
		openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	error = ledger.fd < 0 ? -errno : 0;
	close(directory);
	if (error < 0)
		return error;
	if (fchmod(ledger.fd, 0644) < 0) /* whatever the umask is, readers need no privilege */
		return -errno;

	struct ledger_header *header = map_part(0, LEDGER_SLOTS_OFFSET);

	if (!header)
		return -errno;
	ledger.header = header;
	if (!add_chunk()) {
		ledger.header = NULL;
		munmap(header, LEDGER_SLOTS_OFFSET);
		return -ENOSPC;
	}
	header->slot_size = sizeof(struct ledger_slot);
	header->pid = (uint32_t)ledger.pid;
	header->start_time = start;
	header->primary_uid = primary->view.uid;
	header->primary_gid = primary->view.gid;
	header->primary_groups_hash = primary->groups->hash;
	header->engine = engine ? IMP_ENGINE_RING : IMP_ENGINE_THREAD;
	header->version = LEDGER_VERSION;
	atomic_thread_fence(memory_order_release);
	memcpy(header->magic, LEDGER_MAGIC, sizeof(header->magic));
	return 0;
}

void ledger_open(const struct identity *primary)
{
	pthread_mutex_lock(&ledger.lock);
	if (!ledger.tried) {
		ledger.tried = true;
		int error = create(primary);

		if (error < 0) {
			log_line(LOG_WARNING, "no ledger in %s: %s: threads will be unrecorded",
				 ledger_directory(), log_error_text(-error));
			if (ledger.fd >= 0) {
				unlink(ledger.path);
				close(ledger.fd);
			}
			ledger.fd = -1;
		}
	}
	pthread_mutex_unlock(&ledger.lock);
}

void ledger_forget(void)
{
	if (ledger.fd >= 0)
		close(ledger.fd);
	memset(&ledger, 0, sizeof(ledger));
	pthread_mutex_init(&ledger.lock, NULL);
	ledger.fd = -1;
}

/* A process that ends in peace takes its ledger along; where it may not, the next service does. */
__attribute__((destructor)) static void remove_own(void)
{
	if (ledger.fd >= 0 && ledger.pid == getpid())
		unlink(ledger.path);
}

/* --------------------------------------------------------------------------------- slots -- */

static struct ledger_slot *claim_in(struct ledger_slot *slots, uint32_t tid)
{
	for (uint32_t i = 0; i < LEDGER_SLOTS_AT_ONCE; i++) {
		uint32_t nobody = 0;

		if (atomic_load_explicit(&slots[i].tid, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_strong(&slots[i].tid, &nobody, tid))
			return &slots[i];
	}
	return NULL;
}

struct ledger_slot *ledger_claim(void)
{
	uint32_t tid = (uint32_t)gettid();
	struct ledger_slot *slot = NULL;

	if (!ledger.header)
		return NULL;
	pthread_mutex_lock(&ledger.lock);
	for (uint32_t i = 0; !slot; i++) {
		if (i * LEDGER_SLOTS_AT_ONCE >= atomic_load(&ledger.header->n_slots) &&
		    !add_chunk())
			break;
		slot = claim_in(ledger.chunks[i], tid);
	}
	if (!slot && atomic_fetch_add(&ledger.header->overflow, 1) == 0)
		log_line(LOG_WARNING, "no room in the ledger: further threads will be unrecorded");
	pthread_mutex_unlock(&ledger.lock);
	if (slot) {
		atomic_fetch_add(&ledger.header->claims, 1);
		ledger_begin(slot);
		ledger_settle_primary(slot);
	}
	return slot;
}

static void settle(struct ledger_slot *slot);

/* Each is a word of its own, which its thread alone changes: read whole, before or after that. */
static uint64_t counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_counters(const struct ledger_slot *slot, struct ledger_counters *sum)
{
	sum->impersonations += counted(&slot->impersonations);
	sum->flows += counted(&slot->flows);
	sum->flows_refused += counted(&slot->flows_refused);
	sum->mismatches += counted(&slot->mismatches);
	sum->channel_mismatches += counted(&slot->channel_mismatches);
}

static void count_one(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

void ledger_release(struct ledger_slot *slot)
{
	if (!slot)
		return;
	pthread_mutex_lock(&ledger.lock);
	add_counters(slot, &ledger.ended);
	ledger_begin(slot);
	slot->state = LEDGER_FREE;
	slot->impersonations = slot->flows = slot->flows_refused = slot->mismatches = 0;
	slot->channel_mismatches = 0;
	slot->channel_expected_uid = slot->channel_actual_uid = 0;
	slot->channel_ns = 0;
	settle(slot);
	/* Last: from here on the slot is another thread's, and the sequence its to write. */
	atomic_store_explicit(&slot->tid, 0, memory_order_release);
	pthread_mutex_unlock(&ledger.lock);
}

/* Nobody takes a slot or gives one back meanwhile, and those of nobody are at 0. */
bool ledger_own_counters(struct ledger_counters *sum)
{
	pthread_mutex_lock(&ledger.lock);

	bool known = ledger.header != NULL;
	uint32_t chunks = known ? atomic_load(&ledger.header->n_slots) / LEDGER_SLOTS_AT_ONCE : 0;

	*sum = ledger.ended;
	for (uint32_t chunk = 0; chunk < chunks; chunk++)
		for (uint32_t i = 0; i < LEDGER_SLOTS_AT_ONCE; i++)
			add_counters(&ledger.chunks[chunk][i], sum);
	pthread_mutex_unlock(&ledger.lock);
	return known;
}

/* ------------------------------------------------------------------------------- writing -- */

void ledger_begin(struct ledger_slot *slot)
{
	if (!slot)
		return;
	uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);

	atomic_store_explicit(&slot->sequence, sequence | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void settle(struct ledger_slot *slot)
{
	uint32_t sequence = atomic_load_explicit(&slot->sequence, memory_order_relaxed);

	atomic_store_explicit(&slot->sequence, (sequence | 1) + 1, memory_order_release);
}

void ledger_settle_primary(struct ledger_slot *slot)
{
	if (!slot)
		return;
	slot->state = LEDGER_PRIMARY;
	settle(slot);
}

/* To a few milliseconds: the coarse clock costs no more than a load. */
static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool continues_character(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* How much of TEXT a slot holds, no character of UTF-8 in part. */
static size_t length_that_fits(const char *text)
{
	enum { MOST = IMP_LEDGER_PRINCIPAL - 1, LONGEST_CHARACTER = 4 };
	size_t length = strnlen(text, MOST + 1);

	if (length <= MOST)
		return length;
	for (length = MOST; length > MOST - LONGEST_CHARACTER; length--)
		if (!continues_character(text[length]))
			return length;
	return MOST; /* it is none of UTF-8 */
}

/* All of the room each time: nothing may be left of whom the slot spoke of before. */
static void write_principal(struct ledger_slot *slot, const char *principal)
{
	size_t length = principal ? length_that_fits(principal) : 0;

	if (length == 0 && slot->principal[0] == '\0')
		return;
	memcpy(slot->principal, principal ? principal : "", length);
	memset(slot->principal + length, 0, sizeof(slot->principal) - length);
}

/* Between begin and settle. */
static void describe(struct ledger_slot *slot, const struct imp_token *token)
{
	const struct identity *access = token_access(token);
	const struct imp_identity *client = &token->client->identity.view;
	bool anonymous = token->level == IMP_LEVEL_ANONYMOUS;

	slot->state = LEDGER_IMPERSONATING;
	slot->level = (uint8_t)token->level;
	slot->decided_by = (uint8_t)token->decided_by;
	slot->scope = (uint8_t)token->scope;
	slot->transport = (uint8_t)token->client->transport;
	slot->delegated = (uint8_t)imp_token_delegated(token);
	slot->engine = (uint8_t)imp_token_engine(token);
	slot->number = token_number(token);
	slot->client_uid = anonymous ? IMP_NO_UID : client->uid;
	slot->client_gid = anonymous ? IMP_NO_GID : client->gid;
	slot->client_pid = anonymous ? 0 : token->client->pid;
	slot->access_uid = access->view.uid;
	slot->access_gid = access->view.gid;
	slot->access_groups_hash = access->groups->hash;
	write_principal(slot, anonymous ? NULL : client->principal);
}

void ledger_settle_token(struct ledger_slot *slot, const struct imp_token *token, bool repeated)
{
	if (!slot)
		return;
	describe(slot, token);
	if (!repeated) {
		slot->since_ns = now_ns();
		count_one(&slot->impersonations);
	}
	settle(slot);
}

void ledger_settle_expected(struct ledger_slot *slot, const struct imp_token *token)
{
	if (!slot)
		return;
	describe(slot, token);
	/* No ring has its operations be the client's either: to whoever looks it is lost. */
	slot->engine = IMP_ENGINE_THREAD;
	slot->number = 0;
	slot->since_ns = now_ns();
	settle(slot);
}

/* ------------------------------------------------------------------------------ counting -- */

/* What the slot says of the thread stays as it is. */
static void count(struct ledger_slot *slot, uint64_t *counter)
{
	ledger_begin(slot);
	count_one(counter);
	settle(slot);
}

void ledger_count_flow(struct ledger_slot *slot)
{
	if (slot)
		count(slot, &slot->flows);
}

void ledger_count_refused_flow(struct ledger_slot *slot)
{
	if (slot)
		count(slot, &slot->flows_refused);
}

void ledger_count_mismatch(struct ledger_slot *slot)
{
	if (slot)
		count(slot, &slot->mismatches);
}

void ledger_count_channel_mismatch(struct ledger_slot *slot, uid_t expected, uid_t actual)
{
	if (!slot)
		return;
	ledger_begin(slot);
	count_one(&slot->mismatches);
	count_one(&slot->channel_mismatches);
	slot->channel_expected_uid = expected;
	slot->channel_actual_uid = actual;
	slot->channel_ns = now_ns();
	settle(slot);
}
