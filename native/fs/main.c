#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "log.h"
#include "options.h"
#include "serve.h"
#include "status.h"

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "status") == 0)
        return status_command(argc, argv);
    static struct options options;
    bool is_done;
    umask(0); /* the callers' masks are applied, not ours */
    enum exit_code code = options_parse(argc, argv, &options, &is_done);
    if (code != EXIT_OK || is_done)
        return code;
    log_open();
    return options.checks_only ? check_everything(&options) : serve(&options);
}
