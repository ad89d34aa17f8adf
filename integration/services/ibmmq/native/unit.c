/* Units of work. */
#include <stdlib.h>

#include "engine.h"
#include "journal.h"

bool is_persistent(const struct message *message)
{
    return message->md.Persistence == MQPER_PERSISTENT;
}

struct outcome unit_add(struct connection *connection, struct message *message)
{
    if (connection->unit_count >= connection->owner->max_uncommitted)
        return failed(MQRC_SYNCPOINT_LIMIT_REACHED);
    if (connection->unit_count == connection->unit_capacity) {
        int capacity = connection->unit_capacity == 0 ? 256 : 2 * connection->unit_capacity;
        struct message **grown = realloc(connection->unit, (size_t)capacity * sizeof *grown);
        if (grown == NULL)
            return failed(MQRC_STORAGE_NOT_AVAILABLE);
        connection->unit = grown;
        connection->unit_capacity = capacity;
    }
    connection->unit[connection->unit_count++] = message;
    return OUTCOME_OK;
}

static void release_locks(struct connection *connection)
{
    for (int i = 0; i < connection->object_count; i++) {
        struct object *object = connection->objects[i];
        if (object != NULL && object->locked != NULL) {
            object->locked->locked_by = NULL;
            queue_wake(object->locked->queue);
            object->locked = NULL;
        }
    }
}

/* In the reverse order of the calls, each message back to its old place with its count one higher. */
void unit_back_out(struct connection *connection)
{
    while (connection->unit_count > 0) {
        struct message *message = connection->unit[--connection->unit_count];
        if (message->state == MESSAGE_BEING_PUT) {
            queue_forget(message);
        } else {
            message->md.BackoutCount++;
            if (is_persistent(message))
                journal_note_backout(connection->owner->journal, message);
            queue_show(message);
        }
    }
    release_locks(connection);
}

struct outcome unit_commit(struct connection *connection)
{
    if (!journal_commit(connection->owner->journal, connection->unit, connection->unit_count)) {
        unit_back_out(connection);
        return warning(MQRC_BACKED_OUT);
    }
    for (int i = 0; i < connection->unit_count; i++) {
        struct message *message = connection->unit[i];
        if (message->state == MESSAGE_BEING_PUT)
            queue_put(message);
        else
            queue_got(message);
    }
    connection->unit_count = 0;
    release_locks(connection);
    return OUTCOME_OK;
}
