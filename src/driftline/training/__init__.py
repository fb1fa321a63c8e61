"""Training: recipes, the loop, checkpoints, the moving average of weights."""
