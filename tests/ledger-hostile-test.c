/* SPDX-License-Identifier: MIT */
/* The ledger's reader, before files that may be anybody's and say anything: an errno, never a
 * crash. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ledger.h"
#include "lib/check.h"

/* A ledger of alice's process, as she would write it, before it is spoilt. */
static struct who alice, bob;
static pid_t her_pid;
static unsigned long long her_start;
static char path[256];

static struct {
	struct ledger_header header;
	char rest_of_page[LEDGER_SLOTS_OFFSET - sizeof(struct ledger_header)];
	struct ledger_slot slots[LEDGER_SLOTS_AT_ONCE];
} image;

_Static_assert(sizeof(image) == LEDGER_SLOTS_OFFSET + LEDGER_SLOTS_AT_ONCE * 256, "no padding");

static void set_out(void)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	become_service("root");
	who_is("alice", &alice);
	who_is("bob", &bob);

	/* Her process lives as long as this connection. */
	int fd = client_at(&alice, NULL);

	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size));
	her_pid = peer.pid;
	her_start = start_of(her_pid);

	const char *directory = scratch("runtime");

	SYSTEM(mkdir(directory, 01777));
	SYSTEM(setenv("IMPERSONATION_RUNTIME_DIR", directory, 1));
	snprintf(path, sizeof(path), "%s", ledger_path(her_pid));
}

static void make_image(void)
{
	memset(&image, 0, sizeof(image));
	memcpy(image.header.magic, LEDGER_MAGIC, 8);
	image.header.version = LEDGER_VERSION;
	image.header.slot_size = sizeof(struct ledger_slot);
	image.header.pid = (uint32_t)her_pid;
	image.header.start_time = her_start;
	image.header.n_slots = LEDGER_SLOTS_AT_ONCE;
	image.slots[3].tid = (uint32_t)her_pid;
	image.slots[3].sequence = 2;
	image.slots[3].state = LEDGER_IMPERSONATING;
	image.slots[3].level = IMP_LEVEL_IMPERSONATION;
	image.slots[3].client_uid = bob.uid;
}

static void write_image(size_t size)
{
	remove(path);
	int fd = (int)SYSTEM(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));

	SAME(write(fd, &image, size), size);
	SYSTEM(fchown(fd, alice.uid, alice.gid));
	SYSTEM(fchmod(fd, 0644));
	close(fd);
}

static int open_error(void)
{
	struct imp_ledger *ledger = NULL;
	int error = imp_ledger_open(her_pid, &ledger);

	SAME(ledger != NULL, error == 0);
	imp_ledger_close(ledger);
	return error;
}

static int read_error(struct imp_ledger_entry *entry)
{
	struct imp_ledger *ledger = NULL;
	int error;

	MUST(imp_ledger_open(her_pid, &ledger));
	error = imp_ledger_read(ledger, her_pid, entry);
	imp_ledger_close(ledger);
	return error;
}

/* The measure of all below: unspoilt, it is read. */
static void unspoilt(const char *kind)
{
	struct imp_ledger_entry entry;

	(void)kind;
	set_out();
	SAME(open_error(), -ENOENT);
	make_image();
	write_image(sizeof(image));
	MUST(open_error());
	MUST(read_error(&entry));
	SAME(entry.tid, her_pid);
	SAME(entry.client_uid, bob.uid);
	SAME(entry.impersonating, true);
	SAME(entry.settled, true);

	/* Root's is believed, too. */
	SYSTEM(chown(path, 0, 0));
	MUST(read_error(&entry));
	imp_ledger_close(NULL);
}

/* ---------------------------------------------------------------------------------- header -- */

static void wrong_magic(void)
{
	image.header.magic[7] = 'S';
}

static void later_version(void)
{
	image.header.version = LEDGER_VERSION + 1;
}

static void earlier_version(void)
{
	image.header.version = 1;
}

static void no_version(void)
{
	image.header.version = 0;
}

static void other_pid(void)
{
	image.header.pid++;
}

static void other_start(void)
{
	image.header.start_time++;
}

static void small_slots(void)
{
	image.header.slot_size = 64;
}

static void no_slot_size(void)
{
	image.header.slot_size = 0;
}

static void enormous(void)
{
	image.header.n_slots = 0xffffffff;
}

static void wraps_around(void)
{
	image.header.n_slots = 1u << 24; /* times 256: 2^32 */
}

static void one_too_many(void)
{
	image.header.n_slots = LEDGER_SLOTS_AT_ONCE + 1;
}

static void no_such_engine(void)
{
	image.header.engine = 2;
}

static void garbage(void)
{
	unsigned char *bytes = (unsigned char *)&image;

	for (size_t i = 0; i < sizeof(image); i++)
		bytes[i] = (unsigned char)(i * 2654435761u >> 13);
}

static void all_ones(void)
{
	memset((void *)&image, 0xff, sizeof(image));
}

static void headers(const char *kind)
{
	static const struct {
		const char *name;
		void (*spoil)(void);
		size_t size;
		int error;
	} spoilt[] = {
		{"wrong magic", wrong_magic, sizeof(image), -EPROTO},
		{"later version", later_version, sizeof(image), -ENOTSUP},
		{"earlier version", earlier_version, sizeof(image), -ENOTSUP},
		{"no version", no_version, sizeof(image), -ENOTSUP},
		{"another pid", other_pid, sizeof(image), -ESTALE},
		{"another start", other_start, sizeof(image), -ESTALE},
		{"small slots", small_slots, sizeof(image), -EPROTO},
		{"no slot size", no_slot_size, sizeof(image), -EPROTO},
		{"enormous", enormous, sizeof(image), -EPROTO},
		{"wraps around", wraps_around, sizeof(image), -EPROTO},
		{"one too many", one_too_many, sizeof(image), -EPROTO},
		{"no such engine", no_such_engine, sizeof(image), -EPROTO},
		{"garbage", garbage, sizeof(image), -EPROTO},
		{"all ones", all_ones, sizeof(image), -EPROTO},
		{"empty", NULL, 0, -EPROTO},
		{"part of the magic", NULL, 5, -EPROTO},
		{"part of the header", NULL, sizeof(struct ledger_header) - 1, -EPROTO},
		{"header alone", NULL, LEDGER_SLOTS_OFFSET, -EPROTO},
		{"one byte short", NULL, sizeof(image) - 1, -EPROTO},
	};

	(void)kind;
	set_out();
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		make_image();
		if (spoilt[i].spoil)
			spoilt[i].spoil();
		write_image(spoilt[i].size);
		int error = open_error();

		if (error != spoilt[i].error)
			FAIL("%s: expected %s, saw %s", spoilt[i].name, strerror(-spoilt[i].error),
			     strerror(-error));
	}
}

/* Larger than any that the library would write, and as large as it says. */
static void too_large(const char *kind)
{
	(void)kind;
	set_out();
	make_image();
	image.header.n_slots = LEDGER_SLOTS_MAXIMUM + 1;
	write_image(sizeof(image));
	SYSTEM(truncate(path, (off_t)(LEDGER_SLOTS_OFFSET + 2ul * LEDGER_SLOTS_MAXIMUM * 256)));
	SAME(open_error(), -EPROTO);
}

/* ------------------------------------------------------------------------- owner and kind -- */

static void owners(const char *kind)
{
	struct imp_ledger *ledger;

	(void)kind;
	set_out();
	make_image();
	write_image(sizeof(image));
	SYSTEM(chown(path, bob.uid, alice.gid));
	SAME(open_error(), -EPERM);
	SYSTEM(chown(path, alice.uid, alice.gid));
	MUST(open_error());
	SYSTEM(chmod(path, 0664));
	SAME(open_error(), -EPERM);
	SYSTEM(chmod(path, 0646));
	SAME(open_error(), -EPERM);
	SYSTEM(chown(path, 0, 0));
	SYSTEM(chmod(path, 0646));
	SAME(open_error(), -EPERM);

	SAME(imp_ledger_open(0x7ffffff0, &ledger), -ESRCH);
	SAME(imp_ledger_open(-1, &ledger), -ESRCH);
}

/* That a reader without privilege may not open it is no news about the process. */
static void unreadable(const char *kind)
{
	(void)kind;
	set_out();
	make_image();
	write_image(sizeof(image));
	SYSTEM(chmod(path, 0600));
	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0) {
		turn_into(&bob);
		SAME(open_error(), -EPERM);
		_exit(PASSED);
	}
	wait_for(child);
}

static void symbolic_link(const char *kind)
{
	char other[300];

	(void)kind;
	set_out();
	make_image();
	write_image(sizeof(image));
	snprintf(other, sizeof(other), "%s.other", path);
	SYSTEM(rename(path, other));
	SYSTEM(symlink(other, path));
	SAME(open_error(), -EPERM);
	SYSTEM(unlink(path));
	SYSTEM(symlink("/dev/zero", path));
	SAME(open_error(), -EPERM);
	SYSTEM(unlink(path));
	SYSTEM(symlink(path, path));
	SAME(open_error(), -EPERM);
}

static void not_a_file(const char *kind)
{
	(void)kind;
	set_out();
	SYSTEM(mkfifo(path, 0644)); /* which opens without waiting for a writer */
	SYSTEM(chown(path, alice.uid, alice.gid));
	SAME(open_error(), -EPERM);
	SYSTEM(unlink(path));
	SYSTEM(mkdir(path, 0755));
	SAME(open_error(), -EPERM);
	SYSTEM(rmdir(path));
	SYSTEM(mknod(path, S_IFCHR | 0644, makedev(1, 5)));
	SAME(open_error(), -EPERM);
	SYSTEM(unlink(path));
	SYSTEM(mknod(path, S_IFSOCK | 0644, 0));
	SAME(open_error(), -EPERM);
}

/* ----------------------------------------------------------------------------------- slots -- */

static void slots(const char *kind)
{
	struct ledger_slot *slot = &image.slots[3];
	struct {
		const char *name;
		uint8_t *field;
		uint8_t value;
	} spoilt[] = {
		{"state", &slot->state, 3},
		{"state", &slot->state, 255},
		{"level", &slot->level, 4},
		{"level", &slot->level, 255},
		{"decided_by", &slot->decided_by, 9},
		{"decided_by", &slot->decided_by, 255},
		{"scope", &slot->scope, 2},
		{"scope", &slot->scope, 255},
		{"transport", &slot->transport, 3},
		{"transport", &slot->transport, 255},
		{"delegated", &slot->delegated, 3},
		{"delegated", &slot->delegated, 255},
		{"engine", &slot->engine, 2},
		{"engine", &slot->engine, 255},
		{"engine", &slot->engine, IMP_ENGINE_RING}, /* where the process has none */
	};
	struct imp_ledger_entry entry;

	(void)kind;
	set_out();
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		make_image();
		*spoilt[i].field = spoilt[i].value;
		write_image(sizeof(image));
		int error = read_error(&entry);

		if (error != -EPROTO)
			FAIL("%s %d: expected EPROTO, saw %s", spoilt[i].name, spoilt[i].value,
			     strerror(-error));
	}
	make_image();
	image.header.engine = IMP_ENGINE_RING;
	slot->engine = IMP_ENGINE_RING;
	slot->number = 7;
	write_image(sizeof(image));
	MUST(read_error(&entry));
	SAME(entry.engine, IMP_ENGINE_RING);
	SAME(entry.number, 7);
	slot->number = 65535;
	write_image(sizeof(image));
	MUST(read_error(&entry));
	slot->number = 65536; /* no personality has it */
	write_image(sizeof(image));
	SAME(read_error(&entry), -EPROTO);
	make_image();
	slot->tid = 0;
	write_image(sizeof(image));
	SAME(read_error(&entry), -ENOENT);
	image.header.n_slots = 0;
	write_image(sizeof(image));
	SAME(read_error(&entry), -ENOENT);

	/* For ever in the middle of a switch: said, and not waited for without end. */
	make_image();
	slot->sequence = 3;
	write_image(sizeof(image));
	MUST(read_error(&entry));
	SAME(entry.settled, false);

	/* The last slot there is. */
	make_image();
	image.slots[LEDGER_SLOTS_AT_ONCE - 1] = *slot;
	slot->tid = 0;
	write_image(sizeof(image));
	MUST(read_error(&entry));
	SAME(entry.client_uid, bob.uid);
}

/* What no service would say of a client, and what a terminal must not get to see. */
static void principals(const char *kind)
{
	static const struct {
		const char *bytes;
		size_t size;
		int error;
	} spoilt[] = {
		{"alice@IDN.TEST", 15, 0},	   {"\xc3\xa9milie@IDN.TEST", 17, 0},
		{"\xe9milie@IDN.TEST", 16, 0}, /* Kerberos knows of bytes alone */
		{"alice\n@IDN.TEST", 16, -EPROTO}, {"\033[2J", 5, -EPROTO},
		{"alice\x7f", 7, -EPROTO},	   {"\x1f", 2, -EPROTO},
	};
	struct ledger_slot *slot = &image.slots[3];
	struct imp_ledger_entry entry;

	(void)kind;
	set_out();
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		make_image();
		memcpy(slot->principal, spoilt[i].bytes, spoilt[i].size);
		write_image(sizeof(image));
		SAME(read_error(&entry), spoilt[i].error);
		if (spoilt[i].error == 0)
			SAME_TEXT(entry.principal, spoilt[i].bytes);
	}

	/* As long as it may be, and without an end. */
	make_image();
	memset(slot->principal, 'a', sizeof(slot->principal) - 1);
	write_image(sizeof(image));
	MUST(read_error(&entry));
	SAME(strlen(entry.principal), sizeof(slot->principal) - 1);
	memset(slot->principal, 'a', sizeof(slot->principal));
	write_image(sizeof(image));
	SAME(read_error(&entry), -EPROTO);
}

/* It may shrink, or be written over, once it is open. */
static void shrinks(const char *kind)
{
	struct imp_ledger *ledger;
	struct imp_ledger_entry entry;

	(void)kind;
	set_out();
	make_image();
	write_image(sizeof(image));
	MUST(imp_ledger_open(her_pid, &ledger));
	MUST(imp_ledger_read(ledger, her_pid, &entry));
	SYSTEM(truncate(path, LEDGER_SLOTS_OFFSET + 3 * 256 + 128));
	SAME(imp_ledger_read(ledger, her_pid, &entry), -EPROTO);
	SYSTEM(truncate(path, 0));
	SAME(imp_ledger_read(ledger, her_pid, &entry), -EPROTO);
	imp_ledger_close(ledger);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"unspoilt", unspoilt},
		{"headers", headers},
		{"too-large", too_large},
		{"owners", owners},
		{"unreadable", unreadable},
		{"symbolic-link", symbolic_link},
		{"not-a-file", not_a_file},
		{"slots", slots},
		{"principals", principals},
		{"shrinks", shrinks},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
