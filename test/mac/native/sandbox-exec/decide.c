/* What a profile says about a path. */
#include "sandbox.h"

#include <regex.h>
#include <string.h>

bool matches_path(const struct filter *filter, const char *path) {
    size_t length = filter->text == NULL ? 0 : strlen(filter->text);
    regex_t expression;
    bool is_match;

    switch (filter->kind) {
    case FILTER_LITERAL:
        return strcmp(filter->text, path) == 0;
    case FILTER_SUBPATH:
        while (length > 1 && filter->text[length - 1] == '/')
            length--;
        return strncmp(filter->text, path, length) == 0 && (length == 1 || path[length] == '\0' || path[length] == '/');
    case FILTER_REGEX:
        if (regcomp(&expression, filter->text, REG_EXTENDED | REG_NOSUB) != 0)
            return false;
        is_match = regexec(&expression, path, 0, NULL, 0) == 0;
        regfree(&expression);
        return is_match;
    default:
        return false;
    }
}

bool is_path_allowed(const struct profile *profile, enum operation operation, const char *path) {
    for (size_t i = profile->rule_count; i-- > 0;)
        if (profile->rules[i].operations & 1u << operation && matches_path(&profile->rules[i].filter, path))
            return profile->rules[i].allows;
    return profile->fallback_allows[operation];
}

bool has_denies(const struct profile *profile, unsigned operations) {
    for (size_t i = 0; i < profile->rule_count; i++)
        if (!profile->rules[i].allows && profile->rules[i].operations & operations)
            return true;
    return false;
}
