"""Archives and services: the only room that opens a socket."""
