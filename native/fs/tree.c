#include "tree.h"

#include <pthread.h>
#include <stdlib.h>

#include "dirfd.h"
#include "node.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tree *trees;

struct tree *tree_make(uid_t owner, bool is_fallback, int rootfd, const struct attributes *attr)
{
    struct tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return NULL;
    tree->owner = owner;
    tree->is_fallback = is_fallback;
    tree->device = attr->st.st_dev;
    struct node *root = node_make_root(tree, attr);
    if (!root) {
        free(tree);
        return NULL;
    }
    tree->root = root;
    dirfd_set_root(root, rootfd);
    pthread_mutex_lock(&lock);
    tree->next = trees;
    trees = tree;
    pthread_mutex_unlock(&lock);
    return tree;
}

struct tree *tree_find(uid_t owner, const struct attributes *attr)
{
    pthread_mutex_lock(&lock);
    struct tree *tree = trees;
    while (tree && !(!tree->is_fallback && tree->owner == owner && node_is(tree->root, attr) &&
                     node_get_unless_dying(tree->root)))
        tree = tree->next;
    pthread_mutex_unlock(&lock);
    return tree;
}

void tree_each(void (*visit)(struct tree *tree, void *context), void *context)
{
    pthread_mutex_lock(&lock);
    for (struct tree *tree = trees; tree; tree = tree->next)
        visit(tree, context);
    pthread_mutex_unlock(&lock);
}

void tree_free(struct tree *tree)
{
    pthread_mutex_lock(&lock);
    struct tree **link = &trees;
    while (*link != tree)
        link = &(*link)->next;
    *link = tree->next;
    pthread_mutex_unlock(&lock);
    free(tree);
}
