"""Changing exposures: plan, one atomic commit, undo. The only room that edits a file."""
