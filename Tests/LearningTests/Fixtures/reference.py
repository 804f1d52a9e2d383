# Reference values for LearningTests, computed with numpy 2, scipy 1 and scikit-learn 1. To make reference.json anew:
#   python3 -m venv env && env/bin/pip install numpy scipy scikit-learn && env/bin/python reference.py > reference.json
import json

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mean_squared_error, ndcg_score

rng = np.random.default_rng(20101201)


def ranking():
    cases = []
    for products, relevant_count in [(30, 1), (30, 5), (40, 14), (12, 3)]:
        scores = rng.normal(size=products)
        relevant = np.sort(rng.choice(products, relevant_count, replace=False))
        truth = np.zeros(products)
        truth[relevant] = 1
        order = np.argsort(-scores)
        cases.append({
            "list": order.tolist(), "relevant": relevant.tolist(),
            "ndcg": ndcg_score([truth], [scores], k=10), "hit": bool(truth[order[:10]].any()),
        })
    return cases


def calibration():
    answers = rng.random(200) < 0.5
    scores = rng.normal(size=200) + 0.9 * answers
    positives, negatives = answers.sum(), (~answers).sum()
    targets = np.where(answers, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    # A fractional target is one row of each class, weighted.
    fit = LogisticRegression(C=np.inf, tol=1e-14, max_iter=10_000, solver="newton-cholesky")
    fit.fit(np.r_[scores, scores][:, None], np.r_[np.ones(200), np.zeros(200)],
            sample_weight=np.r_[targets, 1 - targets])
    probabilities = fit.predict_proba(scores[:, None])[:, 1]
    return {
        "scores": scores.tolist(), "answers": answers.tolist(),
        "slope": fit.coef_[0, 0], "intercept": fit.intercept_[0],
        "rmse": mean_squared_error(answers, probabilities) ** 0.5,
    }


def paired():
    first, second = rng.random(60) * 0.3, rng.random(60) * 0.3
    difference = first - second
    low, high = stats.norm.interval(0.95, difference.mean(), stats.sem(difference))
    return {"first": first.tolist(), "second": second.tolist(),
            "mean": difference.mean(), "low": low, "high": high}


def als():
    customers, products, factors, regularisation, alpha = 7, 9, 4, 0.3, 2.0
    r = np.where(rng.random((customers, products)) < 0.4, rng.integers(1, 5, (customers, products)), 0).astype(float)
    y = rng.normal(size=(products, factors))

    def half_step(r, y):
        x = np.zeros((r.shape[0], factors))
        for u in range(r.shape[0]):
            c = np.diag(1 + alpha * r[u])
            x[u] = np.linalg.solve(y.T @ c @ y + regularisation * np.eye(factors), y.T @ c @ (r[u] > 0))
        return x

    x = half_step(r, y)
    return {"interest": r.tolist(), "factors": factors, "regularisation": regularisation, "alpha": alpha,
            "items": y.tolist(), "customers": x.tolist(), "products": half_step(r.T, x).tolist()}


sections = {"ranking": ranking(), "calibration": calibration(), "paired": paired(), "als": als()}
print("{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in sections.items()) + "\n}")
