#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/*
 * libfuse's own pool starts threads from threads that serve, so that they begin their life with some user's rights.
 * These are all started by root, before the first call.
 */
static void *work(void *context)
{
    struct fuse_session *session = context;
    struct fuse_buf request = {.mem = NULL};
    while (!fuse_session_exited(session)) {
        int length = fuse_session_receive_buf(session, &request);
        if (length == -EINTR || length == -EAGAIN)
            continue;
        if (length <= 0) {
            fuse_session_exit(session);
            break;
        }
        fuse_session_process_buf(session, &request);
    }
    free(request.mem);
    return NULL;
}

int workers_run(struct fuse_session *session, unsigned count)
{
    pthread_t *threads = calloc(count, sizeof *threads);
    unsigned started = 0;
    int error = threads ? 0 : ENOMEM;
    while (!error && started < count && (error = pthread_create(&threads[started], NULL, work, session)) == 0)
        started++;
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return started ? 0 : -error;
}
