"""Training: recipes, the losses, one step of each part, and the loop that runs them for hours."""
