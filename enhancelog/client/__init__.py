"""What a program beside the server needs: a connection to it, and the command line. No Django."""
