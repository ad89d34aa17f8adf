/* The calls about message handles, and those that the stand-in does not know. */
#include <string.h>

#include "handle.h"
#include "text.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT void MQCRTMH(MQHCONN handle, MQCMHO *options, MQHMSG *message, MQLONG *comp, MQLONG *reason);
EXPORT void MQDLTMH(MQHCONN handle, MQHMSG *message, MQDMHO *options, MQLONG *comp, MQLONG *reason);
EXPORT void MQSETMP(MQHCONN handle, MQHMSG message, MQSMPO *options, MQCHARV *name, MQPD *descriptor, MQLONG type,
                    MQLONG length, void *value, MQLONG *comp, MQLONG *reason);
EXPORT void MQINQMP(MQHCONN handle, MQHMSG message, MQIMPO *options, MQCHARV *name, MQPD *descriptor, MQLONG *type,
                    MQLONG capacity, void *value, MQLONG *length, MQLONG *comp, MQLONG *reason);
EXPORT void MQDLTMP(MQHCONN handle, MQHMSG message, MQDMPO *options, MQCHARV *name, MQLONG *comp, MQLONG *reason);
EXPORT void MQBEGIN(MQHCONN handle, void *options, MQLONG *comp, MQLONG *reason);
EXPORT void MQCB(MQHCONN handle, MQLONG operation, void *description, MQHOBJ object, void *md, void *gmo, MQLONG *comp,
                 MQLONG *reason);
EXPORT void MQCTL(MQHCONN handle, MQLONG operation, void *options, MQLONG *comp, MQLONG *reason);
EXPORT void MQSUB(MQHCONN handle, void *description, MQHOBJ *object, MQHOBJ *subscription, MQLONG *comp,
                  MQLONG *reason);
EXPORT void MQSUBRQ(MQHCONN handle, MQHOBJ subscription, MQLONG action, void *options, MQLONG *comp, MQLONG *reason);

static void say(struct outcome outcome, MQLONG *comp, MQLONG *reason)
{
    *comp = outcome.comp;
    *reason = outcome.reason;
}

static struct slot *enter(MQHCONN handle, MQLONG *comp, MQLONG *reason)
{
    MQLONG wrong;
    struct slot *slot = slot_enter(handle, &wrong);
    if (slot == NULL)
        say(failed(wrong), comp, reason);
    return slot;
}

static void leave(struct slot *slot, struct outcome outcome, MQLONG *comp, MQLONG *reason)
{
    slot_leave(slot);
    say(outcome, comp, reason);
}

static struct span characters(const MQCHARV *given)
{
    const char *data = given->VSPtr;
    if (data == NULL && given->VSOffset != 0)
        data = (const char *)given + given->VSOffset;
    if (data == NULL)
        return (struct span){"", 0};
    MQLONG length = given->VSLength == -1 ? (MQLONG)strlen(data) : given->VSLength; /* MQVS_NULL_TERMINATED */
    return (struct span){data, length};
}

void MQCRTMH(MQHCONN handle, MQCMHO *options, MQHMSG *message, MQLONG *comp, MQLONG *reason)
{
    if (memcmp(options->StrucId, "CMHO", 4) != 0) {
        say(failed(MQRC_CMHO_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot != NULL)
        leave(slot, create_message_handle(slot->connection, message), comp, reason);
}

void MQDLTMH(MQHCONN handle, MQHMSG *message, MQDMHO *options, MQLONG *comp, MQLONG *reason)
{
    (void)options;
    struct slot *slot = enter(handle, comp, reason);
    if (slot == NULL)
        return;
    struct outcome outcome = delete_message_handle(slot->connection, *message);
    if (outcome.comp == MQCC_OK)
        *message = MQHM_UNUSABLE_HMSG;
    leave(slot, outcome, comp, reason);
}

void MQSETMP(MQHCONN handle, MQHMSG message, MQSMPO *options, MQCHARV *name, MQPD *descriptor, MQLONG type,
             MQLONG length, void *value, MQLONG *comp, MQLONG *reason)
{
    if (memcmp(options->StrucId, "SMPO", 4) != 0) {
        say(failed(MQRC_SMPO_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot != NULL)
        leave(slot, set_property(slot->connection, message, characters(name), descriptor, type, length, value), comp,
              reason);
}

/* Into the caller's buffer for the name, if there is one. False: it does not fit. */
static bool return_name(MQCHARV *returned, const struct property_answer *answer)
{
    if (returned->VSPtr == NULL || returned->VSBufSize == 0)
        return true;
    MQLONG copied = answer->name_length < returned->VSBufSize ? answer->name_length : returned->VSBufSize;
    memcpy(returned->VSPtr, answer->name, (size_t)copied);
    returned->VSLength = answer->name_length;
    return copied == answer->name_length;
}

void MQINQMP(MQHCONN handle, MQHMSG message, MQIMPO *options, MQCHARV *name, MQPD *descriptor, MQLONG *type,
             MQLONG capacity, void *value, MQLONG *length, MQLONG *comp, MQLONG *reason)
{
    if (memcmp(options->StrucId, "IMPO", 4) != 0) {
        say(failed(MQRC_IMPO_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot == NULL)
        return;
    struct property_answer answer;
    struct outcome outcome = inquire_property(slot->connection, message, options->Options, characters(name), *type,
                                              capacity, value, &answer);
    if (answer.name_length > 0) {
        if (!return_name(&options->ReturnedName, &answer) && outcome.comp == MQCC_OK)
            outcome = warning(MQRC_PROPERTY_NAME_TOO_BIG);
        options->ReturnedEncoding = MQENC_NATIVE;
        options->ReturnedCCSID = MQCCSI_UTF8;
        *type = answer.type;
        *length = answer.length;
        memcpy((char *)descriptor + 8, (const char *)&answer.descriptor + 8, sizeof *descriptor - 8);
    }
    leave(slot, outcome, comp, reason);
}

void MQDLTMP(MQHCONN handle, MQHMSG message, MQDMPO *options, MQCHARV *name, MQLONG *comp, MQLONG *reason)
{
    struct slot *slot = enter(handle, comp, reason);
    if (slot != NULL)
        leave(slot, delete_property(slot->connection, message, options->Options, characters(name)), comp, reason);
}

/* An application of one queue manager needs no MQBEGIN: the product answers 2121 without other resource managers. */
void MQBEGIN(MQHCONN handle, void *options, MQLONG *comp, MQLONG *reason)
{
    (void)options;
    struct slot *slot = enter(handle, comp, reason);
    if (slot != NULL)
        leave(slot, warning(2121), comp, reason);
}

void MQCB(MQHCONN handle, MQLONG operation, void *description, MQHOBJ object, void *md, void *gmo, MQLONG *comp,
          MQLONG *reason)
{
    (void)handle, (void)operation, (void)description, (void)object, (void)md, (void)gmo;
    say(failed(MQRC_FUNCTION_NOT_SUPPORTED), comp, reason);
}

void MQCTL(MQHCONN handle, MQLONG operation, void *options, MQLONG *comp, MQLONG *reason)
{
    (void)handle, (void)operation, (void)options;
    say(failed(MQRC_FUNCTION_NOT_SUPPORTED), comp, reason);
}

void MQSUB(MQHCONN handle, void *description, MQHOBJ *object, MQHOBJ *subscription, MQLONG *comp, MQLONG *reason)
{
    (void)handle, (void)description, (void)object, (void)subscription;
    say(failed(MQRC_FUNCTION_NOT_SUPPORTED), comp, reason);
}

void MQSUBRQ(MQHCONN handle, MQHOBJ subscription, MQLONG action, void *options, MQLONG *comp, MQLONG *reason)
{
    (void)handle, (void)subscription, (void)action, (void)options;
    say(failed(MQRC_FUNCTION_NOT_SUPPORTED), comp, reason);
}
