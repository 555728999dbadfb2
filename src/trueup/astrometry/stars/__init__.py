"""The stars of an exposure in detector pixels: found, centred, and what their centres are worth."""
