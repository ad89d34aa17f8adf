/* Opening and closing objects. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "fault.h"

/* Which authority an option of MQOPEN asks for. */
static const struct {
    MQLONG options;
    enum authority authority;
} needed[] = {
    {MQOO_INPUT_ANY, MAY_GET},
    {MQOO_BROWSE, MAY_BROWSE},
    {MQOO_OUTPUT, MAY_PUT},
    {MQOO_INQUIRE, MAY_INQUIRE},
    {MQOO_SET, MAY_SET},
    {MQOO_SET_IDENTITY_CONTEXT, MAY_SET_IDENTITY},
    {MQOO_SET_ALL_CONTEXT, MAY_SET_ALL},
    {MQOO_PASS_IDENTITY_CONTEXT | MQOO_PASS_ALL_CONTEXT, MAY_PASS_CONTEXT},
};

struct outcome object_authorize(const struct object *object, const struct queue_manager *manager, MQLONG options)
{
    unsigned denied = manager->denied;
    if (!object->is_queue_manager)
        denied = object->named->denied | (manager->denied & (MAY_SET_IDENTITY | MAY_SET_ALL));
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if ((options & needed[i].options) != 0 && (denied & needed[i].authority) != 0)
            return failed(MQRC_NOT_AUTHORIZED);
    return OUTCOME_OK;
}

/* Follows an alias, once, as the product does. */
struct outcome object_resolve(struct connection *connection, MQOD *od, struct object *object)
{
    struct queue_manager *manager = connection->owner;
    char other[NAME_TEXT];
    name_read(other, sizeof other, od->ObjectQMgrName, MQ_NAME_LENGTH);
    if (od->ObjectType == MQOT_Q_MGR) {
        object->is_queue_manager = true;
        return OUTCOME_OK;
    }
    if (od->ObjectType != MQOT_Q)
        return failed(MQRC_OBJECT_TYPE_ERROR);
    if (od->SelectionString.VSPtr != NULL && od->SelectionString.VSLength != 0)
        return failed(MQRC_FUNCTION_NOT_SUPPORTED);
    if (other[0] != '\0' && strcmp(other, manager->name) != 0)
        return failed(MQRC_UNKNOWN_REMOTE_Q_MGR);
    char name[NAME_TEXT];
    name_read(name, sizeof name, od->ObjectName, MQ_NAME_LENGTH);
    object->named = object->queue = queue_find(manager, name);
    if (object->named == NULL)
        return failed(MQRC_UNKNOWN_OBJECT_NAME);
    if (object->named->type == MQQT_ALIAS) {
        object->queue = queue_find(manager, object->named->target);
        if (object->queue == NULL)
            return failed(MQRC_UNKNOWN_ALIAS_BASE_Q);
        if (object->queue->type == MQQT_ALIAS)
            return failed(MQRC_ALIAS_BASE_Q_TYPE_ERROR);
    }
    name_write(od->ResolvedQName, MQ_NAME_LENGTH, object->queue->name);
    name_write(od->ResolvedQMgrName, MQ_NAME_LENGTH, manager->name);
    od->ResolvedType = MQOT_Q;
    return OUTCOME_OK;
}

static struct outcome check_options(const struct object *object, MQLONG options)
{
    MQLONG input = options & MQOO_INPUT_ANY;
    if ((input & (input - 1)) != 0)
        return failed(MQRC_OPTIONS_ERROR);
    if ((options & (MQOO_INPUT_ANY | MQOO_BROWSE | MQOO_OUTPUT | MQOO_INQUIRE | MQOO_SET)) == 0)
        return failed(MQRC_OPTIONS_ERROR);
    if (object->is_queue_manager && (options & (MQOO_INPUT_ANY | MQOO_BROWSE | MQOO_OUTPUT)) != 0)
        return failed(MQRC_OPTION_NOT_VALID_FOR_TYPE);
    if ((options & MQOO_SAVE_ALL_CONTEXT) != 0 && input == 0)
        return failed(MQRC_OPTIONS_ERROR);
    return OUTCOME_OK;
}

/* Who reads may keep others out: by its own wish, by DEFSOPT, or by NOSHARE. */
static struct outcome take_input(struct object *object, MQLONG options)
{
    struct queue *queue = object->queue;
    if ((options & MQOO_INPUT_ANY) == 0)
        return OUTCOME_OK;
    MQLONG wish = options & MQOO_INPUT_AS_Q_DEF ? queue->default_input : options;
    bool exclusive = (wish & MQOO_INPUT_EXCLUSIVE) != 0 || !queue->shareable;
    if (queue->exclusive || (exclusive && queue->input_handles > 0))
        return failed(MQRC_OBJECT_IN_USE);
    queue->exclusive = exclusive;
    queue->input_handles++;
    object->takes = true;
    return OUTCOME_OK;
}

static MQHOBJ free_handle(struct connection *connection)
{
    for (int i = 0; i < connection->object_count; i++)
        if (connection->objects[i] == NULL)
            return i + 1;
    int count = connection->object_count + 16;
    struct object **grown = realloc(connection->objects, (size_t)count * sizeof *grown);
    if (grown == NULL)
        return 0;
    memset(grown + connection->object_count, 0, 16 * sizeof *grown);
    connection->objects = grown;
    MQHOBJ handle = connection->object_count + 1;
    connection->object_count = count;
    return handle;
}

static struct outcome open_locked(struct connection *connection, MQOD *od, MQLONG options, MQHOBJ *handle)
{
    struct object opened = {.options = options};
    if ((options & MQOO_FAIL_IF_QUIESCING) != 0 && connection->owner->state != MANAGER_RUNNING)
        return failed(MQRC_Q_MGR_QUIESCING);
    struct outcome outcome = object_resolve(connection, od, &opened);
    if (outcome.comp == MQCC_OK)
        outcome = check_options(&opened, options);
    if (outcome.comp == MQCC_OK)
        outcome = object_authorize(&opened, connection->owner, options);
    if (outcome.comp != MQCC_OK)
        return outcome;
    struct object *object = malloc(sizeof *object);
    MQHOBJ number = free_handle(connection);
    if (object == NULL || number == 0) {
        free(object);
        return failed(MQRC_STORAGE_NOT_AVAILABLE);
    }
    if (!opened.is_queue_manager)
        outcome = take_input(&opened, options);
    if (outcome.comp != MQCC_OK) {
        free(object);
        return outcome;
    }
    if (!opened.is_queue_manager && (options & MQOO_OUTPUT) != 0)
        opened.queue->output_handles++;
    *object = opened;
    connection->objects[number - 1] = object;
    *handle = number;
    return OUTCOME_OK;
}

struct outcome open_object(struct connection *connection, MQOD *od, MQLONG options, MQHOBJ *handle)
{
    char name[NAME_TEXT];
    name_read(name, sizeof name, od->ObjectName, MQ_NAME_LENGTH);
    struct call call;
    struct outcome outcome;
    *handle = MQHO_UNUSABLE_HOBJ;
    if (!call_begin(&call, connection, VERB_OPEN, 0, name, &outcome))
        return outcome;
    outcome = call_end(&call, open_locked(connection, od, options, handle));
    if (outcome.comp == MQCC_FAILED)
        *handle = MQHO_UNUSABLE_HOBJ;
    return outcome;
}

void object_close(struct connection *connection, MQHOBJ handle)
{
    struct object *object = connection_object(connection, handle);
    if (object == NULL)
        return;
    if (object->locked != NULL) {
        object->locked->locked_by = NULL;
        queue_wake(object->locked->queue);
    }
    if (object->takes) {
        object->queue->input_handles--;
        object->queue->exclusive = false;
    }
    if (!object->is_queue_manager && (object->options & MQOO_OUTPUT) != 0)
        object->queue->output_handles--;
    free(object);
    connection->objects[handle - 1] = NULL;
}

struct outcome close_object(struct connection *connection, MQHOBJ handle, MQLONG options)
{
    struct call call;
    struct outcome outcome;
    if (!call_begin(&call, connection, VERB_CLOSE, handle, NULL, &outcome))
        return outcome;
    if (connection_object(connection, handle) == NULL)
        return call_end(&call, failed(MQRC_HOBJ_ERROR));
    if (options != 0)
        return call_end(&call, failed(MQRC_OPTION_NOT_VALID_FOR_TYPE));
    object_close(connection, handle);
    return call_end(&call, OUTCOME_OK);
}
