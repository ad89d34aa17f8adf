/* The calls that an application links to. Each looks at handles and structures and lets a verb do the work. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handle.h"
#include "layout.h"
#include "text.h"

#define EXPORT __attribute__((visibility("default")))

static void say(struct outcome outcome, MQLONG *comp, MQLONG *reason)
{
    *comp = outcome.comp;
    *reason = outcome.reason;
}

EXPORT void MQCONNX(char *name, MQCNO *cno, MQHCONN *handle, MQLONG *comp, MQLONG *reason);
EXPORT void MQCONN(char *name, MQHCONN *handle, MQLONG *comp, MQLONG *reason);
EXPORT void MQDISC(MQHCONN *handle, MQLONG *comp, MQLONG *reason);
EXPORT void MQOPEN(MQHCONN handle, void *od, MQLONG options, MQHOBJ *object, MQLONG *comp, MQLONG *reason);
EXPORT void MQCLOSE(MQHCONN handle, MQHOBJ *object, MQLONG options, MQLONG *comp, MQLONG *reason);
EXPORT void MQPUT(MQHCONN handle, MQHOBJ object, void *md, void *pmo, MQLONG length, void *body, MQLONG *comp,
                  MQLONG *reason);
EXPORT void MQPUT1(MQHCONN handle, void *od, void *md, void *pmo, MQLONG length, void *body, MQLONG *comp,
                   MQLONG *reason);
EXPORT void MQGET(MQHCONN handle, MQHOBJ object, void *md, void *gmo, MQLONG capacity, void *buffer, MQLONG *length,
                  MQLONG *comp, MQLONG *reason);
EXPORT void MQCMIT(MQHCONN handle, MQLONG *comp, MQLONG *reason);
EXPORT void MQBACK(MQHCONN handle, MQLONG *comp, MQLONG *reason);
EXPORT void MQINQ(MQHCONN handle, MQHOBJ object, MQLONG selector_count, MQLONG *selectors, MQLONG integer_count,
                  MQLONG *integers, MQLONG text_length, char *texts, MQLONG *comp, MQLONG *reason);
EXPORT void MQSET(MQHCONN handle, MQHOBJ object, MQLONG selector_count, MQLONG *selectors, MQLONG integer_count,
                  MQLONG *integers, MQLONG text_length, char *texts, MQLONG *comp, MQLONG *reason);
EXPORT void MQSTAT(MQHCONN handle, MQLONG type, MQSTS *status, MQLONG *comp, MQLONG *reason);

/* A part of the caller's structures, by its pointer or else by its distance from the structure that names it. */
static const void *part(const void *structure, const void *pointer, MQLONG offset)
{
    if (pointer != NULL)
        return pointer;
    return offset != 0 ? (const char *)structure + offset : NULL;
}

static struct span text_part(const void *structure, const char *pointer, MQLONG offset, MQLONG length)
{
    const char *data = part(structure, pointer, offset);
    return data != NULL && length > 0 ? (struct span){data, length} : (struct span){NULL, 0};
}

static MQLONG read_cd(struct connect_request *request, const void *given)
{
    MQLONG version;
    memcpy(&version, (const char *)given + offsetof(MQCD, Version), sizeof version);
    size_t size = cd_size(version);
    if (size == 0)
        return MQRC_CD_ERROR;
    memcpy(&request->cd, given, size);
    request->has_cd = true;
    request->peer_name = text_part(NULL, request->cd.SSLPeerNamePtr, 0, request->cd.SSLPeerNameLength);
    return MQRC_NONE;
}

static MQLONG read_csp(struct connect_request *request, const MQCSP *given)
{
    size_t size = memcmp(given->StrucId, "CSP ", 4) == 0 ? csp_size(given->Version) : 0;
    if (size == 0)
        return MQRC_CSP_ERROR;
    memcpy(&request->csp, given, size);
    const MQCSP *csp = &request->csp;
    request->has_csp = true;
    request->user = text_part(given, csp->CSPUserIdPtr, csp->CSPUserIdOffset, csp->CSPUserIdLength);
    request->password = text_part(given, csp->CSPPasswordPtr, csp->CSPPasswordOffset, csp->CSPPasswordLength);
    request->token = text_part(given, csp->TokenPtr, csp->TokenOffset, csp->TokenLength);
    return MQRC_NONE;
}

static MQLONG read_sco(struct connect_request *request, const MQSCO *given)
{
    size_t size = memcmp(given->StrucId, "SCO ", 4) == 0 ? sco_size(given->Version) : 0;
    if (size == 0)
        return MQRC_SCO_ERROR;
    memcpy(&request->sco, given, size);
    const MQSCO *sco = &request->sco;
    request->has_sco = true;
    request->key_password =
        text_part(given, sco->KeyRepoPasswordPtr, sco->KeyRepoPasswordOffset, sco->KeyRepoPasswordLength);
    return MQRC_NONE;
}

static MQLONG read_parts(struct connect_request *request, const MQCNO *given)
{
    const MQCNO *cno = &request->cno;
    const void *cd = part(given, cno->ClientConnPtr, cno->ClientConnOffset);
    const void *sco = part(given, cno->SSLConfigPtr, cno->SSLConfigOffset);
    const void *csp = part(given, cno->SecurityParmsPtr, cno->SecurityParmsOffset);
    MQLONG reason = cd != NULL ? read_cd(request, cd) : MQRC_NONE;
    if (reason == MQRC_NONE && sco != NULL)
        reason = read_sco(request, sco);
    if (reason == MQRC_NONE && csp != NULL)
        reason = read_csp(request, csp);
    request->ccdt_url = text_part(given, cno->CCDTUrlPtr, cno->CCDTUrlOffset, cno->CCDTUrlLength);
    return reason;
}

static void name_application(struct connect_request *request)
{
    const char *name = getenv("MQAPPLNAME");
    char given[sizeof request->cno.ApplName + 1];
    name_read(given, sizeof given, request->cno.ApplName, sizeof request->cno.ApplName);
    if (given[0] != '\0')
        name = given;
    name_write(request->application, sizeof request->application, name != NULL ? name : program_invocation_short_name);
    const char *user = getenv("USER");
    name_write(request->os_user, sizeof request->os_user, user != NULL ? user : "root");
}

static MQLONG read_request(struct connect_request *request, const char *name, const MQCNO *given)
{
    memset(request, 0, sizeof *request);
    name_write(request->queue_manager, MQ_NAME_LENGTH, name);
    MQLONG reason = MQRC_NONE;
    if (given != NULL) {
        size_t size = memcmp(given->StrucId, "CNO ", 4) == 0 ? cno_size(given->Version) : 0;
        if (size == 0)
            return MQRC_CNO_ERROR;
        memcpy(&request->cno, given, size);
        reason = read_parts(request, given);
    }
    name_application(request);
    return reason;
}

static struct outcome connect_slot(struct connect_request *request, MQHCONN *handle)
{
    struct connection *connection;
    bool agree = !request->has_sco || tls_settings_agree(&request->sco);
    struct outcome outcome = connect_queue_manager(request, &connection);
    if (outcome.comp == MQCC_FAILED)
        return outcome;
    struct slot *slot = slot_new(connection, request->cno.Options, request->has_sco);
    if (slot == NULL) {
        abandon(connection);
        return failed(MQRC_HANDLE_NOT_AVAILABLE);
    }
    *handle = slot->handle;
    slot_leave(slot);
    return agree ? outcome : warning(MQRC_SSL_ALREADY_INITIALIZED);
}

void MQCONNX(char *name, MQCNO *cno, MQHCONN *handle, MQLONG *comp, MQLONG *reason)
{
    struct connect_request request;
    *handle = MQHC_UNUSABLE_HCONN;
    MQLONG wrong = read_request(&request, name, cno);
    say(wrong != MQRC_NONE ? failed(wrong) : connect_slot(&request, handle), comp, reason);
}

void MQCONN(char *name, MQHCONN *handle, MQLONG *comp, MQLONG *reason)
{
    MQCONNX(name, NULL, handle, comp, reason);
}

void MQDISC(MQHCONN *handle, MQLONG *comp, MQLONG *reason)
{
    MQLONG wrong;
    struct slot *slot = slot_enter(*handle, &wrong);
    if (slot == NULL) {
        say(failed(wrong), comp, reason);
        return;
    }
    say(disconnect(slot->connection), comp, reason);
    slot_free(slot);
    *handle = MQHC_UNUSABLE_HCONN;
}

/* The slot of a call, or NULL with the answer given. */
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

void MQOPEN(MQHCONN handle, void *given, MQLONG options, MQHOBJ *object, MQLONG *comp, MQLONG *reason)
{
    MQOD od;
    if (!od_read(&od, given)) {
        say(failed(MQRC_OD_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot == NULL)
        return;
    struct outcome outcome = open_object(slot->connection, &od, options, object);
    if (outcome.comp != MQCC_FAILED)
        od_write(given, &od);
    leave(slot, outcome, comp, reason);
}

void MQCLOSE(MQHCONN handle, MQHOBJ *object, MQLONG options, MQLONG *comp, MQLONG *reason)
{
    struct slot *slot = enter(handle, comp, reason);
    if (slot == NULL)
        return;
    struct outcome outcome = close_object(slot->connection, *object, options);
    if (outcome.comp != MQCC_FAILED)
        *object = MQHO_UNUSABLE_HOBJ;
    leave(slot, outcome, comp, reason);
}

void MQPUT(MQHCONN handle, MQHOBJ object, void *given_md, void *given_pmo, MQLONG length, void *body, MQLONG *comp,
           MQLONG *reason)
{
    MQMD md;
    MQPMO pmo;
    if (!md_read(&md, given_md) || !pmo_read(&pmo, given_pmo)) {
        say(failed(md.Version == 0 ? MQRC_MD_ERROR : MQRC_PMO_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot == NULL)
        return;
    struct outcome outcome = put_message(slot->connection, object, &md, &pmo, length, body);
    if (outcome.comp != MQCC_FAILED) {
        md_write(given_md, &md);
        pmo_write(given_pmo, &pmo);
    }
    leave(slot, outcome, comp, reason);
}

void MQPUT1(MQHCONN handle, void *given_od, void *given_md, void *given_pmo, MQLONG length, void *body, MQLONG *comp,
            MQLONG *reason)
{
    MQOD od;
    MQMD md;
    MQPMO pmo;
    MQLONG wrong = MQRC_NONE;
    if (!od_read(&od, given_od))
        wrong = MQRC_OD_ERROR;
    else if (!md_read(&md, given_md))
        wrong = MQRC_MD_ERROR;
    else if (!pmo_read(&pmo, given_pmo))
        wrong = MQRC_PMO_ERROR;
    if (wrong != MQRC_NONE) {
        say(failed(wrong), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot == NULL)
        return;
    struct outcome outcome = put_message_once(slot->connection, &od, &md, &pmo, length, body);
    if (outcome.comp != MQCC_FAILED) {
        od_write(given_od, &od);
        md_write(given_md, &md);
        pmo_write(given_pmo, &pmo);
    }
    leave(slot, outcome, comp, reason);
}

void MQGET(MQHCONN handle, MQHOBJ object, void *given_md, void *given_gmo, MQLONG capacity, void *buffer,
           MQLONG *length, MQLONG *comp, MQLONG *reason)
{
    MQMD md;
    MQGMO gmo;
    if (!md_read(&md, given_md) || !gmo_read(&gmo, given_gmo)) {
        say(failed(md.Version == 0 ? MQRC_MD_ERROR : MQRC_GMO_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot == NULL)
        return;
    struct outcome outcome = get_message(slot->connection, object, &md, &gmo, capacity, buffer, length);
    if (outcome.comp != MQCC_FAILED) {
        md_write(given_md, &md);
        gmo_write(given_gmo, &gmo);
    }
    leave(slot, outcome, comp, reason);
}

void MQCMIT(MQHCONN handle, MQLONG *comp, MQLONG *reason)
{
    struct slot *slot = enter(handle, comp, reason);
    if (slot != NULL)
        leave(slot, commit(slot->connection), comp, reason);
}

void MQBACK(MQHCONN handle, MQLONG *comp, MQLONG *reason)
{
    struct slot *slot = enter(handle, comp, reason);
    if (slot != NULL)
        leave(slot, back_out(slot->connection), comp, reason);
}

void MQINQ(MQHCONN handle, MQHOBJ object, MQLONG selector_count, MQLONG *selectors, MQLONG integer_count,
           MQLONG *integers, MQLONG text_length, char *texts, MQLONG *comp, MQLONG *reason)
{
    if (selector_count < 0 || selector_count > 256) {
        say(failed(MQRC_SELECTOR_COUNT_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot != NULL)
        leave(slot,
              inquire(slot->connection, object, selector_count, selectors, integer_count, integers, text_length, texts),
              comp, reason);
}

void MQSET(MQHCONN handle, MQHOBJ object, MQLONG selector_count, MQLONG *selectors, MQLONG integer_count,
           MQLONG *integers, MQLONG text_length, char *texts, MQLONG *comp, MQLONG *reason)
{
    (void)text_length;
    (void)texts;
    if (selector_count < 0 || selector_count > 256) {
        say(failed(MQRC_SELECTOR_COUNT_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot != NULL)
        leave(slot, set_attributes(slot->connection, object, selector_count, selectors, integer_count, integers), comp,
              reason);
}

void MQSTAT(MQHCONN handle, MQLONG type, MQSTS *status, MQLONG *comp, MQLONG *reason)
{
    size_t size = memcmp(status->StrucId, "STAT", 4) == 0 ? sts_size(status->Version) : 0;
    if (size == 0 || type != MQSTAT_TYPE_ASYNC_ERROR) {
        say(failed(size == 0 ? MQRC_STS_ERROR : MQRC_STAT_TYPE_ERROR), comp, reason);
        return;
    }
    struct slot *slot = enter(handle, comp, reason);
    if (slot == NULL)
        return;
    MQSTS full;
    struct outcome outcome = put_status(slot->connection, &full);
    if (outcome.comp == MQCC_OK)
        memcpy((char *)status + 8, (char *)&full + 8, 224 - 8);
    if (outcome.comp == MQCC_OK && size > 224) {
        status->OpenOptions = full.OpenOptions;
        status->SubOptions = 0;
    }
    leave(slot, outcome, comp, reason);
}
