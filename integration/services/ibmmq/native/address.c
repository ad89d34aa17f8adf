#include "address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAITING = 128 };

/* An abstract name: it goes with its process, and no file stays behind. */
static socklen_t local_name(struct sockaddr_un *address, int port)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "linkspan-queue-manager-%d", port);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static int listening(int listener, const struct sockaddr *address, socklen_t length)
{
    if (listener >= 0 && bind(listener, address, length) == 0 && listen(listener, WAITING) == 0)
        return listener;
    if (listener >= 0)
        close(listener);
    return -1;
}

int listen_on_port(int port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener >= 0)
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    return listening(listener, (struct sockaddr *)&address, sizeof address);
}

int listen_locally(int port)
{
    struct sockaddr_un address;
    socklen_t length = local_name(&address, port);
    return listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&address, length);
}

static int connected(int family, const struct sockaddr *address, socklen_t length)
{
    int tried = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (tried >= 0 && connect(tried, address, length) == 0)
        return tried;
    if (tried >= 0)
        close(tried);
    return -1;
}

static int connect_locally(const char *port)
{
    struct sockaddr_un address;
    socklen_t length = local_name(&address, (int)strtol(port, NULL, 10));
    return connected(AF_UNIX, (struct sockaddr *)&address, length);
}

int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int result = strcmp(host, "127.0.0.1") == 0 ? connect_locally(port) : -1;
    if (result >= 0 || getaddrinfo(host, port, &hints, &found) != 0)
        return result;
    for (const struct addrinfo *item = found; item != NULL && result < 0; item = item->ai_next)
        result = connected(item->ai_family, item->ai_addr, item->ai_addrlen);
    freeaddrinfo(found);
    int yes = 1;
    if (result >= 0)
        setsockopt(result, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return result;
}
