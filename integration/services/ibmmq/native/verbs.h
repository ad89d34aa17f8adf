/* The verbs of the queue manager, with structures at their full size whatever version the application uses.
 *
 * Two sides implement them: the engine (in this process) and forward.c (in the process of a server). The exported
 * MQI calls in api.c, and the server itself, only know this header.
 */
#ifndef STAND_IN_VERBS_H
#define STAND_IN_VERBS_H

#include <stdbool.h>

#include "mqi.h"

struct connection;

struct outcome {
    MQLONG comp;
    MQLONG reason;
};

#define OUTCOME_OK ((struct outcome){MQCC_OK, MQRC_NONE})

static inline struct outcome failed(MQLONG reason)
{
    return (struct outcome){MQCC_FAILED, reason};
}

static inline struct outcome warning(MQLONG reason)
{
    return (struct outcome){MQCC_WARNING, reason};
}

/* Bytes with a length, not ended by a zero byte. */
struct span {
    const char *data;
    MQLONG length;
};

/* Everything that an MQCONNX says; texts that the caller's structures point to are beside them. */
struct connect_request {
    char queue_manager[MQ_NAME_LENGTH];
    MQCNO cno;
    bool has_cd;
    bool has_csp;
    bool has_sco;
    MQCD cd;
    MQCSP csp;
    MQSCO sco;
    struct span user;
    struct span password;
    struct span token;
    struct span ccdt_url;
    struct span peer_name;
    struct span key_password;
    char application[28];
    char os_user[12];
};

/* A property found by inquire_property. */
struct property_answer {
    char name[1024];
    MQLONG name_length;
    MQLONG type;
    MQLONG length; /* of the whole value, also when it did not fit */
    MQPD descriptor;
};

struct outcome connect_queue_manager(const struct connect_request *request, struct connection **connection);
/* Ends a connection as MQDISC does: its unit of work is committed. The connection is gone afterwards. */
struct outcome disconnect(struct connection *connection);
/* Ends a connection as the death of its process does: its unit of work is backed out. */
void abandon(struct connection *connection);

struct outcome open_object(struct connection *connection, MQOD *od, MQLONG options, MQHOBJ *object);
struct outcome close_object(struct connection *connection, MQHOBJ object, MQLONG options);
struct outcome put_message(struct connection *connection, MQHOBJ object, MQMD *md, MQPMO *pmo, MQLONG length,
                           const void *body);
struct outcome put_message_once(struct connection *connection, MQOD *od, MQMD *md, MQPMO *pmo, MQLONG length,
                                const void *body);
struct outcome get_message(struct connection *connection, MQHOBJ object, MQMD *md, MQGMO *gmo, MQLONG capacity,
                           void *buffer, MQLONG *length);
struct outcome commit(struct connection *connection);
struct outcome back_out(struct connection *connection);
struct outcome inquire(struct connection *connection, MQHOBJ object, MQLONG selector_count, const MQLONG *selectors,
                       MQLONG integer_count, MQLONG *integers, MQLONG text_length, char *texts);
struct outcome set_attributes(struct connection *connection, MQHOBJ object, MQLONG selector_count,
                              const MQLONG *selectors, MQLONG integer_count, const MQLONG *integers);
struct outcome put_status(struct connection *connection, MQSTS *status);

struct outcome create_message_handle(struct connection *connection, MQHMSG *handle);
struct outcome delete_message_handle(struct connection *connection, MQHMSG handle);
struct outcome set_property(struct connection *connection, MQHMSG handle, struct span name, const MQPD *descriptor,
                            MQLONG type, MQLONG length, const void *value);
struct outcome inquire_property(struct connection *connection, MQHMSG handle, MQLONG options, struct span name,
                                MQLONG requested_type, MQLONG capacity, void *value, struct property_answer *answer);
struct outcome delete_property(struct connection *connection, MQHMSG handle, MQLONG options, struct span name);

#endif
