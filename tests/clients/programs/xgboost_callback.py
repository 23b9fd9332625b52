"""XGBoost: the callback of W&B, with a booster and with a model of scikit-learn's kind."""

import numpy as np
import wandb
import xgboost
from wandb.integration.xgboost import WandbCallback


def main() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(100, 3))
    y = (x[:, 0] > 0).astype(int)
    data = xgboost.DMatrix(x, y, feature_names=["one", "two", "three"])
    with wandb.init(project="clients", name="xgboost"):
        xgboost.train(
            {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "max_depth": 2},
            data,
            num_boost_round=5,
            evals=[(data, "train")],
            early_stopping_rounds=3,
            verbose_eval=False,
            callbacks=[WandbCallback(log_model=True)],
        )
    with wandb.init(project="clients", name="xgboost-sklearn"):
        callback = WandbCallback(log_feature_importance=False)
        model = xgboost.XGBClassifier(n_estimators=3, callbacks=[callback])
        model.fit(x, y, eval_set=[(x, y)], verbose=False)
    with wandb.init(project="clients", name="xgboost-cv"):
        xgboost.cv(
            {"objective": "binary:logistic"}, data, num_boost_round=2, nfold=2,
            metrics="logloss", callbacks=[WandbCallback()],
        )  # fmt: skip


if __name__ == "__main__":
    main()
