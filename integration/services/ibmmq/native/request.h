/* A copy of a request to connect that owns its texts. */
#ifndef STAND_IN_REQUEST_H
#define STAND_IN_REQUEST_H

#include "verbs.h"

struct connect_request *request_copy(const struct connect_request *request);
void request_free(struct connect_request *request);

#endif
