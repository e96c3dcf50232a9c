"""What residents ask about what is kept of them: to see it, to have it corrected or deleted."""
