// Dot products of many rows with one vector, for one level: included by kernels.c once for each.

// Rows that are taken at once, so that their sums are added up side by side.
#define ROWS 4

static void NAME(dots)(const float *rows, size_t count, int32_t width, const float *x, float *out) {
  int32_t whole = width / NJ_LANES * NJ_LANES;
  for (size_t row = 0; row < count; row += ROWS) {
    size_t left = count - row < ROWS ? count - row : ROWS;
    // Where there are fewer rows, the first one's again.
    const float *y[ROWS];
    for (size_t j = 0; j < ROWS; j++) y[j] = rows + (row + (j < left ? j : 0)) * (size_t)width;
    lanes sum[ROWS] = {{0}};
    for (int32_t k = 0; k < whole; k += NJ_LANES) {
      lanes own = *(const lanes_unaligned *)(x + k);
      UNROLL for (size_t j = 0; j < ROWS; j++) sum[j] += *(const lanes_unaligned *)(y[j] + k) * own;
    }
    quarter dots = NAME(sums)(sum);
    for (int32_t k = whole; k < width; k++) {
      UNROLL for (size_t j = 0; j < ROWS; j++) dots[j] += y[j][k] * x[k];
    }
    for (size_t j = 0; j < left; j++) out[row + j] = dots[j];
  }
}

#undef ROWS
