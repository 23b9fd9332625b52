"""CatBoost: the callback of W&B and its summary."""

import catboost
import numpy as np
import wandb
from wandb.integration.catboost import WandbCallback, log_summary


def main() -> None:
    x = np.random.default_rng(0).normal(size=(100, 3))
    y = (x[:, 0] > 0).astype(int)
    with wandb.init(project="clients", name="catboost"):
        model = catboost.CatBoostClassifier(
            iterations=5, verbose=False, allow_writing_files=False, eval_metric="AUC"
        )
        model.fit(x, y, eval_set=(x, y), callbacks=[WandbCallback()])
        log_summary(model, save_model_checkpoint=True)


if __name__ == "__main__":
    main()
