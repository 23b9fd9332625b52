"""Schema revisions of the catalog."""
