"""Optuna: `WeightsAndBiasesCallback`, with one run for all trials, and with one for each."""

import optuna
import wandb
from optuna_integration.wandb import WeightsAndBiasesCallback


def parabola(trial):
    x = trial.suggest_float("x", -2, 2)
    return x * x


def main() -> None:
    sampler = optuna.samplers.RandomSampler(seed=0)
    one = WeightsAndBiasesCallback(
        metric_name="height", wandb_kwargs={"project": "clients", "name": "optuna"}
    )
    optuna.create_study(study_name="parabola", sampler=sampler).optimize(
        parabola, n_trials=3, callbacks=[one]
    )
    wandb.finish()
    each = WeightsAndBiasesCallback(
        wandb_kwargs={"project": "clients", "group": "trials"}, as_multirun=True
    )

    @each.track_in_wandb()
    def tracked(trial):
        x = trial.suggest_float("x", -2, 2)
        wandb.log({"halfway": x})
        return x * x

    optuna.create_study(sampler=sampler).optimize(tracked, n_trials=2, callbacks=[each])


if __name__ == "__main__":
    main()
