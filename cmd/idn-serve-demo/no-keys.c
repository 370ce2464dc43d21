/* SPDX-License-Identifier: MIT */
/* In place of keys.c where libkeyutils is not here. */
#include "serve.h"

void keys_prepare(void)
{
}

void get_key(const char *description, struct reply *reply)
{
	(void)description;
	reply_text(reply, MHD_HTTP_NOT_IMPLEMENTED,
		   "kernel keys are not served: built without libkeyutils\n");
}
