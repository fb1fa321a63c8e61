"""Single particles in liquid argon: transport, charge, and their images on three planes."""
