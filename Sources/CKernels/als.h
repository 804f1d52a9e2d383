// Implicit ALS for one level: included by kernels.c once for each.

// Non-zeros that are taken at once, so that their dot products add up side by side.
#define GROUP 4
// Groups between a row's being asked for and its use.
#define AHEAD 4
// Lane groups of a row of factors for which there are loops with everything in registers.
#define SMALL 8

// The sums of four lane groups.
INLINE quarter NAME(sums)(const lanes v[4]) {
  // Quarters of each are added first, then the four results across.
#define HALVES(v)                                        \
  (__builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) \
   + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15))
#define QUARTERS(v) (__builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7))
  half ha = HALVES(v[0]), hb = HALVES(v[1]), hc = HALVES(v[2]), hd = HALVES(v[3]);
  quarter qa = QUARTERS(ha), qb = QUARTERS(hb), qc = QUARTERS(hc), qd = QUARTERS(hd);
  quarter ab = __builtin_shufflevector(qa, qb, 0, 4, 1, 5) + __builtin_shufflevector(qa, qb, 2, 6, 3, 7);
  quarter cd = __builtin_shufflevector(qc, qd, 0, 4, 1, 5) + __builtin_shufflevector(qc, qd, 2, 6, 3, 7);
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
#undef HALVES
#undef QUARTERS
}

INLINE float NAME(dot)(const lanes *a, const lanes *b, int width) {
  lanes sums[4] = {{0}};
  for (int k = 0; k < width; k++) sums[0] += a[k] * b[k];
  return NAME(sums)(sums)[0];
}

// The coefficients with which four non-zeros' factors are added: w (y·p), or, to begin with, 1 + w − w (y·p).
INLINE quarter NAME(coefficients)(const float *values, size_t left, float alpha, quarter dots, bool begins) {
  quarter w = {0};
  if (left >= GROUP) {
    w = *(const quarter_unaligned *)values;
  } else {
    for (size_t j = 0; j < left; j++) w[j] = values[j];
  }
  w *= alpha;
  quarter c = w * dots;
  if (begins) c = 1 + w - c;
  for (size_t j = left; j < GROUP; j++) c[j] = 0;
  return c;
}

// The factors of four non-zeros from `at`; where there are fewer, the first one's again.
INLINE void NAME(group)(const nj_als *als, const int32_t *indices, size_t left, const lanes *y[GROUP]) {
  for (size_t j = 0; j < GROUP; j++) {
    y[j] = (const lanes *)(als->other + (size_t)indices[j < left ? j : 0] * (size_t)als->width);
  }
}

// q = A p, or, to begin with, q = b − A p; `width` lane groups, a constant of at most SMALL.
INLINE void NAME(multiply_small)(
    const nj_als *als, const int32_t *indices, const float *values, size_t count, const lanes *p, lanes *q, int width,
    bool begins) {
  lanes own[SMALL], sum[SMALL];
  UNROLL for (int k = 0; k < width; k++) sum[k] = (lanes){0};
  const float *scalars = (const float *)p;
  const lanes *gram = (const lanes *)als->gram;
  for (int i = 0; i < width * NJ_LANES; i++, gram += width) {
    UNROLL for (int k = 0; k < width; k++) sum[k] += scalars[i] * gram[k];
  }
  UNROLL for (int k = 0; k < width; k++) own[k] = p[k];
  UNROLL for (int k = 0; k < width; k++) sum[k] += als->regularisation * own[k];
  if (begins) {
    UNROLL for (int k = 0; k < width; k++) sum[k] = -sum[k];
  }
  for (size_t at = 0; at < count; at += GROUP) {
    size_t left = count - at;
    const lanes *y[GROUP];
    NAME(group)(als, indices + at, left, y);
    if (begins && left >= (AHEAD + 1) * GROUP) {
      UNROLL for (int j = 0; j < GROUP; j++) {
        const char *next = (const char *)(als->other + (size_t)indices[at + AHEAD * GROUP + j] * (size_t)als->width);
        UNROLL for (int k = 0; k < width; k++) __builtin_prefetch(next + k * (int)sizeof(lanes));
      }
    }
    lanes dots[GROUP] = {{0}};
    UNROLL for (int k = 0; k < width; k++) {
      UNROLL for (int j = 0; j < GROUP; j++) dots[j] += y[j][k] * own[k];
    }
    quarter s = NAME(coefficients)(values + at, left, als->alpha, NAME(sums)(dots), begins);
    UNROLL for (int k = 0; k < width; k++) {
      UNROLL for (int j = 0; j < GROUP; j++) sum[k] += s[j] * y[j][k];
    }
  }
  UNROLL for (int k = 0; k < width; k++) q[k] = sum[k];
}

// The same for any width, with sums in memory.
INLINE void NAME(multiply_large)(
    const nj_als *als, const int32_t *indices, const float *values, size_t count, const lanes *p, lanes *q, int width,
    bool begins) {
  const float *scalars = (const float *)p;
  const lanes *gram = (const lanes *)als->gram;
  float sign = begins ? -1 : 1;
  for (int k = 0; k < width; k++) q[k] = sign * als->regularisation * p[k];
  for (int i = 0; i < width * NJ_LANES; i += GROUP, gram += GROUP * width) {
    for (int k = 0; k < width; k++) {
      lanes sum = q[k];
      UNROLL for (int j = 0; j < GROUP; j++) sum += sign * scalars[i + j] * gram[j * width + k];
      q[k] = sum;
    }
  }
  for (size_t at = 0; at < count; at += GROUP) {
    size_t left = count - at;
    const lanes *y[GROUP];
    NAME(group)(als, indices + at, left, y);
    lanes dots[GROUP] = {{0}};
    for (int k = 0; k < width; k++) {
      UNROLL for (int j = 0; j < GROUP; j++) dots[j] += y[j][k] * p[k];
    }
    quarter s = NAME(coefficients)(values + at, left, als->alpha, NAME(sums)(dots), begins);
    for (int k = 0; k < width; k++) {
      lanes sum = q[k];
      UNROLL for (int j = 0; j < GROUP; j++) sum += s[j] * y[j][k];
      q[k] = sum;
    }
  }
}

// Residual² over its first value at which a row is solved as well as f32 can.
#define TOLERANCE 1e-12f

// One row; `small` and, where it holds, `width` are constants.
INLINE void NAME(solve_row)(
    const nj_als *als, size_t begin, size_t end, lanes *x, lanes *scratch, int width, bool small) {
#define MULTIPLY(p, q, begins)                                                                     \
  (small ? NAME(multiply_small)(als, indices, values, count, p, q, width, begins)                  \
         : NAME(multiply_large)(als, indices, values, count, p, q, width, begins))
  const int32_t *indices = als->indices + begin;
  const float *values = als->values + begin;
  size_t count = end - begin;
  lanes *r = scratch, *p = scratch + width, *q = scratch + 2 * width;
  MULTIPLY(x, r, true);
  for (int k = 0; k < width; k++) p[k] = r[k];
  float square = NAME(dot)(r, r, width);
  float target = TOLERANCE * square;
  for (int step = 0; step < als->steps && square > target; step++) {
    MULTIPLY(p, q, false);
    float curvature = NAME(dot)(p, q, width);
    // What has sunk below f32's smallest numbers cannot be improved.
    if (!(curvature > 0)) return;
    float length = square / curvature;
    for (int k = 0; k < width; k++) {
      x[k] += length * p[k];
      r[k] -= length * q[k];
    }
    float next = NAME(dot)(r, r, width);
    float ratio = next / square;
    for (int k = 0; k < width; k++) p[k] = r[k] + ratio * p[k];
    square = next;
  }
#undef MULTIPLY
}

INLINE void NAME(solve_rows)(
    const nj_als *als, size_t first, size_t end, float *rows, float *scratch, int width, bool small) {
  for (size_t row = first; row < end; row++) {
    float *x = rows + row * (size_t)width * NJ_LANES;
    size_t from = (size_t)als->offsets[row], to = (size_t)als->offsets[row + 1];
    if (from == to) {
      memset(x, 0, (size_t)width * sizeof(lanes));
    } else {
      NAME(solve_row)(als, from, to, (lanes *)x, (lanes *)scratch, width, small);
    }
  }
}

static void NAME(als_solve)(const nj_als *als, size_t first, size_t end, float *rows, float *scratch) {
  switch (als->width / NJ_LANES) {
#define SOLVE(width) \
  case width: NAME(solve_rows)(als, first, end, rows, scratch, width, true); return
    SOLVE(1);
    SOLVE(2);
    SOLVE(3);
    SOLVE(4);
    SOLVE(5);
    SOLVE(6);
    SOLVE(7);
    SOLVE(8);
#undef SOLVE
    default: NAME(solve_rows)(als, first, end, rows, scratch, als->width / NJ_LANES, false);
  }
}

// Four rows of the sum at a time, one lane group of columns: the rows' own lane groups stay in cache from one to the next.
static void NAME(gram_add)(const float *rows, size_t count, int32_t width, float *gram) {
  for (int32_t i = 0; i < width; i += GROUP) {
    for (int32_t j = i / NJ_LANES * NJ_LANES; j < width; j += NJ_LANES) {
      lanes sums[GROUP] = {{0}};
      for (size_t row = 0; row < count; row++) {
        const float *scalars = rows + row * (size_t)width + i;
        lanes y = *(const lanes *)(rows + row * (size_t)width + j);
        UNROLL for (int k = 0; k < GROUP; k++) sums[k] += scalars[k] * y;
      }
      UNROLL for (int k = 0; k < GROUP; k++) *(lanes *)(gram + (size_t)(i + k) * (size_t)width + j) += sums[k];
    }
  }
}

#undef TOLERANCE
#undef SMALL
#undef AHEAD
#undef GROUP
