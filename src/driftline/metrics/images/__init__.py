"""Metrics on images: what they show of tracks and showers, pixel by pixel and as a whole."""
