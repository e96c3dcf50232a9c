"""Pictures of visits and issues: they come in pieces, are made anew here, and are shown."""
