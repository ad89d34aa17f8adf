/* MQRFH2: what the queue manager knows about the header that carries properties. */
#ifndef STAND_IN_RFH2_H
#define STAND_IN_RFH2_H

#include "engine.h"
#include "property.h"

/* A reason if the format says that a header is there and it is not well formed. */
MQLONG rfh2_check(const MQMD *md, MQLONG length, const void *body);
/* A message with the properties in a header before the body. NULL without memory. */
struct message *rfh2_message(const struct property_set *set, const MQMD *md, MQLONG length, const void *body);
/* The properties of the headers at the beginning go into the set, if there is one; the rest of the message comes into
 * memory that the caller frees, with the descriptor saying what it is now. NULL: it has no properties. */
char *rfh2_without_properties(MQMD *md, MQLONG length, const char *body, struct property_set *set,
                              MQLONG *rest_length);
/* The length of the header at the beginning of a body, 0 if there is none that can be read. */
MQLONG rfh2_length(const char *format, MQLONG encoding, MQLONG length, const char *body);

#endif
