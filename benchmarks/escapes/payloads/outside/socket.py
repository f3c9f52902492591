# family: outside
# about: A connection to the listener.
def f(self):
    import socket
    return socket.create_connection(("127.0.0.1", @PORT@))
