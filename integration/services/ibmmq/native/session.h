/* One client of the server: its thread, its socket, its connection to the queue manager. */
#ifndef STAND_IN_SESSION_H
#define STAND_IN_SESSION_H

/* Serves a socket in a thread of its own until the other end is gone. */
void session_start(int socket);
/* A thread that notices the end of clients while their calls wait. Before the first session. */
void session_watch(void);

#endif
