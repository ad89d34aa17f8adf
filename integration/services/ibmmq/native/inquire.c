/* MQINQ and MQSET: attributes of queues and of the queue manager. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "fault.h"
#include "journal.h"

enum { TEXT_ATTRIBUTE = 48, DESCRIPTION = 64 };

/* False: the attribute belongs to another type of object. */
static bool queue_integer(const struct queue *queue, MQLONG selector, MQLONG *value)
{
    switch (selector) {
    case MQIA_Q_TYPE:
        *value = queue->type;
        return true;
    case MQIA_INHIBIT_GET:
        *value = queue->get_inhibited;
        return true;
    case MQIA_INHIBIT_PUT:
        *value = queue->put_inhibited;
        return true;
    case MQIA_DEF_PRIORITY:
        *value = queue->default_priority;
        return true;
    case MQIA_DEF_PERSISTENCE:
        *value = queue->default_persistence;
        return true;
    case MQIA_PROPERTY_CONTROL:
        *value = queue->property_control;
        return true;
    default:
        return false;
    }
}

static bool local_queue_integer(const struct queue *queue, MQLONG selector, MQLONG *value)
{
    if (queue->type != MQQT_LOCAL)
        return false;
    switch (selector) {
    case MQIA_CURRENT_Q_DEPTH:
        *value = queue_depth(queue);
        return true;
    case MQIA_MAX_Q_DEPTH:
        *value = queue->max_depth;
        return true;
    case MQIA_MAX_MSG_LENGTH:
        *value = queue->max_length;
        return true;
    case MQIA_BACKOUT_THRESHOLD:
        *value = queue->backout_threshold;
        return true;
    case MQIA_DEF_INPUT_OPEN_OPTION:
        *value = queue->default_input;
        return true;
    case MQIA_SHAREABILITY:
        *value = queue->shareable;
        return true;
    case MQIA_MSG_DELIVERY_SEQUENCE:
        *value = queue->fifo;
        return true;
    case MQIA_HARDEN_GET_BACKOUT:
        *value = 1;
        return true;
    case MQIA_OPEN_INPUT_COUNT:
        *value = queue->input_handles;
        return true;
    case MQIA_OPEN_OUTPUT_COUNT:
        *value = queue->output_handles;
        return true;
    default:
        return false;
    }
}

static bool manager_integer(const struct queue_manager *manager, MQLONG selector, MQLONG *value)
{
    switch (selector) {
    case MQIA_CODED_CHAR_SET_ID:
        *value = manager->ccsid;
        return true;
    case MQIA_MAX_UNCOMMITTED_MSGS:
        *value = manager->max_uncommitted;
        return true;
    case MQIA_MAX_MSG_LENGTH:
        *value = manager->max_length;
        return true;
    case MQIA_MAX_PRIORITY:
        *value = MQ_MAX_PRIORITY;
        return true;
    case MQIA_PLATFORM:
        *value = MQPL_UNIX;
        return true;
    case MQIA_COMMAND_LEVEL:
        *value = 940;
        return true;
    case MQIA_SYNCPOINT:
        *value = 1;
        return true;
    default:
        return false;
    }
}

static bool integer_attribute(const struct connection *connection, const struct object *object, MQLONG selector,
                              MQLONG *value)
{
    if (object->is_queue_manager)
        return manager_integer(connection->owner, selector, value);
    return queue_integer(object->named, selector, value) || local_queue_integer(object->named, selector, value);
}

/* The text and its width; NULL: the attribute belongs to another type of object. */
static const char *text_attribute(const struct connection *connection, const struct object *object, MQLONG selector,
                                  MQLONG *width)
{
    const struct queue_manager *manager = connection->owner;
    const struct queue *queue = object->named;
    *width = TEXT_ATTRIBUTE;
    switch (selector) {
    case MQCA_Q_MGR_NAME:
    case MQCA_Q_MGR_IDENTIFIER:
        return object->is_queue_manager ? manager->name : NULL;
    case MQCA_DEAD_LETTER_Q_NAME:
        return object->is_queue_manager ? manager->dead_letter_queue : NULL;
    case MQCA_Q_MGR_DESC:
        *width = DESCRIPTION;
        return object->is_queue_manager ? "" : NULL;
    case MQCA_Q_DESC:
        *width = DESCRIPTION;
        return queue != NULL ? queue->description : NULL;
    case MQCA_Q_NAME:
        return queue != NULL ? queue->name : NULL;
    case MQCA_BACKOUT_REQ_Q_NAME:
        return queue != NULL && queue->type == MQQT_LOCAL ? queue->backout_queue : NULL;
    case MQCA_BASE_OBJECT_NAME:
        return queue != NULL && queue->type == MQQT_ALIAS ? queue->target : NULL;
    default:
        return NULL;
    }
}

/* Attributes of queues of any type. */
static bool is_queue_selector(MQLONG selector)
{
    static const MQLONG selectors[] = {
        MQIA_CURRENT_Q_DEPTH,  MQIA_DEF_INPUT_OPEN_OPTION, MQIA_DEF_PERSISTENCE,  MQIA_DEF_PRIORITY,
        MQIA_INHIBIT_GET,      MQIA_HARDEN_GET_BACKOUT,    MQIA_INHIBIT_PUT,      MQIA_MAX_MSG_LENGTH,
        MQIA_MAX_Q_DEPTH,      MQIA_MSG_DELIVERY_SEQUENCE, MQIA_OPEN_INPUT_COUNT, MQIA_OPEN_OUTPUT_COUNT,
        MQIA_Q_TYPE,           MQIA_BACKOUT_THRESHOLD,     MQIA_SHAREABILITY,     MQIA_PROPERTY_CONTROL,
        MQCA_BASE_OBJECT_NAME, MQCA_Q_DESC,                MQCA_Q_NAME,           MQCA_BACKOUT_REQ_Q_NAME,
    };
    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++)
        if (selectors[i] == selector)
            return true;
    return false;
}

struct answer {
    MQLONG integer_room;
    MQLONG *integers;
    MQLONG text_room;
    char *texts;
    MQLONG reason; /* of the first thing that makes it a warning */
};

static void warn(struct answer *answer, MQLONG reason)
{
    if (answer->reason == MQRC_NONE)
        answer->reason = reason;
}

static void answer_integer(struct answer *answer, bool known, MQLONG value)
{
    if (answer->integer_room == 0) {
        warn(answer, MQRC_INT_ATTR_COUNT_TOO_SMALL);
        return;
    }
    if (!known)
        warn(answer, MQRC_SELECTOR_NOT_FOR_TYPE);
    *answer->integers++ = known ? value : -1; /* MQIAV_NOT_APPLICABLE */
    answer->integer_room--;
}

static void answer_text(struct answer *answer, const char *text, MQLONG width)
{
    if (text == NULL)
        warn(answer, MQRC_SELECTOR_NOT_FOR_TYPE);
    if (answer->text_room < width) {
        warn(answer, MQRC_CHAR_ATTRS_TOO_SHORT);
        return;
    }
    if (text == NULL)
        memset(answer->texts, '*', (size_t)width);
    else
        name_write(answer->texts, (size_t)width, text);
    answer->texts += width;
    answer->text_room -= width;
}

static struct outcome inquire_locked(struct connection *connection, const struct object *object, MQLONG count,
                                     const MQLONG *selectors, struct answer *answer)
{
    for (MQLONG i = 0; i < count; i++) {
        MQLONG selector = selectors[i];
        MQLONG value = 0;
        MQLONG width = 0;
        bool known = selector <= MQIA_LAST ? integer_attribute(connection, object, selector, &value)
                                           : text_attribute(connection, object, selector, &width) != NULL;
        if (!known && (object->is_queue_manager || !is_queue_selector(selector)))
            return failed(MQRC_SELECTOR_ERROR);
        if (selector <= MQIA_LAST)
            answer_integer(answer, known, value);
        else
            answer_text(answer, text_attribute(connection, object, selector, &width), width);
    }
    return answer->reason == MQRC_NONE ? OUTCOME_OK : warning(answer->reason);
}

struct outcome inquire(struct connection *connection, MQHOBJ handle, MQLONG selector_count, const MQLONG *selectors,
                       MQLONG integer_count, MQLONG *integers, MQLONG text_length, char *texts)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_INQ, handle, NULL, &outcome))
        return outcome;
    const struct object *object = connection_object(connection, handle);
    if (object == NULL)
        return call_end(&call, failed(MQRC_HOBJ_ERROR));
    if ((object->options & MQOO_INQUIRE) == 0)
        return call_end(&call, failed(MQRC_NOT_OPEN_FOR_INQUIRE));
    struct answer answer = {integer_count, integers, text_length, texts, MQRC_NONE};
    return call_end(&call, inquire_locked(connection, object, selector_count, selectors, &answer));
}

static struct outcome set_locked(struct queue *queue, MQLONG count, const MQLONG *selectors, MQLONG integer_count,
                                 const MQLONG *integers)
{
    if (count > integer_count)
        return failed(MQRC_INT_ATTR_COUNT_TOO_SMALL);
    for (MQLONG i = 0; i < count; i++) {
        if (selectors[i] != MQIA_INHIBIT_GET && selectors[i] != MQIA_INHIBIT_PUT)
            return failed(MQRC_SELECTOR_ERROR);
        if (integers[i] != 0 && integers[i] != 1)
            return failed(MQRC_INHIBIT_VALUE_ERROR);
    }
    for (MQLONG i = 0; i < count; i++) {
        if (selectors[i] == MQIA_INHIBIT_GET)
            queue->get_inhibited = integers[i] != 0;
        else
            queue->put_inhibited = integers[i] != 0;
    }
    queue_wake(queue);
    struct text line = {0};
    text_format(&line, "define-queue qmgr=%s name=%s get-inhibited=%s put-inhibited=%s", queue->owner->name, queue->name,
                queue->get_inhibited ? "yes" : "no", queue->put_inhibited ? "yes" : "no");
    journal_note_definition(queue->owner->journal, line.data);
    free(line.data);
    return OUTCOME_OK;
}

struct outcome set_attributes(struct connection *connection, MQHOBJ handle, MQLONG selector_count,
                              const MQLONG *selectors, MQLONG integer_count, const MQLONG *integers)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_SET, handle, NULL, &outcome))
        return outcome;
    const struct object *object = connection_object(connection, handle);
    if (object == NULL || object->is_queue_manager)
        return call_end(&call, failed(MQRC_HOBJ_ERROR));
    if ((object->options & MQOO_SET) == 0)
        return call_end(&call, failed(MQRC_NOT_OPEN_FOR_SET));
    return call_end(&call, set_locked(object->named, selector_count, selectors, integer_count, integers));
}
