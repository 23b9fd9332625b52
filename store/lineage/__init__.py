"""Questions about where data came from and where it went: one engine for Python and shell.

`graph` answers what lies upstream and downstream, `paths` why one version depends on another,
`impact` what is affected when a version turns out to be wrong, `stale` whether a version should
be made again, `provenance` which version brought a file, and `overlap` what two versions share.
"""

from artifacts.store.lineage.graph import (
    DEFAULT_LIMIT,
    Edge,
    EdgeKind,
    LineageGraph,
    Selection,
    lineage,
    run_node,
    version_node,
)
from artifacts.store.lineage.walk import Direction

__all__ = [
    "DEFAULT_LIMIT",
    "Direction",
    "Edge",
    "EdgeKind",
    "LineageGraph",
    "Selection",
    "lineage",
    "run_node",
    "version_node",
]
