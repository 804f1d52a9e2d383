// What ranks a catalogue by what happens in a call, for one level: included by kernels.c once for each.

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

static void NAME(blend)(
    const float *restrict session, const float *restrict prior, size_t count, float share, float *restrict scores) {
  wide sums = {0}, squares = {0};
  size_t whole = count / NJ_LANES * NJ_LANES;
  for (size_t at = 0; at < whole; at += NJ_LANES) {
    wide own = __builtin_convertvector(*(const lanes_unaligned *)(session + at), wide);
    sums += own;
    squares += own * own;
  }
  for (size_t at = whole; at < count; at++) {
    sums[at - whole] += (double)session[at];
    squares[at - whole] += (double)session[at] * (double)session[at];
  }
  double sum = 0, square = 0;
  for (int lane = 0; lane < NJ_LANES; lane++) {
    sum += sums[lane];
    square += squares[lane];
  }
  double mean = sum / (double)count;
  double variance = square / (double)count - mean * mean;
  float middle = (float)mean, scale = variance > 0 ? (float)(share / sqrt(variance)) : 0;
  if (prior == NULL) {
    for (size_t at = 0; at < count; at++) scores[at] += (session[at] - middle) * scale;
  } else {
    float rest = 1 - share;
    for (size_t at = 0; at < count; at++) {
      scores[at] = rest * scores[at] + (session[at] - middle) * scale + share * prior[at];
    }
  }
}
