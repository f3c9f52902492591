# family: host callbacks
# about: The class of references, replaced.
def f(self):
    global _Proto
    _Proto = dict
    return {"token": 0}
