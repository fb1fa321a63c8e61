"""Numbers that say how well generated events match true ones, with errors and floors."""
