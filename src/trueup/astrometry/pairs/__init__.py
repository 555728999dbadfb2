"""Two lists of stars on one plane: which are the same, and what lies between them."""
