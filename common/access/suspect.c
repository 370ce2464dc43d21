/* SPDX-License-Identifier: MIT */
/* Suspects: security modules as /sys tells of them, labels, and file systems with a mind of their
 * own. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/suspect.h"

struct list {
	struct suspect *suspects;
	size_t count;
};

static void add(struct list *list, bool proven, const char *format, ...) IMP_PRINTF(3, 4);

static void add(struct list *list, bool proven, const char *format, ...)
{
	struct suspect one = {.proven = proven};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(one.text, sizeof(one.text), format, arguments);
	va_end(arguments);
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->suspects[i].text, one.text) == 0)
			return;
	if (list->count < SUSPECTS_MAXIMUM)
		list->suspects[list->count++] = one;
}

/* A small file of /sys, without the newline at its end. */
static bool read_line(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return false;
	buffer[length] = '\0';
	buffer[strcspn(buffer, "\n")] = '\0';
	return true;
}

static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/* ----------------------------------------------------------------------------- security modules --
 */

static void add_modules(struct list *list, const struct access_subject *subject)
{
	static const char *const mandatory[] = {"apparmor", "smack", "tomoyo", "bpf"};
	char modules[256], text[64], own[256];

	if (read_line("/sys/fs/selinux/enforce", text, sizeof(text)) && text[0] == '1')
		add(list, false, "SELinux, enforcing");
	if (read_line("/sys/kernel/security/lsm", modules, sizeof(modules))) {
		for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++)
			if (has_word(modules, mandatory[i]))
				add(list, false, "the security module %s", mandatory[i]);
		/* A thread's own rules are not to be seen from outside. */
		if (has_word(modules, "landlock") && subject->pid && subject->no_new_privs)
			add(list, false,
			    "Landlock: the thread may have restricted itself (it has "
			    "no_new_privs)");
	}
	if (!subject->pid || !subject->label[0])
		return;
	if (procfs_label(getpid(), getpid(), own, sizeof(own)) < 0)
		own[0] = '\0';
	if (strcmp(own, subject->label) != 0)
		add(list, true, "the thread's label is %.100s, the kernel was asked under %.100s",
		    subject->label, own[0] ? own : "none");
}

/* --------------------------------------------------------------------------------- file systems --
 */

static void add_file_system(struct list *list, struct object *object)
{
	enum { MAGIC_OVERLAY = 0x794c7630 };
	char *point;

	if (object->filesystem == FILESYSTEM_LOCAL && object->magic != MAGIC_OVERLAY)
		return;
	object_read_mount(object);
	point = object_mount_point(object);
	if (!point)
		return;
	switch (object->filesystem) {
	case FILESYSTEM_FUSE:
		add(list, !object->fuse_default_permissions || !object->fuse_allow_other,
		    "FUSE at %.100s, mounted by uid %u%s%s", point, object->fuse_uid,
		    object->fuse_allow_other ? ", allow_other" : "",
		    object->fuse_default_permissions ? ", default_permissions" : "");
		break;
	case FILESYSTEM_REMOTE:
		add(list, true,
		    "a network file system at %.100s: its server decides, and may take root for "
		    "nobody",
		    point);
		break;
	case FILESYSTEM_KERNEL:
		add(list, true, "/proc has rules of its own");
		break;
	case FILESYSTEM_LOCAL:
		add(list, false, "overlay at %.100s: the layers below must let its mounter in",
		    point);
		break;
	}
	free(point);
}

size_t suspects_find(const struct walk *walk, const struct access_subject *subject,
		     struct suspect suspects[SUSPECTS_MAXIMUM])
{
	struct list list = {.suspects = suspects};

	add_modules(&list, subject);
	for (size_t i = 0; i < walk->n_objects; i++)
		add_file_system(&list, walk->objects[i]);
	return list.count;
}
