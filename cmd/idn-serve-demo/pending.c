#include "serve.h"
#include <errno.h>
void get_key(const char *description, struct reply *reply)
{
	(void)description;
	reply_text(reply, 501, "pending\n");
}
int imp_policy_load(const char *path, struct imp_policy **policy,
		    struct imp_policy_problem *problem)
{
	(void)path;
	(void)policy;
	(void)problem;
	return -ENOENT;
}
