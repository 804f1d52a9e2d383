"""Fits `nightjar evaluate --model fm` and myFM 0.4 in turn, on one thread each, to the same ratings: same rank, same number
of iterations, same features: whom ratings join is left out, and their times say nothing unless --data has some. Prints the
median of each one's seconds, the ratio, and both RMSEs.

The ratings are generated in the shape of MovieLens 100k; --data FOLDER takes train.tsv, test.tsv, users.tsv, items.tsv instead.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import numpy as np  # noqa: E402
from myfm import MyFMRegressor  # noqa: E402
from scipy import sparse  # noqa: E402


def generate(folder, users=943, items=1682, ratings=100_000, factors=8):
    rng = np.random.default_rng(1)
    activity = rng.lognormal(sigma=1, size=users)
    fame = rng.lognormal(sigma=1.4, size=items)
    pairs = set()
    while len(pairs) < ratings:
        drawn = zip(rng.choice(users, ratings, p=activity / activity.sum()), rng.choice(items, ratings, p=fame / fame.sum()))
        pairs.update(drawn)
    pairs = np.array(sorted(pairs))
    pairs = rng.permutation(pairs)[:ratings]
    p, q = (0.45 * rng.normal(size=(n, factors)) for n in (users, items))
    value = 3.5 + 0.4 * rng.normal(size=users)[pairs[:, 0]] + 0.5 * rng.normal(size=items)[pairs[:, 1]]
    value += (p[pairs[:, 0]] * q[pairs[:, 1]]).sum(axis=1) + 0.85 * rng.normal(size=ratings)
    value = np.clip(np.round(value), 1, 5).astype(int)
    for name, part in ("train", slice(ratings // 5, None)), ("test", slice(0, ratings // 5)):
        with open(f"{folder}/{name}.tsv", "w") as file:
            file.write("user\titem\tts\tvalue\n")
            file.writelines(f"{u}\t{i}\t0\t{v}\n" for (u, i), v in zip(pairs[part], value[part]))
    with open(f"{folder}/users.tsv", "w") as file:
        file.write("user\tage\tsex\toccupation\tregion\n")
        for u in range(users):
            file.write(f"{u}\t{rng.integers(10, 70)}\t{'FM'[rng.integers(2)]}\to{rng.integers(21)}\tz{rng.integers(100)}\n")
    with open(f"{folder}/items.tsv", "w") as file:
        file.write("item\tgenres\n")
        for i in range(items):
            genres = rng.choice(19, rng.integers(1, 4), replace=False)
            file.write(f"{i}\t{'|'.join(f'g{g}' for g in genres)}\n")


def rows(path):
    with open(path) as file:
        return [line.rstrip("\n").split("\t") for line in file][1:]


def features(path, ids):
    """One matrix for the entity itself, one for each column: numbers standardised, text one-hot, `|` parting values."""
    blocks = [sparse.identity(len(ids), format="csr")]
    if path is None:
        return blocks
    table = {row[0]: row[1:] for row in rows(path)}
    for column in zip(*(table[identity] for identity in ids)):
        try:
            numbers = np.array([float(text) for text in column])
            blocks.append(sparse.csr_matrix(((numbers - numbers.mean()) / numbers.std())[:, None]))
        except ValueError:
            values = [sorted(set(text.split("|"))) if text else [] for text in column]
            index = {value: number for number, value in enumerate(sorted(set().union(*values)))}
            places = [(entity, index[value], 1 / len(own)) for entity, own in enumerate(values) for value in own]
            entity, value, weight = zip(*places)
            blocks.append(sparse.csr_matrix((weight, (entity, value)), shape=(len(ids), len(index))))
    return blocks


def peer(folder, with_side, rank, iterations, burn_in):
    train, test = rows(f"{folder}/train.tsv"), rows(f"{folder}/test.tsv")
    sides, shapes = [], []
    for column, name in enumerate(("users.tsv", "items.tsv")):
        ids = sorted({row[column] for row in train + test})
        blocks = features(f"{folder}/{name}" if with_side else None, ids)
        shapes += [block.shape[1] for block in blocks]
        sides.append(({identity: number for number, identity in enumerate(ids)}, sparse.hstack(blocks, format="csr")))

    def matrix(part):
        return sparse.hstack(
            [block[[index[row[column]] for row in part]] for column, (index, block) in enumerate(sides)], format="csr")

    known, asked = matrix(train), matrix(test)
    value, truth = (np.array([float(row[3]) for row in part]) for part in (train, test))
    start = time.perf_counter()
    machine = MyFMRegressor(rank=rank, random_seed=1)
    with open(os.devnull, "w") as nothing:
        kept, os_stderr = os.dup(2), nothing.fileno()
        os.dup2(os_stderr, 2)
        machine.fit(known, value, n_iter=iterations, n_kept_samples=iterations - burn_in, group_shapes=shapes)
        os.dup2(kept, 2)
        os.close(kept)
    fit = time.perf_counter() - start
    predictions = np.clip(machine.predict(asked, n_workers=1), value.min(), value.max())
    return fit, float(np.sqrt(np.mean((predictions - truth) ** 2)))


def ours(program, folder, with_side, rank, iterations, burn_in):
    side = ["--users", f"{folder}/users.tsv", "--items", f"{folder}/items.tsv"] if with_side else []
    answer = subprocess.run(
        [program, "evaluate", "--task", "rating", "--model", "fm", "--train", f"{folder}/train.tsv", "--test",
         f"{folder}/test.tsv", *side, "--option", f"factors={rank}", "--option", f"samples={iterations - burn_in}",
         "--option", f"burn-in={burn_in}", "--option", "implicit=0", "--threads", "1", "--json"],
        check=True, capture_output=True, text=True).stdout
    report = json.loads(answer)
    return report["fit_seconds"], report["metrics"]["rmse"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=".build/release/nightjar")
    parser.add_argument("--data", help="folder of train.tsv, test.tsv, users.tsv, items.tsv")
    parser.add_argument("--rank", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--features", choices=["ids", "side"], nargs="+", default=["ids", "side"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.data or scratch
        if given.data is None:
            generate(folder)
        for name in given.features:
            shape = (name == "side", given.rank, given.iterations, given.iterations // 5)
            pairs = [(ours(given.program, folder, *shape), peer(folder, *shape)) for _ in range(given.rounds)]
            mine, theirs = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
            print(f"{name}: nightjar {mine:.2f} s (predictions included), RMSE {pairs[0][0][1]:.4f}; "
                  f"myFM {theirs:.2f} s (without), RMSE {pairs[0][1][1]:.4f}; {theirs / mine:.2f} times as fast")


if __name__ == "__main__":
    main()
