"""The theory in pictures: each is computed as numbers, which are tested, and drawn from them."""
