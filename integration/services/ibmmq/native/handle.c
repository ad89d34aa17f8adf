#include "handle.h"

#include <string.h>

enum { SLOTS = 1024 };

static struct slot slots[SLOTS];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static MQHCONN uses;
static MQSCO first_sco;
static int connections_with_sco;

static void prepare(void)
{
    for (int i = 0; i < SLOTS; i++)
        pthread_mutex_init(&slots[i].busy, NULL);
}

/* A handle says its slot and how often slots were used before, so that an old one is recognised. */
struct slot *slot_new(struct connection *connection, MQLONG options, bool has_sco)
{
    pthread_once(&prepared, prepare);
    struct slot *found = NULL;
    pthread_mutex_lock(&table);
    for (int i = 0; i < SLOTS && found == NULL; i++) {
        if (pthread_mutex_trylock(&slots[i].busy) != 0)
            continue;
        if (slots[i].connection == NULL) {
            found = &slots[i];
            found->handle = (++uses % 100000) * SLOTS + i + 1;
        } else {
            pthread_mutex_unlock(&slots[i].busy);
        }
    }
    if (found != NULL) {
        found->connection = connection;
        found->owner = pthread_self();
        found->share = options & (MQCNO_HANDLE_SHARE_BLOCK | MQCNO_HANDLE_SHARE_NO_BLOCK);
        found->has_sco = has_sco;
        connections_with_sco += has_sco;
    }
    pthread_mutex_unlock(&table);
    return found;
}

struct slot *slot_enter(MQHCONN handle, MQLONG *reason)
{
    *reason = MQRC_HCONN_ERROR;
    if (handle < 1)
        return NULL;
    pthread_once(&prepared, prepare);
    struct slot *slot = &slots[(handle - 1) % SLOTS];
    if (pthread_mutex_trylock(&slot->busy) != 0) {
        if (slot->share == MQCNO_HANDLE_SHARE_NO_BLOCK) {
            *reason = MQRC_CALL_IN_PROGRESS;
            return NULL;
        }
        pthread_mutex_lock(&slot->busy);
    }
    bool known = slot->connection != NULL && slot->handle == handle;
    if (known && (slot->share != 0 || pthread_equal(slot->owner, pthread_self())))
        return slot;
    pthread_mutex_unlock(&slot->busy);
    return NULL;
}

void slot_leave(struct slot *slot)
{
    pthread_mutex_unlock(&slot->busy);
}

void slot_free(struct slot *slot)
{
    pthread_mutex_lock(&table);
    connections_with_sco -= slot->has_sco;
    slot->connection = NULL;
    pthread_mutex_unlock(&table);
    pthread_mutex_unlock(&slot->busy);
}

bool tls_settings_agree(const MQSCO *sco)
{
    pthread_mutex_lock(&table);
    if (connections_with_sco == 0)
        first_sco = *sco;
    bool agree = strncmp(first_sco.KeyRepository, sco->KeyRepository, sizeof sco->KeyRepository) == 0 &&
                 strncmp(first_sco.CryptoHardware, sco->CryptoHardware, sizeof sco->CryptoHardware) == 0 &&
                 first_sco.FipsRequired == sco->FipsRequired;
    pthread_mutex_unlock(&table);
    return agree;
}
