"""The phone's pages: one empty shell, the worker that keeps it on the phone, who is signed in."""
