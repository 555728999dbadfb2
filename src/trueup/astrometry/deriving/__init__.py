"""Better solutions where none at hand is good."""
