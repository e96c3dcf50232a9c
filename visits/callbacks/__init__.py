"""Confirming visits with residents 回访: a weekly random sample that can be drawn again."""
