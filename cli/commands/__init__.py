"""One module for each command; `main` loads the one that is asked for."""
