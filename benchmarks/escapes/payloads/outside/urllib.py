# family: outside
# about: A request to the listener.
def f(self):
    import urllib.request
    return urllib.request.urlopen("http://127.0.0.1:@PORT@/").read()
