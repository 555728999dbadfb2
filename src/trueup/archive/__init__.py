"""Archives and services: the only room that opens a socket.

What is wanted: criteria (what to search for), selection (which files of what was found), product (one
file, and what every archive can do).

Where it is: mast (its questions go through portal), s3, astrometry_db, directory; crds and gaia keep what
they fetch; remote reads a part of a file.

How it comes: transport (session, token, patience) asks; stream is the bytes on their way, download brings
one file to its name (integrity, claim), manifest many.
"""
