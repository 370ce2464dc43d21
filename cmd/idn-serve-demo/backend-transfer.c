/* SPDX-License-Identifier: MIT */
/*
 * A request over a connection that is there already: HTTP by libcurl, which has the connection new
 * for each request, so that it never takes, opens or repeats anything by itself.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend-transfer.h"

enum { MOST_HEADER_BYTES = 65536 };

/* ---------------------------------------------------------------------- the connection -- */

/*
 * libcurl 7.88.0 and 7.88.1 connect even what they were told is connected, and fail.  They get a
 * placeholder, which the true one takes the place of before the request goes out.
 */
static bool connects_always(void)
{
	const unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;

	return version == 0x075800 || version == 0x075801;
}

/*
 * A datagram socket, which connects to itself; the kernel names it (unix(7), "Autobind feature").
 * Of this family, whatever the true one's is: libcurl has been told of a Unix socket.
 */
static int placeholder(struct curl_sockaddr *address)
{
	const struct sockaddr unnamed = {.sa_family = AF_UNIX};
	socklen_t length = sizeof(address->addr);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, &unnamed, sizeof(unnamed.sa_family)) == 0 &&
	    getsockname(fd, &address->addr, &length) == 0 && length <= sizeof(address->addr)) {
		address->addrlen = length;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A duplicate, which is libcurl's to close; once, since there is no second connection to give. */
static curl_socket_t hand_out(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = data;

	(void)purpose;
	if (transfer->is_handed_out)
		return CURL_SOCKET_BAD;
	transfer->is_handed_out = true;
	transfer->handed_out =
		connects_always() ? placeholder(address) : fcntl(transfer->fd, F_DUPFD_CLOEXEC, 0);
	if (transfer->handed_out < 0)
		transfer->fd_error = -errno;
	return transfer->handed_out < 0 ? CURL_SOCKET_BAD : transfer->handed_out;
}

static int say_it_is_connected(void *unused, curl_socket_t fd, curlsocktype purpose)
{
	(void)unused;
	(void)fd;
	(void)purpose;
	return connects_always() ? CURL_SOCKOPT_OK : CURL_SOCKOPT_ALREADY_CONNECTED;
}

/* It is connected, and has sent nothing yet; it has made the placeholder alone non-blocking. */
static int put_in_place(void *data, char *peer, char *own, int peer_port, int own_port)
{
	struct transfer *transfer = data;
	int flags;

	(void)peer;
	(void)own;
	(void)peer_port;
	(void)own_port;
	if (!connects_always())
		return CURL_PREREQFUNC_OK;
	if (dup3(transfer->fd, transfer->handed_out, O_CLOEXEC) >= 0 &&
	    (flags = fcntl(transfer->fd, F_GETFL)) >= 0 &&
	    fcntl(transfer->fd, F_SETFL, flags | O_NONBLOCK) == 0)
		return CURL_PREREQFUNC_OK;
	transfer->fd_error = -errno;
	return CURL_PREREQFUNC_ABORT;
}

/* ---------------------------------------------------------------------- what comes back -- */

static bool give_head(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	struct backend_head head = {.length = -1, .source = easy};
	curl_off_t length = -1;
	char *type = NULL;
	long status = 0;

	transfer->has_head = true;
	if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
	    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK ||
	    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) != CURLE_OK)
		return false;
	head.status = transfer->status = (unsigned int)status;
	head.type = type;
	head.length = length;
	transfer->is_stopped = !transfer->sink->on_head(transfer->sink->data, &head);
	return !transfer->is_stopped;
}

const char *transfer_header(const struct backend_head *head, const char *name, size_t number)
{
	struct curl_header *header;

	return curl_easy_header(head->source, name, number, CURLH_HEADER, -1, &header) == CURLHE_OK
		       ? header->value
		       : NULL;
}

const char *backend_header(const struct backend_head *head, const char *name)
{
	return transfer_header(head, name, 0);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *data)
{
	struct transfer *transfer = data;

	(void)bytes;
	transfer->header_bytes += size * count;
	return transfer->header_bytes > MOST_HEADER_BYTES ? 0 : size * count;
}

/* Anything but the number of bytes ends the transfer. */
static size_t take_data(char *bytes, size_t size, size_t count, void *data)
{
	struct transfer *transfer = data;

	if (!transfer->has_head && !give_head(transfer))
		return 0;
	transfer->is_stopped = !transfer->sink->on_data(transfer->sink->data, bytes, size * count);
	return transfer->is_stopped ? 0 : size * count;
}

/* ------------------------------------------------------------------------------- options -- */

#define SET(easy, option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool set_connection(CURL *easy, struct transfer *transfer)
{
	/*
	 * Of the path nothing is used but that no host is looked up, nor anything told from an
	 * address: which is right for connections over the network, too.
	 */
	return SET(easy, CURLOPT_UNIX_SOCKET_PATH, "/") &&
	       SET(easy, CURLOPT_OPENSOCKETFUNCTION, hand_out) &&
	       SET(easy, CURLOPT_OPENSOCKETDATA, transfer) &&
	       SET(easy, CURLOPT_SOCKOPTFUNCTION, say_it_is_connected) &&
	       SET(easy, CURLOPT_PREREQFUNCTION, put_in_place) &&
	       SET(easy, CURLOPT_PREREQDATA, transfer) && SET(easy, CURLOPT_FRESH_CONNECT, 1L) &&
	       SET(easy, CURLOPT_MAXCONNECTS, 1L) && SET(easy, CURLOPT_PROXY, "") &&
	       SET(easy, CURLOPT_NOPROXY, "*") && SET(easy, CURLOPT_NOSIGNAL, 1L);
}

static bool set_protocol(CURL *easy, const struct transfer *transfer)
{
	return SET(easy, CURLOPT_URL, "http://localhost/") &&
	       SET(easy, CURLOPT_PROTOCOLS_STR, "http") && SET(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
	       SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       SET(easy, CURLOPT_HTTP09_ALLOWED, 0L) &&
	       SET(easy, CURLOPT_USERAGENT, "idn-serve-demo") &&
	       (transfer->timeout_seconds <= 0 ||
		(SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) &&
		 SET(easy, CURLOPT_LOW_SPEED_TIME, transfer->timeout_seconds)));
}

static bool set_method(CURL *easy, const struct backend_request *request)
{
	const bool needs_none =
		strcmp(request->method, "GET") == 0 || strcmp(request->method, "DELETE") == 0;

	if (strcmp(request->method, "HEAD") == 0)
		return SET(easy, CURLOPT_NOBODY, 1L);
	if (needs_none && request->size == 0)
		return SET(easy, CURLOPT_CUSTOMREQUEST, request->method);
	return SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size) &&
	       SET(easy, CURLOPT_POSTFIELDS, request->size ? request->body : "") &&
	       SET(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static bool set_request(CURL *easy, struct transfer *transfer)
{
	return set_method(easy, transfer->request) &&
	       SET(easy, CURLOPT_REQUEST_TARGET, transfer->request->target) &&
	       SET(easy, CURLOPT_HTTPHEADER, transfer->headers) &&
	       SET(easy, CURLOPT_HEADERFUNCTION, take_header) &&
	       SET(easy, CURLOPT_HEADERDATA, transfer) &&
	       SET(easy, CURLOPT_WRITEFUNCTION, take_data) &&
	       SET(easy, CURLOPT_WRITEDATA, transfer);
}

static bool add_header(struct transfer *transfer, const char *name, const char *between,
		       const char *value)
{
	struct curl_slist *longer = NULL;
	char *line;

	if (asprintf(&line, "%s%s%s", name, between, value) >= 0) {
		longer = curl_slist_append(transfer->headers, line);
		free(line);
	}
	if (longer)
		transfer->headers = longer;
	return longer;
}

static bool make_headers(struct transfer *transfer)
{
	/* Instead of those that libcurl would add to a body, none. */
	bool fine = add_header(transfer, "Expect", ":", "") &&
		    add_header(transfer, "Content-Type", ":", "") &&
		    (!transfer->host || add_header(transfer, "Host", ": ", transfer->host)) &&
		    (!transfer->level ||
		     add_header(transfer, "Impersonation-Level", ": ", transfer->level));

	for (size_t i = 0; fine && i < transfer->request->n_headers; i++) {
		const struct backend_header *header = &transfer->request->headers[i];

		/* With a semicolon: sent all the same, empty. */
		fine = add_header(transfer, header->name, header->value[0] ? ": " : ";",
				  header->value);
	}
	return fine;
}

/* ------------------------------------------------------------------------------- attempt -- */

static int error_of(const struct transfer *transfer, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return -ECONNRESET;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		if (transfer->fd_error < 0)
			return transfer->fd_error;
		return transfer->is_stopped ? -ECANCELED : -EPROTO;
	}
}

static void look_back(struct transfer *transfer, CURLcode code)
{
	CURL *easy = transfer->easy;
	curl_socket_t kept = CURL_SOCKET_BAD;
	curl_off_t body = 0;
	long sent = 1, head = 1;

	transfer->is_reusable = code == CURLE_OK &&
				curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &kept) == CURLE_OK &&
				kept != CURL_SOCKET_BAD;
	transfer->is_unsent =
		curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent == 0;
	transfer->is_unheard =
		curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &head) == CURLE_OK && head == 0 &&
		curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &body) == CURLE_OK && body == 0;
}

int transfer_do(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	int error = -ENOMEM;

	if (make_headers(transfer) && set_connection(easy, transfer) &&
	    set_protocol(easy, transfer) && set_request(easy, transfer)) {
		CURLcode code = curl_easy_perform(easy);

		error = error_of(transfer, code);
		look_back(transfer, code);
		if (error == 0 && !transfer->has_head && !give_head(transfer))
			error = transfer->is_stopped ? -ECANCELED : -EPROTO;
	}
	/* What it was told points into this call. */
	curl_easy_reset(easy);
	curl_slist_free_all(transfer->headers);
	return error;
}
