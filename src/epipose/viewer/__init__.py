"""Recordings to look at and walk about in: cameras with their pictures, and everybody's joints, in a browser."""
