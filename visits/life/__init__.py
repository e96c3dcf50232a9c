"""Cells that change, with what follows for households and issues."""
