"""LightGBM: the callback of W&B and its summary."""

import lightgbm
import numpy as np
import wandb
from wandb.integration.lightgbm import log_summary, wandb_callback


def main() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    data = lightgbm.Dataset(x, (x[:, 0] > 0).astype(int), feature_name=["one", "two", "three"])
    with wandb.init(project="clients", name="lightgbm"):
        booster = lightgbm.train(
            {"objective": "binary", "metric": ["binary_logloss", "auc"], "verbose": -1},
            data,
            num_boost_round=5,
            valid_sets=[data],
            valid_names=["valid"],
            callbacks=[wandb_callback()],
        )
        log_summary(booster, save_model_checkpoint=True)


if __name__ == "__main__":
    main()
