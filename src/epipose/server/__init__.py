"""Networks for other programs and for browsers: HTTP, a live socket, and a page (extra `serve`)."""
