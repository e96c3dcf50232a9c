"""Schema migrations, numbered in order."""
