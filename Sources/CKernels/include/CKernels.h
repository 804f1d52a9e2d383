#ifndef NIGHTJAR_CKERNELS_H
#define NIGHTJAR_CKERNELS_H
// The loops in which learning, and a ranker that ranks a catalogue anew, spend their time, each compiled for several levels of the processor and chosen at run time.
//
// All levels add up in the same order, in lanes of sixteen; they differ only in whether a product is rounded before it is
// added. No kernel allocates, locks or knows a thread: callers split the rows.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a kernel is compiled for.
typedef enum {
  NJ_BASELINE = 0, // what every processor of the architecture has
  NJ_AVX2 = 1,     // x86-64 with AVX2 and FMA
  NJ_AVX512 = 2,   // x86-64 with AVX-512F
} nj_level;

// Whether this processor runs kernels of a level.
bool nj_level_runs(nj_level level);

// The highest level that this processor runs.
nj_level nj_best_level(void);

// Floats in a lane group: the width of factor rows is a multiple of it, and their memory aligned to as many floats.
enum { NJ_LANES = 16 };

// The dot product of each row of `rows` [count × width] with `x` [width], into `out` [count]; nothing need be aligned.
void nj_dots(nj_level level, const float *rows, size_t count, int32_t width, const float *x, float *out);

// scores = (1 − share) · scores + share · (z + prior), z being `session` [count] standardised, or zeros where it is constant;
// `prior` = NULL: the scores themselves.
void nj_blend(nj_level level, const float *session, const float *prior, size_t count, float share, float *scores);

// One side of a pass of implicit ALS: what the normal equations (G + Zᵀ W Z + λI) x = Zᵀ (1 + w) of each row are made of.
typedef struct {
  const float *other;     // the other side's factors [columns × width], padded with zeros
  const float *gram;      // G [width × width]: the other side's factors, transposed, times themselves
  const ptrdiff_t *offsets;// start of each row in `indices` and `values`
  const int32_t *indices; // column of each non-zero
  const float *values;    // r of each non-zero
  float alpha;            // w = alpha · r
  float regularisation;   // λ
  int32_t width;          // factors, padded to a multiple of NJ_LANES
  int32_t steps;          // conjugate gradient steps at most
} nj_als;

// Floats of scratch, aligned like factor rows, that nj_als_solve needs.
size_t nj_als_scratch(int32_t width);

// Takes conjugate gradient steps from rows first ..< end of `rows` [all rows × width], in place; rows without non-zeros become 0.
void nj_als_solve(nj_level level, const nj_als *als, size_t first, size_t end, float *rows, float *scratch);

// Adds rowsᵀ rows, [width × width], of `count` rows to `gram`: the upper half of lane groups, see nj_gram_mirror.
void nj_gram_add(nj_level level, const float *rows, size_t count, int32_t width, float *gram);

// Fills the lower half of a sum of nj_gram_add.
void nj_gram_mirror(float *gram, int32_t width);

// What the best items of each row are chosen from.
typedef struct {
  const float *panels;              // candidates' factors, see nj_top_pack
  const int32_t *candidates;        // item of each candidate, ascending
  const int32_t *positions;         // candidate of each item; -1 = the item is none
  size_t count;                     // candidates
  const ptrdiff_t *excluded_offsets; // start of each row in `excluded`
  const int32_t *excluded;          // items that a row may not get, ascending within the row
  int32_t factors;
  int32_t length;                   // items of a list at most
} nj_top;

// Floats that the panels of so many candidates take.
size_t nj_top_panels(size_t count, int32_t factors);

// Packs candidates' rows of `items` [items × factors] into panels.
void nj_top_pack(const float *items, const int32_t *candidates, size_t count, int32_t factors, float *panels);

// Bytes of scratch, aligned like factor rows, that nj_top_select needs.
size_t nj_top_scratch(int32_t factors, int32_t length);

// The best candidates of rows first ..< end of `rows` [all rows × factors] by dot product, best first, equal ones in order of item;
// scores that are not finite are left out. `items` and `scores` are [(end - first) × length], `counts` [end - first].
void nj_top_select(
    nj_level level, const nj_top *top, const float *rows, size_t first, size_t end, void *scratch, int32_t *items,
    float *scores, int32_t *counts);

// Bytes of scratch, aligned for u64, that nj_best needs.
size_t nj_best_scratch(int32_t length);

// The best of `scores` [count] and their places, best first, equal ones in order of place, `length` at most: `found` says how
// many. Scores that are not finite are left out; `count` is below 2³¹, `length` at least 1.
void nj_best(
    nj_level level, const float *scores, size_t count, int32_t length, void *scratch, int32_t *places, float *best,
    int32_t *found);
#endif
