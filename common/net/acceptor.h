/* SPDX-License-Identifier: MIT */
/* What a service accepts clients with. */
#ifndef NET_ACCEPTOR_H
#define NET_ACCEPTOR_H

#include "net/kerberos.h"
#include "net/remote.h"

/* NULL: handshakes are made here. */
const struct remote *acceptor_remote(const struct imp_acceptor *acceptor);

/* As long as the acceptor lives; may be used by several threads at once. */
gss_cred_id_t acceptor_credential(const struct imp_acceptor *acceptor);

#endif
