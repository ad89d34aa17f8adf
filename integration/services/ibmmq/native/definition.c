#include "definition.h"

#include <stdlib.h>
#include <string.h>

enum kind { NUMBER, FLAG, NAME };

struct attribute {
    const char *key;
    enum kind kind;
    size_t offset;
    size_t size;
};

#define FIELD(structure, field) offsetof(structure, field), sizeof(((structure *)0)->field)

static const struct attribute queue_attributes[] = {
    {"maxdepth", NUMBER, FIELD(struct queue, max_depth)},
    {"maxmsgl", NUMBER, FIELD(struct queue, max_length)},
    {"bothresh", NUMBER, FIELD(struct queue, backout_threshold)},
    {"boqname", NAME, FIELD(struct queue, backout_queue)},
    {"target", NAME, FIELD(struct queue, target)},
    {"descr", NAME, FIELD(struct queue, description)},
    {"defsopt", NUMBER, FIELD(struct queue, default_input)},
    {"defprty", NUMBER, FIELD(struct queue, default_priority)},
    {"defpsist", NUMBER, FIELD(struct queue, default_persistence)},
    {"propctl", NUMBER, FIELD(struct queue, property_control)},
    {"share", FLAG, FIELD(struct queue, shareable)},
    {"fifo", FLAG, FIELD(struct queue, fifo)},
    {"get-inhibited", FLAG, FIELD(struct queue, get_inhibited)},
    {"put-inhibited", FLAG, FIELD(struct queue, put_inhibited)},
    {"endless", FLAG, FIELD(struct queue, endless)},
    {"bottomless", FLAG, FIELD(struct queue, bottomless)},
    {NULL, NUMBER, 0, 0},
};

static const struct attribute channel_attributes[] = {
    {"maxinst", NUMBER, FIELD(struct channel, max_instances)},
    {"maxinstc", NUMBER, FIELD(struct channel, max_instances_of_client)},
    {"maxinst-reason", NUMBER, FIELD(struct channel, limit_reason)},
    {"maxinstc-reason", NUMBER, FIELD(struct channel, client_limit_reason)},
    {"cipher", NAME, FIELD(struct channel, cipher)},
    {NULL, NUMBER, 0, 0},
};

static const struct attribute manager_attributes[] = {
    {"ccsid", NUMBER, FIELD(struct queue_manager, ccsid)},
    {"maxconns", NUMBER, FIELD(struct queue_manager, max_connections)},
    {"maxumsgs", NUMBER, FIELD(struct queue_manager, max_uncommitted)},
    {"maxmsgl", NUMBER, FIELD(struct queue_manager, max_length)},
    {"deadq", NAME, FIELD(struct queue_manager, dead_letter_queue)},
    {NULL, NUMBER, 0, 0},
};

static const struct {
    const char *name;
    unsigned authority;
} authorities[] = {
    {"get", MAY_GET},     {"browse", MAY_BROWSE},      {"put", MAY_PUT},        {"inq", MAY_INQUIRE},
    {"set", MAY_SET},     {"setid", MAY_SET_IDENTITY}, {"setall", MAY_SET_ALL}, {"pass", MAY_PASS_CONTEXT},
};

static void assign(void *structure, const struct attribute *attribute, const char *value)
{
    char *field = (char *)structure + attribute->offset;
    switch (attribute->kind) {
    case NUMBER: {
        MQLONG number = (MQLONG)strtol(value, NULL, 10);
        memcpy(field, &number, sizeof number);
        break;
    }
    case FLAG: {
        bool flag = strcmp(value, "yes") == 0;
        memcpy(field, &flag, sizeof flag);
        break;
    }
    default:
        name_read(field, attribute->size, value, attribute->size - 1);
    }
}

/* Denied authorities with commas between them. */
static bool read_authorities(unsigned *denied, const char *value)
{
    unsigned read = 0;
    for (const char *at = value; *at != '\0';) {
        size_t length = strcspn(at, ",");
        unsigned authority = 0;
        for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++)
            if (strlen(authorities[i].name) == length && strncmp(at, authorities[i].name, length) == 0)
                authority = authorities[i].authority;
        if (authority == 0)
            return false;
        read |= authority;
        at += length + (at[length] == ',');
    }
    *denied = read;
    return true;
}

/* Every key must be an attribute, or one of those that the caller has read already. */
static const char *assign_all(void *structure, const struct attribute *attributes, unsigned *denied,
                              const struct arguments *arguments)
{
    for (int i = 0; i < arguments->count; i++) {
        const char *key = arguments->keys[i];
        if (strcmp(key, "name") == 0 || strcmp(key, "qmgr") == 0)
            continue;
        if (strcmp(key, "deny") == 0 && denied != NULL) {
            if (!read_authorities(denied, arguments->values[i]))
                return "deny= wants get,browse,put,inq,set,setid,setall,pass";
            continue;
        }
        const struct attribute *attribute = attributes;
        while (attribute->key != NULL && strcmp(attribute->key, key) != 0)
            attribute++;
        if (attribute->key == NULL)
            return "there is no such attribute";
        assign(structure, attribute, arguments->values[i]);
    }
    return NULL;
}

static const char *define_queue(struct queue_manager *manager, const struct arguments *arguments, const char *name)
{
    struct queue *queue = queue_define(manager, name);
    const char *wrong = assign_all(queue, queue_attributes, &queue->denied, arguments);
    if (wrong == NULL && (queue->default_priority < 0 || queue->default_priority > MQ_MAX_PRIORITY))
        wrong = "defprty= is 0 to 9";
    queue->type = queue->target[0] != '\0' ? MQQT_ALIAS : MQQT_LOCAL;
    queue_wake(queue);
    return wrong;
}

static const char *delete_queue(struct queue_manager *manager, const char *name)
{
    struct queue *queue = queue_find(manager, name);
    if (queue == NULL)
        return "there is no such queue";
    queue_clear(queue);
    queue->defined = false;
    queue_wake(queue);
    return NULL;
}

static const char *define_channel(struct queue_manager *manager, const struct arguments *arguments, const char *name)
{
    manager->channels_are_checked = true;
    return assign_all(channel_define(manager, name), channel_attributes, NULL, arguments);
}

static const char *define_user(struct queue_manager *manager, const struct arguments *arguments, const char *name)
{
    const char *password = argument(arguments, "password");
    struct user *user = user_define(manager, name);
    name_read(user->password, sizeof user->password, password != NULL ? password : "", sizeof user->password - 1);
    return NULL;
}

const char *define(const struct arguments *arguments, bool *known)
{
    const char *command = arguments->command;
    const char *name = argument(arguments, "name");
    const char *owner = argument(arguments, "qmgr");
    struct queue_manager *manager = queue_manager_find(owner != NULL ? owner : "");
    *known = strncmp(command, "define-", 7) == 0 || strcmp(command, "delete-queue") == 0;
    if (!*known)
        return NULL;
    if (name == NULL)
        return "name= is missing";
    if (strcmp(command, "define-queue-manager") == 0) {
        manager = queue_manager_define(name);
        return assign_all(manager, manager_attributes, &manager->denied, arguments);
    }
    if (manager == NULL)
        return "there is no such queue manager";
    if (strcmp(command, "define-queue") == 0)
        return define_queue(manager, arguments, name);
    if (strcmp(command, "delete-queue") == 0)
        return delete_queue(manager, name);
    if (strcmp(command, "define-channel") == 0)
        return define_channel(manager, arguments, name);
    if (strcmp(command, "define-user") == 0)
        return define_user(manager, arguments, name);
    *known = false;
    return NULL;
}
