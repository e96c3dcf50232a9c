"""Names and phones that lie masked before somebody, shown for a purpose."""
