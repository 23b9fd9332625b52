"""MMEngine: `WandbVisBackend`."""

import numpy as np
from mmengine.config import Config
from mmengine.visualization import WandbVisBackend


def main() -> None:
    backend = WandbVisBackend(
        "out", init_kwargs={"project": "clients", "name": "mmengine"}, watch_kwargs={"log": "all"}
    )
    backend.add_config(Config({"rate": 0.1, "model": {"type": "Line"}}))
    for step in range(3):
        backend.add_scalar("loss", 1 / (step + 1), step)
    backend.add_scalars({"accuracy": 0.5, "recall": 0.25}, step=3)
    backend.add_image("pixels", np.zeros((4, 4, 3), np.uint8), step=3)
    backend.close()


if __name__ == "__main__":
    main()
