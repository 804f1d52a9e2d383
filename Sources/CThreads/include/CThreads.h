#ifndef NIGHTJAR_CTHREADS_H
#define NIGHTJAR_CTHREADS_H
// How the calling thread shares the processor.
#include <stdbool.h>

// Names the calling thread, 15 bytes at most. The corresponding C function is pthread_setname_np.
void nj_name_thread(const char *name);

// Has the calling thread give way to every other at once, which the nicest of ordinary threads does not; `to_pause`: by
// sleeping for a moment wherever it makes way, for work without any hurry. The corresponding C function is
// sched_setscheduler, with SCHED_IDLE.
void nj_lower_priority(bool to_pause);

// Lets others run, where the calling thread gives way; to be called at every some ten microseconds of work. Linux since 6.6
// grants even such a thread its 0.3% of the time for which it waits, all at once, in the course of which whoever is woken
// has to wait. One that pauses sleeps instead of waiting for the processor, and next to nothing is owed to it. The
// corresponding C functions are sched_yield and nanosleep.
void nj_make_way(void);

// Has the calling thread run soon after it is woken, where others would have the processor by right for some milliseconds; its
// share and policy stay what they are. Kernels before 6.12 know no such thing, and then nothing changes. The corresponding C
// function is sched_setattr.
void nj_shorten_slice(void);

// As fdatasync, but the disk begins piece by piece, and others may run in between: with all at once the kernel would keep the
// processor for a millisecond. `to_forget`: the file then gives its memory back, for what is written next, in place of
// memory that others have in use. The corresponding C functions are sync_file_range, fdatasync and posix_fadvise.
int nj_flush(int descriptor, bool to_forget);

#endif
