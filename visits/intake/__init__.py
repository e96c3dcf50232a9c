"""Taking issues down from people who come or call, and telling residents how it goes."""
