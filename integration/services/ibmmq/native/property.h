/* Message handles and the properties in them. */
#ifndef STAND_IN_PROPERTY_H
#define STAND_IN_PROPERTY_H

#include "engine.h"

struct property {
    struct property *next;
    char *name;
    MQLONG type;
    MQLONG length;
    MQPD descriptor;
    char value[];
};

struct property_set {
    struct property_set *next;
    MQHMSG handle;
    struct property *first;
    struct property *cursor;
};

void properties_free_all(struct connection *connection);
struct property_set *properties_find(struct connection *connection, MQHMSG handle);
void properties_clear(struct property_set *set);
/* A property of this name gets the value; the descriptor may be NULL. False: no memory. */
bool properties_set(struct property_set *set, struct span name, const MQPD *descriptor, MQLONG type, MQLONG length,
                    const void *value);

#endif
