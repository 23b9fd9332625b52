"""The command `art`."""
