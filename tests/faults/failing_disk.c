/* Makes calls on files whose path holds FAILING_MATCH fail while the file FAILING_SWITCH exists. The switch holds the
   calls that fail ("sync", "write", "read") and the error: EIO, or the one that it names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(int descriptor, const char *call) {
    static ssize_t (*real_read)(int, void *, size_t);
    char wanted[64] = "", link[64], path[4096];
    int file = open(getenv("FAILING_SWITCH"), O_RDONLY);
    ssize_t size;
    if (file < 0)
        return 0;
    if (real_read == NULL)
        real_read = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    real_read(file, wanted, sizeof wanted - 1);
    close(file);
    if (strstr(wanted, call) == NULL)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    if (strstr(path, getenv("FAILING_MATCH")) == NULL)
        return 0;
    errno = strstr(wanted, "ENOSPC") ? ENOSPC : strstr(wanted, "EDQUOT") ? EDQUOT : strstr(wanted, "EROFS") ? EROFS : EIO;
    return 1;
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

int fsync(int fd) { return fails(fd, "sync") ? -1 : REAL(int, "fsync", int)(fd); }
int fdatasync(int fd) { return fails(fd, "sync") ? -1 : REAL(int, "fdatasync", int)(fd); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return fails(fd, "write") ? -1 : REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return fails(fd, "write") ? -1 : REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, data, size, at);
}
ssize_t pread(int fd, void *data, size_t size, off_t at) {
    return fails(fd, "read") ? -1 : REAL(ssize_t, "pread", int, void *, size_t, off_t)(fd, data, size, at);
}
ssize_t pread64(int fd, void *data, size_t size, off64_t at) {
    return fails(fd, "read") ? -1 : REAL(ssize_t, "pread64", int, void *, size_t, off64_t)(fd, data, size, at);
}
int ftruncate(int fd, off_t size) { return fails(fd, "write") ? -1 : REAL(int, "ftruncate", int, off_t)(fd, size); }
int ftruncate64(int fd, off64_t size) {
    return fails(fd, "write") ? -1 : REAL(int, "ftruncate64", int, off64_t)(fd, size);
}
