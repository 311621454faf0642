/* Counts the calls of this process that write, and kills it right before the one whose number is KILLED_AT. Without
   KILLED_AT, KILLED_COUNT names the file that gets the number of calls when the process ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static long last = -1; /* -1: not yet read, or not counting */

__attribute__((constructor)) static void begin(void) {
    const char *at = getenv("KILLED_AT");
    unsetenv("LD_PRELOAD"); /* what this process starts is not counted */
    last = at != NULL ? atol(at) : 0;
}

__attribute__((destructor)) static void end(void) {
    const char *name = getenv("KILLED_COUNT");
    long number = calls;
    FILE *file;
    last = -1;
    if (name == NULL || (file = fopen(name, "w")) == NULL)
        return;
    fprintf(file, "%ld\n", number);
    fclose(file);
}

static void count(void) {
    if (last >= 0 && ++calls == last)
        kill(getpid(), SIGKILL);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))
#define COUNTED(type, name, parameters, arguments, ...)                                                               \
    type name parameters {                                                                                            \
        count();                                                                                                      \
        return REAL(type, #name, __VA_ARGS__) arguments;                                                              \
    }

COUNTED(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), int, const void *, size_t)
COUNTED(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n), int, const struct iovec *, int)
COUNTED(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), int, const void *,
        size_t, off_t)
COUNTED(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), int,
        const void *, size_t, off64_t)
COUNTED(ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags), int, const void *,
        size_t, int)
COUNTED(int, fsync, (int fd), (fd), int)
COUNTED(int, fdatasync, (int fd), (fd), int)
COUNTED(int, ftruncate, (int fd, off_t size), (fd, size), int, off_t)
COUNTED(int, ftruncate64, (int fd, off64_t size), (fd, size), int, off64_t)
COUNTED(int, rename, (const char *from, const char *to), (from, to), const char *, const char *)
COUNTED(int, link, (const char *from, const char *to), (from, to), const char *, const char *)
COUNTED(int, unlink, (const char *path), (path), const char *)
