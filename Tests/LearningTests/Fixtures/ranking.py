# Reference values for LearningTests' ranking, computed with numpy, implicit 0.7, ir_measures 0.4 and scikit-learn 1.
# To make ranking.json anew:
#   python3 -m venv env && env/bin/pip install numpy scipy scikit-learn implicit ir_measures
#   env/bin/python ranking.py > ranking.json
import json

import ir_measures
import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from implicit.cpu._als import calculate_loss
from implicit.evaluation import ranking_metrics_at_k
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from ir_measures import R, Success, nDCG
from sklearn.calibration import calibration_curve

rng = np.random.default_rng(20111209)


class Fixed:
    """What implicit's evaluation asks of a model: lists that are known beforehand."""

    def __init__(self, lists):
        self.lists = lists

    def recommend(self, users, *_args, N, **_options):
        return self.lists[users][:, :N], None


def metrics(users=15, items=110, k=10):
    """Users with train and test items, each user's scores, and the means over users with something new in test."""
    train = rng.random((users, items)) < 0.15
    test = (rng.random((users, items)) < 0.08) & ~train
    test[:3] = False
    scores = np.round(rng.normal(size=(users, items)), 5).astype(np.float32)
    judged = np.flatnonzero(test.any(1))
    owners = train.sum(0)
    # Only what somebody has in train may be listed.
    open_to = ~train & (owners > 0)
    listed = np.argsort(-np.where(open_to, scores, -np.inf), axis=1, kind="stable")[:, :k]
    active = train.any(1).sum()
    shown = listed[judged]
    qrels = [ir_measures.Qrel(str(u), str(i), 1) for u in judged for i in np.flatnonzero(test[u])]
    run = [ir_measures.ScoredDoc(str(u), str(i), float(k - r)) for u in judged for r, i in enumerate(listed[u])]
    means = ir_measures.calc_aggregate([nDCG @ k, R @ k, Success @ k], qrels, run)
    peer = ranking_metrics_at_k(
        Fixed(listed.astype(np.int32)), sp.csr_matrix(train.astype(np.float32)), sp.csr_matrix(test.astype(np.float32)), K=k,
        show_progress=False, num_threads=1)
    assert abs(peer["ndcg"] - means[nDCG @ k]) < 1e-6
    return {
        "train": [np.flatnonzero(row).tolist() for row in train], "test": [np.flatnonzero(row).tolist() for row in test],
        "scores": scores.astype(float).round(5).tolist(), "users": len(judged), "ndcg": means[nDCG @ k],
        "recall": means[R @ k], "hitRate": means[Success @ k], "map": peer["map"],
        "coverage": len(np.unique(shown)) / int((owners > 0).sum()), "novelty": float(-np.log2(owners[shown] / active).mean()),
    }


def calibration(rows=500, bins=10):
    probability = np.round(rng.random(rows), 6)
    answers = rng.random(rows) < probability ** 1.4
    observed, predicted = calibration_curve(answers, probability, n_bins=bins)
    weight = np.histogram(probability, bins=np.linspace(0, 1, bins + 1))[0]
    return {"probabilities": probability.tolist(), "answers": answers.tolist(),
            "error": float((np.abs(observed - predicted) * weight[weight > 0] / rows).sum())}


def interest(users, items):
    return np.where(rng.random((users, items)) < 0.3, np.round(rng.random((users, items)) + 0.2, 3), 0)


def ease(users=30, items=12, regularisation=2.5):
    x = interest(users, items)
    inverse = np.linalg.inv(x.T @ x + regularisation * np.eye(items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return {"interest": x.tolist(), "regularisation": regularisation, "weights": weights.tolist()}


def neighbours(users=25, items=14, count=5):
    x = interest(users, items)
    matrix = sp.csr_matrix(x)

    def similarity(model):
        model.fit(matrix, show_progress=False)
        # implicit counts an item among its own neighbours.
        found = model.similarity.toarray()
        np.fill_diagonal(found, 0)
        return found.tolist()

    return {"interest": x.tolist(), "neighbours": count,
            "cosine": similarity(CosineRecommender(K=count + 1, num_threads=1)),
            "bm25": similarity(BM25Recommender(K=count + 1, num_threads=1))}


def als(users=60, items=40, factors=6, regularisation=0.5, alpha=3.0, iterations=20):
    x = interest(users, items)
    # implicit's confidence is the matrix itself, ours is 1 + α r.
    confidence = sp.csr_matrix(np.where(x > 0, 1 + alpha * x, 0).astype(np.float32))
    model = AlternatingLeastSquares(factors=factors, regularization=regularisation, alpha=1, iterations=iterations,
                                    use_gpu=False, num_threads=1, random_state=7)
    model.fit(confidence, show_progress=False)
    # Its loss is divided by the sum of all confidences.
    total = confidence.sum() + users * items - confidence.nnz
    loss = calculate_loss(confidence, model.user_factors, model.item_factors, regularisation, num_threads=1) * total
    return {"interest": x.tolist(), "factors": factors, "regularisation": regularisation, "alpha": alpha,
            "iterations": iterations, "users": model.user_factors.astype(float).tolist(),
            "items": model.item_factors.astype(float).tolist(), "loss": float(loss)}


sections = {"metrics": metrics(), "calibration": calibration(), "ease": ease(), "neighbours": neighbours(), "als": als()}
print("{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in sections.items()) + "\n}")
