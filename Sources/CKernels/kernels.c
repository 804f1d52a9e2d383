#include "CKernels.h"

#include <math.h>
#include <string.h>

#include "top_row.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define NAME__(name, level) nj_##name##_##level
#define NAME_(name, level) NAME__(name, level)
#define NAME(name) NAME_(name, LEVEL)

typedef float lanes __attribute__((vector_size(64)));
typedef float lanes_unaligned __attribute__((vector_size(64), aligned(4)));
typedef float half __attribute__((vector_size(32)));
typedef float quarter __attribute__((vector_size(16)));
typedef float quarter_unaligned __attribute__((vector_size(16), aligned(4)));
typedef double wide __attribute__((vector_size(128)));
typedef bool mask __attribute__((ext_vector_type(16)));

#pragma clang fp contract(fast)

// Rows and panels of a tile of scores: what the level's registers hold.
#define LEVEL baseline
#define TOP_ROWS 2
#define TOP_PANELS 1
#include "als.h"
#include "session.h"
#include "top.h"
#undef LEVEL
#undef TOP_ROWS
#undef TOP_PANELS

#if defined(__x86_64__)
#define LEVEL avx2
#define TOP_ROWS 6
#define TOP_PANELS 1
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "als.h"
#include "session.h"
#include "top.h"
#pragma clang attribute pop
#undef LEVEL
#undef TOP_ROWS
#undef TOP_PANELS

#define LEVEL avx512
#define TOP_ROWS 12
#define TOP_PANELS 2
#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#include "als.h"
#include "session.h"
#include "top.h"
#pragma clang attribute pop

#define DISPATCH(level, name, ...)                            \
  switch (level) {                                            \
    case NJ_AVX512: nj_##name##_avx512(__VA_ARGS__); return;  \
    case NJ_AVX2: nj_##name##_avx2(__VA_ARGS__); return;      \
    case NJ_BASELINE: nj_##name##_baseline(__VA_ARGS__);      \
  }

bool nj_level_runs(nj_level level) {
  switch (level) {
    case NJ_AVX512: return __builtin_cpu_supports("avx512f") && nj_level_runs(NJ_AVX2);
    case NJ_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case NJ_BASELINE: return true;
  }
  return false;
}
#else
#define DISPATCH(level, name, ...) (void)level, nj_##name##_baseline(__VA_ARGS__)

bool nj_level_runs(nj_level level) { return level == NJ_BASELINE; }
#endif

nj_level nj_best_level(void) {
  return nj_level_runs(NJ_AVX512) ? NJ_AVX512 : nj_level_runs(NJ_AVX2) ? NJ_AVX2 : NJ_BASELINE;
}

void nj_dots(nj_level level, const float *rows, size_t count, int32_t width, const float *x, float *out) {
  DISPATCH(level, dots, rows, count, width, x, out);
}

void nj_blend(
    nj_level level, const float *session, const float *prior, size_t count, float share, float *scores) {
  DISPATCH(level, blend, session, prior, count, share, scores);
}

size_t nj_als_scratch(int32_t width) { return 3 * (size_t)width; }

void nj_als_solve(nj_level level, const nj_als *als, size_t first, size_t end, float *rows, float *scratch) {
  DISPATCH(level, als_solve, als, first, end, rows, scratch);
}

void nj_gram_add(nj_level level, const float *rows, size_t count, int32_t width, float *gram) {
  DISPATCH(level, gram_add, rows, count, width, gram);
}

void nj_gram_mirror(float *gram, int32_t width) {
  for (size_t i = 0; i < (size_t)width; i++) {
    for (size_t j = 0; j < i / NJ_LANES * NJ_LANES; j++) gram[i * (size_t)width + j] = gram[j * (size_t)width + i];
  }
}

size_t nj_top_panels(size_t count, int32_t factors) {
  size_t pair = 2 * NJ_LANES;
  return (count + pair - 1) / pair * pair * (size_t)factors;
}

void nj_top_pack(const float *items, const int32_t *candidates, size_t count, int32_t factors, float *panels) {
  size_t lanes = nj_top_panels(count, 1);
  for (size_t at = 0; at < lanes; at++) {
    float *panel = panels + at / NJ_LANES * NJ_LANES * (size_t)factors + at % NJ_LANES;
    for (size_t f = 0; f < (size_t)factors; f++) {
      panel[f * NJ_LANES] = at < count ? items[(size_t)candidates[at] * (size_t)factors + f] : 0;
    }
  }
}

size_t nj_top_scratch(int32_t factors, int32_t length) { return top_work_bytes(factors, length); }

void nj_top_select(
    nj_level level, const nj_top *top, const float *rows, size_t first, size_t end, void *scratch, int32_t *items,
    float *scores, int32_t *counts) {
  DISPATCH(level, top_select, top, rows, first, end, scratch, items, scores, counts);
}

size_t nj_best_scratch(int32_t length) { return top_capacity(length) * sizeof(uint64_t); }

void nj_best(
    nj_level level, const float *scores, size_t count, int32_t length, void *scratch, int32_t *places, float *best,
    int32_t *found) {
  DISPATCH(level, best, scores, count, length, scratch, places, best, found);
}
