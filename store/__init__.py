"""The engine: catalog, objects and the operations over both."""
