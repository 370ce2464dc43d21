/* SPDX-License-Identifier: MIT */
/*
 * One request, by libcurl, over a connection that is kept: to the Unix socket, or to a host in the
 * network, by Kerberos, with a ticket that is forwarded.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "soak.h"

unsigned int soak_random(struct soak_user *user, unsigned int below)
{
	return (unsigned int)rand_r(&user->random) % below;
}

void soak_wrong(const struct soak_user *user, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "soak: uid %u: ", user->uid);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static size_t keep_answer(char *data, size_t one, size_t size, void *context)
{
	struct soak_user *user = context;

	(void)one;
	if (size > sizeof(user->answer) - 1 - user->answer_size) {
		user->overflow = true;
		return 0;
	}
	memcpy(user->answer + user->answer_size, data, size);
	user->answer_size += size;
	return size;
}

struct upload {
	const char *content;
	size_t rest;
};

static size_t give_content(char *buffer, size_t one, size_t room, void *context)
{
	struct upload *upload = context;
	size_t size = upload->rest < one * room ? upload->rest : one * room;

	memcpy(buffer, upload->content, size);
	upload->content += size;
	upload->rest -= size;
	return size;
}

/* Once it is known who one is, a body is sent at once, and once. */
static void authenticate(struct soak_user *user)
{
	char cache[256];

	snprintf(cache, sizeof(cache), "FILE:%s/%u", user->options->caches, user->uid);
	if (setenv("KRB5CCNAME", cache, 1) < 0)
		soak_wrong(user, "out of memory");
	soak_request(user, "GET", "/whoami", NULL, NULL, 0);
}

void soak_connect(struct soak_user *user)
{
	user->curl = curl_easy_init();
	if (!user->curl)
		soak_wrong(user, "no curl handle");
	if (user->options->url)
		authenticate(user);
}

void soak_come_and_go(struct soak_user *user)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char nothing;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", user->options->socket);
	if (fd < 0 || (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
		       !user->options->hostile))
		soak_wrong(user, "%s: %s", address.sun_path, strerror(errno));
	shutdown(fd, SHUT_WR);
	if (read(fd, &nothing, 1) > 0)
		soak_wrong(user, "an answer to nothing");
	close(fd);
}

/* Directly, over other threads, by the second server, and by combinations of these. */
static const char *way(struct soak_user *user)
{
	static const char *const ways[] = {
		"", "", "/async", "/backend", "/async/backend", "/backend/async"};

	return ways[soak_random(user, user->options->backend ? 6 : 3)];
}

/* The same on three hosts. */
static const char *way_of_hosts(struct soak_user *user)
{
	static const char *const ways[] = {"",
					   "/async",
					   "/backend",
					   "/async/backend",
					   "/backend/backend",
					   "/backend/async/backend/async"};

	return ways[soak_random(user, 6)];
}

static void set_server(struct soak_user *user, const char *method)
{
	CURL *curl = user->curl;

	if (!user->options->url) {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, user->options->socket);
	} else {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_NEGOTIATE);
		curl_easy_setopt(curl, CURLOPT_USERPWD, ":");
		curl_easy_setopt(curl, CURLOPT_GSSAPI_DELEGATION, CURLGSSAPI_DELEGATION_FLAG);
	}
	if (user->options->once)
		curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	/* Now and then a connection of its own. */
	if (soak_random(user, 32) == 0 && (!user->options->url || strcmp(method, "GET") == 0))
		curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
}

static void prepare(struct soak_user *user, const char *method, const char *url,
		    struct curl_slist *headers)
{
	CURL *curl = user->curl;

	curl_easy_reset(curl);
	set_server(user, method);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, user);
	if (strcmp(method, "PUT") != 0 && strcmp(method, "GET") != 0)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	/* Now and then one that goes away in the middle, where that is no surprise. */
	if (user->options->hostile && soak_random(user, 16) == 0)
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 1L + (long)soak_random(user, 4));
}

static struct curl_slist *headers_for(struct soak_user *user, const char *level)
{
	char line[64];
	/* Without waiting for leave to send the body. */
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");

	/* Over the network one is only identified where one states nothing. */
	if (!level && user->options->url)
		level = "delegation";
	if (headers && level) {
		snprintf(line, sizeof(line), "Impersonation-Level: %s", level);
		headers = curl_slist_append(headers, line);
	}
	if (!headers)
		soak_wrong(user, "out of memory");
	return headers;
}

static void count(struct soak_user *user, long status)
{
	struct soak_tally *tally = user->tally;

	tally->bytes += user->answer_size;
	if (status == 0)
		tally->cut++;
	else if (status < 300)
		tally->answered++;
	else if (status >= 500)
		tally->failed++;
	else
		tally->refused++;
}

struct soak_answer soak_request(struct soak_user *user, const char *method, const char *path,
				const char *level, const char *content, size_t size)
{
	struct curl_slist *headers = headers_for(user, level);
	struct upload upload = {content, size};
	const char *by = user->options->url ? way_of_hosts(user) : way(user);
	char url[512];
	long status = 0;

	snprintf(url, sizeof(url), "%s%s%s", user->options->url ? user->options->url : "http://x",
		 by, path);
	prepare(user, method, url, headers);
	if (content) {
		curl_easy_setopt(user->curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(user->curl, CURLOPT_READFUNCTION, give_content);
		curl_easy_setopt(user->curl, CURLOPT_READDATA, &upload);
		curl_easy_setopt(user->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
	}
	user->answer_size = 0;
	user->overflow = false;

	CURLcode code = curl_easy_perform(user->curl);

	/* Nothing tells when a server is there again. */
	while (code == CURLE_COULDNT_CONNECT && user->options->hostile) {
		poll(NULL, 0, 20);
		code = curl_easy_perform(user->curl);
	}

	user->answer[user->answer_size] = '\0';
	curl_slist_free_all(headers);
	if (user->overflow)
		soak_wrong(user, "%s %s: more of an answer than there can be", method, url);
	if (code == CURLE_OK)
		curl_easy_getinfo(user->curl, CURLINFO_RESPONSE_CODE, &status);
	else if (!user->options->hostile)
		soak_wrong(user, "%s %s: %s", method, url, curl_easy_strerror(code));
	count(user, status);
	if (status >= 500 && !user->options->hostile)
		soak_wrong(user, "%s %s: status %ld: %s", method, url, status, user->answer);
	return (struct soak_answer){.status = status, .direct = !strstr(by, "/backend")};
}
