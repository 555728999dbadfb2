"""The compositions, one verb each."""
