#ifndef NIGHTJAR_TOP_ROW_H
#define NIGHTJAR_TOP_ROW_H
// What of choosing the best items needs no vectors: one row's best so far, as keys that compare like (score, earlier item first).
#include <math.h>
#include <string.h>

#include "CKernels.h"

// Rows that pass over a block of candidates together, while it is in cache: a multiple of every level's TOP_ROWS.
#define TOP_GROUP 48
// Candidates of a block: a multiple of two panels.
#define TOP_BLOCK 512

typedef struct {
  uint64_t *keys;
  size_t count;
  // Score to beat; -∞ until the list is full.
  float worst;
  // Next of the row's exclusions, and their end.
  const int32_t *next, *last;
} top_row;

typedef struct {
  float *packed; // rows' factors, [factors × TOP_ROWS] for each tile
  float *scores; // [TOP_ROWS × TOP_BLOCK]
  top_row *rows; // [TOP_GROUP]
} top_work;

// Most TOP_ROWS of any level.
#define TOP_MOST_ROWS 12

// Keys that a row gathers before it is pruned: pruning is then rare, and what it passes over stays in cache.
static inline size_t top_capacity(int32_t length) { return 2 * (size_t)length + 8 * NJ_LANES; }

static inline size_t top_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

static inline size_t top_work_bytes(int32_t factors, int32_t length) {
  return top_lines(TOP_GROUP * (size_t)factors * sizeof(float)) + top_lines(TOP_MOST_ROWS * TOP_BLOCK * sizeof(float)) +
         top_lines(TOP_GROUP * sizeof(top_row)) + TOP_GROUP * top_lines(top_capacity(length) * sizeof(uint64_t));
}

static inline top_work top_work_in(void *scratch, int32_t factors, int32_t length) {
  char *at = scratch;
  top_work work;
  work.packed = (float *)at;
  at += top_lines(TOP_GROUP * (size_t)factors * sizeof(float));
  work.scores = (float *)at;
  at += top_lines(TOP_MOST_ROWS * TOP_BLOCK * sizeof(float));
  work.rows = (top_row *)at;
  at += top_lines(TOP_GROUP * sizeof(top_row));
  for (size_t row = 0; row < TOP_GROUP; row++) {
    work.rows[row].keys = (uint64_t *)at;
    at += top_lines(top_capacity(length) * sizeof(uint64_t));
  }
  return work;
}

// Greater for better: the score's bits made to ascend, then the candidate's complement. Zeros compare equal.
static inline uint64_t top_key(float score, size_t candidate) {
  uint32_t bits;
  score += 0.0f;
  memcpy(&bits, &score, sizeof bits);
  bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return (uint64_t)bits << 32 | (uint32_t)~candidate;
}

static inline float top_key_score(uint64_t key) {
  uint32_t bits = (uint32_t)(key >> 32);
  float score;
  bits = bits & 0x80000000u ? bits & 0x7FFFFFFFu : ~bits;
  memcpy(&score, &bits, sizeof score);
  return score;
}

// Leaves the `length` best keys, in no order: quickselect (Hoare 1961) with pivots by median of three. Which side a key
// goes to is chance, so it goes there without a branch (Lomuto's partition).
static inline void top_prune(top_row *row, int32_t length) {
  uint64_t *keys = row->keys;
  size_t rank = (size_t)length - 1, low = 0, high = row->count - 1;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    uint64_t a = keys[low], b = keys[middle], c = keys[high];
    size_t median = (a < b) == (b < c) ? middle : (b < a) == (a < c) ? low : high;
    uint64_t pivot = keys[median];
    keys[median] = keys[high];
    size_t store = low;
    for (size_t i = low; i < high; i++) {
      uint64_t key = keys[i];
      keys[i] = keys[store];
      keys[store] = key;
      store += key > pivot;
    }
    keys[high] = keys[store];
    keys[store] = pivot;
    if (store == rank) break;
    if (store > rank) {
      high = store - 1;
    } else {
      low = store + 1;
    }
  }
  row->count = (size_t)length;
  row->worst = top_key_score(keys[rank]);
}

static inline void top_begin(top_row *row, const nj_top *top, size_t number) {
  row->count = 0;
  row->worst = -INFINITY;
  row->next = top->excluded + top->excluded_offsets[number];
  row->last = top->excluded + top->excluded_offsets[number + 1];
}

// Takes the row's exclusions out of the scores of candidates start ..< start + count.
static inline void top_exclude(top_row *row, const nj_top *top, size_t start, size_t count, float *scores) {
  for (; row->next < row->last; row->next++) {
    int32_t position = top->positions[*row->next];
    if (position < 0) continue;
    if ((size_t)position >= start + count) return;
    scores[(size_t)position - start] = -INFINITY;
  }
}

// Leaves the `length` best keys, best first: Shell's sort, with Ciura's gaps.
static inline void top_order(top_row *row, int32_t length) {
  if (row->count > (size_t)length) top_prune(row, length);
  static const size_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
  uint64_t *keys = row->keys;
  for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++) {
    for (size_t i = gaps[g]; i < row->count; i++) {
      uint64_t key = keys[i];
      size_t j = i;
      for (; j >= gaps[g] && keys[j - gaps[g]] < key; j -= gaps[g]) keys[j] = keys[j - gaps[g]];
      keys[j] = key;
    }
  }
}

// Writes the list, best first, and says how long it is.
static inline int32_t top_finish(top_row *row, const nj_top *top, int32_t *items, float *scores) {
  top_order(row, top->length);
  for (size_t place = 0; place < row->count; place++) {
    items[place] = top->candidates[(uint32_t)~row->keys[place]];
    scores[place] = top_key_score(row->keys[place]);
  }
  return (int32_t)row->count;
}

// Packs TOP_ROWS rows from `first` as [factors × count]; rows from `end` on are zeros.
static inline void top_pack_rows(const float *rows, size_t first, size_t end, int32_t factors, size_t count, float *packed) {
  for (size_t r = 0; r < count; r++) {
    for (size_t f = 0; f < (size_t)factors; f++) {
      packed[f * count + r] = first + r < end ? rows[(first + r) * (size_t)factors + f] : 0;
    }
  }
}
#endif
