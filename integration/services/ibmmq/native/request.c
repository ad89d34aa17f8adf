/* Requests to connect outlive the caller's structures as copies. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

static struct span span_copy(struct span span)
{
    if (span.data == NULL)
        return span;
    char *copy = malloc((size_t)span.length + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, span.data, (size_t)span.length);
    return (struct span){copy, span.length};
}

struct connect_request *request_copy(const struct connect_request *request)
{
    struct connect_request *copy = malloc(sizeof *copy);
    if (copy == NULL)
        abort();
    *copy = *request;
    copy->user = span_copy(request->user);
    copy->password = span_copy(request->password);
    copy->token = span_copy(request->token);
    copy->ccdt_url = span_copy(request->ccdt_url);
    copy->peer_name = span_copy(request->peer_name);
    copy->key_password = span_copy(request->key_password);
    return copy;
}

void request_free(struct connect_request *request)
{
    if (request == NULL)
        return;
    const struct span spans[] = {request->user,     request->password,  request->token,
                                 request->ccdt_url, request->peer_name, request->key_password};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        free((void *)(uintptr_t)spans[i].data);
    free(request);
}
