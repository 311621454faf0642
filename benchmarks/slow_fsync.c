/* Makes every fsync and fdatasync take SLOW_FSYNC_US microseconds longer, as on a disk that is further away. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int slowly(const char *name, int descriptor) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *extra = getenv("SLOW_FSYNC_US");
    if (extra != NULL)
        usleep((useconds_t)atoi(extra));
    return real(descriptor);
}

int fsync(int descriptor) { return slowly("fsync", descriptor); }
int fdatasync(int descriptor) { return slowly("fdatasync", descriptor); }
