"""The first division of a village: a draft is proposed, adjusted and adopted."""
