"""Telling people what they have to know: in the inbox, and outward through gateways."""
