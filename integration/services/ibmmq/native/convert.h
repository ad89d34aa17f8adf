/* MQGMO_CONVERT: the body in the encoding and the character set that the application asks for. */
#ifndef STAND_IN_CONVERT_H
#define STAND_IN_CONVERT_H

#include "engine.h"

/* Converts headers and text. The body comes into memory that the caller frees and the descriptor says what it is now;
 * NULL with the outcome OK when nothing is to be done, and with a warning when it cannot be done. */
char *convert_body(MQMD *md, MQLONG length, const char *body, MQLONG encoding, MQLONG ccsid, MQLONG *new_length,
                   struct outcome *outcome);

#endif
