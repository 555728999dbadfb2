"""Find sources, match two lists, measure the offset between them."""
