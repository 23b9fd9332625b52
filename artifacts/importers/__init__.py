"""Bringing over what other tools have recorded: W&B, MLflow and DVC.

A reader for each tool (`wandb`, `mlflow`, `dvc`) turns what it finds into `sources.Collected`;
`entering.enter` brings that into a store. Nothing here is loaded before it is used.
"""
