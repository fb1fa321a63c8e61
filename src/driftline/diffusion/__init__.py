"""The theory of score-based generation: it imports torch, numpy and scipy, and knows no physics."""
