"""How an operation tells what it has done."""


class Progress:
    """Is told what an operation has done. This one does nothing.

    An operation calls `start` when it knows how much there is, then `advance`, from one thread
    at a time.
    """

    def start(self, files: int, size: int) -> None:
        """There are ``files`` files of together ``size`` bytes to do."""

    def advance(self, files: int, size: int) -> None:
        """So many more files and bytes are done."""
