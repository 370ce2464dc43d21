#include "serve.h"
#include <errno.h>
void put_file(int root_fd, const char *path, const char *body, size_t size, struct reply *reply)
{
	(void)root_fd;
	(void)path;
	(void)body;
	(void)size;
	reply_text(reply, 501, "pending\n");
}
void delete_file(int root_fd, const char *path, struct reply *reply)
{
	(void)root_fd;
	(void)path;
	reply_text(reply, 501, "pending\n");
}
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
