"""One solution for every exposure of a visit, by rules, with reasons."""
