# Reference values for the factorisation machine, computed with myFM 0.4 and scikit-learn 1. To make machine.json anew:
#   python3 -m venv env && env/bin/pip install myfm==0.4.0 scikit-learn && env/bin/python machine.py > machine.json
import json

import numpy as np
from myfm import MyFMRegressor
from scipy import sparse, stats
from sklearn.metrics import mean_absolute_error, mean_squared_error

users, items, ratings, judged, factors, iterations = 50, 40, 900, 200, 2, 6_000
rng = np.random.default_rng(20120101)
side = rng.integers(0, 3, users)
vectors = rng.normal(size=(users, factors)), rng.normal(size=(items, factors))
effects = 0.5 * rng.normal(size=users) + 0.8 * (side - 1), 0.5 * rng.normal(size=items)
user = rng.integers(0, users, ratings + judged)
item = rng.integers(0, items, ratings + judged)
value = 3 + effects[0][user] + effects[1][item] + 0.7 * (vectors[0][user] * vectors[1][item]).sum(axis=1)
value = np.round(value + 0.5 * rng.normal(size=value.size), 2)

features = sparse.hstack([
    sparse.identity(users, format="csr")[user], sparse.csr_matrix(np.eye(3)[side[user]]),
    sparse.identity(items, format="csr")[item],
], format="csr")
machine = MyFMRegressor(rank=factors, random_seed=1)
machine.fit(features[:ratings], value[:ratings], n_iter=iterations, n_kept_samples=iterations - 500,
            group_shapes=[users, 3, items])
predictions = machine.predict(features[ratings:])
predictions = np.clip(predictions, value[:ratings].min(), value[:ratings].max())
# The posterior of one parameter with a normal prior: y = x·w + noise, both precisions known; by integration over a grid.
x = rng.normal(size=20)
y = 1.5 * x + rng.normal(size=20) / np.sqrt(2.5)
w = np.linspace(-4, 4, 400_001)
density = stats.norm(-0.5, 4 ** -0.5).logpdf(w) - 2.5 / 2 * (((y[:, None] - x[:, None] * w) ** 2).sum(axis=0))
density = np.exp(density - density.max())
density /= density.sum()
mean = (w * density).sum()
print(json.dumps({
    "users": users, "items": items, "ratings": ratings, "factors": factors, "side": side.tolist(),
    "user": user.tolist(), "item": item.tolist(), "value": value.tolist(),
    "predictions": np.round(predictions, 5).tolist(),
    "rmse": np.sqrt(mean_squared_error(value[ratings:], np.round(predictions, 5))),
    "mae": mean_absolute_error(value[ratings:], np.round(predictions, 5)),
    "posterior": {
        "x": x.tolist(), "y": y.tolist(), "noise": 2.5, "priorMean": -0.5, "priorPrecision": 4,
        "mean": mean, "variance": ((w - mean) ** 2 * density).sum(),
    },
}))
