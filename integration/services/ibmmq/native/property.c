/* Message handles: MQCRTMH, MQSETMP, MQINQMP, MQDLTMP, MQDLTMH. */
#include "property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

static MQHMSG last_handle;

static void property_free(struct property *property)
{
    free(property->name);
    free(property);
}

void properties_clear(struct property_set *set)
{
    while (set->first != NULL) {
        struct property *property = set->first;
        set->first = property->next;
        property_free(property);
    }
    set->cursor = NULL;
}

void properties_free_all(struct connection *connection)
{
    while (connection->properties != NULL) {
        struct property_set *set = connection->properties;
        connection->properties = set->next;
        properties_clear(set);
        free(set);
    }
}

struct property_set *properties_find(struct connection *connection, MQHMSG handle)
{
    for (struct property_set *set = connection->properties; set != NULL; set = set->next)
        if (set->handle == handle)
            return set;
    return NULL;
}

static bool name_is(const struct property *property, struct span name)
{
    return strlen(property->name) == (size_t)name.length && memcmp(property->name, name.data, (size_t)name.length) == 0;
}

static struct property **link_to(struct property_set *set, struct span name)
{
    struct property **link = &set->first;
    while (*link != NULL && !name_is(*link, name))
        link = &(*link)->next;
    return link;
}

static void remove_at(struct property_set *set, struct property **link)
{
    struct property *property = *link;
    *link = property->next;
    if (set->cursor == property)
        set->cursor = NULL;
    property_free(property);
}

static const MQPD default_descriptor = {{'P', 'D', ' ', ' '}, 1, 0, 1, 0, 0x16};

bool properties_set(struct property_set *set, struct span name, const MQPD *descriptor, MQLONG type, MQLONG length,
                    const void *value)
{
    struct property *property = calloc(1, sizeof *property + (size_t)length);
    char *text = malloc((size_t)name.length + 1);
    if (property == NULL || text == NULL) {
        free(property);
        free(text);
        return false;
    }
    memcpy(text, name.data, (size_t)name.length);
    text[name.length] = '\0';
    property->name = text;
    property->type = type;
    property->length = length;
    property->descriptor = descriptor != NULL ? *descriptor : default_descriptor;
    if (length > 0)
        memcpy(property->value, value, (size_t)length);
    struct property **link = link_to(set, name);
    if (*link != NULL)
        remove_at(set, link);
    while (*link != NULL)
        link = &(*link)->next;
    *link = property;
    return true;
}

struct outcome create_message_handle(struct connection *connection, MQHMSG *handle)
{
    struct call call;
    struct outcome outcome;
    *handle = MQHM_UNUSABLE_HMSG;
    if (!call_begin(&call, connection, VERB_CRTMH, 0, "", &outcome))
        return outcome;
    struct property_set *set = calloc(1, sizeof *set);
    if (set == NULL)
        return call_end(&call, failed(MQRC_STORAGE_NOT_AVAILABLE));
    *handle = set->handle = ++last_handle;
    set->next = connection->properties;
    connection->properties = set;
    return call_end(&call, OUTCOME_OK);
}

struct outcome delete_message_handle(struct connection *connection, MQHMSG handle)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_DLTMH, 0, "", &outcome))
        return outcome;
    struct property_set **link = &connection->properties;
    while (*link != NULL && (*link)->handle != handle)
        link = &(*link)->next;
    if (*link == NULL)
        return call_end(&call, failed(MQRC_HMSG_ERROR));
    struct property_set *set = *link;
    *link = set->next;
    properties_clear(set);
    free(set);
    return call_end(&call, OUTCOME_OK);
}

/* The length that a type has, -1 for one of any length, -2 for no type at all. */
static MQLONG length_of_type(MQLONG type)
{
    switch (type) {
    case MQTYPE_NULL:
        return 0;
    case MQTYPE_INT8:
        return 1;
    case MQTYPE_INT16:
        return 2;
    case MQTYPE_BOOLEAN:
    case MQTYPE_INT32:
    case MQTYPE_FLOAT32:
        return 4;
    case MQTYPE_INT64:
    case MQTYPE_FLOAT64:
        return 8;
    case MQTYPE_STRING:
    case MQTYPE_BYTE_STRING:
        return -1;
    default:
        return -2;
    }
}

static struct outcome set_locked(struct connection *connection, MQHMSG handle, struct span name,
                                 const MQPD *descriptor, MQLONG type, MQLONG length, const void *value)
{
    struct property_set *set = properties_find(connection, handle);
    if (set == NULL)
        return failed(MQRC_HMSG_ERROR);
    if (name.length < 1 || name.length > 1023)
        return failed(MQRC_PROPERTY_NAME_ERROR);
    MQLONG wanted = length_of_type(type);
    if (wanted == -2)
        return failed(MQRC_PROPERTY_TYPE_ERROR);
    if (length < 0 || (wanted >= 0 && length != wanted))
        return failed(MQRC_BUFFER_LENGTH_ERROR);
    return properties_set(set, name, descriptor, type, length, value) ? OUTCOME_OK : failed(MQRC_STORAGE_NOT_AVAILABLE);
}

struct outcome set_property(struct connection *connection, MQHMSG handle, struct span name, const MQPD *descriptor,
                            MQLONG type, MQLONG length, const void *value)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_SETMP, 0, "", &outcome))
        return outcome;
    return call_end(&call, set_locked(connection, handle, name, descriptor, type, length, value));
}

/* `%` is any name, `abc%` any that begins so. */
static bool name_fits(const struct property *property, struct span pattern)
{
    if (pattern.length > 0 && pattern.data[pattern.length - 1] == '%')
        return strncmp(property->name, pattern.data, (size_t)pattern.length - 1) == 0;
    return name_is(property, pattern);
}

static struct property *choose(const struct property_set *set, MQLONG options, struct span name)
{
    if ((options & MQIMPO_INQ_PROP_UNDER_CURSOR) != 0)
        return set->cursor;
    struct property *property = set->first;
    if ((options & MQIMPO_INQ_NEXT) != 0)
        property = set->cursor != NULL ? set->cursor->next : set->first;
    while (property != NULL && !name_fits(property, name))
        property = property->next;
    return property;
}

static struct outcome inquire_locked(struct connection *connection, MQHMSG handle, MQLONG options, struct span name,
                                     MQLONG requested_type, MQLONG capacity, void *value,
                                     struct property_answer *answer)
{
    struct property_set *set = properties_find(connection, handle);
    if (set == NULL)
        return failed(MQRC_HMSG_ERROR);
    struct property *property = choose(set, options, name);
    if (property == NULL)
        return failed(MQRC_PROPERTY_NOT_AVAILABLE);
    if ((options & MQIMPO_CONVERT_TYPE) != 0 && requested_type != MQTYPE_AS_SET && requested_type != property->type)
        return failed(MQRC_FUNCTION_NOT_SUPPORTED);
    answer->name_length = (MQLONG)strlen(property->name);
    memcpy(answer->name, property->name, (size_t)answer->name_length + 1);
    answer->type = property->type;
    answer->length = property->length;
    answer->descriptor = property->descriptor;
    if ((options & MQIMPO_QUERY_LENGTH) == 0 && property->length > capacity)
        return failed(MQRC_PROPERTY_VALUE_TOO_BIG);
    set->cursor = property;
    if ((options & MQIMPO_QUERY_LENGTH) == 0 && property->length > 0)
        memcpy(value, property->value, (size_t)property->length);
    return OUTCOME_OK;
}

struct outcome inquire_property(struct connection *connection, MQHMSG handle, MQLONG options, struct span name,
                                MQLONG requested_type, MQLONG capacity, void *value, struct property_answer *answer)
{
    struct call call;
    struct outcome outcome;
    memset(answer, 0, sizeof *answer);
    if (!call_begin(&call, connection, VERB_INQMP, 0, "", &outcome))
        return outcome;
    return call_end(&call, inquire_locked(connection, handle, options, name, requested_type, capacity, value, answer));
}

struct outcome delete_property(struct connection *connection, MQHMSG handle, MQLONG options, struct span name)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_DLTMP, 0, "", &outcome))
        return outcome;
    struct property_set *set = properties_find(connection, handle);
    if (set == NULL)
        return call_end(&call, failed(MQRC_HMSG_ERROR));
    struct span wanted = name;
    if ((options & MQDMPO_DEL_PROP_UNDER_CURSOR) != 0) {
        if (set->cursor == NULL)
            return call_end(&call, failed(MQRC_PROPERTY_NOT_AVAILABLE));
        wanted = (struct span){set->cursor->name, (MQLONG)strlen(set->cursor->name)};
    }
    struct property **link = link_to(set, wanted);
    if (*link == NULL)
        return call_end(&call, warning(MQRC_PROPERTY_NOT_AVAILABLE));
    remove_at(set, link);
    return call_end(&call, OUTCOME_OK);
}
