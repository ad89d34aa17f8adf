/* Connection handles of this process, with MQ's rules about threads. */
#ifndef STAND_IN_HANDLE_H
#define STAND_IN_HANDLE_H

#include <pthread.h>
#include <stdbool.h>

#include "verbs.h"

struct slot {
    pthread_mutex_t busy; /* held during a call */
    struct connection *connection; /* NULL: free */
    pthread_t owner;
    _Atomic MQLONG share;
    MQHCONN handle;
    bool has_sco;
};

/* A slot for a new connection, held by this thread; NULL when there are too many. */
struct slot *slot_new(struct connection *connection, MQLONG options, bool has_sco);
/* The slot of a handle, held by this thread until slot_leave; NULL with the reason set. */
struct slot *slot_enter(MQHCONN handle, MQLONG *reason);
void slot_leave(struct slot *slot);
/* The handle is worth nothing any more. */
void slot_free(struct slot *slot);

/* The TLS settings of this process are those of the first connection that has any. False: these are others. */
bool tls_settings_agree(const MQSCO *sco);

#endif
