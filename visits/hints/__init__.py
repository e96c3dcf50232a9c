"""Hints for a person to look at a visit, with their reason. None is a verdict, and none is counted
by person."""
