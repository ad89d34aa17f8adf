/* The administration calls that pymqi links to. No connector uses them: each says that it is not supported. */
#include "mqi.h"

#define REFUSED(name, ...)                                                 \
    __attribute__((visibility("default"))) void name(__VA_ARGS__);         \
    void name(__VA_ARGS__)                                                 \
    {                                                                      \
        *comp = MQCC_FAILED;                                               \
        *reason = MQRC_FUNCTION_NOT_SUPPORTED;                             \
    }

#pragma GCC diagnostic ignored "-Wunused-parameter"

REFUSED(mqCreateBag, MQLONG options, MQLONG *bag, MQLONG *comp, MQLONG *reason)
REFUSED(mqDeleteBag, MQLONG *bag, MQLONG *comp, MQLONG *reason)
REFUSED(mqAddInteger, MQLONG bag, MQLONG selector, MQLONG value, MQLONG *comp, MQLONG *reason)
REFUSED(mqAddIntegerFilter, MQLONG bag, MQLONG selector, MQLONG value, MQLONG how, MQLONG *comp, MQLONG *reason)
REFUSED(mqAddString, MQLONG bag, MQLONG selector, MQLONG length, char *value, MQLONG *comp, MQLONG *reason)
REFUSED(mqAddStringFilter, MQLONG bag, MQLONG selector, MQLONG length, char *value, MQLONG how, MQLONG *comp,
        MQLONG *reason)
REFUSED(mqAddByteString, MQLONG bag, MQLONG selector, MQLONG length, void *value, MQLONG *comp, MQLONG *reason)
REFUSED(mqAddInquiry, MQLONG bag, MQLONG selector, MQLONG *comp, MQLONG *reason)
REFUSED(mqCountItems, MQLONG bag, MQLONG selector, MQLONG *count, MQLONG *comp, MQLONG *reason)
REFUSED(mqExecute, MQHCONN connection, MQLONG command, MQLONG options, MQLONG admin, MQLONG response, MQHOBJ admin_queue,
        MQHOBJ response_queue, MQLONG *comp, MQLONG *reason)
REFUSED(mqInquireBag, MQLONG bag, MQLONG selector, MQLONG index, MQLONG *value, MQLONG *comp, MQLONG *reason)
REFUSED(mqInquireInteger, MQLONG bag, MQLONG selector, MQLONG index, MQLONG *value, MQLONG *comp, MQLONG *reason)
REFUSED(mqInquireString, MQLONG bag, MQLONG selector, MQLONG index, MQLONG room, char *text, MQLONG *length,
        MQLONG *ccsid, MQLONG *comp, MQLONG *reason)
REFUSED(mqInquireByteString, MQLONG bag, MQLONG selector, MQLONG index, MQLONG room, void *bytes, MQLONG *length,
        MQLONG *comp, MQLONG *reason)
REFUSED(mqInquireItemInfo, MQLONG bag, MQLONG selector, MQLONG index, MQLONG *found, MQLONG *type, MQLONG *comp,
        MQLONG *reason)
