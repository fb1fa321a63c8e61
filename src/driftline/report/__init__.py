"""Figures of evaluations and studies, and the demonstration that draws them."""
