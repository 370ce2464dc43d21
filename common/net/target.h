/* SPDX-License-Identifier: MIT */
/* Another service: where it is, and who it has to be. */
#ifndef NET_TARGET_H
#define NET_TARGET_H

#include "core/policy.h"
#include "net/kerberos.h"

gss_name_t target_name(const struct imp_target *target);
/* For a line. */
const char *target_text(const struct imp_target *target);

/* Whether clients' credentials may be used towards it. */
bool target_is_allowed(const struct imp_target *target, const struct policy_delegation *delegation);

#endif
