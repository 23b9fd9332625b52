"""Media: what can be logged beyond numbers and text, each kept as files with a description."""
