#include "delivery.h"

#include <stdlib.h>
#include <string.h>

#include "convert.h"
#include "property.h"
#include "rfh2.h"

enum {
    PROPERTY_OPTIONS = MQGMO_PROPERTIES_FORCE_MQRFH2 | MQGMO_NO_PROPERTIES | MQGMO_PROPERTIES_IN_HANDLE |
                       MQGMO_PROPERTIES_COMPATIBILITY,
};

static void replace_body(struct delivery *delivery, char *body, MQLONG length)
{
    free(delivery->owned);
    delivery->owned = body;
    delivery->body = body;
    delivery->length = length;
}

/* Where the properties go when the application leaves it to the queue. */
static MQLONG by_queue(const struct queue *queue, MQLONG options)
{
    if ((options & PROPERTY_OPTIONS) != 0)
        return options & PROPERTY_OPTIONS;
    return queue->property_control == MQPROP_NONE ? MQGMO_NO_PROPERTIES : MQGMO_PROPERTIES_FORCE_MQRFH2;
}

static void place_properties(struct delivery *delivery, struct connection *connection, const struct message *message,
                             const MQGMO *gmo)
{
    MQLONG way = by_queue(message->queue, gmo->Options);
    if ((way & (MQGMO_NO_PROPERTIES | MQGMO_PROPERTIES_IN_HANDLE)) == 0)
        return;
    struct property_set *set = NULL;
    if ((way & MQGMO_PROPERTIES_IN_HANDLE) != 0) {
        set = properties_find(connection, gmo->MsgHandle);
        if (set != NULL)
            properties_clear(set);
    }
    MQLONG length;
    char *rest;
    while ((rest = rfh2_without_properties(&delivery->md, delivery->length, delivery->body, set, &length)) != NULL) {
        bool same = length == delivery->length;
        replace_body(delivery, rest, length);
        if (same)
            break;
    }
}

/* What no longer fits into the application's buffer is delivered as it was. */
static void convert(struct delivery *delivery, const struct message *message, const MQMD *requested, MQLONG capacity)
{
    MQMD before = delivery->md;
    MQLONG ccsid = requested->CodedCharSetId == MQCCSI_Q_MGR ? message->queue->owner->ccsid : requested->CodedCharSetId;
    MQLONG length;
    char *body = convert_body(&delivery->md, delivery->length, delivery->body, requested->Encoding, ccsid, &length,
                              &delivery->outcome);
    if (body == NULL)
        return;
    if (length > capacity && delivery->length <= capacity) {
        free(body);
        delivery->md = before;
        delivery->outcome = warning(MQRC_CONVERTED_MSG_TOO_BIG);
        return;
    }
    replace_body(delivery, body, length);
}

void delivery_make(struct delivery *delivery, struct connection *connection, const struct message *message,
                   const MQMD *requested, const MQGMO *gmo, MQLONG capacity)
{
    *delivery = (struct delivery){message->md, message->body, message->length, OUTCOME_OK, NULL};
    place_properties(delivery, connection, message, gmo);
    if ((gmo->Options & MQGMO_CONVERT) != 0)
        convert(delivery, message, requested, capacity);
}

void delivery_free(struct delivery *delivery)
{
    free(delivery->owned);
}
