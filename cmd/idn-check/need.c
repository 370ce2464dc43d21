/* SPDX-License-Identifier: MIT */
/* What a refused call needs where no path decides: a capability, or what does instead of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/capability.h"
#include "question.h"

struct text {
	char *buffer;
	size_t size, used;
};

static void add(struct text *text, const char *format, ...) IMP_PRINTF(2, 3);

static void add(struct text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length =
		vsnprintf(text->buffer + text->used, text->size - text->used, format, arguments);
	va_end(arguments);
	if (length > 0)
		text->used += (size_t)length;
	if (text->used >= text->size)
		text->used = text->size - 1;
}

static void add_capability(struct text *text, const struct question *question, int capability,
			   const char *otherwise)
{
	char name[64];

	add(text, "%s", capability_name(capability, name, sizeof(name)));
	if (otherwise)
		add(text, ", %s", otherwise);
	/* It is not what was missing, then; nothing is made up. */
	if (question->who.subject.capabilities & CAPABILITY(capability))
		add(text, "%s",
		    question->who.subject.other_user_namespace
			    ? " (it has the capability, in another user namespace alone)"
			    : " (it has the capability: a security module, a filter or a "
			      "rule of the call itself may refuse)");
}

static int port_of(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)address)->sin_port);
	if (address->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
	return -1;
}

static void add_for_address(struct text *text, const struct question *question)
{
	const struct refused_call *refused = question->refused;
	int port = port_of(&question->address);
	unsigned first = 1024;

	if (!refused->call->has_capability) { /* connect(2) */
		if (port >= 0 && refused->error == EACCES)
			add(text, "SO_BROADCAST for a broadcast address, or a route that is not "
				  "prohibited");
		else if (port >= 0)
			add(text, "leave of the packet filter, or of a program of its control "
				  "group");
		return;
	}
	if (port > 0) {
		if (procfs_sysctl("net/ipv4/ip_unprivileged_port_start", &first) < 0)
			first = 1024;
		if ((unsigned)port < first) {
			add_capability(text, question, refused->call->capability,
				       "or a port from net.ipv4.ip_unprivileged_port_start on");
			add(text, ": %d is below %u", port, first);
		}
	} else if (question->address.ss_family == AF_NETLINK) {
		add_capability(text, question, CAP_NET_ADMIN, NULL);
	} else if (question->address.ss_family == AF_PACKET) {
		add_capability(text, question, CAP_NET_RAW, NULL);
	}
}

static void add_for_process(struct text *text, const struct question *question)
{
	const struct refused_call *refused = question->refused;
	const struct call *call = refused->call;
	pid_t pid = (pid_t)refused->arguments[call->detail];
	struct procfs_thread thread;

	if (strcmp(call->name, "ptrace") == 0) {
		add(text, "a process that is not traced already, as all are under idn-check run");
		if (refused->arguments[0] == PTRACE_TRACEME)
			return;
		add(text, "; and ");
	}
	add_capability(text, question, call->capability, call->otherwise);
	if (pid <= 0 || procfs_read_thread(pid, pid, &thread) < 0)
		return;
	add(text, ": %d (%s) has uid %u", (int)pid, thread.command, thread.uids[ID_REAL]);
	procfs_clear_thread(&thread);
}

static void add_for_attribute(struct text *text, const struct question *question)
{
	const char *name = question->attribute;

	if (strcmp(name, "security.capability") == 0)
		add_capability(text, question, CAP_SETFCAP, NULL);
	else if (strncmp(name, "security.", 9) == 0 || strncmp(name, "trusted.", 8) == 0)
		add_capability(text, question, CAP_SYS_ADMIN, NULL);
	else
		return;
	add(text, " for %s", name);
}

static void add_for_mapping(struct text *text, const struct question *question)
{
	struct statvfs status;

	for (size_t i = 0; i < question->n_spots; i++)
		if (question->spots[i].of_descriptor &&
		    fstatvfs(question->spots[i].base.current, &status) == 0 &&
		    (status.f_flag & ST_NOEXEC))
			add(text, "a mount without noexec, to execute what is mapped");
}

const char *question_need(const struct question *question, char *buffer, size_t size)
{
	const struct refused_call *refused = question->refused;
	const struct call *call = refused->call;
	struct text text = {.buffer = buffer, .size = size};

	buffer[0] = '\0';
	switch (call->about) {
	case ABOUT_ADDRESS:
		add_for_address(&text, question);
		break;
	case ABOUT_PROCESS:
		add_for_process(&text, question);
		break;
	case ABOUT_ATTRIBUTE:
		add_for_attribute(&text, question);
		break;
	case ABOUT_MAPPING:
		add_for_mapping(&text, question);
		break;
	case ABOUT_OPEN:
	case ABOUT_OPEN_HOW:
		if (refused->error == EPERM && (question->flags & O_NOATIME))
			add_capability(&text, question, CAP_FOWNER,
				       "or to own the file (O_NOATIME)");
		break;
	default:
		if (refused->error == EROFS)
			break;
		if (call->has_capability)
			add_capability(&text, question, call->capability, call->otherwise);
		else if (call->otherwise)
			add(&text, "%s", call->otherwise);
	}
	return buffer[0] ? buffer : NULL;
}
