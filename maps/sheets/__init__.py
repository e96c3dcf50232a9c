"""Registers and sheets: what a township keeps, publishes and puts before its meetings."""
