/* What a client and a server of the stand-in say to each other: frames of a length, a verb, and its parameters. The
 * structures go over the wire as they are in memory, since both ends are on one machine.
 */
#ifndef STAND_IN_WIRE_H
#define STAND_IN_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"
#include "verbs.h"

enum frame_verb {
    FRAME_CONTROL, /* a line of text, answered by text */
    FRAME_CONNECT,
    FRAME_DISCONNECT,
    FRAME_OPEN,
    FRAME_CLOSE,
    FRAME_PUT,
    FRAME_PUT_UNANSWERED,
    FRAME_PUT_ONCE,
    FRAME_GET,
    FRAME_COMMIT,
    FRAME_BACK_OUT,
    FRAME_INQUIRE,
    FRAME_SET,
    FRAME_STATUS,
    FRAME_CREATE_HANDLE,
    FRAME_DELETE_HANDLE,
    FRAME_SET_PROPERTY,
    FRAME_INQUIRE_PROPERTY,
    FRAME_DELETE_PROPERTY,
    FRAME_LAST,
};

/* One end of a connection. */
struct wire {
    int socket;
    struct text out;  /* the frame that is being made */
    struct text in;   /* what has arrived */
    size_t begin;     /* of what was not read yet */
    size_t frame_end; /* of the frame that is being read */
};

void wire_open(struct wire *wire, int socket);
void wire_close(struct wire *wire);

/* Making a frame. */
void wire_begin(struct wire *wire, enum frame_verb verb);
void wire_add(struct wire *wire, const void *data, size_t length);
void wire_add_number(struct wire *wire, MQLONG number);
void wire_add_span(struct wire *wire, struct span span);
void wire_add_outcome(struct wire *wire, struct outcome outcome);
/* False: the other end is gone. */
bool wire_send(struct wire *wire);

/* Reading a frame. False: the other end is gone, or has sent nonsense. */
bool wire_receive(struct wire *wire, enum frame_verb *verb);
bool wire_take(struct wire *wire, void *data, size_t length);
bool wire_take_number(struct wire *wire, MQLONG *number);
/* Where the bytes are, until the next frame is received. */
bool wire_take_span(struct wire *wire, struct span *span);
bool wire_take_outcome(struct wire *wire, struct outcome *outcome);

/* A request to connect is the longest thing to say. Its texts stay in the frame. */
void wire_add_request(struct wire *wire, const struct connect_request *request);
bool wire_take_request(struct wire *wire, struct connect_request *request);

#endif
