"""Teams and their people: who joins, leaves and is replaced, and where their open work goes."""
