# family: pickles
# about: A map that looks like a reference in frozen JSON.
def f(self):
    return {"$object": "0000000000000001"}
