"""Objections of teams to how a quarter was compared."""
