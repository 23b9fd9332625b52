"""What settings there are, what they mean, and the values that do not depend on the place."""

from __future__ import annotations

from dataclasses import dataclass

from artifacts.store.errors import ConfigError

STORE_FOLDER = ".artifacts"
DEFAULT_ENTITY = "local"
DEFAULT_PROJECT = "uncategorized"

AUTO = "auto"

DEFAULTS = {
    "project": DEFAULT_PROJECT,
    "entity": DEFAULT_ENTITY,
    "cache_limit": AUTO,
    "write_behind": "true",
    "backup": "true",
    "lineage_events": "off",
    "alert_urls": "",
    "app_url": "",
    "history_interval": "0",
    "on_stale_step": "warn",
    "console": AUTO,
    "system_metrics_interval": "15",
    "save_git": "true",
    "save_code": "false",
    "ignore_globs": "",
}
"""What does not depend on where the program runs."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name (``ART_`` + upper case in the environment) and what it means."""

    name: str
    help: str
    is_path: bool = False
    is_secret: bool = False

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return f"ART_{self.name.upper()}"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "store",
            "Folder of the store, or the URL of its catalog or its objects. Default: the nearest "
            "`.artifacts` folder upwards from the working directory, else one in the user's data "
            "folder.",
            is_path=True,
        ),
        Setting("project", "Project of artifacts and runs where a call names none."),
        Setting("entity", "Owner of projects: a user or a team."),
        Setting(
            "cache_dir",
            "Folder for what can be lost: digests of unchanged files, blobs of remote stores.",
            is_path=True,
        ),
        Setting(
            "outbox_dir",
            "Folder in which waits what is on its way to a remote store.",
            is_path=True,
        ),
        Setting(
            "offline_dir",
            "Folder in which runs are kept whose store cannot be reached, until `art sync`.",
            is_path=True,
        ),
        Setting(
            "connect_timeout",
            "Seconds for which `init` waits for a remote store before it keeps the run on this "
            "machine. Default: `10`.",
        ),
        Setting(
            "run_dir",
            "Folder in which runs keep what they log until it is a version in the store.",
            is_path=True,
        ),
        Setting(
            "cache_limit",
            "Size to which the cache of remote stores may grow, such as `50GB`; `0` for no cache. "
            "Default: 20 GB, or a tenth of the disk if that is less.",
        ),
        Setting(
            "write_behind",
            "Whether runs log to a remote store without waiting for the network: `true` or "
            "`false`. Default: `true`.",
        ),
        Setting(
            "backup",
            "Whether a commit keeps a daily backup of the catalog among the objects: `true` or "
            "`false`. Default: `true`.",
        ),
        Setting(
            "lineage_events",
            "Where events of OpenLineage go while runs run: `file` for a file `lineage.jsonl` in "
            "the store's folder, the `http://` or `https://` address of a service, or `off`. "
            "Default: `off`.",
        ),
        Setting(
            "artifact_dir",
            "Folder into which `download()` writes by default, one folder for each version.",
            is_path=True,
        ),
        Setting(
            "alert_urls",
            "Where alerts of runs are sent, besides being stored: URLs as the library apprise "
            "understands them, with spaces between them. They are never shown. Default: nowhere.",
            is_secret=True,
        ),
        Setting(
            "app_url",
            "Address of the pages of projects and runs, such as `https://artifacts.example.com`. "
            "Default: none; then runs have no URL.",
        ),
        Setting(
            "history_interval",
            "Seconds between two versions of the history and the summary of a run while it is "
            "running; `0` for none before its end. Default: `0`.",
        ),
        Setting(
            "on_stale_step",
            "What `log` does with a step that is lower than the one before: `warn` and drop the "
            "row, `raise` an error, or `merge` it into the row of that step. Default: `warn`.",
        ),
        Setting(
            "console",
            "Whether what the program prints while a run is active is kept with the run, as its "
            "file `output.log`: `auto` or `off`. Default: `auto`.",
        ),
        Setting(
            "system_metrics_interval",
            "Seconds between two measurements of processor, memory, disk, network and GPUs while a "
            "run is active; `0` for none. Default: `15`.",
        ),
        Setting(
            "save_git",
            "Whether a run records the Git repository of its program: remote, commit, branch, and "
            "changes that are not committed as its file `diff.patch`: `true` or `false`. Default: "
            "`true`.",
        ),
        Setting(
            "save_code",
            "Whether a run keeps the file of its program, below `code/` among its files: `true` or "
            "`false`. Default: `false`.",
        ),
        Setting(
            "ignore_globs",
            "Which files in the folder of a run are not stored unless they are saved by name: "
            "patterns such as `*.pyc,cache/*`, with commas between them. Default: none.",
        ),
    )
}


def get_setting(name: str) -> Setting:
    """Return the setting of that name.

    Raises:
        ConfigError: There is none; near matches are in the hint.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        import difflib

        near = difflib.get_close_matches(name, SETTINGS)
        known = f"settings: {', '.join(SETTINGS)}"
        raise ConfigError(
            f"no such setting: {name!r}",
            hint=f"did you mean {' or '.join(near)}?" if near else known,
        )
    return setting
