/* SPDX-License-Identifier: MIT */
/* In the place of policy-xml.c, where there is no expat. */
#include <errno.h>

#include "policy.h"

int aspnet_read(const char *text, size_t size, struct aspnet *aspnet, struct report *report,
		struct imp_policy_problem *problem)
{
	(void)text;
	(void)size;
	(void)report;
	*aspnet = (struct aspnet){.settings = {{.said = false}}};
	*problem =
		(struct imp_policy_problem){.text = "XML, which this idn-check was built without"};
	return -ENOTSUP;
}
