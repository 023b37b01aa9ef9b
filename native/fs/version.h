#ifndef OBFS_VERSION_H
#define OBFS_VERSION_H
#define OBFS_VERSION "1.0.0"
#endif
