/* Structures as applications have them, in the version that they say, and as the verbs have them. */
#ifndef STAND_IN_LAYOUT_H
#define STAND_IN_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "mqi.h"

/* Sizes by version, to the end of the last field, since a binding may pass a structure without the bytes that fill it up;
 * 0 for a version that there is not. */
size_t md_size(MQLONG version);
size_t gmo_size(MQLONG version);
size_t pmo_size(MQLONG version);
size_t od_size(MQLONG version);
size_t cno_size(MQLONG version);
size_t csp_size(MQLONG version);
size_t sco_size(MQLONG version);
size_t cd_size(MQLONG version);
size_t sts_size(MQLONG version);

/* Copies of the caller's structure with defaults where its version has no field. False: it is no such structure. */
bool md_read(MQMD *md, const void *given);
bool gmo_read(MQGMO *gmo, const void *given);
bool pmo_read(MQPMO *pmo, const void *given);
bool od_read(MQOD *od, const void *given);

/* Back to the caller, no further than its version reaches. */
void md_write(void *given, const MQMD *md);
void gmo_write(void *given, const MQGMO *gmo);
void pmo_write(void *given, const MQPMO *pmo);
void od_write(void *given, const MQOD *od);

#endif
