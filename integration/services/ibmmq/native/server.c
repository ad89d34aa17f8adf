/* A queue manager as a program: queue-manager NAME PORT JOURNAL [--no-fsync]. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "engine.h"
#include "journal.h"
#include "session.h"

static int fail(const char *what)
{
    fprintf(stderr, "queue-manager: %s: %s\n", what, strerror(errno));
    return 1;
}

static void end(int signal)
{
    (void)signal;
    _exit(0); /* the journal is true after every call, so there is nothing to save */
}

static void accept_one(int listener)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int yes = 1;
    if (client < 0)
        return;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* a local socket refuses, and needs none */
    session_start(client);
}

static void serve(struct pollfd listeners[2])
{
    for (;;) {
        poll(listeners, 2, -1);
        for (int i = 0; i < 2; i++)
            if ((listeners[i].revents & POLLIN) != 0)
                accept_one(listeners[i].fd);
    }
}

int main(int count, char **arguments)
{
    if (count < 4) {
        fprintf(stderr, "queue-manager NAME PORT JOURNAL [--no-fsync]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no orphan when the tests are killed */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, end);
    struct queue_manager *manager = queue_manager_define(arguments[1]);
    bool forced = !(count > 4 && strcmp(arguments[4], "--no-fsync") == 0);
    if (!journal_open(manager, arguments[3], forced))
        return fail(arguments[3]);
    int port = (int)strtol(arguments[2], NULL, 10);
    struct pollfd listeners[2] = {{.fd = listen_on_port(port), .events = POLLIN},
                                  {.fd = listen_locally(port), .events = POLLIN}};
    if (listeners[0].fd < 0 || listeners[1].fd < 0)
        return fail("listen");
    session_watch();
    printf("queue manager %s is ready\n", manager->name);
    fflush(stdout);
    serve(listeners);
}
