"""What phones send when they have signal again: visits, issues and steps in one batch."""
