"""Teaching networks: data, loops in the open, export."""
