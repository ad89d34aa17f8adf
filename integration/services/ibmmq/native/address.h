/* Where a server is: a port of the loopback interface, and beside it a local socket with the port in its name, which
 * costs half as much. A proxy before the port has no such socket, so that whoever goes through it uses TCP.
 */
#ifndef STAND_IN_ADDRESS_H
#define STAND_IN_ADDRESS_H

/* A listening socket, or -1. */
int listen_on_port(int port);
int listen_locally(int port);
/* A connected socket, or -1. */
int connect_to(const char *host, const char *port);

#endif
