/* SPDX-License-Identifier: MIT */
/* The status page: status.html, with a nonce for its own script and style, and no other allowed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "status.h"

/* Made of status.html; ends with NUL. */
extern const char status_html[];

/* What stands there for it. */
static const char placeholder[] = "00000000000000000000000000000000";

static bool make_nonce(char nonce[sizeof(placeholder)])
{
	unsigned char random[(sizeof(placeholder) - 1) / 2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		sprintf(nonce + 2 * i, "%02x", random[i]);
	return true;
}

static void add_headers(struct MHD_Response *response, const char *nonce)
{
	char policy[512];

	snprintf(policy, sizeof(policy),
		 "default-src 'none'; connect-src 'self'; script-src 'nonce-%s'; "
		 "style-src 'nonce-%s'; base-uri 'none'; form-action 'none'; "
		 "frame-ancestors 'none'",
		 nonce, nonce);
	MHD_add_response_header(response, "Content-Security-Policy", policy);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

struct MHD_Response *page_response(void)
{
	char nonce[sizeof(placeholder)];
	char *page = make_nonce(nonce) ? strdup(status_html) : NULL;

	if (!page)
		return NULL;
	for (char *at = page; (at = strstr(at, placeholder));)
		memcpy(at, nonce, sizeof(nonce) - 1);

	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(page), page, MHD_RESPMEM_MUST_FREE);

	if (response)
		add_headers(response, nonce);
	else
		free(page);
	return response;
}
