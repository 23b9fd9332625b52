"""Lineage as events of OpenLineage: written, read, and sent while runs run.

`names` says what things are called there, `datasets` and `events` make the messages, `exporting`
and `importing` write and read whole graphs, and `sending` delivers what the catalog has noted.
"""
