"""Brings over what was logged offline and is killed on the way; see `test_sync_crash.py`.

Arguments as the last three of `victim.py`.
"""

import json
import sys

from artifacts import _session
from artifacts.runs import syncing
from tests.crash import deadly

place = _session.place()
kept = syncing._existing(place.settings) is not None  # unless the one before was removing it
deadly.arm(sys.argv[1], int(sys.argv[2]), sys.argv[3])
synced = syncing.bring_over(place)
assert synced.failed == []
assert synced.recovery is None
assert synced.emptied is kept
print(json.dumps(deadly.counts))
