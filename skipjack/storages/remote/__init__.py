"""A log behind a server, for workers on any machine: the server, and the client over it."""
