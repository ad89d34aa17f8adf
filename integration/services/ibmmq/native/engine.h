/* The state of the queue managers of this process. One lock guards all of it: functions declared here expect the
 * caller to hold it, unless they say otherwise.
 */
#ifndef STAND_IN_ENGINE_H
#define STAND_IN_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "text.h"
#include "verbs.h"

enum { NAME_TEXT = MQ_NAME_LENGTH + 1 };

struct queue;
struct queue_manager;
struct journal;

/* Where a message is in its life: seen by everyone, put or got in a unit of work that has not ended. */
enum message_state { MESSAGE_VISIBLE, MESSAGE_BEING_PUT, MESSAGE_BEING_GOT };

struct message {
    struct message *previous; /* among the visible messages of one priority */
    struct message *next;
    struct queue *queue;
    struct object *locked_by;
    uint64_t order; /* unique in the queue manager and never used again */
    int64_t expires; /* milliseconds since the epoch, 0 for never */
    enum message_state state;
    MQLONG length;
    MQMD md;
    char body[];
};

struct message_list {
    struct message *head;
    struct message *tail;
};

enum authority {
    MAY_GET = 1 << 0,
    MAY_BROWSE = 1 << 1,
    MAY_PUT = 1 << 2,
    MAY_INQUIRE = 1 << 3,
    MAY_SET = 1 << 4,
    MAY_SET_IDENTITY = 1 << 5,
    MAY_SET_ALL = 1 << 6,
    MAY_PASS_CONTEXT = 1 << 7,
};

struct queue {
    struct queue *next;
    struct queue_manager *owner;
    bool defined; /* a deleted queue stays in the list, so that nobody is left with a dangling pointer */
    char name[NAME_TEXT];
    char target[NAME_TEXT]; /* of an alias */
    char description[65];
    char backout_queue[NAME_TEXT];
    MQLONG type;
    MQLONG max_depth;
    MQLONG max_length;
    MQLONG backout_threshold;
    MQLONG default_input; /* MQOO_INPUT_SHARED or MQOO_INPUT_EXCLUSIVE */
    MQLONG default_priority;
    MQLONG default_persistence;
    MQLONG property_control;
    bool shareable;
    bool fifo; /* MSGDLVSQ(FIFO): priorities do not matter */
    bool get_inhibited;
    bool put_inhibited;
    bool endless; /* what is got comes back as a new message, so that a load needs no queue of its size */
    bool bottomless; /* what is put is gone when it is committed, for the same reason */
    unsigned denied; /* set of enum authority */
    struct message_list visible[MQ_MAX_PRIORITY + 1];
    struct message_list in_flight; /* both states that are not visible */
    int visible_count;
    int putting_count;
    int getting_count;
    int input_handles;
    int output_handles;
    bool exclusive; /* its one input handle keeps others out */
    pthread_cond_t arrival;
    int waiting;
};

struct channel {
    struct channel *next;
    char name[MQ_CHANNEL_NAME_LENGTH + 1];
    char cipher[33];
    int max_instances;
    int max_instances_of_client;
    MQLONG limit_reason;
    MQLONG client_limit_reason;
    int instances;
};

struct user {
    struct user *next;
    char name[65];
    char password[257];
};

enum manager_state { MANAGER_RUNNING, MANAGER_QUIESCING, MANAGER_STOPPED };

struct queue_manager {
    struct queue_manager *next;
    char name[NAME_TEXT];
    char dead_letter_queue[NAME_TEXT];
    MQLONG ccsid;
    MQLONG max_uncommitted;
    MQLONG max_connections;
    MQLONG max_length;
    unsigned denied; /* authorities nobody has on the queue manager itself: MAY_INQUIRE, MAY_SET_* */
    enum manager_state state;
    uint64_t next_order;
    uint64_t next_id;
    struct queue *queues;
    struct channel *channels;
    bool channels_are_checked; /* once one is defined, others do not exist */
    struct user *users; /* none: nobody is asked for a password */
    struct connection *connections;
    struct journal *journal; /* NULL: nothing outlives the process */
};

/* An object that a connection has opened. */
struct object {
    bool is_queue_manager;
    struct queue *queue; /* behind an alias if it was opened by one */
    struct queue *named; /* the alias then, else the same */
    MQLONG options;
    bool takes; /* counts among the input handles of the queue */
    bool has_cursor;
    uint64_t cursor;
    MQLONG cursor_priority;
    struct message *locked;
    bool has_context;
    MQMD context;
};

struct property_set;

struct connection {
    struct connection *next;
    struct queue_manager *owner;
    struct channel *channel;
    uint64_t id;
    MQLONG options;
    MQLONG max_length; /* of the channel */
    bool broken;
    bool doomed; /* the unit of work was backed out by the queue manager, which the application has still to hear */
    char user[12];
    char application[28];
    struct object **objects;
    int object_count;
    struct message **unit; /* messages of the unit of work in the order of the calls */
    int unit_count;
    int unit_capacity;
    MQSTS asynchronous;
    struct queue *waits_for;
    struct property_set *properties;
};

struct engine {
    pthread_mutex_t lock;
    struct queue_manager *managers;
    struct connect_request *last_connect; /* a copy of the last one, also of a refused one */
};

extern struct engine engine;

/* queue_manager.c */
struct queue_manager *queue_manager_find(const char *name);
struct queue_manager *queue_manager_define(const char *name);
struct channel *channel_find(struct queue_manager *manager, const char *name);
struct channel *channel_define(struct queue_manager *manager, const char *name);
struct user *user_define(struct queue_manager *manager, const char *name);
/* Breaks all connections, forgets everything but the name. */
void queue_manager_reset(struct queue_manager *manager);

/* connection.c */
/* Backs out and closes everything; every later call answers 2009. */
void connection_break(struct connection *connection);
struct object *connection_object(struct connection *connection, MQHOBJ handle);

/* queue.c */
struct queue *queue_find(struct queue_manager *manager, const char *name);
struct queue *queue_define(struct queue_manager *manager, const char *name);
void queue_clear(struct queue *queue);
int queue_depth(const struct queue *queue);
/* A message that was put enters, seen by nobody yet. */
void queue_enter(struct message *message);
/* Makes a message visible at the place that its priority and order give it. */
void queue_show(struct message *message);
/* Takes a visible message out of sight, because it is being got. */
void queue_hide(struct message *message);
void queue_forget(struct message *message);
/* What becomes of a message that was put, or got, when that is committed. */
void queue_put(struct message *message);
void queue_got(struct message *message);
void queue_wake(struct queue *queue);

/* message.c */
/* Does not need the lock. NULL without memory. */
struct message *message_new(const MQMD *md, MQLONG length, const void *body);
void message_give_id(struct queue_manager *manager, char id[MQ_ID_LENGTH]);
int64_t now_in_milliseconds(void);
void now_as_put_date(char date[8], char time[8]);

/* unit.c */
struct outcome unit_add(struct connection *connection, struct message *message);
void unit_back_out(struct connection *connection);
struct outcome unit_commit(struct connection *connection);
bool is_persistent(const struct message *message);

/* put.c */
struct outcome message_store(struct connection *connection, struct queue *queue, struct message *message,
                             bool in_unit);

/* object.c */
void object_close(struct connection *connection, MQHOBJ handle);
struct outcome object_resolve(struct connection *connection, MQOD *od, struct object *object);
struct outcome object_authorize(const struct object *object, const struct queue_manager *manager, MQLONG options);

#endif
