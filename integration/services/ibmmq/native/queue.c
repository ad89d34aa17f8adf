/* A queue: who sees which message, and in which order. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "journal.h"

struct queue *queue_find(struct queue_manager *manager, const char *name)
{
    for (struct queue *queue = manager->queues; queue != NULL; queue = queue->next)
        if (strcmp(queue->name, name) == 0)
            return queue->defined ? queue : NULL;
    return NULL;
}

static struct queue *queue_new(struct queue_manager *manager, const char *name)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        abort();
    name_read(queue->name, sizeof queue->name, name, MQ_NAME_LENGTH);
    queue->owner = manager;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->arrival, &monotonic);
    pthread_condattr_destroy(&monotonic);
    queue->next = manager->queues;
    manager->queues = queue;
    return queue;
}

/* A queue of this name with the attributes that SYSTEM.DEFAULT.LOCAL.QUEUE gives, or the one that is there. */
struct queue *queue_define(struct queue_manager *manager, const char *name)
{
    struct queue *queue = queue_find(manager, name);
    if (queue != NULL)
        return queue;
    for (queue = manager->queues; queue != NULL; queue = queue->next)
        if (strcmp(queue->name, name) == 0)
            break;
    if (queue == NULL)
        queue = queue_new(manager, name);
    queue->defined = true;
    queue->target[0] = queue->description[0] = queue->backout_queue[0] = '\0';
    queue->type = MQQT_LOCAL;
    queue->max_depth = 5000;
    queue->max_length = 4194304;
    queue->backout_threshold = 0;
    queue->default_input = MQOO_INPUT_SHARED;
    queue->default_priority = 0;
    queue->default_persistence = MQPER_NOT_PERSISTENT;
    queue->property_control = MQPROP_COMPATIBILITY;
    queue->shareable = true;
    queue->fifo = queue->get_inhibited = queue->put_inhibited = queue->endless = queue->bottomless = false;
    queue->denied = 0;
    return queue;
}

int queue_depth(const struct queue *queue)
{
    return queue->visible_count + queue->putting_count;
}

static void list_insert(struct message_list *list, struct message *message, struct message *after)
{
    message->previous = after;
    message->next = after == NULL ? list->head : after->next;
    if (message->next != NULL)
        message->next->previous = message;
    else
        list->tail = message;
    if (after != NULL)
        after->next = message;
    else
        list->head = message;
}

static void list_remove(struct message_list *list, struct message *message)
{
    if (message->previous != NULL)
        message->previous->next = message->next;
    else
        list->head = message->next;
    if (message->next != NULL)
        message->next->previous = message->previous;
    else
        list->tail = message->previous;
    message->previous = message->next = NULL;
}

/* The last message that comes before this one. The search runs from both ends, since a commit comes near the end and
 * a backout near the beginning. */
static struct message *predecessor(const struct message_list *list, const struct message *message)
{
    struct message *low = list->head;
    struct message *high = list->tail;
    while (high != NULL && high->order > message->order) {
        if (low->order > message->order)
            return low->previous;
        high = high->previous;
        low = low->next;
    }
    return high;
}

static struct message_list *list_of(struct message *message)
{
    if (message->state != MESSAGE_VISIBLE)
        return &message->queue->in_flight;
    MQLONG priority = message->queue->fifo ? 0 : message->md.Priority;
    return &message->queue->visible[priority];
}

static int *count_of(struct message *message)
{
    switch (message->state) {
    case MESSAGE_VISIBLE:
        return &message->queue->visible_count;
    case MESSAGE_BEING_PUT:
        return &message->queue->putting_count;
    default:
        return &message->queue->getting_count;
    }
}

static void enter(struct message *message, enum message_state state)
{
    message->state = state;
    struct message_list *list = list_of(message);
    list_insert(list, message, state == MESSAGE_VISIBLE ? predecessor(list, message) : list->tail);
    ++*count_of(message);
}

static void leave(struct message *message)
{
    list_remove(list_of(message), message);
    --*count_of(message);
    if (message->locked_by != NULL) {
        message->locked_by->locked = NULL;
        message->locked_by = NULL;
    }
}

void queue_show(struct message *message)
{
    leave(message);
    enter(message, MESSAGE_VISIBLE);
    queue_wake(message->queue);
}

void queue_hide(struct message *message)
{
    leave(message);
    enter(message, MESSAGE_BEING_GOT);
}

void queue_enter(struct message *message)
{
    enter(message, MESSAGE_BEING_PUT);
}

void queue_forget(struct message *message)
{
    leave(message);
    free(message);
}

void queue_put(struct message *message)
{
    if (message->queue->bottomless)
        queue_forget(message);
    else
        queue_show(message);
}

void queue_got(struct message *message)
{
    if (message->queue->endless) {
        message->order = ++message->queue->owner->next_order;
        message->md.BackoutCount = 0;
        queue_show(message);
    } else {
        queue_forget(message);
    }
}

void queue_wake(struct queue *queue)
{
    if (queue->waiting > 0)
        pthread_cond_broadcast(&queue->arrival);
}

/* Removes what is visible; units of work keep what they have. */
void queue_clear(struct queue *queue)
{
    for (int priority = MQ_MAX_PRIORITY; priority >= 0; priority--)
        while (queue->visible[priority].head != NULL) {
            journal_note_removal(queue->owner->journal, queue->visible[priority].head);
            queue_forget(queue->visible[priority].head);
        }
}
