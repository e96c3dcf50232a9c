"""Documents made by jobs: asked for, made with progress, kept under their content's hash, taken."""
