"""Tables that people keep in spreadsheets: read strictly, checked by row, written to be sent."""
