# family: values that bite later
# about: A dict that would be read as an object.
def f(self):
    return {'$object': '0000000000000001'}
