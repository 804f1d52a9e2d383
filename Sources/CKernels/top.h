// The best items of each row for one level: included by kernels.c once for each.

// Scores of TOP_ROWS rows, packed [factors × TOP_ROWS], for TOP_PANELS panels: [TOP_ROWS × TOP_BLOCK] of them.
INLINE void NAME(top_tile)(const float *packed, const float *panel, int32_t factors, float *scores) {
  lanes sum[TOP_ROWS][TOP_PANELS];
  UNROLL for (int r = 0; r < TOP_ROWS; r++) {
    UNROLL for (int k = 0; k < TOP_PANELS; k++) sum[r][k] = (lanes){0};
  }
  for (int32_t f = 0; f < factors; f++, packed += TOP_ROWS, panel += NJ_LANES) {
    lanes y[TOP_PANELS];
    UNROLL for (int k = 0; k < TOP_PANELS; k++) {
      y[k] = *(const lanes_unaligned *)(panel + (size_t)k * (size_t)factors * NJ_LANES);
    }
    UNROLL for (int r = 0; r < TOP_ROWS; r++) {
      UNROLL for (int k = 0; k < TOP_PANELS; k++) sum[r][k] += packed[r] * y[k];
    }
  }
  UNROLL for (int r = 0; r < TOP_ROWS; r++) {
    UNROLL for (int k = 0; k < TOP_PANELS; k++) *(lanes *)(scores + r * TOP_BLOCK + k * NJ_LANES) = sum[r][k];
  }
}

// Takes up what in `scores`, of candidates from `start`, beats the worst of the row's best so far.
INLINE void NAME(top_scan)(const float *scores, size_t start, size_t count, int32_t length, top_row *row) {
  for (size_t at = 0; at < count; at += NJ_LANES) {
    lanes s = *(const lanes_unaligned *)(scores + at);
    mask better = __builtin_convertvector(s > row->worst, mask);
    uint16_t bits;
    memcpy(&bits, &better, sizeof bits);
    if (bits == 0) continue;
    for (; bits != 0; bits &= (uint16_t)(bits - 1)) {
      size_t own = at + (size_t)__builtin_ctz(bits);
      if (scores[own] < INFINITY) row->keys[row->count++] = top_key(scores[own], start + own);
    }
    if (row->count > top_capacity(length) - NJ_LANES) top_prune(row, length);
  }
}

static void NAME(top_select)(
    const nj_top *top, const float *rows, size_t first, size_t end, void *scratch, int32_t *items, float *scores,
    int32_t *counts) {
  top_work work = top_work_in(scratch, top->factors, top->length);
  for (size_t group = first; group < end; group += TOP_GROUP) {
    size_t members = end - group < TOP_GROUP ? end - group : TOP_GROUP;
    for (size_t m = 0; m < members; m++) top_begin(&work.rows[m], top, group + m);
    for (size_t m = 0; m < members; m += TOP_ROWS) {
      top_pack_rows(rows, group + m, end, top->factors, TOP_ROWS, work.packed + m * (size_t)top->factors);
    }
    for (size_t start = 0; start < top->count; start += TOP_BLOCK) {
      size_t count = top->count - start < TOP_BLOCK ? top->count - start : TOP_BLOCK;
      size_t filled = (count + NJ_LANES - 1) / NJ_LANES;
      for (size_t m = 0; m < members; m += TOP_ROWS) {
        for (size_t k = 0; k < filled; k += TOP_PANELS) {
          NAME(top_tile)(
              work.packed + m * (size_t)top->factors,
              top->panels + (start / NJ_LANES + k) * (size_t)top->factors * NJ_LANES, top->factors,
              work.scores + k * NJ_LANES);
        }
        for (size_t r = 0; r < TOP_ROWS && m + r < members; r++) {
          float *own = work.scores + r * TOP_BLOCK;
          for (size_t k = count; k < filled * NJ_LANES; k++) own[k] = -INFINITY;
          top_exclude(&work.rows[m + r], top, start, count, own);
          NAME(top_scan)(own, start, filled * NJ_LANES, top->length, &work.rows[m + r]);
        }
      }
    }
    for (size_t m = 0; m < members; m++) {
      size_t place = group + m - first;
      counts[place] = top_finish(
          &work.rows[m], top, items + place * (size_t)top->length, scores + place * (size_t)top->length);
    }
  }
}

static void NAME(best)(
    const float *scores, size_t count, int32_t length, void *scratch, int32_t *places, float *best, int32_t *found) {
  top_row row = {.keys = scratch, .worst = -INFINITY};
  size_t whole = count / NJ_LANES * NJ_LANES;
  NAME(top_scan)(scores, 0, whole, length, &row);
  lanes rest;
  for (size_t lane = 0; lane < NJ_LANES; lane++) rest[lane] = whole + lane < count ? scores[whole + lane] : -INFINITY;
  NAME(top_scan)((const float *)&rest, whole, NJ_LANES, length, &row);
  top_order(&row, length);
  for (size_t place = 0; place < row.count; place++) {
    places[place] = (int32_t)(uint32_t)~row.keys[place];
    best[place] = top_key_score(row.keys[place]);
  }
  *found = (int32_t)row.count;
}
