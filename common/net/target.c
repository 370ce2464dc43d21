/* SPDX-License-Identifier: MIT */
/*
 * Targets: an address that was looked up once, by the service, and a principal that the
 * configuration names.  Neither DNS nor the other end has a say in who it has to be.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/connect.h"
#include "net/target.h"

struct imp_target {
	atomic_uint references;
	struct addrinfo *addresses;
	char *text; /* of the principal, with its realm */
	gss_name_t name;
};

gss_name_t target_name(const struct imp_target *target)
{
	return target->name;
}

const char *target_text(const struct imp_target *target)
{
	return target->text;
}

/* ------------------------------------------------------------------------------- allowed -- */

static bool is_meant(krb5_context context, krb5_const_principal own, const char *entry)
{
	krb5_principal allowed;
	bool same;

	if (krb5_parse_name(context, entry, &allowed))
		return false;
	same = krb5_principal_compare(context, own, allowed);
	krb5_free_principal(context, allowed);
	return same;
}

/* An entry without a realm is of the default one, as the target's would be. */
bool target_is_allowed(const struct imp_target *target, const struct policy_delegation *delegation)
{
	krb5_context context;
	krb5_principal own;
	bool found = false;

	if (!delegation->limited)
		return true;
	if (krb5_init_context(&context))
		return false;
	if (krb5_parse_name(context, target->text, &own) == 0) {
		for (size_t i = 0; i < delegation->n_allowed && !found; i++)
			found = is_meant(context, own, delegation->allowed[i]);
		krb5_free_principal(context, own);
	}
	krb5_free_context(context);
	return found;
}

/* ------------------------------------------------------------------------------ connecting -- */

/* Until SECONDS are over, signals or not. */
static int wait_for(int fd, unsigned int seconds)
{
	struct pollfd event = {.fd = fd, .events = POLLOUT};
	struct timespec now, end;
	int error = 0;
	socklen_t size = sizeof(error);

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)seconds;
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);

		long long left =
			(end.tv_sec - now.tv_sec) * 1000LL + (end.tv_nsec - now.tv_nsec) / 1000000;
		int n = left > 0 ? poll(&event, 1, left > 60000 ? 60000 : (int)left) : 0;

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			break;
		if (left <= 0)
			return -ETIMEDOUT;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

static int connect_to(int fd, const struct addrinfo *address, unsigned int seconds)
{
	const int on = 1;
	int flags, error = 0;

	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		error = errno == EINPROGRESS ? wait_for(fd, seconds) : -errno;
	if (error < 0)
		return error;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		return -errno;
	return fd;
}

int target_connect(const struct imp_target *target, unsigned int seconds)
{
	int result = -EHOSTUNREACH;

	for (const struct addrinfo *address = target->addresses; address;
	     address = address->ai_next) {
		int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd < 0) {
			result = -errno;
			continue;
		}
		result = connect_to(fd, address, seconds);
		if (result >= 0)
			return result;
		close(fd);
	}
	return result;
}

/* -------------------------------------------------------------------------- begin and end -- */

/* A number in its range, or the name of a service: more than getaddrinfo(3) asks for. */
static bool is_port(const char *port)
{
	const size_t digits = strspn(port, "0123456789");
	const unsigned long number = strtoul(port, NULL, 10);

	if (digits == 0)
		return port[0] >= 'a' && port[0] <= 'z';
	return port[digits] == '\0' && digits <= 5 && number >= 1 && number <= 65535;
}

static int look_up(struct imp_target *target, const char *host, const char *port,
		   const char **problem)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	int error = host[0] && is_port(port) ? getaddrinfo(host, port, &hints, &target->addresses)
					     : EAI_NONAME;

	if (error == 0)
		return 0;
	target->addresses = NULL;
	kerberos_problem(problem, "%s port %s: %s", host, port,
			 error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
	return error == EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH;
}

/* A service's: two parts at least. */
static bool is_service(const char *principal)
{
	const char *slash = strchr(principal, '/'), *at = strchr(principal, '@');

	for (const char *c = principal; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return slash && slash != principal && slash[1] != '\0' && slash[1] != '@' &&
	       (!at || (at > slash && at[1] != '\0'));
}

static int name_it(struct imp_target *target, const char *principal, const char **problem)
{
	gss_buffer_desc text = {strlen(principal), (void *)principal}, full = GSS_C_EMPTY_BUFFER;
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 major, minor = 0, unused;
	char reason[KERBEROS_REASON];

	if (!is_service(principal)) {
		kerberos_problem(problem, "%s: not SERVICE/HOST or SERVICE/HOST@REALM", principal);
		return -EINVAL;
	}
	/* Canonicalised by the mechanism alone: with the default realm, if none is said. */
	major = gss_import_name(&minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &name);
	if (!GSS_ERROR(major))
		major = gss_canonicalize_name(&minor, name, &kerberos_negotiable.elements[0],
					      &target->name);
	if (!GSS_ERROR(major))
		major = gss_display_name(&minor, target->name, &full, NULL);
	if (!GSS_ERROR(major))
		target->text = strndup(full.value, full.length);
	gss_release_buffer(&unused, &full);
	gss_release_name(&unused, &name);
	if (GSS_ERROR(major)) {
		kerberos_problem(problem, "%s: %s", principal,
				 kerberos_reason(major, minor, reason));
		return -EINVAL;
	}
	return target->text ? 0 : -ENOMEM;
}

static void destroy(struct imp_target *target)
{
	OM_uint32 minor;

	if (target->addresses)
		freeaddrinfo(target->addresses);
	gss_release_name(&minor, &target->name);
	free(target->text);
	free(target);
}

int imp_target_new(const char *host, const char *port, const char *principal,
		   struct imp_target **target, const char **problem)
{
	struct imp_target *new;
	int error;

	error = kerberos_begin(problem);
	if (error < 0)
		return error;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	atomic_init(&new->references, 1);
	new->name = GSS_C_NO_NAME;
	error = look_up(new, host, port, problem);
	if (error == 0)
		error = name_it(new, principal, problem);
	if (error < 0)
		destroy(new);
	else
		*target = new;
	return error;
}

struct imp_target *imp_target_ref(struct imp_target *target)
{
	atomic_fetch_add_explicit(&target->references, 1, memory_order_relaxed);
	return target;
}

void imp_target_unref(struct imp_target *target)
{
	if (target && atomic_fetch_sub_explicit(&target->references, 1, memory_order_acq_rel) == 1)
		destroy(target);
}
