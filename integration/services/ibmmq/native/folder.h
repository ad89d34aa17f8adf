/* The XML-like text of one folder in an MQRFH2. */
#ifndef STAND_IN_FOLDER_H
#define STAND_IN_FOLDER_H

#include <stdbool.h>

#include "property.h"

/* The name of the folder, and whether its elements are properties of the message. False: the text is not well formed. */
bool folder_read(const char *text, size_t length, char *name, size_t size, bool *is_properties);
/* Each element of a folder as a property: usr elements by their own name, others with the folder's name before it. */
bool folder_properties(const char *text, size_t length, struct property_set *set);
/* The folders that hold a set of properties, each with its length before it, as they stand in a header. */
void folders_write(struct text *out, const struct property_set *set);

#endif
