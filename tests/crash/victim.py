"""Does one thing to a store and is killed on the way; see `test_crash.py`.

Arguments: what to do, the store, a folder, the name of a call, how many of them happen, and
whether the process dies before or after the last one of these. With 0 calls nobody dies, and the
number of calls of each name is printed.
"""

import json
import sys

from artifacts.store import checkout, gc
from artifacts.store.refs import Ref
from artifacts.store.store import Store
from tests.crash import deadly
from tests.support import log_tree

name, last, when = sys.argv[4], int(sys.argv[5]), sys.argv[6]


def latest(store):
    return store.catalog.resolve(Ref.parse("data"), entity="local", project="demo")


def main():
    action, location, folder = sys.argv[1:4]
    if action == "create":
        deadly.arm(name, last, when)
        Store.open(location, create=True).close()
        return
    store = Store.open(location)
    version = latest(store)
    entries = store.manifest(version.digest)
    deadly.arm(name, last, when)
    if action == "log":
        from pathlib import Path

        log_tree(store, Path(folder))
    elif action == "pull":
        checkout.checkout(store, entries, folder)
    elif action == "collect":
        gc.collect(store, gc.Settings(min_age=0, grace=0))
    else:
        store.catalog.delete_version(version.id)


main()
print(json.dumps(deadly.counts))
