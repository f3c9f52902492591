# family: outside
# about: The same by http.client.
def f(self):
    import http.client
    return http.client.HTTPConnection("127.0.0.1", @PORT@).request("GET", "/")
