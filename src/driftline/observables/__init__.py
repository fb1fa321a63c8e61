"""Differentiable observables of encoded events, for guidance and for training."""
