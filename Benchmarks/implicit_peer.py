"""implicit's ALS as a peer: reads a matrix, then commands from standard input; answers each with a line.

Usage: implicit_peer.py FOLDER, which holds offsets (int64), indices (int32) and confidences (float32) of a matrix in
compressed rows, and a file `shape` with its rows and columns.

  fit FACTORS LAMBDA ITERATIONS THREADS   seconds; the factors go to FOLDER/x and FOLDER/y (float32)
  recommend N THREADS                     seconds, for every user, with what was seen left out
"""
import os
import sys
import time

import numpy as np
import scipy.sparse
import threadpoolctl
from implicit.cpu.als import AlternatingLeastSquares

folder = sys.argv[1]
# Users asked for at once: the fastest of 1,000, 5,000 and all 50,000, by 3 to 5 percent.
BATCH = 5000


def read(name, kind):
    return np.fromfile(os.path.join(folder, name), dtype=kind)


with open(os.path.join(folder, "shape")) as file:
    shape = tuple(int(word) for word in file.read().split())
interest = scipy.sparse.csr_matrix((read("confidences", np.float32), read("indices", np.int32), read("offsets", np.int64)), shape)
model = None
kernels = {pool["architecture"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"}
print("ready, OpenBLAS kernels", *sorted(kernels), flush=True)

for line in sys.stdin:
    command, *arguments = line.split()
    if command == "fit":
        factors, regularisation, iterations, threads = arguments
        model = AlternatingLeastSquares(
            factors=int(factors), regularization=float(regularisation), alpha=1.0, iterations=int(iterations),
            num_threads=int(threads), random_state=1)
        start = time.perf_counter()
        model.fit(interest, show_progress=False)
        seconds = time.perf_counter() - start
        np.asarray(model.user_factors, dtype=np.float32).tofile(os.path.join(folder, "x"))
        np.asarray(model.item_factors, dtype=np.float32).tofile(os.path.join(folder, "y"))
    elif command == "recommend":
        length, threads = arguments
        model.num_threads = int(threads)
        start = time.perf_counter()
        for first in range(0, shape[0], BATCH):
            users = np.arange(first, min(first + BATCH, shape[0]))
            model.recommend(users, interest[users], N=int(length), filter_already_liked_items=True)
        seconds = time.perf_counter() - start
    else:
        sys.exit(f"implicit_peer.py: no command {command}")
    print(seconds, flush=True)
