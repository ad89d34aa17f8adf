/* The queue managers of this process and what they know besides their queues. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "journal.h"

struct engine engine = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* By name; a blank name is the first one that was defined, and `*NAME` asks for any of that group. */
struct queue_manager *queue_manager_find(const char *name)
{
    const char *wanted = name[0] == '*' ? name + 1 : name;
    if (wanted[0] == '\0')
        return engine.managers;
    for (struct queue_manager *manager = engine.managers; manager != NULL; manager = manager->next)
        if (strcmp(manager->name, wanted) == 0)
            return manager;
    return NULL;
}

static void set_defaults(struct queue_manager *manager)
{
    manager->dead_letter_queue[0] = '\0';
    manager->ccsid = MQCCSI_UTF8;
    manager->max_uncommitted = 10000;
    manager->max_length = 104857600;
    manager->max_connections = 999999999;
    manager->denied = 0;
    manager->state = MANAGER_RUNNING;
    manager->channels_are_checked = false;
}

struct queue_manager *queue_manager_define(const char *name)
{
    for (struct queue_manager *manager = engine.managers; manager != NULL; manager = manager->next)
        if (strcmp(manager->name, name) == 0)
            return manager;
    struct queue_manager *manager = calloc(1, sizeof *manager);
    if (manager == NULL)
        abort();
    name_read(manager->name, sizeof manager->name, name, MQ_NAME_LENGTH);
    set_defaults(manager);
    manager->next_id = (uint64_t)now_in_milliseconds() << 20;
    struct queue_manager **end = &engine.managers;
    while (*end != NULL)
        end = &(*end)->next;
    *end = manager;
    return manager;
}

struct channel *channel_find(struct queue_manager *manager, const char *name)
{
    for (struct channel *channel = manager->channels; channel != NULL; channel = channel->next)
        if (strcmp(channel->name, name) == 0)
            return channel;
    return NULL;
}

struct channel *channel_define(struct queue_manager *manager, const char *name)
{
    struct channel *channel = channel_find(manager, name);
    if (channel != NULL)
        return channel;
    channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        abort();
    name_read(channel->name, sizeof channel->name, name, MQ_CHANNEL_NAME_LENGTH);
    channel->max_instances = channel->max_instances_of_client = 999999999;
    channel->limit_reason = MQRC_CHANNEL_NOT_AVAILABLE;
    channel->client_limit_reason = MQRC_CHANNEL_NOT_AVAILABLE;
    channel->next = manager->channels;
    manager->channels = channel;
    return channel;
}

struct user *user_define(struct queue_manager *manager, const char *name)
{
    for (struct user *user = manager->users; user != NULL; user = user->next)
        if (strcmp(user->name, name) == 0)
            return user;
    struct user *user = calloc(1, sizeof *user);
    if (user == NULL)
        abort();
    name_read(user->name, sizeof user->name, name, sizeof user->name - 1);
    user->next = manager->users;
    manager->users = user;
    return user;
}

void queue_manager_reset(struct queue_manager *manager)
{
    while (manager->connections != NULL)
        connection_break(manager->connections);
    for (struct queue *queue = manager->queues; queue != NULL; queue = queue->next) {
        queue_clear(queue);
        queue->defined = false;
    }
    while (manager->channels != NULL) {
        struct channel *channel = manager->channels;
        manager->channels = channel->next;
        free(channel);
    }
    while (manager->users != NULL) {
        struct user *user = manager->users;
        manager->users = user->next;
        free(user);
    }
    set_defaults(manager);
    journal_note_reset(manager->journal);
}
