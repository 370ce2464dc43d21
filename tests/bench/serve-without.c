/* SPDX-License-Identifier: MIT */
/*
 * idn-serve-demo with impersonation compiled out, to be measured against: the linker puts these in
 * place of the library's (--wrap).  Everything is done as the service.
 */
#include "impersonate.h"

int __wrap_imp_serve(struct imp_token *token);
int __wrap_imp_assert(const struct imp_token *token);
void __wrap_imp_revert(void);

int __wrap_imp_serve(struct imp_token *token)
{
	(void)token;
	return 0;
}

int __wrap_imp_assert(const struct imp_token *token)
{
	(void)token;
	return 0;
}

void __wrap_imp_revert(void)
{
}
