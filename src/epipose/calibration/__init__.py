"""Cameras from boards or from people: pairs, bundles, left/right repair, clocks, metric scale, gravity."""
