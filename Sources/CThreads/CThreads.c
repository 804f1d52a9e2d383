#define _GNU_SOURCE
#include "CThreads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void nj_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

static _Thread_local enum { stays, yields, pauses } manner;

enum { pause_nanoseconds = 20000 };

void nj_lower_priority(bool to_pause) {
  struct sched_param none = {0};
  sched_setscheduler(0, SCHED_IDLE, &none);
  // Without, a pause is 50 µs longer than it is to be.
  if (to_pause) prctl(PR_SET_TIMERSLACK, 1UL);
  manner = to_pause ? pauses : yields;
}

void nj_make_way(void) {
  if (manner == yields) sched_yield();
  if (manner == pauses) nanosleep(&(struct timespec){.tv_nsec = pause_nanoseconds}, NULL);
}

void nj_shorten_slice(void) {
  // The kernel's struct sched_attr and SCHED_FLAG_KEEP_POLICY, which linux/sched.h and sched.h cannot both declare; times in
  // ns. A policy that the process was started with stays, and where it knows no slices this fails.
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
  } attributes = {.size = sizeof attributes, .flags = 0x08, .runtime = 100000};  // The kernel's shortest.
  attributes.nice = getpriority(PRIO_PROCESS, 0);
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

// Some ten microseconds of the kernel's work, a tenth of a millisecond where it is slow.
enum { flushed_piece = 256 << 10 };

int nj_flush(int descriptor, bool to_forget) {
  struct stat status;
  off_t end = fstat(descriptor, &status) == 0 ? status.st_size : 0;
  for (off_t offset = 0; offset < end; offset += flushed_piece) {
    // Where the disk is at fault, what it did not take may look clean below; what cannot be flushed so is flushed there.
    if (sync_file_range(descriptor, offset, flushed_piece, SYNC_FILE_RANGE_WRITE) != 0 &&
        (errno == EIO || errno == ENOSPC || errno == EDQUOT))
      return -1;
    sched_yield();
  }
  if (fdatasync(descriptor) != 0) return -1;
  for (off_t offset = 0; to_forget && offset < end; offset += flushed_piece) {
    posix_fadvise(descriptor, offset, flushed_piece, POSIX_FADV_DONTNEED);
    sched_yield();
  }
  // What reaches over the end of a piece.
  if (to_forget) posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  return 0;
}
