/* A message as an application gets it: with or without its properties, converted or not. */
#ifndef STAND_IN_DELIVERY_H
#define STAND_IN_DELIVERY_H

#include "engine.h"

struct delivery {
    MQMD md;
    const char *body;
    MQLONG length;
    struct outcome outcome; /* a warning when the conversion failed */
    char *owned;            /* the body if it is not the message's own; freed by delivery_free */
};

/* The requested descriptor says the encoding and the character set that MQGMO_CONVERT asks for; the capacity is that of
 * the application's buffer. */
void delivery_make(struct delivery *delivery, struct connection *connection, const struct message *message,
                   const MQMD *requested, const MQGMO *gmo, MQLONG capacity);
void delivery_free(struct delivery *delivery);

#endif
