"""Stable-Baselines3: the callback of W&B, its metrics by TensorBoard, and videos of Gymnasium."""

import gymnasium
import wandb
from gymnasium.wrappers import RecordVideo
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecVideoRecorder
from wandb.integration.sb3 import WandbCallback


def main() -> None:
    with wandb.init(
        project="clients", name="sb3", sync_tensorboard=True, monitor_gym=True, save_code=True
    ) as run:
        cart = gymnasium.make("CartPole-v1", render_mode="rgb_array")
        environment = RecordVideo(
            cart, "videos", episode_trigger=lambda number: number == 0, disable_logger=True
        )
        model = PPO(
            "MlpPolicy", environment, n_steps=64, batch_size=32, n_epochs=1, seed=0,
            tensorboard_log=f"runs/{run.id}", device="cpu",
        )  # fmt: skip
        model.learn(
            192,
            callback=WandbCallback(
                gradient_save_freq=2, model_save_path="models", model_save_freq=100
            ),
        )
        environment.close()
        several = DummyVecEnv([lambda: gymnasium.make("CartPole-v1", render_mode="rgb_array")])
        recorder = VecVideoRecorder(
            several, "more-videos", record_video_trigger=lambda step: step == 0, video_length=5
        )
        recorder.reset()
        for _ in range(8):
            recorder.step([0])
        recorder.close()


if __name__ == "__main__":
    main()
